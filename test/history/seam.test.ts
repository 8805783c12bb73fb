import { gzipSync } from 'node:zlib';
import { parseTimestamp } from '../../lambda/shared/timestamp';
import { SeamWorld } from '../support/seam';
import { secondTierTest } from '../support/tier';
import { mixedPipeline } from './pipeline';

let world: SeamWorld;

beforeEach(async () => {
  world = await SeamWorld.open(mixedPipeline);
});
afterEach(() => world.dispose());

const ids = async () => (await world.query('select id from mix.events order by id')).map(([id]) => id);
const gaps = async () => {
  const rows = await world.query(
    'select shard_id, after_sequence, from_time::varchar, to_time::varchar from mix.gaps order by shard_id',
  );
  return rows.map(([shard, after, from, to]) => [shard, after, parseTimestamp(from, 'from'), parseTimestamp(to, 'to')]);
};
const alarms = () => world.logged('records of the stream may be missing, backfill them from the archive');
const dayMinutes = 1440;
const lines = (...values: unknown[]) => gzipSync(values.map((value) => `${JSON.stringify(value)}\n`).join(''));

/** Sends one event and returns it as Firehose hands it over, and when it arrived. */
async function send(id: string) {
  const before = (await world.records()).length;
  world.send({ id });
  return (await world.records()).slice(before)[0]!;
}

async function backfill(...records: Awaited<ReturnType<typeof send>>[]): Promise<void> {
  const key = await world.archive(records);
  await world.notify('archive', key);
  await world.pass(1);
}

test('an archive that starts after the stream brings nothing twice and nothing is asked of it', async () => {
  await send('a');
  await world.tick('refresh');
  const b = await send('b');
  await backfill(b);
  await world.tick('refresh');
  const c = await send('c');
  await world.tick('refresh');
  await backfill(b, c);
  expect(await ids()).toEqual(['a', 'b', 'c']);
  expect(await world.query('select count(*) from mix.duplicates')).toEqual([[0]]);
  expect(await gaps()).toEqual([]);
});

test('a warehouse that sleeps longer than the stream keeps: the gap says what is missing until the archive has brought it', async () => {
  const a = await send('a');
  await world.tick('refresh');
  await world.tick('refresh');
  world.cloud.faults.pause();
  await world.pass(60);
  const b = await send('b');
  await world.pass(120);
  const c = await send('c');
  await world.pass(dayMinutes + 180);
  const d = await send('d');
  world.cloud.faults.resume();
  await world.tick('refresh');
  expect(await ids()).toEqual(['a', 'd']);

  const found = await gaps();
  expect(found).toHaveLength(1);
  const [shard, after, from, to] = found[0]!;
  expect([shard, after]).toEqual([a.shardId, a.sequenceNumber]);
  // What is missing lies between, what is not does not.
  expect(Number(from)).toBeGreaterThanOrEqual(a.arrivedAt);
  expect(Number(from)).toBeLessThan(b.arrivedAt);
  expect(Number(to)).toBeGreaterThan(c.arrivedAt);
  expect(Number(to)).toBeLessThan(d.arrivedAt);
  expect(alarms()).toHaveLength(1);

  // The archive began after b: the alarm stays.
  await backfill(c, d);
  expect(await ids()).toEqual(['a', 'c', 'd']);
  await world.tick('refresh');
  expect(alarms()).toHaveLength(2);
  await backfill(b, c);
  expect(await ids()).toEqual(['a', 'b', 'c', 'd']);
  expect(await world.query('select count(*) from mix.duplicates')).toEqual([[0]]);
});

secondTierTest('so it is where the landing view was replaced meanwhile', async () => {
  await send('a');
  await world.tick('refresh');
  await world.tick('refresh');
  world.cloud.faults.pause();
  await world.pass(60);
  const b = await send('b');
  await world.pass(dayMinutes + 180);
  const d = await send('d');
  world.cloud.faults.resume();
  // As any other edition of the landing view would be.
  await world.deploy({
    ...mixedPipeline,
    stream: { ...mixedPipeline.stream, recreatedAt: '2026-01-01T00:00:00Z' },
  });
  await world.tick('refresh');
  expect(await ids()).toEqual(['a', 'd']);
  const [[, , from, to] = []] = await gaps();
  expect(Number(from)).toBeLessThan(b.arrivedAt);
  expect(Number(to)).toBeGreaterThan(b.arrivedAt);
  expect(Number(to)).toBeLessThan(d.arrivedAt);
  await backfill(b);
  expect(await ids()).toEqual(['a', 'b', 'd']);
});

test('a landing view that was replaced in time leaves no gap', async () => {
  await send('a');
  await world.tick('refresh');
  await world.tick('refresh');
  await send('b');
  await world.deploy({
    ...mixedPipeline,
    stream: { ...mixedPipeline.stream, recreatedAt: '2026-01-01T00:00:00Z' },
  });
  await send('c');
  await world.tick('refresh');
  expect(await ids()).toEqual(['a', 'b', 'c']);
  expect(await world.query('select count(*) from mix.duplicates')).toEqual([[0]]);
  expect(await gaps()).toEqual([]);
});

test('a stream that was recreated: refreshes fail until that is said, then the gap says what went with the old one', async () => {
  const a = await send('a');
  await world.tick('refresh');
  await world.tick('refresh');
  await world.pass(5);
  const b = await send('b');
  await world.pass(5);
  world.recreateStream();
  const recreatedAt = new Date(world.cloud.clock.now()).toISOString();
  await world.pass(5);
  const c = await send('c');
  await world.tick('refresh');
  expect(await ids()).toEqual(['a']);
  expect(world.logged('refresh failed')[0]!['error']).toContain(`${a.sequenceNumber} is not a sequence number`);

  await world.deploy({ ...mixedPipeline, stream: { ...mixedPipeline.stream, recreatedAt } });
  await world.tick('refresh');
  expect(await ids()).toEqual(['a', 'c']);
  const [[shard, , from, to] = []] = await gaps();
  expect(shard).toBeNull();
  expect(Number(from)).toBeLessThan(b.arrivedAt);
  expect(Number(to)).toBe(Date.parse(recreatedAt));
  expect(Number(to)).toBeLessThan(c.arrivedAt);
  expect(alarms()).toHaveLength(1);

  await backfill(b, c);
  await world.tick('refresh');
  expect(await ids()).toEqual(['a', 'b', 'c']);
  expect(await gaps()).toHaveLength(1);
});

test('late files: of years ago, of what the stream brought long since, and told of by nobody', async () => {
  await send('now');
  await world.tick('refresh');
  await world.pass(6 * dayMinutes);
  await world.put('lines/2019.gz', lines({ id: 'old', at: '2019-01-01T00:00:00Z' }, { id: 'now' }));
  await world.pass(1);
  await world.put(
    'sheets/late.csv',
    'Amount,id,pieces,note,gift,at,more\n1,older,1,,,1999-12-31 23:59:59,\n1,now,,,,,\n',
  );
  await world.pass(1);
  await world.tick('reconcile');
  expect(await ids()).toEqual(['now', 'old', 'older']);
  expect(await world.query('select count(*) from mix.duplicates')).toEqual([[2]]);
  expect(await world.query('select count(*) from mix.ledger')).toEqual([[2]]);
});

test('files from the future: events of years to come, and a time of arrival that has not been yet', async () => {
  await world.put(
    'lines/2999.gz',
    lines({ id: 'future', at: '2999-12-31T23:59:59.999999Z' }, { id: 'never', at: '+292278994-08-17' }),
  );
  await world.pass(1);
  world.send({ id: 'future', at: '2999-12-31T23:59:59.999999Z' });
  await world.tick('refresh');
  expect(await ids()).toEqual(['future']);
  expect(await world.query('select reason from mix.rejects')).toEqual([['at: not an ISO 8601 timestamp']]);
  expect(await world.query('select source from mix.duplicates')).toEqual([['stream']]);

  const early = await send('early');
  // Firehose's clock is not the stream's: half a second ahead.
  await backfill({ ...early, arrivedAt: early.arrivedAt + 500 });
  await world.tick('refresh');
  expect(await ids()).toEqual(['early', 'future']);
  expect(await world.query('select count(*) from mix.duplicates')).toEqual([[1]]);
});
