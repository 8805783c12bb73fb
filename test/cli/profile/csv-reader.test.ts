import fc from 'fast-check';
import { CsvReader, cellText, delimiterOf } from '../../../cli/profile/csv-reader';
import { cases, seedOf } from '../../support/tier';

/** The rows of a text that comes in pieces, each of which ends in a line break. */
function rowsOf(text: string, pieces = [text.length]): { cells: string[]; line: number; isBroken: boolean }[] {
  const reader = new CsvReader(0x2c);
  const found: ReturnType<typeof rowsOf> = [];
  let start = 0;
  let line = 1;
  for (const end of pieces) {
    const bytes = Buffer.from(text.slice(start, end));
    reader.read({ bytes, line }, (row) =>
      found.push({
        cells: Array.from({ length: row.count }, (_, cell) => cellText(row, cell)),
        line: row.line,
        isBroken: row.isBroken,
      }),
    );
    line += text.slice(start, end).split('\n').length - 1;
    start = end;
  }
  reader.end();
  return found;
}

const written = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
const cell = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', ' '), maxLength: 6 });

test('reads what was written, in whatever pieces it comes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 12 }),
      fc.array(fc.nat(200)),
      (rows, cuts) => {
        const text = rows.map((row) => `${row.map(written).join(',')}\n`).join('');
        const breaks = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
        const pieces = breaks.filter((_, index) => cuts.includes(index) || index === breaks.length - 1);
        const read = rowsOf(text, pieces);
        expect(read.map(({ cells }) => cells)).toEqual(rows);
        expect(read.every(({ isBroken }) => !isBroken)).toBe(true);
        let line = 1;
        for (const [index, row] of rows.entries()) {
          expect(read[index]!.line).toBe(line);
          line += row.map(written).join(',').split('\n').length;
        }
      },
    ),
    { numRuns: cases(500, 10_000), seed: seedOf(22) },
  );
});

test('leaves out empty lines and CR, and marks quotation marks in the wrong place', () => {
  expect(rowsOf('a,b\r\n\r\n\n"",c\r\nx"y,z\n"p"q,r\n')).toEqual([
    { cells: ['a', 'b'], line: 1, isBroken: false },
    { cells: ['', 'c'], line: 4, isBroken: false },
    { cells: ['x"y', 'z'], line: 5, isBroken: true },
    { cells: ['p', 'r'], line: 6, isBroken: true },
  ]);
});

test.each([
  ['a,b;c,d\n', ','],
  ['a;"x,y,z,w";c\n', ';'],
  ['a\tb\n', '\t'],
  ['a|b|c\n', '|'],
  ['one\n', ','],
])('the delimiter of %j is %j', (header, sign) =>
  expect(String.fromCharCode(delimiterOf(Buffer.from(header)))).toBe(sign),
);
