import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DemoRuntime, DeployedPipeline, StoredObject } from '../../../cli/commands/local/demo-runtime';
import { HistoryRows, strayObjects } from '../../../cli/commands/local/history-counts';
import { pendingLines, strayLine } from '../../../cli/commands/local/print';
import { countRecords, isBalanced } from '../../../cli/commands/local/record-counts';
import { styleFor } from '../../../cli/terminal';
import type { HistorySource } from '../../../pipelines/definition';
import { aPipeline } from '../../sql/fixtures';

const folder = mkdtempSync(join(tmpdir(), 'millrace-counts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = styleFor({ isTTY: false, write: () => true } as never, {});
const source = (name: string, glob: string, more: Partial<HistorySource> = {}): HistorySource => ({
  name,
  globs: [glob],
  format: 'ndjson',
  compression: 'none',
  ...more,
});

/** A runtime whose bucket holds `objects`. `events` counts the merged records, `ledger` has the loaded objects. */
class Fake {
  readonly objects: (StoredObject & { path: string })[] = [];
  parked: Record<string, string> = {};
  ledger: { key: string; etag: string; rows: number }[] = [];
  events = 0;
  pipelines: DeployedPipeline[];

  constructor(...history: HistorySource[]) {
    this.pipelines = [aPipeline({ history })];
  }

  put(key: string, body: Buffer | string, etag = `e-${key}`): void {
    const path = join(folder, etag.replaceAll('/', '_'));
    writeFileSync(path, body);
    this.objects.push({ key, etag, size: body.length, path });
  }

  /** Loads an object. Its records become events. */
  load(key: string, rows: number, etag = `e-${key}`): void {
    this.ledger.push({ key, etag, rows });
    this.events += rows;
  }

  get runtime(): DemoRuntime {
    return {
      historyBucket: 'history',
      deployedPipelines: () => this.pipelines,
      streamOf: () => 'stream',
      acceptedRecords: () => 0,
      objects: async (_: string, prefix: string) => this.objects.filter(({ key }) => key.startsWith(prefix)),
      pathOf: (_: string, key: string) => this.objects.find((object) => object.key === key)!.path,
      query: async (sql: string) => this.query(sql),
    } as unknown as DemoRuntime;
  }

  private query(sql: string) {
    if (sql.includes('.parked')) {
      const reason = Object.entries(this.parked).find(([key]) => sql.includes(`'${key}'`))?.[1];
      return { columns: ['reason'], rows: reason === undefined ? [] : [[reason]] };
    }
    const counts = [this.events, ...Array<number>(11).fill(0)];
    const ledger = this.ledger.map(({ key, etag, rows }) => [...counts, key, etag, rows]);
    return { columns: [], rows: ledger.length > 0 ? ledger : [[...counts, null, null, null]] };
  }

  count() {
    return countRecords(this.runtime, this.pipelines[0]!, new HistoryRows(this.runtime));
  }
}

const json = (...ids: string[]) => ids.map((id) => `${JSON.stringify({ id })}\n`).join('');

test.each<[string, Partial<HistorySource>, () => Buffer | Promise<Buffer>]>([
  ['lines', {}, () => Buffer.from(`${json('a', 'b')}\n\n${json('c')}`)],
  ['lines without an end', {}, () => Buffer.from(json('a', 'b', 'c').trimEnd())],
  ['gzip without a name that says so', { compression: 'gzip' }, () => gzipSync(json('a', 'b', 'c'))],
  ['lines of text, where blanks are a text', { format: 'text' }, () => Buffer.from('a\n\n  \r\n\r\n\0')],
  [
    'a CSV file with its header and a line end in quotes',
    { format: 'csv' },
    () => Buffer.from('id,note\na,x\nb,"y\nz"\nc,\n'),
  ],
  ['Parquet', { format: 'parquet' }, () => parquet()],
  ['zstd', { compression: 'zstd' }, () => zstd('json')],
  [
    'a CSV file of zstd',
    { format: 'csv', compression: 'zstd', columns: [{ name: 'id' }, { name: 'note' }] },
    () => zstd('csv, header'),
  ],
])('%s: three records', async (_, more, body) => {
  const fake = new Fake(source('files', 'in/*', more));
  fake.put('in/one', await body(), `three-${more.format}-${more.compression}-${_}`);
  fake.load('in/one', 3, `three-${more.format}-${more.compression}-${_}`);
  const counts = await fake.count();
  expect(counts).toMatchObject({ produced: 3, events: 3, pending: 0, parts: [] });
  expect(isBalanced(counts)).toBe(true);
});

const parquet = () => written('parquet');
const zstd = (format: string) => written(`${format}, compression zstd`);

/** Writes three rows with DuckDB. */
async function written(format: string): Promise<Buffer> {
  const path = join(folder, 'rows');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `copy (select range as id, 'a' || chr(10) || 'b' as note from range(3)) to '${path}' (format ${format})`,
  );
  connection.closeSync();
  return readFileSync(path);
}

test('an object of two globs with one prefix counts once, and a stray one beside them is named and counts nowhere', async () => {
  const fake = new Fake(source('days', 'in/day-*.json'), source('hours', 'in/hour-*.json'));
  fake.put('in/day-1.json', json('a', 'b'));
  fake.put('in/hour-1.json', json('c'));
  fake.put('in/notes.txt', 'to do\nmore\n');
  fake.load('in/day-1.json', 2);
  fake.load('in/hour-1.json', 1);
  expect(await fake.count()).toMatchObject({ produced: 3, pending: 0 });
  const stray = await strayObjects(fake.runtime);
  expect(stray).toEqual(['in/notes.txt']);
  expect(strayLine(stray, plain)).toContain('no history source has a glob that matches in/notes.txt');
});

test('pending objects are named with what they wait for; only a person brings parked ones on', async () => {
  const fake = new Fake(source('files', 'in/*.json'));
  fake.put('in/late.json', json('a'));
  fake.put('in/bad.json', json('b', 'c'));
  fake.parked = { 'in/bad.json': 'Invalid JSON' };
  const counts = await fake.count();
  expect(counts).toMatchObject({ produced: 3, events: 0, pending: 3 });
  expect(counts.parts.map(({ stuck }) => stuck)).toEqual([false, true]);
  expect(pendingLines(counts.parts, plain)).toEqual([
    '  ! shop: 2 records in in/bad.json, which is parked: Invalid JSON; `npx millrace redrive` tries it again',
    '  ! shop: 1 record in in/late.json, which is not loaded yet',
  ]);
});

test('records of an object that was overwritten or deleted after its load still count', async () => {
  const fake = new Fake(source('files', 'in/*.json'));
  fake.put('in/a.json', json('a', 'b'), 'second');
  fake.load('in/a.json', 1, 'first');
  fake.load('in/a.json', 2, 'second');
  fake.load('in/gone.json', 4, 'other');
  expect(await fake.count()).toMatchObject({ produced: 7, events: 7, pending: 0 });
});

test('what cannot be read counts as the load counted it, and nothing before', async () => {
  const fake = new Fake(source('files', 'in/*.gz', { compression: 'gzip' }));
  fake.put('in/a.gz', 'not gzip');
  fake.parked = { 'in/a.gz': 'gzip: incorrect header check' };
  const counts = await fake.count();
  expect(counts).toMatchObject({ produced: 0, pending: 0 });
  expect(pendingLines(counts.parts, plain)).toEqual([
    '  ! shop: an unknown number of records in in/a.gz, which is parked: gzip: incorrect header check; `npx millrace redrive` tries it again',
  ]);
  fake.load('in/a.gz', 2);
  expect(await fake.count()).toMatchObject({ produced: 2, events: 2 });
});
