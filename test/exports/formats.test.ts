import { execFileSync } from 'node:child_process';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ExportDefinition } from '../../pipelines/definition';
import type { Template } from '../support/template';
import { anExport, openTemplate, shop, World } from './world';

/*
 * What was published, read back by DuckDB and by a reader of Parquet that shares nothing with it, and compared with the query's own rows.
 */

const day = '2026-11-21';
const query = `select id, amount, at, gift, weight, at::date as day, len(id) as letters, json_parse('{"a":[1,2]}') as doc from shop.events`;
const all = 'id, amount, at, gift, weight, at::date as day, len(id) as letters';
const snapshot: ExportDefinition['content'] = { kind: 'snapshot', every: 'hour' };
let template: Template;
let world: World;

beforeAll(async () => {
  template = await openTemplate(
    shop(
      anExport('flat', { query }),
      anExport('folders', {
        query:
          'select id, amount, at, at::date as day, len(id) - 2 * (len(id) / 2) as odd, case when amount > 2 then id end as big from shop.events',
        format: { kind: 'parquet', partitionBy: ['day', 'big'] },
      }),
      anExport('csv', { query, content: snapshot, format: { kind: 'csv', delimiter: ';' } }),
      anExport('bare', { query, content: snapshot, format: { kind: 'csv', header: false, gzip: false } }),
      anExport('json', {
        query: 'select id, amount, at from shop.events',
        content: snapshot,
        format: { kind: 'json' },
      }),
    ),
  );
  world = await World.open(template);
  await world.sell(`${day} 02:10:00.123`, [1, 2.25, -3]);
  await world.sell(`${day} 02:59:59.999`, [4]);
  await world.sql(`insert into shop.events_f790520b (event_id, id, at, source, run_id, merged_at)
    values ('q', 'quo"te; ''ü\n', '${day} 02:30:00', 'stream', 'r', getdate())`);
  await world.completeUntil(`${day} 05:30:00`);
  await world.tick(`${day}T05:30:00Z`);
  expect(world.cloud.log.filter(({ error }) => error)).toEqual([]);
});
afterAll(async () => {
  await world.dispose();
  template.remove();
});

const published = (name: string) => {
  const [success] = world.read(name);
  return { success: success!, files: success!.files.map(({ key }) => ({ key, path: world.pathOf(key) })) };
};

async function duckdb(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** In a process of its own, since it is a module of the other kind. Times as ISO 8601 text. */
function hyparquetRows(path: string): Record<string, unknown>[] {
  const program = `
    import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(${JSON.stringify(path)}) });
    console.log(JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value)));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
}

const listOf = (files: readonly { path: string }[]) => `[${files.map(({ path }) => `'${path}'`).join(', ')}]`;
const texts = (rows: readonly (readonly unknown[])[]) =>
  rows.map((row) => row.map((value) => (value === null ? null : String(value))));
const known = async (columns: string) =>
  texts(
    await world.sql(
      `select ${columns
        .split(', ')
        .map((column) =>
          column === 'weight'
            ? column
            : column === 'gift'
              ? "case when gift then 'true' when not gift then 'false' end"
              : `(${column.split(' as ')[0]})::varchar`,
        )
        .join(', ')} from shop.events order by id`,
    ),
  );

test('Parquet has the types of the query', async () => {
  const { files, success } = published('flat');
  const described = await duckdb(`describe select * from read_parquet(${listOf(files)}, hive_partitioning = false)`);
  expect(described.map(([name, type]) => [name, type])).toEqual([
    ['id', 'VARCHAR'],
    ['amount', 'DECIMAL(12,2)'],
    ['at', 'TIMESTAMP'],
    ['gift', 'BOOLEAN'],
    ['weight', 'DOUBLE'],
    ['day', 'DATE'],
    ['letters', 'INTEGER'],
    ['doc', 'VARCHAR'],
  ]);
  expect(success.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'id varchar(16)',
    'amount decimal(12,2)',
    'at timestamp',
    'gift boolean',
    'weight double precision',
    'day date',
    'letters integer',
    'doc super',
  ]);
});

test('Parquet has the values of the query', async () => {
  const { files } = published('flat');
  const columns = 'id, amount, "at", gift, weight, day, letters';
  const found = await duckdb(
    `select ${columns} from read_parquet(${listOf(files)}, hive_partitioning = false) order by id`,
  );
  expect(texts(found)).toEqual(await known(all));
  expect(
    await duckdb(`select distinct doc::json->>'a' from read_parquet(${listOf(files)}, hive_partitioning = false)`),
  ).toEqual([['[1,2]']]);
});

test('a second reader of Parquet finds the same', async () => {
  const rows = published('flat').files.flatMap(({ path }) => hyparquetRows(path));
  const found = rows
    .map(({ id, amount, at, gift, letters }) => [id, amount === null ? null : Number(amount), at, gift, letters])
    .sort(([one], [other]) => (String(one) < String(other) ? -1 : 1));
  const wanted = await world.sql('select id, amount::double precision, at, gift, len(id) from shop.events order by id');
  const iso = (value: unknown) => new Date(`${String(value).replace(' ', 'T')}Z`).toISOString();
  expect(found).toEqual(
    wanted
      .map(([id, amount, at, gift, letters]) => [id, amount === null ? null : Number(amount), iso(at), gift, letters])
      .sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
  );
});

test('folders hold the values that left the files', async () => {
  const { files } = published('folders');
  expect(files.map(({ key }) => /data\/(.*)\/[^/]+$/.exec(key)![1]).sort()).toEqual([
    `day=${day}/big=__HIVE_DEFAULT_PARTITION__`,
    `day=${day}/big=s2`,
    `day=${day}/big=s4`,
  ]);
  const found = await duckdb(
    `select id, amount from read_parquet(${listOf(files)}, hive_partitioning = false) order by id`,
  );
  expect(texts(found)).toEqual(await known('id, amount'));
});

test.each([
  ['csv', 'header = true', ';', 'gzip'],
  ['bare', 'header = false', ',', 'none'],
])('%s', async (name, header, delimiter, compression) => {
  const { files, success } = published(name);
  const found = await duckdb(
    `select * from read_csv(${listOf(files)}, ${header}, delim = '${delimiter}', quote = '"', escape = '"', compression = '${compression}', all_varchar = true) order by 1`,
  );
  expect(found).toHaveLength(5);
  expect(found.map(([id]) => id)).toEqual((await known('id')).map(([id]) => id));
  expect(found.map(([, amount]) => amount)).toEqual((await known('amount')).map(([amount]) => amount));
  expect([success.kind, success.rows]).toEqual(['snapshot', 5]);
});

test('JSON, an object a line', async () => {
  const { files } = published('json');
  const found = await duckdb(
    `select id, amount::decimal(12, 2)::varchar from read_json(${listOf(files)}, format = 'newline_delimited', compression = 'gzip', columns = {id: 'VARCHAR', amount: 'DECIMAL(12,2)'}) order by id`,
  );
  expect(texts(found)).toEqual(await known('id, amount'));
});

test('a snapshot is taken once an interval, of all rows', async () => {
  await world.sell(`${day} 01:10:00`, [9]);
  await world.tick(`${day}T05:45:00Z`);
  expect(world.read('json')).toHaveLength(1);
  await world.completeUntil(`${day} 08:10:00`);
  await world.tick(`${day}T08:15:00Z`);
  expect(world.read('json').map(({ window, rows }) => [window.start.slice(11, 16), rows])).toEqual([
    ['04:00', 5],
    ['07:00', 6],
  ]);
});
