import type { Kill } from '../../local/faults';
import type { Template } from '../support/template';
import { everyNth } from '../support/tier';
import { anExport, openTemplate, shop, World } from './world';

/*
 * A function that ends without a word after any of its calls: what a reader sees is whole all the time, and the next runs finish the work.
 */

const name = 'sold';
/** Two windows with rows, then a correction of the first and an empty one. */
const story = ['02:00.0', '04:00.0', '02:00.1', '05:00.0'];
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

/** From nothing to everything published; with a kill, the schedule comes again afterwards. Returns what a reader saw, step by step. */
async function play(kill?: (invocation: number) => Kill | undefined): Promise<string[][]> {
  await world.sql('delete from shop.events_f790520b');
  await world.forget(name);
  world.kill = kill;
  const { day } = world;
  const seen: string[][] = [];
  const look = () => seen.push(world.readWindows(name));
  world.around = async (operation, _, run) => {
    const answer = await run();
    if (operation.startsWith('s3:') && !operation.startsWith('s3:Get')) look();
    return answer;
  };
  await world.sell(`${day} 02:10:00`, [1, 2]);
  await world.sell(`${day} 04:20:00`, [3]);
  await world.completeUntil(`${day} 06:20:00`);
  await world.tick(`${day}T05:30:00Z`);
  look();
  if (kill) await world.tick(`${day}T05:45:00Z`);
  look();
  await world.sell(`${day} 02:50:00`, [5, 6, 7]);
  await world.tick(`${day}T07:00:00Z`);
  look();
  if (kill) for (const time of ['07:15', '08:00', '09:00']) await world.tick(`${day}T${time}:00Z`);
  look();
  return seen;
}

/** The publications in the order of the story, each once; a correction may have overtaken the windows that were late by the kill. */
function expectWhole(seen: string[][]): void {
  for (const [before, after] of seen.slice(1).map((now, i) => [seen[i]!, now] as const))
    expect(after.slice(0, before.length)).toEqual(before);
  const last = seen.at(-1)!;
  expect(new Set(last)).toEqual(new Set(last.includes('02:00.1') ? story : story.filter((id) => id !== '02:00.1')));
  const firsts = last.filter((id) => id.endsWith('.0'));
  expect(firsts).toEqual([...firsts].sort());
  const rows = new Map(world.read(name).map((success) => [success.window.start.slice(11, 16), success.rows]));
  expect(Object.fromEntries(rows)).toEqual({ '02:00': 5, '04:00': 1, '05:00': 0 });
}

test('without a kill everything is published once', async () => {
  expectWhole(await play());
  expect(world.readWindows(name)).toEqual(story);
  expect(world.events).toHaveLength(4);
});

/** A function that ends after a call that changes nothing leaves what the call before it left. */
const changes = (call: string) => /^(s3:(Put|Delete|Copy)|redshift-data:(Batch)?Execute|events:Put)/.test(call);

test('after every call that changes anything, readers see whole windows and the next runs finish', async () => {
  await play();
  const made = world.calls.map((calls) => [...calls]);
  const kills = made.flatMap((calls, invocation) =>
    calls.flatMap((text, index) => (index === 0 || changes(text) ? [{ invocation, call: index + 1 }] : [])),
  );
  expect(kills.length).toBeGreaterThan(20);
  const problems: string[] = [];
  for (const { invocation, call } of everyNth(kills, 8, 2)) {
    const seen = await play((number) => (number === invocation ? { call, after: true } : undefined));
    try {
      expectWhole(seen);
      expect(await world.leftovers(name)).toEqual([]);
      const ledger = await world.sql(
        `select sequence, count(*) from shop.exports where export = '${name}' group by sequence order by 1`,
      );
      expect(ledger).toEqual(world.read(name).map(({ sequence }) => [sequence, 1]));
      const published = new Set(world.events.map(({ sequence }) => sequence));
      expect(published.size).toBe(ledger.length);
    } catch (error) {
      problems.push(
        `invocation ${invocation}, call ${call} (${world.calls[invocation]?.[call - 1]}): ${(error as Error).message}`,
      );
      if (problems.length > 3) break;
    }
  }
  expect(problems).toEqual([]);
}, 600_000);
