import type { Writable } from 'node:stream';

/** A stream of the command line. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The streams and the environment of one command line. */
export interface Io {
  readonly stdout: Writable & Output;
  readonly stderr: Writable & Output;
  readonly env: NodeJS.ProcessEnv;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
  /** Columns of the terminal. Undefined if the output is none. */
  readonly columns?: number;
}

const plain = (text: string) => text;
const wrap = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`;

/** Uses colours only on a terminal, and never if NO_COLOR is set to anything (no-color.org). */
export function styleFor(output: Output, env: NodeJS.ProcessEnv): Style {
  const width = output.isTTY && output.columns ? { columns: output.columns } : {};
  if (output.isTTY !== true || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb')
    return { bold: plain, dim: plain, green: plain, red: plain, yellow: plain, cyan: plain, ...width };
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    green: wrap(32, 39),
    red: wrap(31, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
    ...width,
  };
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
export const grouped = (value: number) => String(value).replace(/(?<!\.\d*)\B(?=(\d{3})+(?!\d))/g, ',');
export const plural = (amount: number, noun: string) => `${grouped(amount)} ${noun}${amount === 1 ? '' : 's'}`;

export type Cell = string | number | boolean | null;

export interface TableOptions {
  /** Written before each line. @default - nothing */
  readonly indent?: string;
  /** A longer text is cut. @default 60 */
  readonly longest?: number;
  /** True shows numbers as they are, for data that a person may copy. @default false: grouped by thousands */
  readonly asIs?: boolean;
}

/**
 * Formats rows below their column names: numbers to the right, nulls empty, long texts cut. On a terminal the widest
 * texts are cut further, until the table fits.
 */
export function table(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: Style,
  { indent = '', longest = 60, asIs = false }: TableOptions = {},
): string {
  const { shown, numeric, natural } = measure(columns, rows, { longest, asIs });
  const room = style.columns === undefined ? Infinity : style.columns - indent.length - 2 * (columns.length - 1);
  const widths = fitted(natural, numeric, room);
  const line = (cells: readonly string[], paint: (text: string) => string) =>
    indent +
    cells
      .map((cell, index) => {
        const text = cut(cell, widths[index]!);
        return paint(numeric[index] ? text.padStart(widths[index]!) : text.padEnd(widths[index]!));
      })
      .join('  ')
      .trimEnd();
  const rule = indent + widths.map((width) => style.dim('─'.repeat(width))).join('  ');
  return [line(columns, style.bold), rule, ...shown.map((row) => line(row, plain))].join('\n');
}

/** Returns the texts of cells, which columns have numbers, and how wide each column is if nothing is cut to fit. */
export function measure(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  { longest = 60, asIs = false }: Pick<TableOptions, 'longest' | 'asIs'> = {},
) {
  const shown = rows.map((row) => row.map((cell) => cellText(cell, longest, asIs)));
  const numeric = columns.map(
    (_, index) => rows.length > 0 && rows.every((row) => row[index] === null || isNumber(row[index]!)),
  );
  const natural = columns.map((column, index) =>
    shown.reduce((most, row) => Math.max(most, row[index]!.length), column.length),
  );
  return { shown, numeric, natural };
}

/** A column of texts is not made narrower than this. */
const narrowest = 8;

/** Takes from the widest columns of texts until the sum fits, or until all are narrow. Numbers are never cut. */
function fitted(natural: readonly number[], numeric: readonly boolean[], room: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) - room;
  while (excess > 0) {
    const texts = widths.map((width, index) => (numeric[index] ? 0 : width));
    const most = Math.max(...texts);
    if (most <= narrowest) break;
    widths[texts.indexOf(most)] = most - 1;
    excess--;
  }
  return widths;
}

const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}…` : text);

const isNumber = (cell: Cell) =>
  typeof cell === 'number' || (typeof cell === 'string' && /^-?[\d,]+(\.\d+)?$/.test(cell));

function cellText(cell: Cell, longest: number, asIs: boolean): string {
  if (cell === null) return '';
  return typeof cell === 'number' && !asIs ? grouped(cell) : cut(printable(cell), longest);
}

/** Replaces control characters, so that those of the data do not reach the terminal. */
export const printable = (value: unknown) => String(value).replace(/\p{Cc}/gu, ' ');
