import { type Cell, measure, plural, printable, type Style, table } from '../../terminal';

export const layouts = ['auto', 'table', 'records'] as const;
/** `auto`: a table if it fits, else few rows as records, and of many rows as many columns as fit. */
export type Layout = (typeof layouts)[number];

/** A text that is cut further to fit the terminal is hard to tell from others. */
const READABLE = 16;
/** More rows than this are a table also where not all columns fit: records would fill many screens. */
const MOST_RECORDS = 20;
/** Characters of the list of columns that are not shown. */
const LONGEST_LIST = 200;

/** Formats a result for a person, and says what is not shown. */
export function resultText(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: Style,
  layout: Layout,
): string {
  const { natural, numeric } = measure(columns, rows, { asIs: true });
  const most = layout === 'auto' ? columnsThatFit(natural, numeric, style.columns) : columns.length;
  const count = plural(rows.length, 'row');
  if (layout === 'records' || (most < columns.length && rows.length > 0 && rows.length <= MOST_RECORDS))
    return [...recordsOf(columns, rows, style), style.dim(count)].join('\n');
  const shown = rows.map((row) => row.slice(0, most));
  const text = table(columns.slice(0, most), shown, style, { asIs: true });
  const notes = [count, ...omitted(columns, most), ...(isCut(text) ? [whole] : [])];
  return [text, style.dim(notes.join('; '))].join('\n');
}

/** How many of the first columns fit, none of them narrower than a person can read. At least one. */
function columnsThatFit(natural: readonly number[], numeric: readonly boolean[], room = Infinity): number {
  let used = -2;
  const end = natural.findIndex((width, n) => {
    used += 2 + (numeric[n] ? width : Math.min(width, READABLE));
    return used > room;
  });
  return end < 0 ? natural.length : Math.max(1, end);
}

/** One line for each value, under a line for each row. Nothing is cut. */
function recordsOf(columns: readonly string[], rows: readonly (readonly Cell[])[], style: Style): string[] {
  const names = Math.max(0, ...columns.map(({ length }) => length));
  const lines = rows.map((row, n) => [
    style.dim(`── row ${n + 1} `.padEnd(Math.min(style.columns ?? 40, 40), '─')),
    ...columns.map((column, index) => `${style.bold(column.padEnd(names))}  ${textOf(row[index]!)}`.trimEnd()),
  ]);
  return lines.flat();
}

const textOf = (cell: Cell) => (cell === null ? '' : printable(cell));

const whole = 'texts that end with … are cut: --layout records shows them whole';
const isCut = (text: string) => text.includes('…');

function omitted(columns: readonly string[], shown: number): string[] {
  if (shown === columns.length) return [];
  const names = columns.slice(shown).join(', ');
  const list = names.length > LONGEST_LIST ? `${names.slice(0, LONGEST_LIST).replace(/,[^,]*$/, '')}, …` : names;
  return [`${shown} of ${columns.length} columns fit; --layout records shows all of them. Not shown: ${list}`];
}
