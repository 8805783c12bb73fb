/**
 * Records that stopped a pipeline or were lost on one of its paths: each beside good ones on the stream, in an object of the archive and in an object of history.
 * Each ends in exactly one place within two refreshes, and every good one is merged.
 */
import { gzipSync } from 'node:zlib';
import type { Pipeline } from '../../pipelines/definition';
import { SeamWorld } from '../support/seam';

const shop: Pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['customer', 'at', 'action'] },
  columns: [
    { name: 'customer', path: ['customer_id'], type: 'varchar', maxBytes: 64, required: true },
    { name: 'product', path: ['product', 'product_id'], type: 'varchar', maxBytes: 64, required: true },
    { name: 'price', path: ['product', 'price'], type: 'decimal', precision: 12, scale: 2 },
    {
      name: 'action',
      path: ['action'],
      type: 'varchar',
      maxBytes: 16,
      oneOf: ['view', 'cart', 'purchase'],
      required: true,
    },
    { name: 'at', path: ['timestamp'], type: 'timestamp', required: true },
  ],
  history: [{ name: 'lines', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};

const record = (customer: string, { product = '"p1"', at = '2026-11-20T10:00:00', more = '' } = {}) =>
  `{"customer_id":"${customer}","product":{"product_id":${product}},"action":"view","timestamp":"${at}"${more}}`;
const nested = (levels: number) => `,"x":${'['.repeat(levels)}${']'.repeat(levels)}`;

const event = { reason: null };
const notTaken = { reason: expect.stringMatching(/not JSON that SUPER takes: .*twice.*1,000 levels.*surrogate/) };
const long = `,"note":"${'x'.repeat(120_000)}"`;

/** Cases by name: the record, and its outcome on every path. */
const cases: Record<string, [text: string, outcome: { reason: unknown }]> = {
  'year one with an offset': [
    record('c1', { at: '0001-01-01T00:00:00+01:00' }),
    { reason: 'at: outside the years 1 to 9999 in UTC' },
  ],
  'deep nesting': [record('c2', { more: nested(30_000) }), notTaken],
  '1,001 levels': [record('c3', { more: nested(1001) }), notTaken],
  'an attribute twice': [record('c4', { more: ',"action":"cart"' }), notTaken],
  'half a surrogate pair': [record('c5', { product: '"p\\ud83d"' }), notTaken],
  'an escaped attribute name': [record('c6', { more: ',"it\\u0027s":1' }), event],
  'U+0000': [record('c7', { more: ',"note":"a\\u0000b"' }), event],
  'a byte order mark': [`\ufeff${record('c8')}`, { reason: 'payload: begins with a byte order mark' }],
  'a price of 1e2': [record('c9', { product: '"p1","price":1e2' }), event],
  'U+0000 in a long record': [record('c11', { more: `,"nul":"a\\u0000b"${long}` }), event],
  'half a surrogate pair in a long record': [record('c12', { product: '"p\\ud83d"', more: long }), notTaken],
  'a long text that is no JSON': [`"c13" ${'x'.repeat(120_000)}`, { reason: 'payload: not JSON' }],
};
const texts = Object.values(cases).map(([text]) => text);
const good = (from: string) => Array.from({ length: 20 }, (_, i) => record(`good ${from} ${i}`));
/** Good ones stand before, between and behind the others. */
const beside = (from: string) => good(from).flatMap((text, i) => (texts[i] === undefined ? [text] : [text, texts[i]]));

let world: SeamWorld;
beforeEach(async () => {
  world = await SeamWorld.open(shop);
});
afterEach(() => world.dispose());

/** Events and rejects of the odd records, in the order of the cases. */
async function outcomes(): Promise<{ reason: unknown }[]> {
  const events = await world.query("select customer from shop.events where customer like 'c%'");
  const rejects = await world.query(
    "select reason, case when payload is not null then json_serialize(payload) else from_varbyte(substring(unparsed, 1, 1000), 'utf8') end as text from shop.rejects",
  );
  const customers = events.map(([customer]) => String(customer));
  return texts.map((text) => {
    const customer = /"c\d+"/.exec(text)![0];
    const found = rejects.filter(([, kept]) => String(kept).includes(customer)).map(([reason]) => ({ reason }));
    if (customers.includes(customer.slice(1, -1))) found.push({ reason: null });
    return found.length === 1 ? found[0]! : { reason: `${found.length} places` };
  });
}

async function goodOnes(from: string): Promise<number> {
  const [[count] = []] = await world.query(`select count(*) from shop.events where customer like 'good ${from} %'`);
  return Number(count);
}

/** As the notification of a backfill does. */
async function load(bucket: 'archive' | 'history', key: string): Promise<void> {
  await world.notify(bucket, key);
  await world.pass(5);
}

const fromStream = Object.values(cases).map(([, outcome]) => outcome);

test('on the stream; a backfill of the archive adds nothing', async () => {
  world.send(...beside('stream'));
  await world.tick('refresh');
  await world.tick('refresh');
  expect(await outcomes()).toEqual(fromStream);
  expect(await goodOnes('stream')).toBe(20);

  await load('archive', await world.archive(await world.records()));
  expect(world.deadLetters()).toEqual([]);
  expect(await outcomes()).toEqual(fromStream);
  expect(await world.query('select count(*) from shop.ledger')).toEqual([[1]]);
}, 120_000);

test('in an object of the archive', async () => {
  world.send(...beside('archive'));
  await load('archive', await world.archive(await world.records()));
  expect(world.deadLetters()).toEqual([]);
  expect(await outcomes()).toEqual(fromStream);
  expect(await world.query('select count(*) from shop.rejects')).toEqual([
    [fromStream.filter(({ reason }) => reason !== null).length],
  ]);
  expect(await goodOnes('archive')).toBe(20);
}, 120_000);

test('in an object of history', async () => {
  await world.put('in/a.gz', gzipSync(`${beside('history').join('\n')}\n`));
  await load('history', 'in/a.gz');
  expect(world.deadLetters()).toEqual([]);
  expect(await outcomes()).toEqual(fromStream);
  const rejects = fromStream.filter(({ reason }) => reason !== null).length;
  const places = 'select object_key, count(*), count(line) from shop.rejects group by object_key';
  expect(await world.query(places)).toEqual([['s3://history/in/a.gz', rejects, rejects]]);
  expect(await goodOnes('history')).toBe(20);
}, 120_000);

test('lines of the archive that Millrace did not write stop nothing', async () => {
  const line = (more: object) =>
    JSON.stringify({ shard_id: 'shardId-000000000000', partition_key: 'k', payload: null, unparsed: null, ...more });
  const time = '2026-11-20T10:00:00.000';
  const lines = [
    line({ sequence_number: '1', approximate_arrival_timestamp: time, unparsed: 'no base64!' }),
    line({
      sequence_number: '2',
      approximate_arrival_timestamp: time,
      unparsed: Buffer.from('GET /').toString('base64'),
    }),
    line({
      sequence_number: '3',
      approximate_arrival_timestamp: '0001-01-01T00:00:00',
      payload: JSON.parse(record('c1')),
    }),
    line({ sequence_number: '4', approximate_arrival_timestamp: 'yesterday', payload: JSON.parse(record('c2')) }),
    line({ payload: JSON.parse(record('c3')) }),
    line({ sequence_number: '5', approximate_arrival_timestamp: time, payload: JSON.parse(record('good archive 0')) }),
  ];
  await world.put('archive/shop/2026/11/20/10/1.gz', gzipSync(`${lines.join('\n')}\n`), 'archive');
  await load('archive', 'archive/shop/2026/11/20/10/1.gz');
  expect(world.deadLetters()).toEqual([]);
  expect(await world.query('select customer from shop.events order by customer')).toEqual([
    ['c1'],
    ['c2'],
    ['c3'],
    ['good archive 0'],
  ]);
  expect(await world.query('select sequence_number, reason from shop.rejects order by sequence_number')).toEqual([
    ['1', expect.stringContaining('cannot be decoded')],
    ['2', 'payload: not JSON'],
  ]);
}, 120_000);

test('where the position is the identity, a line without one is a reject', async () => {
  await world.dispose();
  world = await SeamWorld.open({ ...shop, identity: { by: 'stream-position' }, history: [] });
  const lines = [
    { approximate_arrival_timestamp: '2026-11-20T10:00:00.000', shard_id: 'shardId-000000000000' },
    { sequence_number: '5' },
  ];
  const texts = lines.map((more) => JSON.stringify({ ...more, payload: JSON.parse(record('c1')), unparsed: null }));
  await world.put('archive/shop/2026/11/20/10/1.gz', gzipSync(`${texts.join('\n')}\n`), 'archive');
  await load('archive', 'archive/shop/2026/11/20/10/1.gz');
  expect(world.deadLetters()).toEqual([]);
  expect(await world.query('select reason from shop.rejects')).toEqual(
    lines.map(() => ['identity: no position on the stream']),
  );
}, 120_000);
