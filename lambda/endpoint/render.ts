import type { EndpointColumn, EndpointItem } from './contract';
import { Problem } from './problem';
import type { Format } from './request';

/** A value as the Data API returns it. */
export type Cell = string | number | boolean | null;

/** The rows of an answer in one format. They do not depend on when they are given. */
export interface Table {
  /** JSON: the list. CSV: with the header line. NDJSON: the lines. */
  readonly body: string;
  readonly rows: number;
  /** True if the query has more rows than the endpoint gives. */
  readonly truncated: boolean;
}

/** An API Gateway answer has at most 10 MB, an answer of Lambda 6 MB as JSON text, with quotes of the body escaped. */
export const maxAnswerBytes = 5_000_000;

/** Collects the rows of a statement. Ends the request when they are too large. */
export class TableWriter {
  private readonly parts: string[] = [];
  private rows = 0;
  private bytes = 0;
  private more = false;
  private readonly write: (cells: readonly Cell[]) => string;

  constructor(
    private readonly item: EndpointItem,
    private readonly format: Format,
  ) {
    this.write = format === 'csv' ? csvLine : jsonLine(item.columns);
    if (format === 'csv') this.add(`${item.columns.map(({ name }) => csvField(name)).join(',')}\r\n`);
  }

  /** False when the answer has all rows that it may have. */
  addRow(cells: readonly Cell[]): boolean {
    const { columns, maxRows, pipeline, name } = this.item;
    if (cells.length !== columns.length)
      throw new Error(`${pipeline}.${name} has ${columns.length} columns, the statement returned ${cells.length}`);
    if (this.rows === maxRows) {
      this.more = true;
      return false;
    }
    this.rows += 1;
    const typed = cells.map((cell, i) => typedCell(cell, columns[i]!.type));
    this.add(this.format === 'json' && this.rows > 1 ? `,${this.write(typed)}` : this.write(typed));
    if (this.format === 'ndjson') this.add('\n');
    return true;
  }

  end(): Table {
    const body = this.parts.join('');
    return { body: this.format === 'json' ? `[${body}]` : body, rows: this.rows, truncated: this.more };
  }

  private add(text: string): void {
    this.parts.push(text);
    this.bytes += Buffer.byteLength(text);
    if (this.bytes > maxAnswerBytes) throw tooLarge();
  }
}

export const tooLarge = () =>
  new Problem(
    'too-large',
    `The answer has more than ${maxAnswerBytes} bytes. Ask for fewer rows, or for the format csv.`,
  );

/** Column types whose values the Data API returns as JSON numbers. */
const isTimestamp = (type: string) => type.startsWith('timestamp');

function typedCell(cell: Cell, type: string): Cell {
  if (typeof cell === 'string' && isTimestamp(type)) return isoTime(cell);
  // A statement that does not cast it would return it rounded.
  if (type === 'bigint' && typeof cell === 'number') return wholeText(cell);
  if (/^(?:decimal|numeric)/.test(type) && typeof cell === 'number') return String(cell);
  return cell;
}

function wholeText(value: number): string {
  if (!Number.isSafeInteger(value)) throw new Error('a bigint arrived as a rounded number');
  return String(value);
}

/** `2026-11-21 10:00:00.5+00` becomes `2026-11-21T10:00:00.5Z`. Sessions of the Data API are in UTC. */
function isoTime(text: string): string {
  const match = /^(\d{4,}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(?:\+00(?::?00)?|Z)?$/.exec(text);
  return match ? `${match[1]}T${match[2]}Z` : text;
}

const jsonLine = (columns: readonly EndpointColumn[]) => {
  const names = columns.map(({ name }) => JSON.stringify(name));
  return (cells: readonly Cell[]) =>
    `{${cells.map((cell, i) => `${names[i]}:${jsonValue(cell, columns[i]!.type)}`).join(',')}}`;
};

function jsonValue(cell: Cell, type: string): string {
  if (type === 'super' && typeof cell === 'string') return superText(cell);
  // JSON has no NaN and no infinity.
  return JSON.stringify(typeof cell === 'number' && !Number.isFinite(cell) ? String(cell) : cell);
}

/** The JSON text of a SUPER value as it is, so that its numbers keep their digits. A line break can only be between its parts. */
function superText(text: string): string {
  try {
    JSON.parse(text);
    return text.replace(/[\r\n]+/g, ' ');
  } catch {
    return JSON.stringify(text);
  }
}

const csvLine = (cells: readonly Cell[]) => `${cells.map(csvField).join(',')}\r\n`;

/** RFC 4180. Null is an empty field, an empty text is `""`. */
function csvField(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
