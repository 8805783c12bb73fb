import { createRandom } from '../../pipelines/generator/random';
import type { Template } from '../support/template';
import { isSecondTier, rotation, secondTierTest } from '../support/tier';
import { anExport, openTemplate, shop, World } from './world';

const day = '2026-11-21';
const nextDay = '2026-11-22';
const incremental = { kind: 'incremental', timeColumn: 'at', window: 'hour', latenessMinutes: 15 } as const;
const names = isSecondTier
  ? (['counted', 'since', 'corrected', 'opaque', 'quarters'] as const)
  : (['counted', 'since'] as const);
let template: Template;
let world: World;

beforeAll(async () => {
  const definitions = {
    corrected: { content: { ...incremental, corrections: true } },
    counted: { content: incremental },
    since: { content: { ...incremental, since: `${day}T20:00Z`, corrections: true }, windowsPerTick: 3 },
    // Nothing says which events a row of it depends on.
    opaque: {
      query: 'select distinct event_id, id, amount, at from shop.events',
      content: { ...incremental, latenessMinutes: 90 },
    },
    quarters: { content: { ...incremental, window: { minutes: 15 }, corrections: true } },
  };
  template = await openTemplate(shop(...names.map((name) => anExport(name, definitions[name]))));
});
afterAll(() => template.remove());
beforeEach(async () => {
  world = await World.open(template);
});
afterEach(() => world.dispose());

const hourly = (hour: number, minute = 0) => {
  const time = new Date(Date.parse(`${day}T00:00:00Z`) + (hour * 60 + minute) * 60_000).toISOString();
  return time.slice(0, 19);
};

/** The rows of the newest revision of each window. */
function published(name: string): number {
  const newest = new Map(world.read(name).map((success) => [success.window.start, success.rows]));
  return [...newest.values()].reduce((sum, rows) => sum + rows, 0);
}

/** The rows that the last survey of everything counted as late, by reason. */
function late(name: string): Record<string, number> {
  const start = world.cloud.log.length - [...world.cloud.log].reverse().findIndex(({ message }) => message === marker);
  const lines = world.cloud.log.slice(start).filter((line) => line.message === 'rows are in no file');
  return Object.fromEntries(lines.flatMap((line) => (line.export === name ? [[line.reason, line.rows]] : [])));
}
const marker = 'the last tick';

/** Runs the schedule until all windows of the events are closed and surveyed. */
async function settle(): Promise<void> {
  await world.completeUntil(`${nextDay} 03:00:00`);
  for (const time of ['00:45', '01:00', '01:15', '01:30', '01:45']) await world.tick(`${nextDay}T${time}:00Z`);
  (world.cloud.log as { message: string }[]).push({ message: marker });
  // The first survey after this hour covers all windows.
  await world.tick(`${nextDay}T02:00:00Z`);
}

const seeds = isSecondTier ? [1, 2, 3, 4, 5].map((n) => n + 5 * rotation) : [1];
test.each(seeds)('every row of a view is published or counted as late by name: seed %i', async (seed) => {
  const random = createRandom(String(seed));
  const below = (n: number) => random.below(n);
  let rows = 0;
  const sell = async (at: string | null, amount: number) => {
    const id = `r${++rows}`;
    const time = at === null ? 'null' : `'${at}'`;
    await world.sql(
      `insert into shop.events_f790520b (event_id, id, amount, at, source, run_id, merged_at) values ('${id}', '${id}', ${amount}, ${time}, 'stream', 'r', getdate())`,
    );
  };
  for (let hour = 21; hour < 24; hour += 1 + below(2)) {
    for (let n = below(4); n >= 0; n -= 1)
      await sell(below(12) === 0 ? null : hourly(18 + below(hour - 17), below(60)), below(100));
    await world.completeUntil(hourly(hour, 45).replace('T', ' '));
    await world.tick(`${hourly(hour, 45)}Z`);
    if (below(2)) await world.tick(`${hourly(hour + 1)}Z`);
  }
  await settle();
  expect(world.cloud.log.filter(({ error }) => error)).toEqual([]);
  const counts = names.map((name) => {
    const counted = Object.values(late(name)).reduce((sum, n) => sum + n, 0);
    return [name, published(name) + counted];
  });
  expect(counts).toEqual(names.map((name) => [name, rows]));
});

secondTierTest('windows of the past that come at once are published tick after tick', async () => {
  await world.sell(`${day} 04:20:00`, [1]);
  await world.completeUntil(`${day} 05:30:00`);
  await world.tick(`${day}T05:30:00Z`);
  // A backfill loads 60 hours of the days before.
  for (let hour = 1; hour <= 60; hour += 1) await world.sell(hourly(-hour, 10).replace('T', ' '), [hour]);
  await world.tick(`${day}T06:00:00Z`);
  expect(published('corrected')).toBe(49);
  await world.tick(`${day}T06:15:00Z`);
  expect(published('corrected')).toBe(61);
});

test('an operator gets what is due at any minute', async () => {
  await world.sell(`${day} 20:10:00`, [1]);
  await world.completeUntil(`${day} 21:30:00`);
  await world.tick(`${day}T21:30:00Z`);
  await world.sell(`${day} 20:50:00`, [2, 3]);
  await world.sell(`${day} 01:50:00`, [4]);
  for (const name of ['since', 'counted'])
    await world.send({ kind: 'request', export: name, time: `${day}T21:37:00Z` });
  expect(world.readWindows('since')).toEqual(['20:00.0', '20:00.1']);
  expect(world.readWindows('counted')).toEqual(['20:00.0', '01:00.0']);
});
