import type { ColumnMetadata, Field } from '@aws-sdk/client-redshift-data';
import type { Cell, Expectation } from './pack';

/** The result of a step. */
export interface Answer {
  /** Why the statement failed. */
  readonly error?: string;
  readonly rows?: readonly (readonly Cell[])[];
  readonly columns?: readonly ColumnMetadata[];
  readonly changed?: number;
}

export function cellOf(field: Field): Cell {
  if (field.isNull) return null;
  if (field.blobValue !== undefined) return Buffer.from(field.blobValue).toString('hex');
  return field.stringValue ?? field.longValue ?? field.doubleValue ?? field.booleanValue ?? null;
}

/** Describes how the answer differs from the expectation; undefined if it does not. */
export function difference(expected: Expectation, answer: Answer): string | undefined {
  if (expected.error !== undefined) {
    if (answer.error === undefined) return `expected an error with "${expected.error}", got ${shownAnswer(answer)}`;
    return answer.error.toLowerCase().includes(expected.error.toLowerCase())
      ? undefined
      : `expected an error with "${expected.error}", got "${answer.error}"`;
  }
  if (answer.error !== undefined) return `expected ${shownExpected(expected)}, got the error "${answer.error}"`;
  if (expected.columns) {
    const given = answer.columns ?? [];
    const matches =
      given.length === expected.columns.length && expected.columns.every((text, i) => isColumn(given[i]!, text));
    if (!matches)
      return `expected the columns ${expected.columns.join(', ')}, got ${given.map(describeColumn).join(', ')}`;
  }
  if (expected.rows && !sameRows(expected.rows, answer.rows ?? []))
    return `expected ${JSON.stringify(expected.rows)}, got ${JSON.stringify(answer.rows ?? [])}`;
  if (expected.changed !== undefined && expected.changed !== answer.changed)
    return `expected ${expected.changed} changed rows, got ${answer.changed}`;
  return undefined;
}

const shownExpected = ({ rows, columns, changed }: Expectation): string =>
  rows
    ? JSON.stringify(rows)
    : columns
      ? `the columns ${columns.join(', ')}`
      : changed !== undefined
        ? `${changed} changed rows`
        : 'success';

const shownAnswer = ({ rows, changed }: Answer): string =>
  rows ? JSON.stringify(rows) : changed === undefined || changed < 0 ? 'success' : `${changed} changed rows`;

function sameRows(expected: readonly (readonly Cell[])[], given: readonly (readonly Cell[])[]): boolean {
  return (
    expected.length === given.length &&
    expected.every((row, i) => row.length === given[i]!.length && row.every((cell, j) => sameCell(cell, given[i]![j]!)))
  );
}

/** Compares floating-point numbers to 12 digits, everything else exactly. */
function sameCell(expected: Cell, given: Cell): boolean {
  if (typeof expected !== 'number' || typeof given !== 'number') return expected === given;
  return expected === given || Math.abs(expected - given) <= 1e-12 * Math.max(Math.abs(expected), Math.abs(given));
}

function isColumn(column: ColumnMetadata, text: string): boolean {
  const [, name, type, detail] = /^(\S+) (\w+)(?:\(([\d,]+)\))?$/.exec(text) ?? [];
  if (name !== column.name || type !== column.typeName) return false;
  return detail === undefined || detail === detailOf(column);
}

const detailOf = ({ typeName, precision, scale, length }: ColumnMetadata): string =>
  typeName === 'numeric' ? `${precision},${scale}` : `${length || precision}`;

const describeColumn = (column: ColumnMetadata): string => `${column.name} ${column.typeName}(${detailOf(column)})`;
