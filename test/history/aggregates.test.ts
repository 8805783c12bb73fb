/**
 * Records of the Kinesis Producer Library. Firehose splits an aggregate; streaming ingestion does not. Each user record
 * ends in one place, whichever source comes first. The user records replace a reject of their aggregate.
 */

import { aggregate } from 'kinesis-reader/testing';
import type { Pipeline } from '../../pipelines/definition';
import { SeamWorld } from '../support/seam';

const byColumn: Pipeline = {
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [{ name: 'id', path: ['id'], type: 'varchar', maxBytes: 64, required: true }],
  history: [{ name: 'lines', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};
const byPosition: Pipeline = { ...byColumn, identity: { by: 'stream-position' } };

const user = (data: string) => ({ key: 'k', data });
const three = aggregate(['a', 'b', 'c'].map((id) => user(`{"id":"${id}"}`)));

let world: SeamWorld;
const open = async (pipeline: Pipeline) => {
  world = await SeamWorld.open(pipeline);
};
afterEach(() => world.dispose());

async function load(key: string): Promise<void> {
  await world.notify('archive', key);
  await world.pass(5);
}
const backfill = async () => load(await world.archive(await world.records()));

const outcomes = async () => {
  const [events, duplicates, rejects, runs] = await Promise.all([
    world.query('select id from shop.events order by id'),
    world.query('select count(*) from shop.duplicates'),
    world.query('select reason from shop.rejects order by sequence_number'),
    world.query('select sum(events), sum(duplicates), sum(rejects) from shop.runs'),
  ]);
  const found = { events: events.flat(), duplicates: duplicates[0]![0], rejects: rejects.flat() };
  // The runs' counts match the tables.
  expect(runs.map((row) => row.map(Number))).toEqual([[found.events.length, found.duplicates, found.rejects.length]]);
  return found;
};
const all = { events: ['a', 'b', 'c'], duplicates: 0, rejects: [] };

describe.each([
  ['columns', byColumn],
  ['the stream position', byPosition],
])('events are identified by %s', (_, pipeline) => {
  test('the archive first: the stream adds nothing', async () => {
    await open(pipeline);
    world.send(three);
    await backfill();
    expect(await outcomes()).toEqual(all);
    await world.tick('refresh');
    expect(await outcomes()).toEqual(all);
  });

  test('the stream first: its reject gives way to what the archive brings, once', async () => {
    await open(pipeline);
    world.send('{"id":"0"}', three, '{"id":"9"}');
    await world.tick('refresh');
    expect(await outcomes()).toEqual({
      events: ['0', '9'],
      duplicates: 0,
      rejects: [expect.stringMatching(/^payload: an aggregate of the Kinesis Producer Library/)],
    });
    await backfill();
    const repaired = { ...all, events: ['0', 'a', 'b', 'c', '9'].sort() };
    expect(await outcomes()).toEqual(repaired);
    await backfill();
    expect(await outcomes()).toEqual(repaired);
    const places = await world.query(
      'select count(distinct sequence_number), count(distinct event_id) from shop.events',
    );
    expect(places).toEqual([[5, 5]]);
  });
});

test('the user records of one aggregate may lie in two objects', async () => {
  await open(byColumn);
  world.send(three);
  const records = await world.records();
  const [late, early] = [await world.archive(records.slice(1)), await world.archive(records.slice(0, 1))];
  await load(late);
  await world.tick('refresh');
  // The aggregate stays a reject until its first user record arrives, so that a missing record stays visible.
  expect(await outcomes()).toMatchObject({ events: ['b', 'c'], rejects: [expect.stringMatching(/aggregate/)] });
  await load(early);
  expect(await outcomes()).toEqual(all);
});

test('equal user records of an aggregate are duplicates, odd ones rejects with their bytes', async () => {
  await open(byColumn);
  world.send(aggregate([user('{"id":"a"}'), user('{"id":"a"}'), user('GET /')]));
  await world.tick('refresh');
  await backfill();
  expect(await outcomes()).toEqual({ events: ['a'], duplicates: 1, rejects: ['payload: not JSON'] });
  expect(await world.query("select from_varbyte(unparsed, 'utf8') from shop.rejects")).toEqual([['GET /']]);
});

test('a record that only looks like an aggregate stays one reject', async () => {
  await open(byColumn);
  const broken = Buffer.from(three);
  broken[broken.length - 1]! ^= 1;
  world.send(broken);
  await world.tick('refresh');
  const found = await outcomes();
  expect(found).toMatchObject({ events: [], rejects: [expect.stringMatching(/aggregate/)] });
  await backfill();
  expect(await outcomes()).toEqual(found);
  await world.tick('refresh');
  expect(await outcomes()).toEqual(found);
});
