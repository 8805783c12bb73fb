import type { Action, Scenario } from '../support/actions';
import { buckets, outsider } from '../support/cloud';
import { simPipeline } from '../support/pipeline';
import { Simulation } from '../support/simulation';
import { type Template, templateOf } from '../support/template';
import { everyNth } from '../support/tier';
import { verify } from '../support/verify';
import { rows } from '../support/verify/query';
import { startMs } from './check';

/** EventBridge delivers an event at least once, in any order, and tries for a day. Five days are beyond any promise. */
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const longestMs = 5 * minuteMs;

let template: Template;
beforeAll(async () => {
  template = await templateOf(simPipeline, startMs);
});
afterAll(() => template.remove());

const put = (from: number, count: number): Action => ({ do: 'put', events: [{ from, count }] });
const upload = (key: number, from: number): Action => ({ do: 'upload', key, events: [{ from, count: 4 }] });
const pass = (minutes: number): Action => ({ do: 'pass', minutes });
const work: readonly Action[] = [
  ...[upload(0, 0), put(2, 5), { do: 'tick' } as const, pass(3), { do: 'reconcile' } as const, pass(3)],
  ...[{ do: 'export' } as const, pass(3), put(9, 3), { do: 'tick' } as const, pass(5)],
];
/** Newer runs, after which the events of the first ones arrive. */
const newer: readonly Action[] = [upload(0, 12), upload(1, 3), put(20, 4), ...work.slice(2)];

type Late = readonly number[];
/** The first events of each kind arrive like this, later ones at once. */
const lateEvents: Readonly<Record<string, Late>> = {
  'twice at once': [0, 0],
  'again a day later': [0, dayMs],
  'again five days later': [0, 5 * dayMs],
  'only a day later': [dayMs],
  'only five days later': [5 * dayMs],
};
const many = <T>(value: T, count: number) => Array.from({ length: count }, () => value);
const points = {
  'status changes of refresh and export': (late: Late) => ({ events: many(late, 40) }),
  'events of objects': (late: Late) => ({ notifications: many(late, 4) }),
  'ticks of refresh, reconcile and export': (late: Late) => ({ ticks: many(late, 4) }),
} satisfies Record<string, (late: Late) => Scenario['faults']>;

/** What the functions keep: rows of every table, and versions of every published file. */
async function kept({ cloud }: Simulation): Promise<Record<string, unknown>> {
  const tables: Record<string, unknown> = {};
  for (const table of ['events', 'duplicates', 'rejects', 'ledger', 'parked', 'gaps', 'exports', 'staged'])
    tables[table] = (await rows(cloud, `select * from sim.${table}`)).map((row) => JSON.stringify(row)).sort();
  const objects = await cloud.s3.port.list(outsider, buckets.exports, '');
  return { ...tables, published: objects.map(({ key, versionId }) => [key, versionId]) };
}

/** How far each landing view is merged and complete. */
const progress = ({ cloud }: Simulation) =>
  rows<[string, string, string]>(
    cloud,
    'select landing, merged_until, complete_until from sim.checkpoints order by landing',
  );

const cases = Object.entries(points).flatMap(([point, faults]) =>
  Object.entries(lateEvents).map(([when, late]) => ({ name: `${point} arrive ${when}`, faults: faults(late) })),
);

test.each(everyNth(cases, 8, 2))(
  '$name: nothing is done twice, and nothing newer is overwritten',
  async ({ faults }) => {
    const scenario: Scenario = { actions: [], faults, kills: {} };
    const simulation = await Simulation.start(template, scenario, {});
    try {
      for (const action of [...work, ...newer]) await simulation.act(action, undefined, undefined);
      // The ticks that follow do what lost events would have done.
      for (let times = 0; times < 3; times++) {
        for (const name of ['refresh', 'reconcile', 'export'] as const) await simulation.tick(name);
        await simulation.pass(20 * minuteMs);
      }
      const [before, reached] = [await kept(simulation), await progress(simulation)];
      const { lateUntil } = simulation.cloud.faults;
      for (let until = lateUntil(); until !== undefined; until = lateUntil())
        await simulation.pass(until - simulation.cloud.clock.now());
      await simulation.pass(60 * minuteMs);
      expect(await kept(simulation)).toEqual(before);
      for (const [index, [, merged, complete]] of (await progress(simulation)).entries()) {
        expect(merged >= reached[index]![1]).toBe(true);
        expect(complete >= reached[index]![2]).toBe(true);
      }
      await simulation.recover();
      expect(await verify(simulation, template)).toEqual([]);
    } finally {
      await simulation.dispose();
    }
  },
  longestMs,
);
