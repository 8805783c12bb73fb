import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exceptionTable, scanTable } from '../../bench/scale/scan-table';

const page = readFileSync(join(__dirname, '../../docs/scale.md'), 'utf8');

test.each([
  ['npm run bench -- scans', () => `${scanTable()}\n`],
  ['npm run bench -- scans', () => `${exceptionTable()}\n`],
])('docs/scale.md has the table that %s prints', (_, printed) => {
  expect(page).toContain(printed());
});
