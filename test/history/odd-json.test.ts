/**
 * Generated odd records. Whatever JSON is in a record, it has the same outcome and reason on the stream, in the archive
 * and in history, and is counted once (decision 32).
 */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { Pipeline } from '../../pipelines/definition';
import { SeamWorld } from '../support/seam';
import { cases, seedOf } from '../support/tier';

const shop: Pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 64, required: true },
    { name: 'price', path: ['price'], type: 'decimal', precision: 12, scale: 2 },
    { name: 'note', path: ['note'], type: 'varchar', maxBytes: 200 },
  ],
  history: [{ name: 'lines', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};

const odd = (...texts: string[]) => fc.constantFrom(...texts);
const word = odd(
  'a',
  'note',
  'id',
  '\\u0061',
  'n\\u006fte',
  'it\\u0027s',
  '\\u0000',
  'x\\ud83d',
  'é',
  '',
  '\\"',
  '\\x',
  '\t',
  'Price',
);
const string = fc
  .array(
    odd('a', 'é', '😀', '\\n', '\\u0000', '\\ud83d', '\\ude00', '\\ud83d\\ude00', '\\u00e9', '\\q', '\u0001', "'"),
    { maxLength: 4 },
  )
  .map((parts) => `"${parts.join('')}"`);
const number = odd(
  '0',
  '1',
  '-0',
  '1.10',
  '1e2',
  '1E+2',
  '-1e-7',
  '1e400',
  '01',
  '1.',
  '.5',
  '+1',
  '0x1',
  '9007199254740993',
  '123456789012345678901234567890',
  'NaN',
  '-Infinity',
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    odd('true', 'false', 'null', 'nul', 'TRUE', 'undefined'),
    string,
    number,
    fc
      .array(tie('value'), { maxLength: 3 })
      .chain((items) => odd(`[${items.join(',')}]`, `[ ${items.join(' , ')} ]`, `[${items.join(',')},]`)),
    fc
      .array(fc.tuple(word, tie('value')), { maxLength: 3 })
      .map((members) => `{${members.map(([name, item]) => `"${name}":${item}`).join(', ')}}`),
  ),
}));
/** Generates a record with its own id, unless an oddity hides the id. */
const record = fc.tuple(
  fc.array(fc.tuple(word, value), { maxLength: 3 }),
  odd('', '', '', '\ufeff', '\u00a0', '//'),
  odd('', '', '', ' x', ','),
);
const special = [
  ...[
    1,
    '"id"',
    'null',
    '[]',
    '[{"id":"s1"}]',
    'GET /',
    "{'id':'s2'}",
    '{"id":"s3",}',
    '{"id":"s4"',
    '{"id":"s5"}}',
    '\\u007b}',
  ].map(String),
  ...[999, 1000, 1001, 30_000].map(
    (levels) => `{"id":"deep ${levels}","x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`,
  ),
  ...['\\u0000', '\\ud83d'].map((text) => `{"id":"long ${text.length}","x":"${text}${'x'.repeat(100_000)}"}`),
  `{"id":"note","note":"${'é'.repeat(200)}"}`,
].map((text) => Buffer.from(text));
const bytes = [
  Buffer.from([0xff, 0xfe, 0x7b]),
  Buffer.from('{"id":"\xe9"}', 'latin1'),
  gzipSync('{"id":"packed"}').map((byte) => (byte === 10 ? 11 : byte)) as Buffer,
];

const records: readonly Buffer[] = [
  ...fc
    .sample(record, { seed: seedOf(15), numRuns: cases(120, 1000) })
    .map(([members, before, after], index) =>
      Buffer.from(`${before}{"id":"r${index}"${members.map(([name, item]) => `,"${name}":${item}`).join('')}}${after}`),
    ),
  ...special,
  ...bytes,
];
/** Good records between the odd ones, so that the lines of a file show where each odd record ends. */
const all = records.flatMap((bytes, index) => [bytes, Buffer.from(`{"id":"good ${index}"}`)]);

let world: SeamWorld;
beforeEach(async () => {
  world = await SeamWorld.open(shop);
});
afterEach(() => world.dispose());

async function load(bucket: 'archive' | 'history', key: string): Promise<void> {
  await world.notify(bucket, key);
  await world.pass(10);
  expect(world.deadLetters()).toEqual([]);
}
const send = () => {
  for (let at = 0; at < all.length; at += 200) world.send(...all.slice(at, at + 200));
};
const backfill = async () => load('archive', await world.archive(await world.records()));

const kept =
  "case when json_size(payload) < 60000 then json_serialize(payload) else 'size ' || json_size(payload)::varchar end";

/** Returns every row, with the stored parts of its record. */
async function outcomes(): Promise<string[]> {
  const events = await world.query(`select 'event', ${kept}, id, price, note from shop.events`);
  const duplicates = await world.query("select 'duplicate', event_id from shop.duplicates");
  const rejects = await world.query(
    `select 'reject', reason, case when unparsed is null then ${kept} else sha2(unparsed, 256) end from shop.rejects`,
  );
  const rows = [...events, ...duplicates, ...rejects];
  const [[counted] = []] = await world.query('select sum(events) + sum(duplicates) + sum(rejects) from shop.runs');
  expect(Number(counted)).toBe(rows.length);
  return rows.map((row) => JSON.stringify(row)).sort();
}

let fromStream: string[];
test('on the stream, and then in the archive', async () => {
  send();
  await world.tick('refresh');
  await world.tick('refresh');
  fromStream = await outcomes();
  expect(fromStream).toHaveLength(all.length);
  expect(fromStream.filter((row) => row.startsWith('["event"')).length).toBeGreaterThan(records.length);
  expect(fromStream.filter((row) => row.startsWith('["reject"')).length).toBeGreaterThan(60);
  await backfill();
  expect(await outcomes()).toEqual(fromStream);
});

test('in the archive, and then on the stream', async () => {
  send();
  await backfill();
  expect(await outcomes()).toEqual(fromStream);
  await world.tick('refresh');
  await world.tick('refresh');
  expect(await outcomes()).toEqual(fromStream);
});

test('in history', async () => {
  await world.put('in/a.gz', gzipSync(Buffer.concat(all.flatMap((bytes) => [bytes, Buffer.from('\n')]))));
  await load('history', 'in/a.gz');
  expect(await outcomes()).toEqual(fromStream);
});
