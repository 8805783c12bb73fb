import { isSecondTier, secondTierTest as test } from '../support/tier';
import { type Dev, event, HOUR_MS, startDev } from './dev';

jest.setTimeout(500_000);

const start = Date.UTC(2026, 10, 21, 9);
const MINUTE_MS = 60_000;
let dev: Dev;
beforeAll(async () => {
  if (isSecondTier) dev = await startDev(start);
});
afterAll(() => dev?.dispose());

const counts = async () => {
  const [row] = await dev.query(
    'select (select count(*) from estore.events), (select count(*) from estore.duplicates), (select count(*) from estore.rejects)',
  );
  return row!.map(Number);
};
const exported = async () => Number((await dev.query('select count(*) from estore.exports'))[0]![0]);
const retention = () => dev.runtime.kinesis.stream('millrace-dev-estore').settings.retentionHours;
const actions = () => dev.runtime.pause.actions().map(({ enabled }) => enabled);

test('24 hours of traffic during a pause: nothing runs, nothing is lost', async () => {
  await dev.send([event('before')]);
  await dev.pass(6 * MINUTE_MS);
  expect(await counts()).toEqual([1, 0, 0]);

  const until = new Date(dev.runtime.clock.now() + 30 * HOUR_MS).toISOString();
  const paused = await dev.live(() => dev.json('pause', '--until', until, '--extend-retention'));
  expect(paused).toMatchObject({ phase: 'paused', by: 'person' });
  expect(dev.runtime.pause.state()).toMatchObject({ status: 'paused' });
  expect(actions()).toEqual([false, false]);
  const published = await exported();
  for (let hour = 0; hour < 24; hour++) {
    await dev.send([event(`hour-${hour}`), event(`again-${hour}`), event(`again-${hour}`)]);
    await dev.pass(HOUR_MS);
  }
  // The cluster's own schedule, which would have resumed it in the morning, rests too.
  expect(dev.runtime.pause.state()).toMatchObject({ status: 'paused' });

  const resumed = dev.live(() => dev.json('resume', '--timeout', '120'));
  expect(await resumed).toMatchObject({ phase: 'resumed', behind: [] });
  expect(actions()).toEqual([true, true]);
  await dev.pass(2 * HOUR_MS);
  expect(await counts()).toEqual([1 + 24 * 2, 24, 0]);
  expect(await dev.query('select count(*) from estore.gaps')).toEqual([['0']]);
  expect(await exported()).toBeGreaterThan(published);
});

test('a pause that could outlast the stream is refused, unless it extends the retention; a person may resume before', async () => {
  const until = new Date(dev.runtime.clock.now() + 9 * 24 * HOUR_MS).toISOString();
  const refused = await dev.cli('pause', '--until', until);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('could outlast the stream millrace-dev-') });
  expect(dev.runtime.pause.state()).toBeUndefined();

  const said = await dev.live(() => dev.cli('pause', '--until', until, '--extend-retention', '--now'));
  expect(said.stdout).toMatch(
    /millrace-dev-estore keeps its records for 218 hours instead of 168, which costs \$0\.1 /,
  );
  expect(retention()).toBe(218);
  await dev.send([event('early')]);
  expect(await dev.live(() => dev.json('resume', '--timeout', '120'))).toMatchObject({ phase: 'resumed', behind: [] });
  expect(await dev.query("select count(*) from estore.events where customer_id = 'early'")).toEqual([['1']]);
  expect(retention()).toBe(218);
});
