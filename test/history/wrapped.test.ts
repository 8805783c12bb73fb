/**
 * Records that wrap their event, or hold several in an array. Each event has the same outcome from stream, archive and
 * history (decision 33).
 */
import { gzipSync } from 'node:zlib';
import { aggregate } from 'kinesis-reader/testing';
import type { Pipeline, RecordShape } from '../../pipelines/definition';
import { SeamWorld } from '../support/seam';
import { everyNth, secondTierTest } from '../support/tier';

const shopOf = (
  records: RecordShape,
  identity: Pipeline['identity'] = { by: 'columns', columns: ['id'] },
): Pipeline => ({
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24, records },
  identity,
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 64, required: true },
    { name: 'price', path: ['price'], type: 'bigint' },
  ],
  history: [{ name: 'lines', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip', records }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
});

let world: SeamWorld;
afterEach(() => world.dispose());

async function load(bucket: 'archive' | 'history', key: string): Promise<void> {
  await world.notify(bucket, key);
  await world.pass(5);
  expect(world.deadLetters()).toEqual([]);
}

async function outcomes() {
  const events = await world.query('select id, json_serialize(payload) from shop.events order by id');
  const [[duplicates] = []] = await world.query('select count(*) from shop.duplicates');
  const rejects = await world.query(
    "select reason, case when unparsed is null then json_serialize(payload) else from_varbyte(unparsed, 'utf8') end from shop.rejects order by 1, 2",
  );
  const counted = await world.query('select sum(events), sum(duplicates), sum(rejects) from shop.runs');
  expect(counted[0]!.map(Number)).toEqual([events.length, duplicates, rejects.length]);
  return { events: events.map(([id]) => id), payloads: events.map(([, payload]) => payload), duplicates, rejects };
}

const event = (id: string) => ({ id, price: 1 });
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');

const cases: Record<string, { records: RecordShape; sent: unknown[]; events: string[]; rejects: [string, unknown][] }> =
  {
    'an envelope of EventBridge': {
      records: { unwrap: ['detail'] },
      sent: [
        { 'detail-type': 'order', detail: event('a') },
        { 'detail-type': 'other' },
        { detail: null },
        { detail: { price: 1 } },
        { detail: 7 },
        event('b'),
      ],
      events: ['a'],
      rejects: [
        ['id: expected a string, got nothing', { price: 1 }],
        ['payload: expected an object, got a number', 7],
        ['payload: nothing at detail', { 'detail-type': 'other' }],
        ['payload: nothing at detail', { detail: null }],
        ['payload: nothing at detail', event('b')],
      ],
    },
    'a message of SNS, which is a text': {
      records: { unwrap: ['Message'] },
      sent: [{ Type: 'Notification', Message: JSON.stringify(event('a')) }, { Message: 'hello' }],
      events: ['a'],
      rejects: [['payload: the text at Message is not JSON, or is longer than 65535 bytes', { Message: 'hello' }]],
    },
    'base64 inside JSON': {
      records: { unwrap: ["It's", 'Data'], base64: true },
      sent: [
        { "It's": { Data: base64(event('a')) } },
        { "It's": { Data: '%' } },
        { "It's": { Data: base64('x').slice(0, 3) } },
      ],
      events: ['a'],
      rejects: [
        [
          "payload: the text at It's.Data is not base64 of JSON, or is longer than 65535 bytes",
          { "It's": { Data: '%' } },
        ],
        [
          "payload: the text at It's.Data is not base64 of JSON, or is longer than 65535 bytes",
          { "It's": { Data: 'Ing' } },
        ],
      ],
    },
    'an array of events': {
      records: { unwrap: ['*'] },
      sent: [[event('a'), event('b'), event('c')], [], event('d'), [event('e'), 7, { price: 2 }]],
      events: ['a', 'b', 'c', 'e'],
      rejects: [
        ['id: expected a string, got nothing', { price: 2 }],
        ['payload: expected an object, got a number', 7],
        ['payload: nothing at an element', []],
        ['payload: nothing at an element', event('d')],
      ],
    },
    'an array of envelopes in an envelope': {
      records: { unwrap: ['batch', '*', 'data'], base64: true },
      sent: [{ batch: [{ data: base64(event('a')) }, { data: event('b') }, {}] }, { batch: {} }],
      events: ['a', 'b'],
      rejects: [
        ['payload: an element has nothing at data', {}],
        ['payload: nothing at batch.an element.data', { batch: {} }],
      ],
    },
  };

describe.each(everyNth(Object.entries(cases), 3))('%s', (_, { records, sent, events, rejects }) => {
  const expected = {
    events,
    payloads: events.map((id) => JSON.stringify(event(id))),
    duplicates: 0,
    rejects: [...rejects, ['payload: not JSON', 'GET /']]
      .map(([reason, kept]) => [reason, typeof kept === 'string' ? kept : JSON.stringify(kept)])
      .sort(([a], [b]) => (a! < b! ? -1 : 1)),
  };
  const given = [...sent, 'GET /'];
  beforeEach(async () => {
    world = await SeamWorld.open(shopOf(records));
  });
  const sorted = async () => {
    const found = await outcomes();
    const order = (rows: unknown[][]) => rows.map((row) => row.join().replace(/^id: [^{]*/, 'id: ')).sort();
    expect({ ...found, rejects: order(found.rejects) }).toEqual({ ...expected, rejects: order(expected.rejects) });
  };

  test('on the stream, and then in the archive', async () => {
    world.send(...given);
    await world.tick('refresh');
    await sorted();
    await load('archive', await world.archive(await world.records()));
    await sorted();
  });

  secondTierTest('in the archive, and then on the stream', async () => {
    world.send(...given);
    await load('archive', await world.archive(await world.records()));
    await sorted();
    await world.tick('refresh');
    await sorted();
  });

  test('in history', async () => {
    const lines = given.map((record) => (typeof record === 'string' ? record : JSON.stringify(record)));
    await world.put('in/a.gz', gzipSync(`${lines.join('\n')}\n`));
    await load('history', 'in/a.gz');
    await sorted();
    const places = await world.query('select count(*), count(line) from shop.rejects');
    expect(places).toEqual([[expected.rejects.length, expected.rejects.length]]);
  });
});

test('events of an array have positions of their own, also in an aggregate of the Producer Library', async () => {
  world = await SeamWorld.open(shopOf({ unwrap: ['*'] }, { by: 'stream-position' }));
  const list = (...ids: string[]) => JSON.stringify(ids.map(event));
  world.send(
    aggregate([
      { key: 'k', data: list('a', 'b') },
      { key: 'k', data: list('c', 'd') },
    ]),
    list('e', 'f'),
  );
  await world.tick('refresh');
  await load('archive', await world.archive(await world.records()));
  expect((await outcomes()).events).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  const positions = await world.query(
    "select id, case when strpos(sequence_number, ':') > 0 or strpos(sequence_number, '.') > 0 then substring(sequence_number, 57, 9) else '' end from shop.events order by id",
  );
  expect(positions.map(([, position]) => position)).toEqual(['', '.1', ':1', ':1.1', '', '.1']);
});

test('a filter of the pipeline looks at the events; a record without an event is a reject', async () => {
  const where = [{ path: ['type'], oneOf: ['page'] }];
  world = await SeamWorld.open({ ...shopOf({ unwrap: ['batch', '*'] }), where });
  const typed = (id: string, type: string) => ({ ...event(id), type });
  const records = [
    { batch: [typed('a', 'page'), typed('b', 'track'), typed('c', 'page')] },
    { batch: [typed('d', 'track')] },
    { type: 'track' },
  ];
  world.send(...records);
  await world.tick('refresh');
  const places = async () => [
    (await world.query('select id from shop.events order by id')).flat(),
    (await world.query('select name from shop.skipped')).flat(),
    (await world.query('select reason from shop.rejects')).flat(),
  ];
  const fromStream = [['a', 'c'], ['type=track', 'type=track'], ['payload: nothing at batch.an element']];
  expect(await places()).toEqual(fromStream);
  await load('archive', await world.archive(await world.records()));
  expect(await places()).toEqual(fromStream);
  await world.put('in/a.gz', gzipSync(records.map((record) => `${JSON.stringify(record)}\n`).join('')));
  await load('history', 'in/a.gz');
  expect(await places()).toEqual([['a', 'c'], Array(4).fill('type=track'), Array(2).fill(fromStream[2]![0])]);
  expect(await world.query('select count(*) from shop.duplicates')).toEqual([[2]]);
});
