import { type Action, firstOnceKey, type Scenario } from '../support/actions';
import { simPipeline } from '../support/pipeline';
import { simulate } from '../support/simulation';
import { type Template, templateOf } from '../support/template';
import { everyNth } from '../support/tier';
import { verify } from '../support/verify';
import { startMs } from './check';

const each = (events: readonly number[]) => events.map((from) => ({ from, count: 1 }));
const upload = (key: number, ...events: number[]): Action => ({ do: 'upload', key, events: each(events) });
const poison = (key: number): Action => ({ do: 'upload', key, events: each([1]), poison: true });
const put = (...events: number[]): Action => ({ do: 'put', events: each(events) });
const pass = (minutes: number): Action => ({ do: 'pass', minutes });
const tick: Action = { do: 'tick' };
const reconcile: Action = { do: 'reconcile' };
const again = (key: number): Action => ({ do: 'again', key });
const remove = (key: number): Action => ({ do: 'delete', key });
const minuteMs = 60_000;
/** The time limit of a test, in real time on a busy machine. */
const longestMs = 5 * minuteMs;

/** Faults in the order of the load function's statements. The first reads the ledger, the second is the transaction. */
const slowLoad = [undefined, { kind: 'slow' as const, ms: 5 * minuteMs }];

interface Named {
  readonly name: string;
  readonly actions: readonly Action[];
  readonly faults?: Scenario['faults'];
  readonly kills?: Scenario['kills'];
  /** The number of rows that must exist. It proves that the scenario did what its name says. */
  readonly ledger?: number;
  readonly parked?: number;
  /** A pattern of a message that a function must have logged. */
  readonly said?: RegExp;
  readonly retentionHours?: number;
  /** The number of windows that were published again. */
  readonly corrections?: number;
  /** Shard and start of each gap that was found and, in the end, closed. */
  readonly gaps?: readonly (readonly [string, string])[];
}

const cases: readonly Named[] = [
  {
    name: 'a notification that is lost',
    actions: [upload(0, 1), pass(5), reconcile],
    faults: { notifications: [[]] },
    ledger: 1,
  },
  {
    name: 'a notification that comes three days late, after the reconcile',
    actions: [upload(0, 1), pass(5), reconcile],
    faults: { notifications: [[3 * 24 * 60 * minuteMs]] },
    ledger: 1,
    said: /loaded before/,
  },
  {
    name: 'the same bytes uploaded twice',
    actions: [upload(0, 1, 2), pass(1), again(0), pass(1)],
    ledger: 1,
    said: /loaded before/,
  },
  {
    name: 'an object overwritten while its load waits: both versions',
    actions: [upload(0, 1, 2), upload(0, 2, 3)],
    faults: { statements: { load: slowLoad } },
    ledger: 2,
  },
  {
    name: 'an object overwritten, and then the first bytes again',
    actions: [upload(0, 1), upload(0, 2), upload(0, 1), pass(5)],
    faults: { statements: { load: slowLoad } },
    ledger: 2,
  },
  {
    name: 'an object deleted before its load',
    actions: [upload(0, 1, 2), remove(0)],
    faults: { statements: { load: slowLoad } },
    ledger: 1,
  },
  {
    name: 'an object that cannot be read, among others',
    actions: [upload(0, 1), poison(1), upload(2, 3)],
    ledger: 2,
    parked: 1,
    said: /given up and parked/,
  },
  {
    name: 'an object overwritten where that is a mistake',
    actions: [upload(firstOnceKey, 1), pass(1), upload(firstOnceKey, 2), pass(1)],
    ledger: 1,
    parked: 1,
  },
  {
    name: 'an object overwritten where that is a mistake, its notification lost',
    actions: [upload(firstOnceKey, 1), pass(1), upload(firstOnceKey, 2), pass(5), reconcile],
    faults: { notifications: [undefined, []] },
    ledger: 1,
    parked: 1,
  },
  {
    name: 'a load that took effect, its answer lost',
    actions: [upload(0, 1, 2), pass(1)],
    faults: { statements: { load: [undefined, { kind: 'answer-lost' }] } },
    ledger: 1,
    said: /for a passing reason, retrying/,
  },
  {
    name: 'a load in conflict with another transaction, three times',
    actions: [upload(0, 1), pass(1)],
    faults: { statements: { load: [undefined, { kind: 'fail' }, { kind: 'fail' }, { kind: 'fail' }] } },
    ledger: 1,
  },
  {
    name: 'a load that outlives its function',
    actions: [upload(0, 1), pass(30)],
    faults: { statements: { load: [undefined, { kind: 'slow', ms: 20 * minuteMs }] } },
    ledger: 1,
    said: /still loading|timed out/,
  },
  {
    name: 'a paused cluster',
    actions: [{ do: 'pause' }, put(1), upload(0, 1, 2), tick, reconcile, pass(26 * 60), { do: 'resume' }],
    ledger: 1,
  },
  {
    name: 'a stream that is split and merged between two refreshes',
    actions: [
      put(1, 2, 3),
      tick,
      { do: 'split' },
      put(3, 4, 5),
      { do: 'merge' },
      { do: 'merge' },
      put(5, 6, 7, 8, 9),
      tick,
    ],
  },
  {
    name: 'history that is in the stream already, and the other way round',
    actions: [put(1, 2, 8, 9), tick, pass(1), upload(0, 1, 2, 3, 8, 9), pass(1), put(3, 3)],
    ledger: 1,
  },
  {
    name: 'records that the stream forgot before anything was ever merged',
    actions: [put(1, 2, 8, 9), pass(25 * 60), { do: 'tick' }, pass(70), tick],
    retentionHours: 24,
    gaps: [['all shards', '2026-11-21 00:00:00']],
  },
  {
    name: 'a cluster paused for longer than the stream remembers, some of it in the archive',
    actions: [
      put(0, 1, 2, 3, 4, 5, 6, 7),
      tick,
      pass(1),
      { do: 'pause' },
      put(14, 15, 8, 9),
      pass(26 * 60),
      put(6, 7),
      { do: 'resume' },
      tick,
      pass(1),
    ],
    retentionHours: 24,
    gaps: [
      ['shardId-000000000000', '2026-11-21 01:00:00'],
      ['shardId-000000000001', '2026-11-21 01:00:00'],
    ],
  },
  {
    name: 'a backfill from the archive after the publication of its day',
    actions: [
      put(0, 1),
      tick,
      pass(1),
      { do: 'pause' },
      put(14, 15),
      pass(26 * 60),
      { do: 'resume' },
      ...[tick, pass(60), tick, pass(60), { do: 'export' } as const, pass(60)],
      { do: 'backfill' },
      pass(60),
    ],
    retentionHours: 24,
    corrections: 1,
  },
  {
    name: 'records that make the merge fail, on the stream, in history and in the archive',
    actions: [
      put(1, 2, 3, 4, 5, 6),
      tick,
      pass(1),
      upload(0, 3, 7, 8, 3),
      upload(1, 9, 10),
      pass(10),
      { do: 'backfill' },
      pass(60),
    ],
    faults: { raising: ['e3', 'e5', 'e9'] },
    ledger: 3,
    said: /made the merge fail and became a reject/,
  },
  {
    name: 'nothing but records that make the merge fail',
    actions: [put(3, 5), upload(0, 9), tick, pass(1)],
    faults: { raising: ['e3', 'e5', 'e9'] },
    ledger: 1,
    said: /made the load fail and became a reject/,
  },
  {
    name: 'a record that the stream skipped, which makes the load of the archive fail',
    actions: [put(3), put(5), tick, pass(1), tick, pass(1), { do: 'envelope', key: 0, records: { from: 0, count: 2 } }],
    faults: { raising: ['e3'], scans: [{ every: 1, from: 0 }] },
    ledger: 1,
    said: /made the load fail and became a reject/,
  },
  {
    name: 'subjects who are forgotten, and whose records make every statement fail that looks into them',
    actions: [
      put(1, 2, 3),
      upload(0, 3, 7, 8),
      tick,
      pass(10),
      ...[1, 2, 7].map((event): Action => ({ do: 'forget', event })),
      pass(5),
      put(2, 4),
      upload(1, 7, 9),
      tick,
      pass(10),
      { do: 'backfill' },
      pass(60),
    ],
    faults: { raising: ['e2', 'e3', 'e7'] },
    said: /made the merge fail and became a reject/,
  },
  {
    name: 'a subject who is forgotten after windows with it were published',
    actions: [
      ...[put(1, 2, 3), tick, pass(26 * 60), tick, pass(60), tick, pass(60), { do: 'export' } as const, pass(60)],
      { do: 'forget', event: 2 },
      pass(60),
    ],
    corrections: 1,
  },
  {
    name: 'a record that makes the merge fail, and every event of the statements lost',
    actions: [put(1, 2, 3), ...Array.from({ length: 12 }, () => [tick, pass(1)]).flat()],
    faults: { raising: ['e2'], events: Array.from({ length: 30 }, () => []) },
  },
  {
    name: 'every event of the statements lost: only ticks go on',
    actions: [put(1, 2), tick, pass(1), tick, pass(1), tick, pass(1), tick],
    faults: { events: Array.from({ length: 30 }, () => []) },
  },
];

describe('one fault at a time', () => {
  let template: Template;
  beforeAll(async () => {
    template = await templateOf(simPipeline, startMs);
  });
  afterAll(() => template.remove());

  test.each(everyNth(cases, 24, 2))(
    '$name',
    async ({
      actions,
      faults = {},
      kills = {},
      ledger,
      parked = 0,
      said,
      retentionHours,
      gaps = [],
      corrections = 0,
    }) => {
      const simulated = await simulate(template, { actions, faults, kills, retentionHours });
      try {
        expect(await verify(simulated, template)).toEqual([]);
        const { rows } = await simulated.cloud.warehouse.port.query(
          'select (select count(*) from sim.ledger), (select count(*) from sim.parked), (select count(*) from sim.exports where revision > 0)',
        );
        const [loaded, aside, again] = rows[0]!.map(Number);
        if (ledger !== undefined) expect([loaded, aside]).toEqual([ledger, parked]);
        expect(again).toBe(corrections);
        expect(simulated.gaps.map(({ shard, from }) => [shard, from])).toEqual(gaps);
        if (said) expect(simulated.cloud.log.some(({ message, error }) => said.test(`${message} ${error}`))).toBe(true);
      } finally {
        await simulated.dispose();
      }
    },
    longestMs,
  );

  // Between the end of one call and the start of the next, a function does nothing that is visible from outside.
  test.each(everyNth([...Array(15).keys()], 15, 3))(
    'a load function killed after %i calls',
    async (calls) => {
      const kill = calls === 0 ? { call: 1, after: false } : { call: calls, after: true };
      const simulated = await simulate(template, {
        actions: [upload(0, 1, 2), upload(0, 3), pass(1)],
        faults: {},
        kills: { load: [kill] },
      });
      try {
        expect(await verify(simulated, template)).toEqual([]);
      } finally {
        await simulated.dispose();
      }
    },
    longestMs,
  );
});
