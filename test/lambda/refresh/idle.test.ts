import type { RefreshPlan } from '../../../lambda/refresh/contract';
import type { Row } from '../../../lambda/shared/warehouse';
import { fakeRefresh } from './host';

const plan: RefreshPlan = {
  pipeline: 'estore',
  steps: [
    { name: 'landing', mode: 'single', statements: ['refresh materialized view estore.landing'] },
    { name: 'merge', mode: 'transaction', statements: ['insert into estore.runs select {{run_id}}'] },
    { name: 'views', mode: 'auto-commit', statements: ['refresh materialized view estore.a'] },
  ],
  idle: {
    started: 'select getdate() as started',
    work: ["select 'records' as reason", "select 'views' as reason"],
    step: {
      name: 'nothing-new',
      mode: 'transaction',
      statements: ['lock estore.checkpoints', 'update estore.checkpoints set merged_until = {{started}}'],
    },
  },
  gaps: 'select shard_id from estore.gaps',
  skipped: 'select shard_id from estore.rejects',
};
const nameOf = (step: string, { run = '20261121T0500Z', attempt = 1 } = {}) =>
  `millrace/dev/estore/refresh/${run}/${step}/${attempt}`;

const withStarted: RefreshPlan = {
  ...plan,
  steps: plan.steps.map((step) =>
    step.name === 'merge' ? { ...step, statements: ['insert into estore.runs select {{run_id}}, {{started}}'] } : step,
  ),
};

/** The function, and what the queries of its first statements answer. */
function setUp(work: Readonly<Record<number, Row[]>> = {}, used = plan) {
  const fake = fakeRefresh(used);
  const { warehouse } = fake;
  warehouse.outcome = ({ name }) => (/gaps|skips/.test(name) ? { rows: [] } : undefined);
  warehouse.partRows = (id) => {
    const index = /:(\d)$/.exec(id)?.[1];
    if (index === undefined) return undefined;
    return index === '1' ? [{ started: '2026-11-21 05:00:02' }] : (work[Number(index)] ?? []);
  };
  const parts = (...statuses: string[]) => statuses.map((status, i) => ({ id: `landing:${i + 1}`, status }));
  const land = (run?: string) =>
    fake.end(nameOf('landing', { run }), { parts: parts('FINISHED', 'FINISHED', 'FINISHED', 'FINISHED') });
  return { ...fake, parts, land };
}

test('a run without work is two statements, and counts as complete', async () => {
  const { warehouse, recorded, tick, land, end } = setUp();
  await tick('05:00');
  await land();
  await end(nameOf('nothing-new'));
  expect(warehouse.statements.map(({ submission: { name, mode, statements } }) => [name, mode, statements])).toEqual([
    [
      nameOf('landing'),
      'auto-commit',
      [
        'select getdate() as started',
        'refresh materialized view estore.landing',
        "select 'records' as reason",
        "select 'views' as reason",
      ],
    ],
    [
      nameOf('nothing-new'),
      'transaction',
      ['lock estore.checkpoints', "update estore.checkpoints set merged_until = '2026-11-21 05:00:02'"],
    ],
  ]);
  expect(recorded.map(({ values }) => values)).toEqual([{ RunCompleted: 1 }]);
  await tick('05:05');
  expect(warehouse.names.at(-1)).toBe(nameOf('landing', { run: '20261121T0505Z' }));
});

test.each([3, 4])('a run with a row from query %i goes through all steps, and reports', async (query) => {
  const { warehouse, tick, land, end } = setUp({ [query]: [{ reason: 'work' }] });
  await tick('05:00');
  await land();
  await end(nameOf('merge'));
  await end(nameOf('views'));
  expect(warehouse.names).toEqual(['landing', 'merge', 'views', 'gaps', 'skips'].map((step) => nameOf(step)));
});

test('a query that fails counts as work', async () => {
  const { warehouse, tick, end, parts } = setUp();
  await tick('05:00');
  await end(nameOf('landing'), {
    status: 'FAILED',
    error: 'permission denied for relation svv_mv_info',
    parts: parts('FINISHED', 'FINISHED', 'FINISHED', 'FAILED'),
  });
  expect(warehouse.names.at(-1)).toBe(nameOf('merge'));
});

test('a refresh that fails is no refresh without work', async () => {
  const { warehouse, tick, end, parts } = setUp();
  await tick('05:00');
  const failed = { status: 'FAILED', parts: parts('FINISHED', 'FAILED', 'FINISHED', 'FINISHED') } as const;
  await expect(end(nameOf('landing'), { ...failed, error: 'stream not found' })).rejects.toThrow('stream not found');
  expect(warehouse.names).toEqual([nameOf('landing')]);
});

test('a refresh that was aborted during a query fails its run', async () => {
  const { warehouse, tick, end, parts } = setUp();
  await tick('05:00');
  const aborted = { status: 'ABORTED', parts: parts('FINISHED', 'FINISHED', 'ABORTED', 'ABORTED') } as const;
  await expect(end(nameOf('landing'), aborted)).rejects.toThrow('aborted');
  expect(warehouse.names).toEqual([nameOf('landing')]);
});

test('when the event of the refresh is lost, the next tick ends the run', async () => {
  const { warehouse, tick, parts } = setUp();
  await tick('05:00');
  warehouse.end(nameOf('landing'), { parts: parts('FINISHED', 'FINISHED', 'FINISHED', 'FINISHED') });
  await tick('05:05');
  expect(warehouse.names).toEqual([nameOf('landing'), nameOf('nothing-new')]);
});

test('when the end of an idle run is lost or repeated, nothing is submitted twice, and the next tick starts a run', async () => {
  const { warehouse, tick, land, report } = setUp();
  await tick('05:00');
  await land();
  warehouse.end(nameOf('nothing-new'));
  await report(nameOf('landing'));
  await tick('05:05');
  expect(warehouse.names).toEqual([
    nameOf('landing'),
    nameOf('nothing-new'),
    nameOf('landing', { run: '20261121T0505Z' }),
  ]);
});

test('the end of an idle run that failed is left to the next tick where it may pass, and fails the run otherwise', async () => {
  const passing = setUp();
  await passing.tick('05:00');
  await passing.land();
  await passing.end(nameOf('nothing-new'), { status: 'FAILED', error: 'ERROR: 1023 serializable isolation violation' });
  await passing.tick('05:05');
  expect(passing.warehouse.names.at(-1)).toBe(nameOf('landing', { run: '20261121T0505Z' }));

  const { tick, land, end, recorded } = setUp();
  await tick('05:00');
  await land();
  const failed = { status: 'FAILED', error: 'permission denied' } as const;
  await expect(end(nameOf('nothing-new'), failed)).rejects.toThrow('permission denied');
  expect(recorded.map(({ values }) => values)).toEqual([{ RunFailed: 1 }]);
});

describe('the time at which a run began', () => {
  const merges = (names: readonly { submission: { name: string; statements: readonly string[] } }[]) =>
    names
      .filter(({ submission }) => submission.name.includes('/merge/'))
      .map(({ submission }) => submission.statements);
  const work = { 3: [{ reason: 'work' }] };

  test('is that of its first statement, at every attempt', async () => {
    const { warehouse, tick, land, end } = setUp(work, withStarted);
    await tick('05:00');
    await land();
    await end(nameOf('merge'), { status: 'FAILED', error: 'ERROR: 1023 serializable isolation violation' });
    const expected = ["insert into estore.runs select '20261121T0500Z', '2026-11-21 05:00:02'"];
    expect(merges(warehouse.statements)).toEqual([expected, expected]);
  });

  test('is known when only a query failed that says whether the run has work', async () => {
    const { warehouse, tick, end, parts } = setUp({}, withStarted);
    await tick('05:00');
    const failed = { status: 'FAILED', error: 'permission denied' } as const;
    await end(nameOf('landing'), { ...failed, parts: parts('FINISHED', 'FINISHED', 'FINISHED', 'FAILED') });
    expect(merges(warehouse.statements)[0]![0]).toContain("'2026-11-21 05:00:02'");
  });

  test('is before everything where it is not known, so that the run vouches for nothing', async () => {
    const { warehouse, tick, end, parts } = setUp({}, withStarted);
    await tick('05:00');
    const failed = { status: 'FAILED', error: 'permission denied' } as const;
    await end(nameOf('landing'), { ...failed, parts: parts('FAILED', 'FINISHED', 'FINISHED', 'FINISHED') });
    expect(merges(warehouse.statements)[0]![0]).toContain("'1970-01-01 00:00:00'");
  });
});

test('a run whose first step ended beside an active run leaves its work to that run', async () => {
  const { warehouse, tick, land, end, parts, report } = setUp({ 3: [{ reason: 'work' }] });
  const other = nameOf('landing', { run: '20261121T0501Z' });
  await tick('05:00');
  // The ticks of both runs came at the same time, so neither saw the other's statement.
  await warehouse.submit({ name: other, mode: 'single', statements: ['select 1'], token: 'other' });
  await land();
  expect(warehouse.names).toEqual([nameOf('landing'), other]);
  await end(other, { parts: parts('FINISHED', 'FINISHED', 'FINISHED', 'FINISHED') });
  expect(warehouse.names.at(-1)).toBe(nameOf('merge', { run: '20261121T0501Z' }));
  // An event of the first run that comes again changes nothing either.
  await report(nameOf('landing'));
  expect(warehouse.names).toHaveLength(3);
});

test('the end of an idle run needs no listing, and reads no result that is known to be empty', async () => {
  const { warehouse, tick, end, parts } = setUp();
  const read: string[] = [];
  const rows = warehouse.rows.bind(warehouse);
  warehouse.rows = (id) => {
    read.push(id);
    return rows(id);
  };
  await tick('05:00');
  const before = warehouse.listed.length;
  const [started, landing, ...work] = parts('FINISHED', 'FINISHED', 'FINISHED', 'FINISHED');
  await end(nameOf('landing'), { parts: [started!, landing!, ...work.map((part) => ({ ...part, rows: 0 }))] });
  await end(nameOf('nothing-new'));
  expect([read, warehouse.listed.length - before]).toEqual([['landing:1'], 0]);
});

test('a run without work ends beside an active run', async () => {
  const { warehouse, tick, land } = setUp();
  await tick('05:00');
  const other = nameOf('landing', { run: '20261121T0501Z' });
  await warehouse.submit({ name: other, mode: 'single', statements: ['select 1'], token: 'other' });
  await land();
  expect(warehouse.names).toEqual([nameOf('landing'), other, nameOf('nothing-new')]);
});
