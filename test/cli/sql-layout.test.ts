import { type Layout, resultText } from '../../cli/commands/sql/result-text';
import { type Cell, styleFor } from '../../cli/terminal';

const terminal = (columns: number) =>
  styleFor({ write: () => true, isTTY: true, columns }, { NO_COLOR: '1', TERM: 'xterm' });
const text = (columns: string[], rows: Cell[][], width: number, layout: Layout = 'auto') =>
  resultText(columns, rows, terminal(width), layout);
const wide = Array.from({ length: 60 }, (_, n) => `column_${n}`);
const row = wide.map((name) => `value of ${name}`);
const widest = (shown: string) => Math.max(...shown.split('\n').map(({ length }) => length));

test('a result that fits is a table', () => {
  expect(text(['hour', 'revenue'], [['10:00', '12.50']], 40).split('\n')).toEqual([
    'hour   revenue',
    '─────  ───────',
    '10:00    12.50',
    '1 row',
  ]);
});

test('few rows that do not fit are records, which show every value whole', () => {
  const shown = text(['id', 'payload'], [[7, 'x'.repeat(100)]], 19);
  expect(shown.split('\n')).toHaveLength(4);
  expect(shown).toContain(`payload  ${'x'.repeat(100)}`);
  expect(text(wide, [row, row], 100).match(/column_59 +value of column_59/g)).toHaveLength(2);
});

test('of many rows as many columns are shown as fit, and the others are named', () => {
  const rows = Array.from({ length: 25 }, () => row);
  const shown = text(wide, rows, 100);
  const [note, ...table] = shown.split('\n').reverse();
  expect(widest(table.join('\n'))).toBeLessThanOrEqual(100);
  expect(table.at(-1)).toMatch(/^column_0 +column_1 +column_2 +column_3 +column_4$/);
  expect(note).toContain('25 rows; 5 of 60 columns fit; --layout records shows all of them. Not shown: column_5, ');
  expect(note).toMatch(/, …$/);
});

test('texts that are cut are said to be', () => {
  const long = [['id', 'a text of forty characters, more or less.']];
  expect(text(['a', 'b'], long, 30)).toContain('texts that end with … are cut: --layout records shows them whole');
  expect(text(['a', 'b'], long, 60)).not.toContain('are cut');
});

test('a result without rows is a table of names, and no records', () => {
  expect(text(wide, [], 30)).toContain('column_0');
  expect(text(wide, [], 30, 'records')).toBe('0 rows');
});
