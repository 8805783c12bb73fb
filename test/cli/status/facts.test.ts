import { exitCodeOf } from '../../../cli/commands/status';
import type { MetricQuery } from '../../../cli/page/ports';
import { readStatus } from '../../../cli/status/facts';
import { statusText } from '../../../cli/status/print';
import { styleFor } from '../../../cli/terminal';
import type { PauseState } from '../../../lambda/shared/pause';
import type { FlowNode, Snapshot } from '../../../ui/api';
import { shopPipeline, testEnvironment } from '../../lib/fixtures';
import { documented, same } from '../documented';
import { Collected } from '../io';

const now = Date.parse('2026-11-21T09:00:00Z');
const minuteMs = 60_000;
const environment = testEnvironment({
  warehouse: {
    kind: 'provisioned',
    nodeType: 'ra3.large',
    nodeCount: 1,
    snapshotRetentionDays: 1,
    pause: { pauseAt: 'cron(0 20 * * ? *)', resumeAt: 'cron(0 6 * * ? *)' },
  },
});
const counts = {
  produced: 10,
  terms: [
    { name: 'events', records: 7 },
    { name: 'duplicates', records: 1 },
    { name: 'rejects', records: 0 },
    { name: 'pending', records: 2 },
  ],
  balanced: true,
};
const node = (id: FlowNode['id'], state: FlowNode['state']): FlowNode => ({
  id,
  count: 1,
  unit: '',
  detail: '',
  state,
});

const snapshotOf = (changes: Partial<Snapshot> = {}, nodes: readonly FlowNode[] = []): Snapshot => ({
  environment: 'test',
  now,
  clockRate: 1,
  readOnly: true,
  catchingUp: false,
  warehouse: 'available',
  counts,
  pipelines: [
    {
      name: 'shop',
      counts,
      nodes,
      views: [],
      exports: [],
      endpoints: [],
      partners: [],
      rate: 0,
      running: [],
      shards: [],
    },
  ],
  alarms: [],
  ...changes,
});

interface World {
  readonly failures?: Readonly<Record<string, number>>;
  readonly query?: () => Promise<never>;
  readonly pause?: PauseState;
}

const read = (snapshot: Snapshot, { failures = {}, query, pause }: World = {}) =>
  readStatus(
    {
      environment,
      now: () => now,
      query: query ?? (async () => ({ columns: ['complete_until'], rows: [['2026-11-21 08:57:00']] })),
      metrics: async (queries: readonly MetricQuery[]) =>
        queries.map(({ name }) => (failures[name] ? [{ at: now, value: failures[name] }] : [])),
      lastWritten: (metric) => (metric === 'RunCompleted' ? now - 2 * minuteMs : undefined),
    },
    snapshot,
    [shopPipeline()],
    { pause, cost: { dollars: 123.4, monthDollars: 185.2, region: 'us-east-1' } },
  );

const shown = async (...args: Parameters<typeof read>) =>
  statusText(await read(...args), styleFor(new Collected(), {}));

test('a healthy environment: the equation, freshness, what comes next, the cost', async () => {
  const status = await read(snapshotOf({}, [node('merge', 'ok')]));
  expect(status).toMatchObject({ healthy: true, reasons: [], unknown: [], paused: null });
  expect(status.pipelines).toEqual([
    { name: 'shop', counts, freshUntil: '2026-11-21T08:57:00.000Z', freshMinutes: 3, pending: 2, failures: {} },
  ]);
  expect(status.next).toEqual([
    { what: 'shop: refresh, every 5 min', at: '2026-11-21T09:03:00.000Z' },
    { what: 'shop: exports, every 15 min' },
    { what: 'shop: reconcile, every 30 min' },
    { what: 'the cluster pauses', at: '2026-11-21T20:00:00.000Z' },
    { what: 'the cluster resumes', at: '2026-11-22T06:00:00.000Z' },
  ]);
  expect(exitCodeOf(status)).toBe(0);
  const text = await shown(snapshotOf());
  expect(text).toContain('test  2026-11-21 09:00 UTC  healthy');
  expect(text).toContain('records   10 produced = 7 events + 1 duplicates + 0 rejects + 2 pending');
  expect(text).toContain('about $123.40 since the 1st, of $185.20 a month without traffic');
});

test('an alarm, a late refresh and records that do not add up are reasons', async () => {
  const unbalanced = { ...counts, produced: 11, balanced: false };
  const snapshot = snapshotOf({
    alarms: [{ pipeline: 'shop', heading: 'stream lag', impact: '', what: '' }],
    pipelines: [
      { ...snapshotOf({}, [node('landing', 'late'), node('merge', 'late')]).pipelines[0]!, counts: unbalanced },
    ],
  });
  const status = await read(snapshot);
  expect(status.reasons).toEqual([
    'shop: stream lag (docs/runbook.md)',
    'shop: the records do not add up',
    'shop: the refresh is late',
  ]);
  expect(exitCodeOf(status)).toBe(1);
});

test('failures of the last day are named, and are no reason by themselves: the next run makes up for them', async () => {
  const world = { failures: { RunFailed: 2 } };
  expect(await read(snapshotOf(), world)).toMatchObject({ healthy: true, pipelines: [{ failures: { RunFailed: 2 } }] });
  expect(await shown(snapshotOf(), world)).toContain('shop: 2 × RunFailed in 24 hours');
});

test('what cannot be read is named; nothing is called healthy for that', async () => {
  const query = async () => Promise.reject(new Error('no permission'));
  const status = await read(snapshotOf({ problems: [{ part: 'alarms', problem: 'denied' }] }), { query });
  expect(status).toMatchObject({ healthy: false, reasons: [], unknown: ['alarms: denied', 'shop: no permission'] });
  expect(exitCodeOf(status)).toBe(2);
});

test('a paused environment says until when and by whom; its warehouse is not asked', async () => {
  const pause: PauseState = {
    phase: 'paused',
    by: 'budget',
    since: now,
    until: now + 60 * minuteMs,
    retention: {},
    now: false,
  };
  const query = async () => Promise.reject(new Error('asked'));
  const snapshot = snapshotOf({ warehouse: 'paused', problems: [{ part: 'warehouse', problem: 'it is paused' }] });
  const status = await read(snapshot, { pause, query });
  expect(status).toMatchObject({
    healthy: true,
    paused: { phase: 'paused', by: 'budget', until: '2026-11-21T10:00:00.000Z' },
  });
  // Ticks do nothing while it is paused.
  expect(status.next).toEqual([{ what: 'the environment resumes', at: '2026-11-21T10:00:00.000Z' }]);
  expect((await read(snapshot, { query })).next).toEqual([
    { what: 'the cluster resumes', at: '2026-11-22T06:00:00.000Z' },
  ]);
  expect(await shown(snapshot, { pause, query })).toContain('paused until 2026-11-21 10:00 UTC by the budget');
  expect(await shown(snapshot, { query })).toContain('paused by its daily schedule');
});

test('an extended retention after a pause is no pause', async () => {
  const pause: PauseState = {
    phase: 'resumed',
    by: 'person',
    since: now,
    until: now,
    retention: { s: 24 },
    now: false,
  };
  expect(await read(snapshotOf(), { pause })).toMatchObject({ paused: null, healthy: true });
});

test('the answer has the shape that the docs show', async () => {
  same(await read(snapshotOf()), documented.get('status'), 'status');
});
