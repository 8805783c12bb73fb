import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { Command } from 'commander';
import { addNew, type NewDependencies } from '../../../cli/commands/new';
import { prove } from '../../../cli/commands/new/proof';
import { Failure } from '../../../cli/failure';
import { comparable } from '../../../cli/trial/cells';
import type { Pipeline } from '../../../pipelines/definition';
import type { PipelineGenerator } from '../../../pipelines/generator/generator';
import { readViewTests } from '../../../pipelines/view-tests';
import { TestWarehouse } from '../../sql/warehouse';
import { problemsOf } from '../../support/problems';
import { everyNth } from '../../support/tier';
import { documented, same } from '../documented';
import { Collected } from '../io';

const repository = join(__dirname, '../../..');
let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-new-test-'));
  root = join(folder, 'pipelines');
  mkdirSync(join(root, 'generator'), { recursive: true });
  for (const module of ['definition', 'read', 'generator/replay'])
    writeFileSync(
      join(root, `${module}.ts`),
      `export * from ${JSON.stringify(join(repository, 'pipelines', module))};\n`,
    );
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

async function run(args: readonly string[], given: Partial<NewDependencies> = {}) {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const program = new Command().exitOverride();
  addNew(program, { stdout, stderr, env: {} }, { code: 0 }, { root, pipelines: [], ask: undefined, ...given });
  let error: unknown;
  await program.parseAsync(['new', ...args], { from: 'user' }).catch((thrown: unknown) => {
    error = thrown;
  });
  return { stdout: stdout.text, stderr: stderr.text, error: error as Failure | undefined };
}

const orders = (count: number, change: (n: number) => object = () => ({})) =>
  `${Array.from({ length: count }, (_, n) =>
    JSON.stringify({
      orderId: `order-${n}`,
      customer: { id: n % 7, email: `c${n % 7}@example.com` },
      kind: n % 3 === 0 ? 'sale' : "re'turn",
      amount: n / 4,
      placedAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
      lines: [{ sku: 'a' }],
      ...change(n),
    }),
  ).join('\n')}\n`;

test('writes a pipeline that is valid, formatted, and whose view and generator are right', async () => {
  const from = file('orders.ndjson', orders(1200));
  const { stdout, error } = await run(['orders', '--from', from, '--identity', 'orderId']);
  expect(error).toBeUndefined();
  expect(stdout).toContain('proof      1,200 records through the merge: 1,200 events, 0 duplicates, 0 rejects\n');
  expect(stdout).toMatch(/personal +likely: customer\.id, customer\.email/);
  const made = join(root, 'orders');
  expect(readdirSync(made, { recursive: true, encoding: 'utf8' }).sort()).toEqual([
    'generator.ts',
    'pipeline.ts',
    'sample.ndjson',
    'views',
    'views/hourly_events.sql',
    'views/hourly_events.test.yaml',
  ]);
  const { pipeline } = require(join(made, 'pipeline')) as { pipeline: Pipeline };
  expect(pipeline).toMatchObject({
    name: 'orders',
    identity: { by: 'columns', columns: ['order_id'] },
    columns: [
      { name: 'order_id', path: ['orderId'], type: 'varchar', maxBytes: 128, required: true },
      { name: 'customer_id', path: ['customer', 'id'], type: 'bigint', required: true },
      { name: 'customer_email', path: ['customer', 'email'], type: 'varchar', required: true },
      { name: 'kind', path: ['kind'], type: 'varchar', maxBytes: 16, required: true },
      { name: 'amount', path: ['amount'], type: 'decimal', precision: 18, scale: 4, required: true },
      { name: 'placed_at', path: ['placedAt'], type: 'timestamptz', required: true },
    ],
  });
  expect(problemsOf(pipeline)).toEqual([]);
  const biome = join(repository, 'node_modules/.bin/biome');
  for (const name of ['pipeline.ts', 'generator.ts']) {
    const text = readFileSync(join(made, name), 'utf8');
    const formatted = execFileSync(biome, ['format', `--stdin-file-path=pipelines/orders/${name}`], {
      cwd: repository,
      input: text,
    });
    expect(formatted.toString()).toBe(text);
  }
  await viewTestsPass(made, pipeline);
  const { generator } = require(join(made, 'generator')) as { generator: PipelineGenerator };
  await generatorIsRight(generator, pipeline);
});

async function viewTestsPass(made: string, pipeline: Pipeline): Promise<void> {
  const [view] = pipeline.views;
  for (const { events, rows } of readViewTests(made, view!.name)!) {
    const warehouse = await TestWarehouse.create(pipeline);
    try {
      warehouse.send(...events);
      await warehouse.refresh();
      const names = Object.keys(rows[0]!);
      const { columns, records } = await warehouse.result(
        `select ${names.join(', ')} from ${pipeline.name}.${view!.name}`,
      );
      const line = (cells: readonly unknown[]) =>
        cells.map((cell, index) => comparable(cell, columns[index]!.type.name)).join();
      expect(records.map(line).sort()).toEqual(rows.map((row) => line(names.map((name) => row[name]))).sort());
    } finally {
      warehouse.dispose();
    }
  }
}

/** Two batches of the generator go through the merge. Its oracle has to know the counts, the view's rows and the checks. */
async function generatorIsRight(generator: PipelineGenerator, pipeline: Pipeline): Promise<void> {
  const warehouse = await TestWarehouse.create(pipeline);
  const start = Date.UTC(2026, 10, 21, 12);
  const sum = { events: 0, duplicates: 0, rejects: 0 };
  try {
    const rows = new Map<string, number>();
    for (const batch of [0, 1]) {
      const generation = generator.generate({
        seed: '1',
        start: start + batch * 7_200_000,
        events: 700,
        batch,
        malformed: 0.05,
        oversized: 0.05,
      });
      warehouse.send(...[...generation.stream()].map(({ data }) => data));
      await warehouse.refresh();
      for (const term of ['events', 'duplicates', 'rejects'] as const) sum[term] += generation.oracle[term];
      for (const [key, count] of Object.entries(generation.oracle.groups['rows']!))
        rows.set(key, (rows.get(key) ?? 0) + count);
    }
    const { staged: _, ...counts } = await warehouse.counts();
    expect(counts).toEqual(sum);
    const oracle = { ...sum, produced: 0, skipped: 0, groups: { rows: Object.fromEntries(rows) } };
    for (const { query, expected } of generator.checks(oracle))
      expect((await warehouse.query(query)).map((row) => row.map(String))).toEqual(expected);
    for (const [view, count] of Object.entries(generator.viewRows(oracle)))
      expect(await warehouse.query(`select count(*) from ${pipeline.name}.${view}`)).toEqual([[count]]);
  } finally {
    warehouse.dispose();
  }
}

test.each(
  everyNth(
    [
      [
        'times alone make a record unique',
        (n: number) => ({
          orderId: 'x',
          placedAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString().slice(0, 19),
        }),
        ['kind', 'placed_at'],
      ],
      ['numbers are the ids', (n: number) => ({ orderId: n + 1e15 }), ['order_id']],
      [
        'the stream position is the identity',
        (n: number) => ({ orderId: n % 5, placedAt: n % 4 === 0 ? null : `2026-01-01 0${n % 9}:15` }),
        undefined,
      ],
    ],
    3,
  ),
)('the generator of a pipeline where %s', async (_, change, identity) => {
  const from = file('orders.ndjson', orders(60, change));
  const { error } = await run(['orders', '--from', from, ...(identity ? ['--identity', identity.join(',')] : [])]);
  expect(error).toBeUndefined();
  const made = join(root, 'orders');
  const { pipeline } = require(join(made, 'pipeline')) as { pipeline: Pipeline };
  const { generator } = require(join(made, 'generator')) as { generator: PipelineGenerator };
  await viewTestsPass(made, pipeline);
  await generatorIsRight(generator, pipeline);
});

test('a CSV with gzip: numbers and booleans become JSON, empty cells are null', async () => {
  const rows = Array.from(
    { length: 40 },
    (_, n) => `${n},${n % 2 === 0},"a ""b"", ${n}",${n === 3 ? '' : `${n}.50`},0${n}`,
  );
  const from = file('rows.csv.gz', gzipSync(`id,ok,note,price,zip\n${rows.join('\n')}\n`));
  const { error } = await run(['rows', '--from', from, '--identity', 'id']);
  expect(error).toBeUndefined();
  const [first, , , fourth] = readFileSync(join(root, 'rows', 'sample.ndjson'), 'utf8').split('\n');
  expect(first).toBe('{"id":0,"ok":true,"note":"a \\"b\\", 0","price":0.50,"zip":"00"}');
  expect(fourth).toBe('{"id":3,"ok":false,"note":"a \\"b\\", 3","zip":"03"}');
});

test('a Parquet file: numbers have the types that the file declares, and no digit is lost', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`copy (
    select n::bigint as id, n::double as ratio, 1.50::decimal(38,2) as price, n::float as f,
      timestamp '2026-01-01 10:00:00.123456' as local_at, timestamptz '2026-01-01 10:00:00+01' as zoned_at, date '2026-01-02' as day,
      {city: 'x', "at": {lat: 1.25::decimal(4,2)}} as place, [1, 2] as list, 'ab'::blob as raw, null::int as nothing
    from range(3) t(n)
  ) to '${join(folder, 'all.parquet')}' (format parquet)`);
  connection.closeSync();
  instance.closeSync();
  const { stdout, error } = await run(['parts', '--from', join(folder, 'all.parquet'), '--identity', 'id', '--json']);
  expect(error).toBeUndefined();
  const report = JSON.parse(stdout) as { fields: { path: string[]; type?: string }[]; notes: string[] };
  same(report, documented.get('new'), 'new');
  expect(report.notes).toEqual(['columns of bytes are left out: raw']);
  expect(Object.fromEntries(report.fields.map(({ path, type }) => [path.join('.'), type]))).toEqual({
    id: 'bigint',
    ratio: 'double',
    price: 'decimal(38,2)',
    f: 'double',
    local_at: 'timestamp',
    zoned_at: 'timestamptz',
    day: 'date',
    'place.city': 'varchar(16)',
    'place.at.lat': 'decimal(4,2)',
    list: undefined,
  });
  expect(readFileSync(join(root, 'parts', 'sample.ndjson'), 'utf8').split('\n')[1]).toBe(
    '{"id":1,"ratio":1,"price":1.50,"f":1,"local_at":"2026-01-01T10:00:00.123456","zoned_at":"2026-01-01T09:00:00Z","day":"2026-01-02","place":{"city":"x","at":{"lat":1.25}},"list":[1,2]}',
  );
  const broken = await run(['other', '--from', file('x.parquet', 'PAR1 and no more')]);
  expect(broken.error).toMatchObject({ message: expect.stringContaining('x.parquet cannot be read as Parquet: ') });
});

describe('the identity', () => {
  const asked = (...answers: string[]) => {
    const questions: string[] = [];
    const ask = async (question: string) => {
      questions.push(question);
      return answers[questions.length - 1] ?? '';
    };
    return { ask, questions };
  };

  test('is asked for at a terminal; an empty answer takes the first candidate', async () => {
    const from = file('orders.ndjson', orders(200));
    const { ask, questions } = asked('seven', '');
    const { stdout, stderr } = await run(['orders', '--from', from, '--dry-run'], { ask });
    expect(questions).toHaveLength(2);
    expect(stderr).toMatch(/ {2}1 {2}order_id: unique in 200 records, named as an id\n/);
    expect(stderr).toContain('"seven" is not a number from 1 to');
    expect(stdout).toContain('identity   order_id: unique in 200 records');
  });

  test('is the stream position without a terminal, and the best candidate is named', async () => {
    const { stdout } = await run(['orders', '--from', file('orders.ndjson', orders(200)), '--dry-run']);
    expect(stdout).toMatch(/identity {3}the stream position: .*; --identity order_id is unique in 200 records/);
  });

  test('of two fields, where copies of whole records do not count against it', async () => {
    const rows = Array.from({ length: 100 }, (_, n) =>
      JSON.stringify({ shop: `s${n % 10}`, number: Math.floor(n / 10), v: n % 3 }),
    );
    const from = file('pairs.ndjson', `${[...rows, ...rows.slice(0, 5)].join('\n')}\n`);
    const { stdout } = await run(['pairs', '--from', from, '--dry-run', '--json']);
    expect(JSON.parse(stdout).candidates[0]).toEqual({
      columns: ['shop', 'number'],
      evidence: 'unique in 105 records, 5 of them exact copies',
    });
  });

  test('that is not unique says which records share it', async () => {
    const from = file(
      'orders.ndjson',
      orders(50, (n) => ({ orderId: `order-${n % 40}` })),
    );
    const { stdout } = await run(['orders', '--from', from, '--identity', 'orderId', '--dry-run']);
    expect(stdout).toContain(
      'duplicates 10 records share the identity of another one without being its copy, first lines 1 and 41',
    );
    expect(stdout).toContain('40 events, 10 duplicates');
  });

  test.each([
    ['a field that is not there', ['nothing'], /--identity nothing: there is no such field; there are order_id, /],
    ['a field that stays in the payload', ['lines'], /--identity lines: the field stays in the payload: an array/],
    ['a field that records lack', ['note'], /--identity note: 49 records of 50 have no value there/],
  ])('cannot be %s', async (_, identity, message) => {
    const from = file(
      'orders.ndjson',
      orders(50, (n) => (n === 0 ? { note: 'x' } : {})),
    );
    const { error } = await run(['orders', '--from', from, '--identity', identity.join()]);
    expect(error).toMatchObject({ message: expect.stringMatching(message), exitCode: 2 });
    expect(existsSync(join(root, 'orders'))).toBe(false);
  });
});

test('reads stdin, and no more records than asked for', async () => {
  const { stdout, error } = await run(['orders', '--from', '-', '--sample', '10', '--dry-run', '--json'], {
    stdin: Readable.from([orders(50)]),
  });
  expect(error).toBeUndefined();
  expect(JSON.parse(stdout)).toMatchObject({ source: 'stdin', records: 10, proof: { records: 10, events: 10 } });
});

test('a larger file is sampled at its head, in its middle and at its end', async () => {
  const from = file('orders.ndjson', orders(40_000));
  const { stdout } = await run(['orders', '--from', from, '--dry-run', '--json'], { mostBytes: 4 * 1024 * 1024 });
  const report = JSON.parse(stdout);
  expect(report.bytesRead).toBeLessThan(report.bytes);
  expect(report.records).toBeLessThan(40_000);
  expect(report.fields[0].example).toBe('order-0');
});

test('never overwrites a pipeline, and refuses other names', async () => {
  const from = file('orders.ndjson', orders(10));
  mkdirSync(join(root, 'orders'));
  expect((await run(['orders', '--from', from])).error).toMatchObject({
    message: expect.stringContaining('pipelines/orders exists already'),
    exitCode: 2,
  });
  for (const [name, message] of [
    ['generator', /must not be one of view, export, endpoint, generator/],
    ['Orders', /must be lower-case letters/],
    ['order', /must not be a reserved word/],
  ] as const)
    expect((await run([name, '--from', from])).error).toMatchObject({
      message: expect.stringMatching(message),
      exitCode: 2,
    });
  expect((await run(['fresh', '--from', join(folder, 'none.csv')])).error).toMatchObject({
    message: expect.stringContaining('there is no such file'),
  });
  expect((await run(['fresh', '--from', folder])).error).toMatchObject({
    message: expect.stringContaining('is a folder'),
  });
  expect(readdirSync(root).sort()).toEqual(['definition.ts', 'generator', 'orders', 'read.ts']);
});

test('a reject that was not foreseen fails the proof, with its line and its reason', async () => {
  const pipeline: Pipeline = {
    name: 'orders',
    stream: { capacity: { mode: 'on-demand' }, retentionHours: 24 },
    identity: { by: 'stream-position' },
    columns: [{ name: 'a', path: ['a'], type: 'bigint' }],
    refreshEveryMinutes: 1,
    views: [],
    exports: [],
  };
  const records = ['{"a":1}', '{"a":"x"}', 'ping'].map((data, index) => ({ data: Buffer.from(data), line: index + 1 }));
  async function* all() {
    yield records;
  }
  const proven = (foreseen: number[]) =>
    prove({ pipeline, records: all(), foreseen: new Set(foreseen), now: Date.UTC(2026, 0, 1) });
  await expect(proven([3])).rejects.toThrow(
    new Failure(
      'the merge rejects 1 record that the report calls sound, so nothing was written:\n  line 2: a: expected a number, got a string',
    ),
  );
  expect(await proven([2, 3])).toEqual({ records: 3, events: 1, duplicates: 0, rejects: 2 });
});
