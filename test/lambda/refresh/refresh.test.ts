import type { RefreshPlan } from '../../../lambda/refresh/contract';
import { parseRunEvent } from '../../../lambda/shared/run-event';
import { WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import { fakeRefresh } from './host';

const plan: RefreshPlan = {
  pipeline: 'estore',
  steps: [
    { name: 'landing', mode: 'single', statements: ['refresh materialized view estore.landing'] },
    {
      name: 'merge',
      mode: 'transaction',
      statements: ['lock estore.checkpoints', 'insert into estore.runs select {{run_id}}'],
    },
    {
      name: 'views',
      mode: 'auto-commit',
      statements: ['refresh materialized view estore.a', 'refresh materialized view estore.b'],
    },
  ],
};
const nameOf = (step: string, { run = '20261121T0500Z', attempt = 1 } = {}) =>
  `millrace/dev/estore/refresh/${run}/${step}/${attempt}`;

const setUp = (changes: Partial<RefreshPlan> = {}) => fakeRefresh({ ...plan, ...changes });

test('a run goes from step to step by the ends of its statements', async () => {
  const { warehouse, recorded, tick, end } = setUp();
  await tick('05:00');
  await end(nameOf('landing'));
  await end(nameOf('merge'));
  await end(nameOf('views'));

  expect(warehouse.statements.map(({ submission }) => submission)).toEqual([
    expect.objectContaining({ name: nameOf('landing'), mode: 'single', withEvent: true, token: expect.any(String) }),
    expect.objectContaining({
      name: nameOf('merge'),
      mode: 'transaction',
      statements: ['lock estore.checkpoints', "insert into estore.runs select '20261121T0500Z'"],
    }),
    expect.objectContaining({ name: nameOf('views'), mode: 'auto-commit' }),
  ]);
  const seconds = (warehouse.of(nameOf('views')).updatedAt - warehouse.of(nameOf('landing')).createdAt) / 1000;
  expect(recorded).toEqual([
    { at: warehouse.of(nameOf('views')).updatedAt, values: { RunCompleted: 1, RunSeconds: seconds } },
  ]);
});

test('the end of a statement that another role gave the name of a step submits nothing', async () => {
  const { warehouse, tick, send } = setUp();
  await tick('05:00');
  warehouse.foreign.add('id-99');
  const detail = { statementName: nameOf('landing'), statementId: 'id-99', state: 'FINISHED' };
  await send({ source: 'aws.redshift-data', detail });
  await send({ source: 'aws.redshift-data', detail: { ...detail, state: 'FAILED' } });
  expect(warehouse.names).toEqual([nameOf('landing')]);
});

test('a tick does nothing while a statement of an earlier run is active, however old', async () => {
  const { warehouse, tick } = setUp();
  await tick('05:00');
  await tick('05:05');
  await tick('23:55');
  expect(warehouse.names).toEqual([nameOf('landing')]);
});

test.each([
  ['landing', 'merge'],
  ['merge', 'views'],
])('when the event of %s is lost, the next tick submits %s of the same run', async (lost, next) => {
  const { warehouse, tick, end } = setUp();
  await tick('05:00');
  for (const { name } of plan.steps) {
    if (name === lost) break;
    await end(nameOf(name));
  }
  warehouse.end(nameOf(lost));
  await tick('05:05');
  expect(warehouse.names.at(-1)).toBe(nameOf(next));
});

test('after a complete run the next tick starts a new one', async () => {
  const { warehouse, tick, end } = setUp();
  await tick('05:00');
  for (const { name } of plan.steps) await end(nameOf(name));
  await tick('05:05');
  expect(warehouse.names.at(-1)).toBe(nameOf('landing', { run: '20261121T0505Z' }));
});

test('a complete run counts as complete although all its statements have the same time', async () => {
  const { warehouse, tick, end } = setUp();
  warehouse.stepMs = 0;
  await tick('05:00');
  for (const { name } of plan.steps) await end(nameOf(name));
  await tick('05:05');
  expect(warehouse.names.at(-1)).toBe(nameOf('landing', { run: '20261121T0505Z' }));
});

test('resumes a run of the hour before', async () => {
  const { warehouse, tick } = setUp();
  await tick('05:55');
  warehouse.end(nameOf('landing', { run: '20261121T0555Z' }));
  await tick('06:00');
  expect(warehouse.names.at(-1)).toBe(nameOf('merge', { run: '20261121T0555Z' }));
});

test('a tick lists the ten minutes that have the latest run, and hours only where these are empty', async () => {
  const { warehouse, tick, end } = setUp();
  const listedBy = async (time: string, now = time) => {
    const before = warehouse.listed.length;
    warehouse.now = Date.parse(`2026-11-21T${now}:01Z`);
    await tick(time);
    return warehouse.listed.slice(before).map((prefix) => prefix.split('/').at(-1));
  };
  const endRun = async (run: string) => {
    for (const { name } of plan.steps) await end(nameOf(name, { run: `20261121T${run}Z` }));
  };
  expect(await listedBy('05:00')).toEqual(['20261121T050', '20261121T045', 'active', '20261121T05', '20261121T04']);
  await endRun('0500');
  expect(await listedBy('05:01')).toEqual(['20261121T050']);
  await endRun('0501');
  expect(await listedBy('05:09')).toEqual(['20261121T051', '20261121T050']);
  await endRun('0509');
  expect(await listedBy('05:10')).toEqual(['20261121T051', '20261121T050']);
  await endRun('0510');
  expect(await listedBy('05:02', '05:52')).toEqual(['active', '20261121T05']);
});

test.each([
  ['05:07', '05:09'],
  ['05:07', '05:10'],
  ['04:58', '05:00'],
  ['03:10', '05:00'],
  ['05:00', '07:30'],
])('a tick that finds a statement of the run of %s active at %s starts nothing', async (first, second) => {
  const { warehouse, tick } = setUp();
  warehouse.now = Date.parse(`2026-11-21T${first}:01Z`);
  await tick(first);
  warehouse.now = Date.parse(`2026-11-21T${second}:01Z`);
  await tick(second);
  expect(warehouse.names).toHaveLength(1);
});

test('an active statement of an earlier run stops a tick, although a later run has ended', async () => {
  const { warehouse, tick, end } = setUp();
  await tick('05:00');
  // Both ticks came at the same time.
  const other = nameOf('landing', { run: '20261121T0501Z' });
  await warehouse.submit({ name: other, mode: 'single', statements: ['select 1'], token: 'other' });
  warehouse.end(other);
  await tick('05:02');
  expect(warehouse.names).toEqual([nameOf('landing'), other]);
  await end(nameOf('landing'));
});

test('a late tick finds the runs of the hour after', async () => {
  const { warehouse, tick, end } = setUp();
  warehouse.now = Date.parse('2026-11-21T06:00:01Z');
  await tick('06:00');
  for (const { name } of plan.steps) await end(nameOf(name, { run: '20261121T0600Z' }));
  await tick('05:55');
  expect(warehouse.names).toHaveLength(plan.steps.length);
});

test('duplicate ticks and events change nothing', async () => {
  const { warehouse, tick, end, report } = setUp();
  await tick('05:00');
  await end(nameOf('landing'));
  await report(nameOf('landing'));
  await end(nameOf('merge'));
  await report(nameOf('landing'));
  await report(nameOf('merge'));
  await end(nameOf('views'));
  await tick('05:00');
  await tick('04:55');
  expect(warehouse.names).toEqual([nameOf('landing'), nameOf('merge'), nameOf('views')]);
});

test.each(['FAILED', 'ABORTED'] as const)('a statement that is %s for good fails the run', async (status) => {
  const { recorded, warehouse, tick, end } = setUp();
  await tick('05:00');
  await end(nameOf('landing'));
  await expect(end(nameOf('merge'), { status, error: 'permission denied for estore' })).rejects.toThrow(
    `statement ${nameOf('merge')} (id-2) ${status.toLowerCase()}: permission denied for estore`,
  );
  expect(recorded.map(({ values }) => values)).toEqual([{ RunFailed: 1 }]);
  expect(warehouse.names).toHaveLength(2);

  await tick('05:05');
  expect(warehouse.names.at(-1)).toBe(nameOf('landing', { run: '20261121T0505Z' }));
});

test('a conflict of transactions is retried, three attempts in all', async () => {
  const { warehouse, recorded, tick, end } = setUp();
  const conflict = { status: 'FAILED', error: 'ERROR: 1023 DETAIL: Serializable isolation violation on table' };
  await tick('05:00');
  await end(nameOf('landing'));
  await end(nameOf('merge'), conflict);
  await end(nameOf('merge', { attempt: 2 }), conflict);
  await expect(end(nameOf('merge', { attempt: 3 }), conflict)).rejects.toThrow('Serializable isolation violation');
  expect(warehouse.names.slice(1)).toEqual([1, 2, 3].map((attempt) => nameOf('merge', { attempt })));
  expect(warehouse.pauses).toHaveLength(2);
  expect(recorded).toHaveLength(1);
});

test('a tick retries a passing failure whose event was lost', async () => {
  const { warehouse, tick } = setUp();
  await tick('05:00');
  warehouse.end(nameOf('landing'), { status: 'FAILED', error: 'ERROR: deadlock detected' });
  await tick('05:05');
  expect(warehouse.names.at(-1)).toBe(nameOf('landing', { attempt: 2 }));
  expect(warehouse.pauses).toHaveLength(1);
});

describe('a sleeping warehouse', () => {
  test('raises no alarm, and the first tick after it wakes up starts a run', async () => {
    const { warehouse, recorded, tick } = setUp();
    const { submit } = warehouse;
    warehouse.submit = async () => {
      throw new WarehouseAsleepError('The cluster is paused', false);
    };
    await tick('05:00');
    expect([warehouse.names, recorded]).toEqual([[], []]);
    warehouse.submit = submit;
    await tick('05:05');
    expect(warehouse.names).toEqual([nameOf('landing', { run: '20261121T0505Z' })]);
  });

  test('that falls asleep during a statement fails no run', async () => {
    const { warehouse, recorded, tick, end } = setUp();
    await tick('05:00');
    const failed = { status: 'FAILED', error: 'ERROR: Query canceled' } as const;
    await end(nameOf('landing'), { ...failed, warehouse: { kind: 'paused', status: 'paused' } });
    expect(warehouse.names).toHaveLength(1);
    expect(recorded).toEqual([]);
    // It is awake again, and the statement's error is not one that may pass.
    warehouse.end(nameOf('landing'), { ...failed, warehouse: undefined });
    await tick('05:05');
    expect(warehouse.names.at(-1)).toBe(nameOf('landing', { run: '20261121T0505Z' }));
  });
});

test('a complete run reports every open gap', async () => {
  const { warehouse, recorded, tick, end } = setUp({ gaps: 'select gaps' });
  const gap = { shard_id: 'shardId-000000000001', after_sequence: '49', from_time: 'a', to_time: 'b' };
  warehouse.outcome = ({ name }) => (name.includes('/gaps/') ? { rows: [gap, gap] } : undefined);
  await tick('05:00');
  for (const { name } of plan.steps) await end(nameOf(name));
  expect(recorded.map(({ values }) => Object.keys(values)[0])).toEqual(['RunCompleted', 'StreamGap', 'StreamGap']);
  await tick('05:05');
  expect(warehouse.names.at(-1)).toBe(nameOf('landing', { run: '20261121T0505Z' }));
});

test('a complete run counts the records that streaming ingestion skipped', async () => {
  const { warehouse, recorded, tick, end } = setUp({ skipped: 'select skipped' });
  const skips = {
    shard_id: 'shardId-000000000001',
    reason: 'too large',
    records: 3,
    first_sequence: '49',
    from_time: 'a',
    to_time: 'b',
  };
  warehouse.outcome = ({ name }) => (name.includes('/skips/') ? { rows: [skips] } : undefined);
  await tick('05:00');
  for (const { name } of plan.steps) await end(nameOf(name));
  expect(recorded.map(({ values }) => values).slice(1)).toEqual([{ SkippedRecords: 3 }]);
});

test('a complete run reports what it merged, how fresh it is, and its rejects by reason', async () => {
  const { warehouse, recorded, tick, end } = setUp({ totals: 'select {{run_id}}' });
  const counts = { events: 7, duplicates: 1, rejects: 3, skipped: 0, first_arrival: '2026-11-21 04:59:00' };
  const rows = [
    { ...counts, reason: 'price is missing', records: 2 },
    { ...counts, reason: 'größe is no number', records: 1 },
  ];
  warehouse.outcome = ({ name }) => (name.includes('/totals/') ? { rows } : undefined);
  await tick('05:00');
  for (const { name } of plan.steps) await end(nameOf(name));
  const [, totals, ...reasons] = recorded;
  const { FreshnessSeconds, ...merged } = totals!.values;
  expect(merged).toEqual({ MergedEvents: 7, MergedDuplicates: 1, MergedRejects: 3, MergedSkipped: 0 });
  expect(FreshnessSeconds).toBeGreaterThan(0);
  expect(reasons.map(({ values, dimensions }) => [values, dimensions])).toEqual([
    [{ RejectedRecords: 2 }, { Reason: 'price is missing' }],
    [{ RejectedRecords: 1 }, { Reason: 'gr??e is no number' }],
  ]);
});

test('a run of a pipeline with a retention also reports how many rows it deleted', async () => {
  const { warehouse, recorded, tick, end } = setUp({ totals: 'select {{run_id}}' });
  const counts = { events: 7, duplicates: 1, rejects: 3, skipped: 0, expired: 12, first_arrival: null };
  warehouse.outcome = ({ name }) => (name.includes('/totals/') ? { rows: [{ ...counts, reason: null }] } : undefined);
  await tick('05:00');
  for (const { name } of plan.steps) await end(nameOf(name));
  expect(recorded.map(({ values }) => values)).toContainEqual({ ExpiredRows: 12 });
});

test('a run of a pipeline with subjects tells forgotten records from other skipped ones', async () => {
  const { warehouse, recorded, tick, end } = setUp({ totals: 'select {{run_id}}' });
  const counts = { events: 7, duplicates: 1, rejects: 3, skipped: 5, forgotten: 2, first_arrival: null };
  warehouse.outcome = ({ name }) => (name.includes('/totals/') ? { rows: [{ ...counts, reason: null }] } : undefined);
  await tick('05:00');
  for (const { name } of plan.steps) await end(nameOf(name));
  expect(recorded.map(({ values }) => values)).toContainEqual(
    expect.objectContaining({ MergedSkipped: 3, MergedForgotten: 2 }),
  );
});

describe('a step that may fail', () => {
  const steps = plan.steps.map((step) => (step.name === 'landing' ? step : { ...step, mayFail: true }));
  const failed = { status: 'FAILED' as const, error: 'permission denied' };

  test('is reported when it fails, and the run continues to its end', async () => {
    const { warehouse, recorded, tick, end } = setUp({ steps });
    await tick('05:00');
    await end(nameOf('landing'));
    await end(nameOf('merge'), failed);
    expect(warehouse.names.at(-1)).toBe(nameOf('views'));
    await end(nameOf('views'), failed);
    expect(recorded.map(({ values }) => Object.keys(values)[0])).toEqual(['RunFailed', 'RunFailed', 'RunCompleted']);
  });

  test('is retried first when it failed for a passing reason', async () => {
    const { warehouse, recorded, tick, end } = setUp({ steps });
    await tick('05:00');
    await end(nameOf('landing'));
    await end(nameOf('merge'), { status: 'FAILED', error: 'ERROR: 1023 Serializable isolation violation' });
    expect(warehouse.names.at(-1)).toBe(nameOf('merge', { attempt: 2 }));
    expect(recorded).toEqual([]);
  });
});

test.each([
  '',
  'nightly-report',
  'millrace/prod/estore/refresh/20261121T0500Z/landing/1',
  'millrace/dev/estore_eu/refresh/20261121T0500Z/landing/1',
  'millrace/dev/estore/export/20261121T0500Z/landing/1',
  'millrace/dev/estore/refresh/20261121T0500Z/landing/one',
  'millrace/dev/estore/refresh/20261121T0500Z/dropped-step/1',
])('ignores the foreign statement "%s"', async (statementName) => {
  const { warehouse, send, recorded } = setUp();
  const detail = { statementName, statementId: 'x', state: 'FAILED' };
  await send({ source: 'aws.redshift-data', detail });
  expect(warehouse.names).toEqual([]);
  expect(recorded).toEqual([]);
});

test.each([
  [{ kind: 'start', scheduledTime: 'soon' }, 'event.scheduledTime must be an ISO 8601 time, got "soon"'],
  [{ source: 'aws.s3', detail: {} }, 'event.source must be one of aws.redshift-data, got "aws.s3"'],
  [
    { source: 'aws.redshift-data', detail: { statementId: 'i', state: 'STARTED' } },
    'event.detail.state must be one of FINISHED, FAILED, ABORTED',
  ],
  ['start', 'event must be an object, got "start"'],
])('refuses the event %j', (event, message) => {
  expect(() => parseRunEvent(event)).toThrow(message);
});
