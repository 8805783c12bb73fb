import { secondTierTest as test } from '../support/tier';
import { type Dev, event, HOUR_MS, startDev } from './dev';

jest.setTimeout(400_000);

const start = Date.UTC(2026, 10, 21, 9);
const MINUTE_MS = 60_000;
let dev: Dev | undefined;
afterAll(() => dev?.dispose());

test('a cluster that was paused for longer than the stream keeps its records: the gap is told of, and the archive closes it', async () => {
  dev = await startDev(start);
  await dev.send([event('g-before')]);
  await dev.pass(3 * MINUTE_MS);
  dev.runtime.faults!.pause();
  await dev.send([event('g-lost-1'), event('g-lost-2')]);
  await dev.pass(2 * MINUTE_MS);
  await dev.runtime.flushArchive();
  await dev.runtime.settle();

  // the stream of the shop keeps seven days
  dev = await startDev(start + 8 * 24 * HOUR_MS, await dev.stop());
  await dev.send([event('g-after')]);
  await dev.pass(5 * MINUTE_MS);
  const customers = () => dev!.query('select customer_id from estore.events order by 1').then((rows) => rows.flat());
  expect(await customers()).toEqual(['g-after', 'g-before']);
  const told = dev.runtime.metrics
    .find('Millrace', 'StreamGap')
    .filter(({ dimensions }) => dimensions['Pipeline'] === 'estore');
  expect(told.map(({ value }) => value)).toContain(1);

  const lost = await dev.json('why', 'customer_id=g-lost-1');
  expect(lost.verdict).toMatch(/^It is not in events: its object archive\/estore\/.* backfill --from archive\.$/);
  expect(lost.sightings.filter(({ found }: { found: string }) => found === 'yes')).toMatchObject([
    { place: 'archive', facts: { state: 'pending' } },
  ]);

  const dry = await dev.json('backfill', '--from', 'archive', '--pipeline', 'estore');
  expect(dry).toMatchObject({ applied: false, objects: expect.any(Number) });
  expect(dry.gaps).toMatchObject([{ shard: expect.stringMatching(/^shardId-/), closed: false }]);
  const [{ from, to }] = dry.gaps;
  expect(from < to).toBe(true);
  const since = `${from.slice(0, 19).replace(' ', 'T')}Z`;
  const applied = await dev.live(() =>
    dev!.json('backfill', '--from', 'archive', '--pipeline', 'estore', '--since', since, '--apply', '--timeout', '90'),
  );
  expect(applied).toMatchObject({ loaded: applied.objects, parked: [], waiting: 0 });
  expect(applied.gaps).toMatchObject([{ closed: true }]);
  expect(await dev.query('select count(*) from estore.gaps')).toEqual([['0']]);
  expect(await customers()).toEqual(['g-after', 'g-before', 'g-lost-1', 'g-lost-2']);
  expect(await dev.query('select count(*) from estore.duplicates')).toEqual([['0']]);
  expect(await dev.json('why', 'customer_id=g-lost-1')).toMatchObject({ inEvents: true });
});
