import type { RefreshPlan } from '../../../lambda/refresh/contract';
import type { Submission } from '../../../lambda/shared/warehouse';
import type { FakeWarehouse, Outcome } from '../fakes';
import { keyOf, keys, raisingWorld, searchPlan } from '../raising-world';
import { fakeRefresh } from './host';

const plan: RefreshPlan = {
  pipeline: 'estore',
  steps: [
    { name: 'landing', mode: 'single', statements: ['refresh materialized view estore.landing'] },
    { name: 'merge', mode: 'transaction', statements: ['insert into estore.runs select {{run_id}}'] },
    { name: 'views', mode: 'auto-commit', statements: ['refresh materialized view estore.a'] },
  ],
  raising: { step: 'merge', search: searchPlan, record: ['record {{run_id}} {{raised}}'] },
};
const run = '20261121T0500Z';
const nameOf = (step: string, attempt = 1, runId = run) => `millrace/dev/estore/refresh/${runId}/${step}/${attempt}`;

/** A warehouse whose merge fails as long as a bad row is pending and no reject. */
function setUp(
  rows: readonly string[],
  bad: Iterable<string>,
  change: (at: Submission) => Outcome | undefined = () => undefined,
) {
  const { warehouse, recorded, tick, report } = fakeRefresh(plan);
  const left = new Set(bad);
  const rejects = new Map<string, string>();
  const pending = new Set(rows);
  const world = () => raisingWorld({ rows: [...pending].filter((key) => !rejects.has(key)), bad: left });
  const results = new Map<string, ReturnType<ReturnType<typeof world>['rowsOf']>>();
  warehouse.partRows = (id) => results.get(id)?.map((row) => ({ ...row }));
  warehouse.outcome = (submission) => {
    const { name, statements } = submission;
    const changed = change(submission);
    if (changed) return changed;
    if (name.endsWith('/merge/1') || name.includes('/merge/')) {
      const found = [...left].find((key) => pending.has(key) && !rejects.has(key));
      return found ? { status: 'FAILED', error: `ERROR: numeric overflow, query ${warehouse.now}` } : {};
    }
    const step = name.split('/')[5]!;
    if (step.endsWith('-record')) {
      const [, raised] = /'(\[.*\])'$/.exec(statements[0]!)!;
      for (const { key, reason } of JSON.parse(raised!)) rejects.set(key, reason);
      return {};
    }
    if (step.startsWith('raising-')) {
      const searched = world();
      const state = searched.carryOut(name, statements);
      for (const { id } of state.parts) results.set(id, searched.rowsOf(id));
      return { status: state.status, error: state.error, parts: state.parts };
    }
    return {};
  };
  const reported = new Set<string>();
  /** Sends the event of every statement that ended, each `times` times, until no other ends. */
  const reportAll = async ({
    times = 1,
    lost = () => false,
  }: {
    times?: number;
    lost?: (name: string) => boolean;
  } = {}) => {
    for (let isDone = false; !isDone; ) {
      const ended = warehouse.names.filter((name) => !reported.has(name));
      isDone = ended.length === 0;
      for (const name of ended) {
        reported.add(name);
        for (let time = 0; time < times && !lost(name); time += 1) await report(name);
      }
    }
  };
  return { warehouse, recorded, rejects, tick, reportAll };
}

const stepsOf = (warehouse: FakeWarehouse) =>
  warehouse.names
    .map((name) => name.slice(nameOf('').indexOf('//') - 14))
    .map((name) => name.split('/').slice(-2).join('/'));

test('a merge that fails twice on a record continues without it, in the same run', async () => {
  const { warehouse, recorded, rejects, tick, reportAll } = setUp(keys(20), [keyOf(7)]);
  await tick('05:00');
  await reportAll();
  expect(stepsOf(warehouse)).toEqual([
    'landing/1',
    'merge/1',
    'merge/2',
    'raising-1-1/1',
    'raising-1-2/1',
    'raising-1-confirm/1',
    'raising-1-record/1',
    'merge/3',
    'views/1',
  ]);
  expect([...rejects]).toEqual([[keyOf(7), 'raised: ERROR: overflow at k000007']]);
  expect(recorded.map(({ values }) => Object.keys(values)[0])).toEqual(['RecordsRaised', 'RunCompleted']);
  expect(warehouse.statements.every(({ submission }) => submission.withEvent && submission.token)).toBe(true);
});

test('more records than one search finds are found by the next searches of the run, and then of the next run', async () => {
  const bad = keys(200).filter((_, n) => n % 4 === 0);
  const { warehouse, rejects, tick, reportAll } = setUp(keys(200), bad);
  await tick('05:00');
  await expect(reportAll()).rejects.toThrow('numeric overflow');
  const searches = new Set(stepsOf(warehouse).flatMap((step) => /^raising-\d+/.exec(step) ?? []));
  expect([...searches]).toEqual(['raising-1', 'raising-2', 'raising-3', 'raising-4']);
  const afterOne = rejects.size;
  expect(afterOne).toBeGreaterThanOrEqual(4);
  for (let minute = 5; rejects.size < bad.length && minute < 55; minute += 5) {
    await tick(`05:${String(minute).padStart(2, '0')}`);
    await reportAll().catch(() => undefined);
  }
  expect(new Set(rejects.keys())).toEqual(new Set(bad));
});

test('a tick continues the run where the event of any statement was lost', async () => {
  const { warehouse, rejects, tick, reportAll } = setUp(keys(20), [keyOf(7)]);
  await tick('05:00');
  for (let minute = 1; minute <= 9; minute += 1) {
    await reportAll({ lost: () => true });
    await tick(`05:0${minute}`);
  }
  expect(rejects.size).toBe(1);
  expect(stepsOf(warehouse).slice(0, 9).at(-1)).toBe('views/1');
});

test('a repeated event submits nothing twice', async () => {
  const { warehouse, rejects, tick, reportAll } = setUp(keys(20), [keyOf(7)]);
  await tick('05:00');
  await reportAll({ times: 2 });
  expect(rejects.size).toBe(1);
  expect(warehouse.names).toHaveLength(9);
});

test('a statement of the search that fails for a passing reason is retried', async () => {
  const conflicts = new Set([nameOf('raising-1-1'), nameOf('raising-1-record')]);
  const { warehouse, rejects, recorded, tick, reportAll } = setUp(keys(20), [keyOf(7)], ({ name }) =>
    conflicts.has(name)
      ? { status: 'FAILED', error: 'ERROR: 1023 DETAIL: Serializable isolation violation' }
      : undefined,
  );
  await tick('05:00');
  await reportAll();
  expect(rejects.size).toBe(1);
  expect(recorded.map(({ values }) => Object.keys(values)[0])).toEqual(['RecordsRaised', 'RunCompleted']);
  // A repeated event of a conflict pauses again.
  expect(warehouse.pauses.length).toBeGreaterThanOrEqual(conflicts.size);
});

test('a conflict before or after failures on data is retried after a pause', async () => {
  const { warehouse, tick, reportAll } = setUp(keys(20), [keyOf(7)], ({ name }) =>
    name === nameOf('merge', 2) ? { status: 'FAILED', error: 'ERROR: deadlock detected' } : undefined,
  );
  await tick('05:00');
  await reportAll();
  expect(warehouse.names).toContain(nameOf('merge', 3));
  expect(warehouse.pauses.length).toBeGreaterThan(0);
});

describe('fails the run and makes no record a reject', () => {
  test.each<[string, Outcome, number]>([
    ['a right that is missing', { status: 'FAILED', error: 'ERROR: permission denied for relation events' }, 1],
    ['an abort', { status: 'ABORTED', error: 'ERROR: numeric overflow' }, 1],
    ['a failure that no part of the rows causes', { status: 'FAILED', error: 'ERROR: numeric overflow' }, 2],
    ['an unknown failure, with the same words twice', { status: 'FAILED', error: 'ERROR: assert at 17' }, 2],
  ])('%s', async (_, outcome, attempts) => {
    const { warehouse, rejects, recorded, tick, reportAll } = setUp(keys(20), [], ({ name }) =>
      name.includes('/merge/') ? outcome : undefined,
    );
    await tick('05:00');
    await expect(reportAll()).rejects.toThrow(outcome.error);
    expect(stepsOf(warehouse).filter((step) => step.startsWith('merge'))).toHaveLength(attempts);
    expect(rejects.size).toBe(0);
    expect(recorded.map(({ values }) => values)).toEqual([{ RunFailed: 1 }]);
    await tick('05:05');
    expect(warehouse.names.at(-1)).toBe(nameOf('landing', 1, '20261121T0505Z'));
  });

  test('two unknown failures with different words', async () => {
    let count = 0;
    const { warehouse, tick, reportAll } = setUp(keys(20), [keyOf(7)], ({ name }) =>
      name.includes('/merge/') ? { status: 'FAILED', error: `ERROR: ${['assert', 'panic'][count++ % 2]}` } : undefined,
    );
    await tick('05:00');
    await expect(reportAll()).rejects.toThrow('panic');
    expect(stepsOf(warehouse)).toEqual(['landing/1', 'merge/1', 'merge/2']);
  });

  test('a warehouse that falls asleep during the search raises no alarm, and the search continues when it is awake', async () => {
    const asleep = { status: 'FAILED', error: 'ERROR: terminating connection due to administrator command' } as const;
    const { recorded, rejects, warehouse, tick, reportAll } = setUp(keys(20), [keyOf(7)], ({ name }) =>
      name.endsWith('/raising-1-1/1') ? { ...asleep, warehouse: { kind: 'paused', status: 'paused' } } : undefined,
    );
    await tick('05:00');
    await reportAll();
    expect(rejects.size).toBe(0);
    expect(recorded).toEqual([]);
    warehouse.end(nameOf('raising-1-1'), { ...asleep, warehouse: undefined });
    await tick('05:05');
    await reportAll();
    expect(rejects.size).toBe(1);
  });
});

test('a view that fails comes after the merge, and has no search', async () => {
  const { warehouse, rejects, tick, reportAll } = setUp(keys(20), [], ({ name }) =>
    name.includes('/views/') ? { status: 'FAILED', error: 'ERROR: numeric overflow' } : undefined,
  );
  await tick('05:00');
  await expect(reportAll()).rejects.toThrow('numeric overflow');
  expect(stepsOf(warehouse)).toEqual(['landing/1', 'merge/1', 'views/1']);
  expect(rejects.size).toBe(0);
});
