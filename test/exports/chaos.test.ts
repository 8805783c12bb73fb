import type { ServiceResponse } from 'aws-local-kit';
import { createRandom } from '../../pipelines/generator/random';
import type { Template } from '../support/template';
import { cases, isSecondTier, rotation } from '../support/tier';
import { anExport, openTemplate, shop, World } from './world';

/*
 * Seeded: two functions at once, a clock that goes backwards, S3 that fails at a fifth of its calls, some after they took effect, kills.
 */

const name = 'sold';
const seeds = cases(1, 2);
let template: Template;
let world: World;

beforeAll(async () => {
  template = await openTemplate(shop(anExport(name)));
  world = await World.open(template);
});
afterAll(async () => {
  await world.dispose();
  template.remove();
});

const slowDown: ServiceResponse = {
  status: 503,
  headers: { 'content-type': 'application/xml' },
  body: '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
};

interface Trouble {
  /** Share of S3's calls that fail. */
  readonly failing: number;
  /** Functions that are started beside the schedule's. */
  readonly besides: number;
  /** Share of invocations that are killed. */
  readonly killed: number;
  /** Hours that a tick may be behind or ahead of the clock. */
  readonly wrongHours: number;
}

const troubles: [string, Trouble][] = [
  ['S3 fails at a fifth of its calls', { failing: 0.2, besides: 0, killed: 0, wrongHours: 0 }],
  ['two functions are at work at once', { failing: 0, besides: 1, killed: 0, wrongHours: 0 }],
  ['the clock goes backwards', { failing: 0, besides: 0, killed: 0, wrongHours: 4 }],
  ['all of it happens, and functions are killed', { failing: 0.1, besides: 1, killed: 0.3, wrongHours: 3 }],
];

// The last has what the others have.
describe.each(isSecondTier ? troubles : troubles.slice(-1))('while %s', (_, trouble) => {
  test.each(Array.from({ length: seeds }, (__, seed) => seeds * rotation + seed + 1))(
    'seed %i: windows once and whole, and finished',
    async (seed) => {
      await play(`${JSON.stringify(trouble)}/${seed}`, trouble);
    },
    120_000,
  );
});

async function play(seed: string, trouble: Trouble): Promise<void> {
  const random = createRandom(seed);
  const chance = (share: number) => random.below(1000) < share * 1000;
  await world.sql('delete from shop.events_f790520b');
  world.around = undefined;
  world.kill = undefined;
  await world.forget(name);
  const { day } = world;
  let calm = false;
  let seen: string[] = [];
  const look = () => {
    const now = world.readWindows(name);
    expect(now.slice(0, seen.length)).toEqual(seen);
    seen = now;
  };
  world.around = async (operation, _, run) => {
    // Lets others go on in between.
    for (let turns = random.below(4); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
    const fails = !calm && operation.startsWith('s3:') && chance(trouble.failing);
    if (fails && chance(0.5)) return slowDown;
    const answer = await run();
    if (operation === 's3:PutObject' || operation === 's3:DeleteObject') look();
    return fails ? slowDown : answer;
  };
  world.kill = () => (!calm && chance(trouble.killed) ? { call: 1 + random.below(40), after: chance(0.5) } : undefined);

  const hour = (n: number) => `${String(n).padStart(2, '0')}`;
  const sold = new Map<string, number>();
  const sell = async (from: number, to: number) => {
    for (let count = random.below(4); count > 0; count -= 1) {
      const at = from + random.below(to - from);
      await world.sell(`${day} ${hour(at)}:1${random.below(6)}:00`, [1]);
      sold.set(hour(at), (sold.get(hour(at)) ?? 0) + 1);
    }
  };
  for (let now = 5; now < 12; now += 1) {
    await sell(0, now);
    await world.completeUntil(`${day} ${hour(now)}:30:00`);
    const wrong = trouble.wrongHours === 0 ? 0 : random.below(2 * trouble.wrongHours + 1) - trouble.wrongHours;
    const scheduled = new Date(Date.parse(`${day}T${hour(now)}:00:00Z`) + wrong * 3_600_000).toISOString();
    await world.cloud.pass(Math.max(0, Date.parse(`${day}T${hour(now)}:30:00Z`) - world.cloud.clock.now()));
    // A minute later by its own clock, so that it makes runs of its own.
    const others = Array.from({ length: trouble.besides }, (__, n) =>
      world.besides({ kind: 'start', scheduledTime: new Date(Date.parse(scheduled) + (n + 1) * 60_000).toISOString() }),
    );
    await Promise.all([world.besides({ kind: 'start', scheduledTime: scheduled }), ...others, world.cloud.settle()]);
    await world.cloud.settle();
    look();
  }
  calm = true;
  for (let now = 12; now < 18; now += 1) {
    await world.completeUntil(`${day} ${hour(now)}:00:00`);
    await world.tick(`${day}T${hour(now)}:00:00Z`);
    look();
  }
  // A leftover goes with the first tick of a day, after the pointer has moved on.
  const tomorrow = new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString();
  await world.completeUntil(`${day} 23:59:00`);
  await world.tick(tomorrow);
  await world.tick(tomorrow);

  const rows = new Map(world.read(name).map((success) => [success.window.start.slice(11, 13), success.rows]));
  for (const [at, count] of sold) expect([at, rows.get(at)]).toEqual([at, count]);
  const firsts = world
    .read(name)
    .filter(({ revision }) => revision === 0)
    .map(({ window }) => window.start);
  expect(new Set(firsts).size).toBe(firsts.length);
  const ledger = await world.sql(
    `select sequence, count(*) from shop.exports where export = '${name}' group by sequence order by 1`,
  );
  expect(ledger).toEqual(world.read(name).map(({ sequence }) => [sequence, 1]));
  const told = new Set(world.events.map(({ sequence }) => sequence));
  expect([...told].sort((a, b) => Number(a) - Number(b))).toEqual(world.read(name).map(({ sequence }) => sequence));
  expect(await world.leftovers(name)).toEqual([]);
}
