/**
 * A typical file of orders from a shop: thirty columns with nested objects, arrays, dates, offsets, decimals as text,
 * epochs, booleans as 0 and 1, and nulls. Its types are declared once. Every order becomes an event, without a reject,
 * from the stream and from history. Views sum the orders, and exports contain them.
 */
import { gzipSync } from 'node:zlib';
import { checkPipeline } from '../../lib/rules/pipeline';
import type { Column, FileColumn, Pipeline } from '../../pipelines/definition';
import { buckets, outsider } from '../support/cloud';
import { parquet } from '../support/files';
import { SeamWorld } from '../support/seam';

const money = { type: 'decimal', precision: 12, scale: 2, convert: 'text' } as const;
const columns: Column[] = [
  { name: 'order_id', path: ['orderId'], type: 'bigint', required: true },
  { name: 'order_number', path: ['number'], type: 'varchar', maxBytes: 32, required: true },
  { name: 'channel', path: ['channel'], type: 'varchar', maxBytes: 16, oneOf: ['web', 'shop', 'app'], default: 'web' },
  { name: 'status', path: ['status'], type: 'varchar', maxBytes: 16, trim: true },
  { name: 'currency', path: ['currency'], type: 'char', length: 3, trim: true },
  { name: 'ordered_on', path: ['orderedOn'], type: 'date', required: true },
  { name: 'ordered_at', path: ['orderedAt'], type: 'timestamp', convert: 'iso', required: true },
  { name: 'paid_at', path: ['paidAt'], type: 'timestamptz', convert: 'epochmillis' },
  { name: 'shipped_at', path: ['shippedAt'], type: 'timestamp', convert: 'epochseconds' },
  { name: 'delivery_on', path: ['deliveryOn'], type: 'date', convert: { format: 'DD/MM/YYYY' } },
  { name: 'pickup', path: ['pickup'], type: 'time', convert: 'iso' },
  { name: 'updated_at', path: ['updatedAt'], type: 'timestamptz' },
  { name: 'total', path: ['amounts', 'total'], ...money, required: true },
  { name: 'tax', path: ['amounts', 'tax'], ...money },
  { name: 'discount', path: ['amounts', 'discount'], ...money, emptyAsNull: true, default: '0.00' },
  { name: 'shipping', path: ['amounts', 'shipping'], ...money },
  { name: 'exchange_rate', path: ['amounts', 'rate'], type: 'double', convert: 'text' },
  { name: 'quantity', path: ['quantity'], type: 'integer', convert: 'text' },
  { name: 'weight', path: ['weight'], type: 'double' },
  { name: 'customer_id', path: ['customer', 'id'], type: 'varchar', maxBytes: 32, convert: 'text' },
  { name: 'email', path: ['customer', 'email'], type: 'varchar', maxBytes: 256, trim: true, emptyAsNull: true },
  { name: 'is_vip', path: ['customer', 'vip'], type: 'boolean', convert: 'flag' },
  { name: 'country', path: ['address', 'country'], type: 'char', length: 2 },
  { name: 'address', path: ['address'], type: 'super' },
  { name: 'items', path: ['items'], type: 'super' },
  { name: 'tags', path: ['tags'], type: 'super' },
  { name: 'is_gift', path: ['gift'], type: 'boolean', convert: 'flag', default: false },
  { name: 'is_test', path: ['test'], type: 'boolean', convert: 'flag' },
  { name: 'coupon', path: ['coupon'], type: 'varchar', maxBytes: 32, emptyAsNull: true },
  { name: 'notes', path: ['notes'], type: 'varchar', maxBytes: 1024, emptyAsNull: true },
];

const csvColumns: FileColumn[] = columns
  .filter(({ name }) => name !== 'country')
  .map(({ name, path }) => ({ name, path }));

const pipeline: Pipeline = {
  name: 'orders',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['order_id', 'ordered_on'] },
  columns,
  history: [
    { name: 'lines', globs: ['lines/*.gz'], format: 'ndjson', compression: 'gzip' },
    { name: 'sheets', globs: ['sheets/*.csv'], format: 'csv', compression: 'none', columns: csvColumns },
    {
      name: 'tables',
      globs: ['tables/*.parquet'],
      format: 'parquet',
      compression: 'none',
      columns: [
        { name: 'order_id', path: ['orderId'], type: 'bigint' },
        { name: 'number', type: 'varchar' },
        { name: 'ordered_on', path: ['orderedOn'], type: 'date' },
        { name: 'ordered_at', path: ['orderedAt'], type: 'timestamp' },
        { name: 'total', path: ['amounts', 'total'], type: 'decimal(12,2)' },
      ],
    },
  ],
  refreshEveryMinutes: 1,
  views: [
    {
      name: 'daily',
      file: 'views/daily.sql',
      query:
        'select ordered_on, currency, count(*) as orders, sum(total) as total, sum(quantity) as pieces from orders.events group by ordered_on, currency',
    },
  ],
  exports: (['parquet', 'csv', 'json'] as const).map((kind) => ({
    name: kind,
    file: `exports/${kind}.sql`,
    // UNLOAD writes booleans as t and f, which is not JSON.
    query: `select order_id, currency, ordered_on, ordered_at, delivery_on, pickup, total, items, quantity${kind === 'json' ? '' : ', is_vip'}, paid_at::timestamp as paid_at from orders.events`,
    content: { kind: 'snapshot', every: 'hour' },
    format: { kind, ...(kind === 'parquet' ? {} : { gzip: false }) } as never,
  })),
};

const count = 40;
const two = (n: number) => String(n).padStart(2, '0');
/** Makes the nth order. Its values have several spellings. */
const order = (n: number) => ({
  orderId: n,
  number: `A-${1000 + n}`,
  ...(n % 3 === 0 ? {} : { channel: n % 2 ? 'shop' : 'app' }),
  status: n % 2 ? ' paid ' : 'paid',
  currency: n % 4 ? 'EUR' : ' USD ',
  orderedOn: `2026-11-${two((n % 5) + 10)}`,
  orderedAt: [
    `2026-11-${two((n % 5) + 10)}`,
    '2026-11-10T10:00+01',
    '2026-11-10 09:00:00 UTC',
    '2026-11-10T10:00:00.5-0500',
  ][n % 4],
  paidAt: n % 2 ? 1_764_410_400_123 : '1764410400123',
  shippedAt: n % 5 ? 1_764_410_400 : null,
  deliveryOn: '24/11/2026',
  pickup: n % 2 ? '10:30' : '10:30:15',
  updatedAt: '2026-11-20T10:00:00.123456+02:00',
  amounts: {
    total: n % 2 ? `${100 + n}.50` : 100 + n + 0.5,
    tax: '19.00',
    discount: n % 3 ? '' : null,
    shipping: 4.9,
    rate: n % 2 ? '1.0875' : 1.0875,
  },
  quantity: n % 2 ? '3' : 3,
  weight: 1.25,
  customer: { id: n % 2 ? 77 : '77', email: n % 4 ? ' a@example.com ' : '  ', vip: n % 2 },
  address: { country: 'DE', zip: '01234', lines: ['Street 1', null] },
  items: [{ sku: `s${n}`, price: 12.5, options: {} }],
  tags: n % 3 ? ['new', 'sale'] : null,
  gift: n % 2 ? 'true' : 0,
  test: n % 2 ? false : '0',
  coupon: null,
  notes: n % 2 ? '' : 'leave at the "door", please',
});

function csvLine(n: number): string {
  const payload = order(n) as unknown as Record<string, unknown>;
  return csvColumns
    .map(({ path }) => {
      const value = path!.reduce<unknown>((node, name) => (node as Record<string, unknown> | null)?.[name], payload);
      const text =
        value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(',');
}

const shown = columns.map(({ name, type }) =>
  type === 'super' ? `json_serialize(${name})` : name === 'country' ? `rtrim(country)` : name,
);
let world: SeamWorld;
/** Returns the events of a source, without the columns that depend on it. */
const events = (source: string) =>
  world.query(`select ${shown.join(', ')} from orders.events where source = '${source}' order by order_id`);

beforeAll(async () => {
  expect(checkPipeline(pipeline, 'pipelines.orders', Date.UTC(2026, 10, 21)).problems).toEqual([]);
  world = await SeamWorld.open(pipeline);
}, 120_000);
afterAll(() => world?.dispose());

const numbers = Array.from({ length: count }, (_, n) => n);

test('every order of the stream is an event, and the same as from a file', async () => {
  world.send(...numbers.map(order));
  await world.tick('refresh');
  expect(await world.query('select reason, reasons from orders.rejects')).toEqual([]);
  const fromStream = await events('stream');
  expect(fromStream).toHaveLength(count);
  const first = Object.fromEntries(columns.map(({ name }, i) => [name, fromStream[1]![i]]));
  expect(first).toMatchObject({
    order_id: 1,
    channel: 'shop',
    status: 'paid',
    currency: 'EUR',
    total: '101.50',
    discount: '0.00',
    exchange_rate: 1.0875,
    quantity: 3,
    customer_id: '77',
    email: 'a@example.com',
    is_vip: true,
    is_gift: true,
    is_test: false,
    coupon: null,
    notes: null,
    country: 'DE',
    items: '[{"sku":"s1","price":12.5,"options":{}}]',
  });
  // The same orders in files are duplicates: their ids are equal.
  await world.put('lines/all.gz', gzipSync(numbers.map((n) => `${JSON.stringify(order(n))}\n`).join('')));
  await world.pass(1);
  expect(
    await world.query(
      'select (select count(*) from orders.events), (select count(*) from orders.duplicates), (select count(*) from orders.rejects)',
    ),
  ).toEqual([[count, count, 0]]);
  // Other orders become events, with the same values as from the stream.
  const later = (n: number) => ({ ...order(n), orderId: n + 1000 });
  await world.put('lines/more.gz', gzipSync(numbers.map((n) => `${JSON.stringify(later(n))}\n`).join('')));
  await world.pass(1);
  const fromFile = await events('history');
  expect(fromFile.map(([, ...rest]) => rest)).toEqual(fromStream.map(([, ...rest]) => rest));
}, 120_000);

test('a CSV and a Parquet file need no other declaration', async () => {
  const header = csvColumns.map(({ name }) => name).join(',');
  const lines = numbers.map((n) => csvLine(n).replace(/^\d+/, String(n + 2000)));
  await world.put('sheets/all.csv', `${header}\n${lines.join('\n')}\n`);
  await world.put(
    'tables/all.parquet',
    await parquet(
      `select (i + 3000)::bigint as order_id, 'P' as number, date '2026-11-10' as ordered_on, timestamp '2026-11-10 10:00:00' as ordered_at, 1.25::decimal(12,2) as total from range(${count}) t(i)`,
    ),
  );
  await world.pass(1);
  expect(await world.query('select object_key, reason from orders.parked')).toEqual([]);
  expect(await world.query('select reasons from orders.rejects')).toEqual([]);
  expect(await world.query('select count(*) from orders.events where order_id >= 2000 and order_id < 3000')).toEqual([
    [count],
  ]);
  expect(await world.query('select count(*), sum(total) from orders.events where order_id >= 3000')).toEqual([
    [count, '50.00'],
  ]);
  const [csv] = await world.query(
    'select ordered_on, delivery_on, pickup, total, discount, quantity, is_vip, json_typeof(items), items[0].sku::varchar, json_typeof(address), notes from orders.events where order_id = 2002',
  );
  expect(csv).toEqual([
    '2026-11-12',
    '2026-11-24',
    '10:30:15',
    '102.50',
    '0.00',
    3,
    false,
    'array',
    's2',
    'object',
    'leave at the "door", please',
  ]);
}, 120_000);

test('what the options of a column changed is counted, by column and run', async () => {
  const counted = new Map(
    (
      await world.query(
        "select column_name || ' ' || how, sum(records) from orders.conversions c join orders.runs r on r.run_id = c.run_id where r.source = 'stream' group by 1",
      )
    ).map(([name, records]) => [name, Number(records)]),
  );
  expect(counted.get('total convert')).toBe(count / 2);
  expect(counted.get('currency trim')).toBe(count / 4);
  expect(counted.get('channel default')).toBe(numbers.filter((n) => n % 3 === 0).length);
  expect(counted.get('notes emptyAsNull')).toBe(count / 2);
  expect(counted.get('delivery_on convert')).toBe(count);
  expect(counted.has('weight convert')).toBe(false);
}, 120_000);

test('views sum them', async () => {
  await world.tick('refresh');
  const rows = await world.query(
    'select ordered_on, rtrim(currency), orders, total, pieces from orders.daily order by 1, 2',
  );
  const expected = await world.query(
    'select ordered_on, rtrim(currency), count(*), sum(total), sum(quantity) from orders.events group by 1, 2 order by 1, 2',
  );
  expect(rows).toEqual(expected);
  expect(rows.length).toBeGreaterThan(5);
}, 120_000);

test('exports have them, in each format', async () => {
  await world.pass(60);
  await world.tick('refresh');
  await world.tick('export');
  const total = Number((await world.query('select count(*) from orders.events'))[0]![0]);
  const published = await world.query('select export, sum(row_count) from orders.exports group by 1 order by 1');
  expect(published.map(([name, rows]) => [name, Number(rows)])).toEqual([
    ['csv', total],
    ['json', total],
    ['parquet', total],
  ]);
  const [[location]] = (await world.query("select location from orders.exports where export = 'json'")) as [[string]];
  const keys = await listed(String(location));
  const lines = (await Promise.all(keys.map((key) => world.cloud.s3.port.get(outsider, buckets.exports, key))))
    .flatMap((body) => String(body).split('\n'))
    .filter((line) => line.startsWith('{'));
  const one = lines.map((line) => JSON.parse(line) as Record<string, unknown>).find(({ order_id: id }) => id === 1)!;
  expect(one).toMatchObject({
    ordered_on: expect.any(String),
    total: 101.5,
    items: [{ sku: 's1', price: 12.5, options: {} }],
    quantity: 3,
  });
}, 120_000);

async function listed(location: string): Promise<string[]> {
  const prefix = location.replace(/^s3:\/\/[^/]+\//, '');
  const found = await world.cloud.s3.port.list(outsider, buckets.exports, prefix);
  return found.map(({ key }) => key).filter((key) => !/manifest|success/.test(key));
}
