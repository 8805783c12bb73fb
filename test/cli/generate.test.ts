import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { millrace } from './io';

const folder = mkdtempSync(join(tmpdir(), 'millrace-generate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const generate = (...args: string[]) => millrace('generate', '--out', join(folder, 'events.ndjson'), ...args);

test.each([
  ['--events', '-1'],
  ['--events', '1e3'],
  ['--events', '0x10'],
  ['--events', '1.5'],
  ['--events', '100000001'],
  ['--events', '9'.repeat(100_000)],
  ['--duplicates', 'NaN'],
  ['--late', '1.0000001'],
  ['--malformed', '-0.1'],
  ['--oversized', '1'.repeat(100_000)],
  ['--refused', '1001'],
  ['--history-days', '0'],
  ['--history-days', '367'],
  ['--start', '1970-12-31T23:59:59Z'],
  ['--start', '9999-01-01'],
  ['--start', '+275760-09-13T00:00:00Z'],
  ['--start', '10000-01-01'],
  ['--start', '2026-02-31T25:00:00Z'],
  ['--start', '7 March 2026'],
])('%s is refused by name for a value beyond its edge', async (flag, value) => {
  const { code, stderr } = await generate(flag, value);
  expect([code, stderr.slice(0, flag.length + 13)]).toEqual([2, `error: ${flag} must `]);
});

test.each([
  ['--events', '0'],
  ['--events', '1', '--duplicates', '1', '--late', '1', '--malformed', '1', '--oversized', '1'],
  ['--events', '20', '--start', '1971-01-01T00:00:00Z', '--history', folder, '--history-days', '366'],
  ['--events', '20', '--start', '9998-12-31T23:59:59.999Z', '--late', '1'],
])('at the edges %j every record has a valid time', async (...args) => {
  expect(await generate(...args)).toMatchObject({ code: 0 });
  const lines = readFileSync(join(folder, 'events.ndjson'), 'utf8').split('\n');
  expect(lines.filter((line) => /NaN|Infinity|Invalid|-\d{6}-/.test(line))).toEqual([]);
});
