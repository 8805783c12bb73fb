import type { ViewChecks, WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import { emptyWarehouse, type Objects } from '../../support/objects';

let objects: Objects;
let requests = 0;

beforeAll(async () => {
  objects = await emptyWarehouse(Date.UTC(2026, 10, 21, 12));
  for (const sql of [
    'create schema shop',
    'create table shop.sales (id bigint, kind varchar(8))',
    'create table shop.empty (id bigint, kind varchar(8))',
    'create table shop.runs (rows_read bigint, rejects bigint, merged_at timestamp)',
    `insert into shop.sales values ${Array.from({ length: 100 }, (_, i) => `(${i}, 'k${i % 10}')`).join(', ')}`,
  ])
    await objects.run(sql);
});
afterAll(() => objects.cloud.dispose());
beforeEach(() => objects.run('delete from shop.runs'));

const checks: ViewChecks = {
  recomputed: false,
  mayShrink: 0.5,
  mayGrow: 10,
  reads: ['shop.sales'],
  upToDate: [],
  runs: 'shop.runs',
  rejects: 'shop.rejects',
};
const view = (name: string, query: string, more: Partial<ViewChecks> = {}): WarehouseObjectProperties => ({
  name: `shop.${name}`,
  kind: 'materialized-view',
  version: '1a2b3c4d',
  identity: 'owner',
  create: JSON.stringify([
    {
      name: 'create',
      mode: 'single',
      statements: [`create materialized view shop.${name} auto refresh no as ${query}`],
    },
  ]),
  delete: JSON.stringify([
    { name: 'drop', mode: 'single', statements: [`drop materialized view if exists shop.${name}`] },
  ]),
  checks: JSON.stringify({ ...checks, ...more }),
});
const old = view('sold_old', 'select id, kind from shop.sales');

const create = (properties: WarehouseObjectProperties) =>
  objects.request({ type: 'Create', requestId: `r${requests++}`, properties });
const replace = (properties: WarehouseObjectProperties, before = old) =>
  objects.request({
    type: 'Update',
    requestId: `r${requests++}`,
    properties,
    old: before,
    physicalId: `${before.name}@${before.version}`,
  });
const drop = (properties: WarehouseObjectProperties) =>
  objects.request({
    type: 'Delete',
    requestId: `r${requests++}`,
    properties,
    physicalId: `${properties.name}@${properties.version}`,
  });
const recorded = async () =>
  (await objects.run("select name from millrace.objects where kind = 'materialized-view' order by 1")).map(
    ({ name }) => name,
  );

beforeAll(() => create(old));
afterEach(async () => {
  expect(await recorded()).toEqual(['shop.sold_old']);
});

test.each([
  [
    'is empty',
    view('none', "select id, kind from shop.sales where kind = 'nothing'"),
    'materialized-view shop.none is not given to readers: it has 0 rows where the version before it, shop.sold_old, has 100; at least 50 were expected (mayShrink: 0.5). It reads shop.sales 100.',
  ],
  [
    'lost more rows than it may',
    view('few', "select id, kind from shop.sales where kind < 'k4'"),
    'it has 40 rows where the version before it, shop.sold_old, has 100; at least 50 were expected',
  ],
  [
    'multiplies its rows',
    view('many', 'select a.id, b.kind from shop.sales a join shop.sales b on a.id <> b.id'),
    'it has 9900 rows, more than 10 times those of shop.sales, which has 100 and is the largest that it reads',
  ],
  [
    'is recomputed at every refresh',
    view('distinct_kinds', 'select distinct id, kind from shop.sales'),
    'Redshift would recompute it at every refresh (state 0 in SVV_MV_INFO)',
  ],
])('a new version that %s is not given to readers', async (_, properties, message) => {
  await expect(replace(properties)).rejects.toThrow(message);
  await drop(properties);
});

test.each([
  ['shrinks as much as it may', view('half', "select id, kind from shop.sales where kind < 'k5'")],
  ['says that it may', view('few', "select id, kind from shop.sales where kind < 'k1'", { mayShrink: 0.9 })],
  ['may lose everything', view('none', "select id, kind from shop.sales where kind = 'no'", { mayShrink: 1 })],
  ['says that it grows', view('many', 'select a.id from shop.sales a cross join shop.sales b', { mayGrow: 100 })],
  ['says that it is recomputed', view('kinds', 'select distinct id, kind from shop.sales', { recomputed: true })],
])('a new version that %s passes', async (_, properties) => {
  await replace(properties);
  expect(await recorded()).toContain(properties.name);
  await drop(properties);
});

test('a view of empty tables, or without a version before it, is as it is', async () => {
  const none = view('none', 'select id, kind from shop.empty', { reads: ['shop.empty'] });
  await replace(none);
  await drop(none);
  const counted = view('counted', 'select count(*) as n from shop.empty', { reads: ['shop.empty'] });
  await create(counted);
  await drop(counted);
  const alone = view('alone', "select id from shop.sales where kind = 'no'");
  await replace(alone, view('dropped_by_somebody', 'select 1 as one'));
  await drop(alone);
});

test.each([
  [
    'an explosion of rejects',
    1000,
    10,
    200,
    40,
    /since this deployment began, 40 of 200 merged rows were rejected \(20\.0 %\); in the 168 hours before it were 10 of 1000 \(1\.0 %\)/,
  ],
  ['as many rejects as ever', 1000, 100, 200, 40, undefined],
  ['too few rows to tell', 1000, 0, 50, 50, undefined],
  ['few rejects, where there were none', 1000, 0, 200, 10, undefined],
  ['nothing to compare with', 0, 0, 200, 200, undefined],
])('%s', async (_, readBefore, rejectsBefore, read, rejects, message) => {
  const merged = (rowsRead: number, rejected: number) =>
    objects.run(`insert into shop.runs values (${rowsRead}, ${rejected}, getdate())`);
  if (readBefore > 0) await merged(readBefore, rejectsBefore);
  await objects.cloud.pass(60_000);
  const properties = view('again', 'select id, kind from shop.sales');
  const requestId = `r${requests++}`;
  const request = { type: 'Update' as const, requestId, properties, old, physicalId: `${old.name}@${old.version}` };
  let calls = 0;
  // Stopped after the view is there, and before it is checked.
  objects.kill = () => {
    if (++calls > 12) throw new Error('killed');
  };
  await objects.request(request).catch(() => undefined);
  objects.kill = () => undefined;
  await objects.run('select count(*) from shop.again');
  await merged(read, rejects);
  if (message) await expect(objects.request(request)).rejects.toThrow(message);
  else await objects.request(request);
  await drop(properties);
});

test('a rollback goes back to a version that passed before, whatever it looks like now', async () => {
  const more = view('more', 'select id, kind, 1 as one from shop.sales', {});
  await replace(more);
  await objects.run('delete from shop.sales where id >= 0 and id < 90');
  await objects.run('refresh materialized view shop.sold_old');
  await replace(old, more);
  await drop(more);
  await objects.run(
    `insert into shop.sales values ${Array.from({ length: 90 }, (_, i) => `(${i}, 'k${i % 10}')`).join(', ')}`,
  );
  await objects.run('refresh materialized view shop.sold_old');
});
