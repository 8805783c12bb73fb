import { roleArn } from 'redshift-local/testing';
import type { Pipeline } from '../../pipelines/definition';
import { fullExportStatements, importedTables, importTransaction, type SuperForm } from '../../sql';
import { TestWarehouse } from './warehouse';

const pipeline: Pipeline = {
  name: 'odd',
  stream: { capacity: { mode: 'provisioned', shards: 1 }, retentionHours: 24 },
  identity: { by: 'stream-position' },
  columns: [
    { name: 'text', path: ['text'], type: 'varchar', maxBytes: 65_535 },
    { name: 'code', path: ['code'], type: 'char', length: 3 },
    { name: 'small', path: ['small'], type: 'integer' },
    { name: 'large', path: ['large'], type: 'bigint' },
    { name: 'money', path: ['money'], type: 'decimal', precision: 38, scale: 4 },
    { name: 'share', path: ['share'], type: 'double' },
    { name: 'fine', path: ['fine'], type: 'boolean' },
    { name: 'day', path: ['day'], type: 'date' },
    { name: 'at', path: ['at'], type: 'timestamp' },
    { name: 'zoned', path: ['zoned'], type: 'timestamptz' },
    { name: 'hour', path: ['hour'], type: 'time' },
    { name: 'more', path: ['more'], type: 'super' },
  ],
  subject: ['text'],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};

const records = [
  {
    text: '<null>, "é" 😀\n',
    code: 'abc',
    small: -7,
    large: 9_007_199_254_740_991,
    money: 1234.5678,
    share: 0.1,
    fine: true,
    day: '2026-02-28',
    at: '2026-02-28T10:00:00.123456',
    zoned: '2026-02-28T10:00:00+02:00',
    hour: '10:11:12',
    more: { a: [1, 'x', null] },
  },
  { text: '', share: -1e300, fine: false, more: 'a text' },
  { text: 'NULL', more: [] },
  {},
];

let warehouse: TestWarehouse;
/** By table. */
const counted: unknown[][] = [];
beforeAll(async () => {
  warehouse = await TestWarehouse.create(pipeline);
  warehouse.send(...records, 'not JSON', 'x'.repeat(40_000), `${'"'.repeat(32_767)}`, '[1]');
  await warehouse.refresh();
  await run('unload', unload.statements);
  for (let at = 1; at < unload.statements.length; at += 2)
    counted.push((await warehouse.query(unload.statements[at]!))[0]!);
}, 120_000);

const urlOf = ({ name }: { readonly name: string }) => `s3://exports/full/${name}/`;
const unload = fullExportStatements(pipeline, { urlOf, roleArn: roleArn('unload'), encrypted: true });

async function run(name: string, statements: readonly string[]): Promise<void> {
  const { error } = await warehouse.attempt(name, { name, mode: 'transaction', statements }, {});
  if (error !== undefined) throw new Error(error);
}

const counts = async (table: string) => Number((await warehouse.query(`select count(*) from odd.${table}`))[0]![0]);

/** Fills the staging tables. Returns their counts and fingerprints beside those of the unload. */
async function stage(form: SuperForm): Promise<unknown[]> {
  const different: unknown[] = [];
  for (const [index, { table, create, copy, count }] of importedTables(pipeline).entries()) {
    await run('create', create);
    const unloaded = counted[index]!;
    if (Number(unloaded[0]) > 0) await run('copy', [copy(`${urlOf(table)}manifest`, roleArn('load'))]);
    for (const { name, type } of table.columns)
      if (form === 'text' && type === 'super')
        await run('text', [
          `update odd.millrace_import_${table.name} set ${name} = json_parse('"' || replace(replace(json_serialize(${name}), '\\\\', '\\\\\\\\'), '"', '\\\\"') || '"') where ${name} is not null`,
        ]);
    const [staged] = await warehouse.query(count(form));
    if (`${staged}` !== `${unloaded}`) different.push([table.name, unloaded, staged]);
  }
  return different;
}

const columns =
  'text, code, small, large, money, share, fine, day, at, zoned::varchar, hour::varchar, json_serialize(more), json_serialize(payload), partition_key, arrived_at, merged_at, source';
const eventsOf = async (where: string) =>
  (await warehouse.query(`select ${columns} from odd.events where ${where}`)).map((row) => JSON.stringify(row)).sort();
const rejectsOf = async (where: string) =>
  (
    await warehouse.query(
      `select reason, json_serialize(payload), octet_length(unparsed), from_varbyte(substring(unparsed, 1, 9), 'hex'), reasons from odd.rejects where ${where}`,
    )
  )
    .map((row) => JSON.stringify(row))
    .sort();

const options = { sameStream: false, merge: true, buckets: [], publishedExports: [] };

test('records fill every kind of table', async () => {
  expect([await counts('events'), await counts('rejects')]).toEqual([4, 4]);
  expect(await counts('rejects where octet_length(unparsed) > 32767')).toBe(1);
});

test.each([
  ['as values', 'value', 'a1'],
  // No page says which of the two COPY gives.
  ['as texts', 'text', 'b2'],
] as const)('every type comes back, if COPY reads SUPER %s', async (_, form, id) => {
  expect(await stage(form)).toEqual([]);
  const forms = Object.fromEntries(importedTables(pipeline).map(({ table }) => [table.name, form]));
  await run(
    'clear',
    ['events', 'rejects'].map((table) => `delete from ${tableOf(table)} where run_id like 'imported-%'`),
  );
  const { statements, answer } = importTransaction(pipeline, { ...options, id, forms });
  expect(statements.length).toBeLessThanOrEqual(40);
  expect(statements[answer]).toMatch(/from odd_import_found$/);
  await run('import', statements);
  const [imported, own] = [`run_id like 'imported-${id}:%'`, "run_id not like 'imported-%'"];
  expect(await eventsOf(imported)).toEqual(await eventsOf(own));
  expect(await rejectsOf(imported)).toEqual(await rejectsOf(own));
  // An id of a position belongs to its stream.
  expect(await warehouse.query('select count(distinct event_id) from odd.events')).toEqual([[8]]);
  expect(await warehouse.query(`select shard_id from odd.events where ${imported} group by 1`)).toEqual([
    ['foreign-000000000000'],
  ]);
});

test('where it is not accepted, nothing changes', async () => {
  await stage('value');
  const before = await counts('events');
  await run('import', importTransaction(pipeline, { ...options, id: 'c3', merge: false, forms: {} }).statements);
  expect(await counts('events')).toBe(before);
  expect(await counts("runs where run_id like 'imported-c3%'")).toBe(0);
});

test('the same stream: what is there already is left out, and the runs say so', async () => {
  await stage('value');
  const before = await counts('events');
  await run('import', importTransaction(pipeline, { ...options, id: 'd4', sameStream: true, forms: {} }).statements);
  expect(await counts('events')).toBe(before);
  expect(
    await warehouse.query("select sum(events), sum(rejects) from odd.runs where run_id like 'imported-d4%'"),
  ).toEqual([['0', '0']]);
});

test('a subject that was forgotten does not come back', async () => {
  await stage('value');
  await warehouse.mark('text', 'NULL');
  const before = await counts('events');
  await run('import', importTransaction(pipeline, { ...options, id: 'e5', forms: {} }).statements);
  expect(await counts('events')).toBe(before);
  expect(await counts("runs where run_id like 'imported-e5%'")).toBe(0);
});

const tableOf = (name: string) =>
  importTransaction(pipeline, { ...options, id: 'x', forms: {} })
    .statements.join('\n')
    .match(new RegExp(`odd\\.${name}_[0-9a-f]{8}`))![0];
