/** COPY reads JSON objects, not lines, and so does history: an object may span lines or share one (decision 32). */
import { gzipSync } from 'node:zlib';
import { notificationOf } from '../../lambda/load/notification';
import type { Pipeline } from '../../pipelines/definition';
import { buckets } from '../support/cloud';
import { SeamWorld } from '../support/seam';

const shop: Pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 64, required: true },
    { name: 'price', path: ['price'], type: 'bigint' },
  ],
  history: [
    { name: 'packed', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' },
    { name: 'plain', globs: ['plain/*.json'], format: 'ndjson', compression: 'none' },
  ],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};

let world: SeamWorld;
beforeEach(async () => {
  world = await SeamWorld.open(shop);
});
afterEach(() => world.dispose());

async function load(key: string, text: string): Promise<void> {
  const body = key.endsWith('.gz') && text !== '' ? gzipSync(text) : text;
  const etag = await world.put(key, body);
  world.queue(notificationOf({ bucket: buckets.history, key, etag, versionId: '', size: Buffer.byteLength(body) }));
  await world.pass(10);
  expect(world.deadLetters()).toEqual([]);
}
const ids = async () => (await world.query('select id from shop.events order by id')).flat();

const record = (id: string, indent?: number) => JSON.stringify({ id, price: 1, tags: [{ id: 'x' }] }, null, indent);

test.each(['in/a.gz', 'plain/a.json'])('objects however they are laid out: %s', async (key) => {
  await load(key, [record('a', 2), record('b', 2)].join('\n'));
  await load(key.replace('a.', 'b.'), `${record('c')}${record('d')} ${record('e')}\n${record('f', 1)}`);
  expect(await ids()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  expect(await world.query('select count(*) from shop.rejects')).toEqual([[0]]);
  expect(await world.query('select sum(events), sum(duplicates), sum(rejects) from shop.runs')).toEqual([
    ['6', '0', '0'],
  ]);
});

test('the positions of rejects are right: the line at which the object begins', async () => {
  const bad = '{\n  "id": "bad",\n  "price": "x"\n}';
  const broken = '{\n  "id": nope\n}';
  await load('in/a.gz', [record('a', 2), bad, broken, record('b', 2), 'GET /', `${record('c')}{"id": 1}`].join('\n'));
  expect(await ids()).toEqual(['a', 'b', 'c']);
  const rejects = await world.query(
    "select object_key, line, reason, payload is not null, from_varbyte(unparsed, 'utf8') from shop.rejects order by line",
  );
  const at = (line: number) => ['s3://history/in/a.gz', line];
  expect(rejects).toEqual([
    [...at(10), expect.stringMatching(/^price: /), true, null],
    [...at(14), expect.stringMatching(/^payload: not JSON/), false, broken],
    [...at(26), 'payload: not JSON', false, 'GET /'],
    [...at(27), expect.stringMatching(/^id: /), true, null],
  ]);
});

test('an object without a byte has no records, also if it is named gzip', async () => {
  await load('in/empty.gz', '');
  await load('plain/empty.json', '');
  expect(await world.query('select object_key, row_count from shop.ledger order by 1')).toEqual([
    ['in/empty.gz', 0],
    ['plain/empty.json', 0],
  ]);
});
