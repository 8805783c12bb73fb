import type { RefreshPlan } from '../../../lambda/refresh/contract';
import type { Freshness } from '../../../lambda/shared/freshness';
import { fakeRefresh } from './host';

const plan: RefreshPlan = {
  pipeline: 'estore',
  steps: [
    { name: 'landing', mode: 'single', statements: ['refresh materialized view estore.landing'] },
    {
      name: 'views',
      mode: 'auto-commit',
      statements: ['refresh materialized view estore.a'],
      views: [{ name: 'a', reads: [] }],
    },
    {
      name: 'more-views',
      mode: 'auto-commit',
      statements: ['refresh materialized view estore.b'],
      views: [{ name: 'b', reads: ['a'] }],
    },
    { name: 'complete', mode: 'transaction', statements: ['update', 'select complete_until', 'select view_name'] },
    { name: 'trim', mode: 'transaction', statements: ['delete'], mayFail: true },
  ],
  idle: {
    started: 'select getdate() as started',
    work: ['select reason'],
    step: { name: 'nothing-new', mode: 'transaction', statements: ['update {{started}}', 'select a', 'select b'] },
  },
  freshness: { step: 'complete' },
};
const first = '20261121T0500Z';
const second = '20261121T0505Z';
const nameOf = (step: string, run = first) => `millrace/dev/estore/refresh/${run}/${step}/1`;

function setUp(work: 'idle' | 'work' = 'work', used = plan) {
  const fake = fakeRefresh(used);
  const { warehouse, objects } = fake;
  const results = { completeUntil: '2026-11-21 05:00:02' as string | null, failed: [] as string[], work };
  warehouse.partRows = (id) => {
    if (id.endsWith(':started')) return [{ started: '2026-11-21 05:00:02' }];
    if (id.endsWith(':work')) return results.work === 'work' ? [{ reason: 'records' }] : [];
    if (id.endsWith(':until')) return [{ complete_until: results.completeUntil }];
    return id.endsWith(':failed') ? results.failed.map((view_name) => ({ view_name })) : undefined;
  };
  const partsOf: Record<string, string[]> = {
    landing: ['started', 'landing', 'work'],
    complete: ['update', 'until', 'failed'],
    'nothing-new': ['update', 'until', 'failed'],
  };
  const end = (step: string, run = first) => {
    const parts = partsOf[step]?.map((part) => ({ id: `${run}:${part}`, status: 'FINISHED' }));
    return fake.end(nameOf(step, run), parts ? { parts } : {});
  };
  const document = (): Freshness | undefined => {
    const text = objects.held.get('work/freshness/estore.json')?.text;
    return text === undefined ? undefined : JSON.parse(text);
  };
  const openRuns = () => document()?.open.map(({ run }) => run);
  return { ...fake, results, end, document, openRuns };
}

/** Two runs, both past their first step. */
async function overlapping() {
  const fake = setUp();
  await fake.tick('05:00');
  await fake.end('landing');
  fake.warehouse.end(nameOf('views'));
  await fake.warehouse.submit({ name: nameOf('landing', second), mode: 'single', statements: ['x'] });
  await fake.end('landing', second);
  return fake;
}

test('a run is open from before its first view until all its views are complete', async () => {
  const { warehouse, tick, end, document, openRuns } = setUp();
  await tick('05:00');
  expect(document()).toBeUndefined();
  await end('landing');
  expect(openRuns()).toEqual([first]);
  await end('views');
  await end('more-views');
  expect(openRuns()).toEqual([first]);
  await end('complete');
  expect(document()).toEqual({
    pipeline: 'estore',
    done: {
      run: first,
      refreshedAt: new Date(warehouse.of(nameOf('complete')).updatedAt).toISOString(),
      completeUntil: '2026-11-21T05:00:02.000Z',
      failed: [],
    },
    open: [],
  });
  expect(warehouse.names.at(-1)).toBe(nameOf('trim'));
});

test('the entry is written before the statement is submitted, and no view is refreshed if it cannot be', async () => {
  const { warehouse, objects, tick, end } = setUp();
  await tick('05:00');
  objects.crashOn = (call) => call === 'put';
  await expect(end('landing')).rejects.toThrow('killed');
  expect(warehouse.names).toEqual([nameOf('landing')]);
  objects.crashOn = () => false;
  await tick('05:05');
  expect(warehouse.names.at(-1)).toBe(nameOf('views'));
});

test('a pipeline without endpoints has no document', async () => {
  const { objects, tick, end } = setUp('work', { ...plan, freshness: undefined });
  await tick('05:00');
  for (const step of ['landing', 'views', 'more-views', 'complete']) await end(step);
  expect(objects.held.size).toBe(0);
});

test('names the views that could not be refreshed', async () => {
  const { results, tick, end, document } = setUp();
  results.failed = ['b', 'a'];
  await tick('05:00');
  for (const step of ['landing', 'views', 'more-views', 'complete']) await end(step);
  expect(document()?.done?.failed).toEqual(['a', 'b']);
});

test('repeated events change nothing', async () => {
  const { objects, tick, end, report } = setUp();
  await tick('05:00');
  for (const step of ['landing', 'views', 'more-views', 'complete']) await end(step);
  const text = objects.held.get('work/freshness/estore.json')!.text;
  await report(nameOf('complete'));
  expect(objects.held.get('work/freshness/estore.json')!.text).toBe(text);
});

test('a lost event of the last views leaves the run open until the next tick resumes it', async () => {
  const { warehouse, tick, end, document, openRuns } = setUp();
  await tick('05:00');
  for (const step of ['landing', 'views', 'more-views']) await end(step);
  const parts = ['update', 'until', 'failed'].map((part) => ({ id: `${first}:${part}`, status: 'FINISHED' }));
  warehouse.end(nameOf('complete'), { parts });
  expect(openRuns()).toEqual([first]);
  await tick('05:05');
  expect(document()).toMatchObject({ done: { run: first }, open: [] });
  expect(warehouse.names.at(-1)).toBe(nameOf('trim'));
});

describe('a run that finds nothing new', () => {
  test('only moves the time until which the views are complete', async () => {
    const { results, tick, end, document } = setUp();
    await tick('05:00');
    for (const step of ['landing', 'views', 'more-views', 'complete', 'trim']) await end(step);
    const { done } = document()!;
    Object.assign(results, { work: 'idle', completeUntil: '2026-11-21 05:05:01.5' });
    await tick('05:05');
    await end('landing', second);
    expect(document()!.open).toEqual([]);
    await end('nothing-new', second);
    expect(document()).toEqual({
      pipeline: 'estore',
      done: { ...done, completeUntil: '2026-11-21T05:05:01.500Z' },
      open: [],
    });
    results.completeUntil = '2026-11-21 05:03:00';
    await tick('05:10');
    await end('landing', '20261121T0510Z');
    await end('nothing-new', '20261121T0510Z');
    expect(document()!.done!.completeUntil).toBe('2026-11-21T05:05:01.500Z');
  });

  test('is the first one of a document that is new, unless another run is open', async () => {
    const { tick, end, document } = setUp('idle');
    await tick('05:00');
    await end('landing');
    await end('nothing-new');
    expect(document()).toMatchObject({ done: { run: first, completeUntil: '2026-11-21T05:00:02.000Z' }, open: [] });

    const other = setUp('idle');
    await other.tick('05:00');
    await other.end('landing');
    const open = [{ run: second, since: '2026-11-21T05:05:00.000Z' }];
    other.objects.write('work', 'freshness/estore.json', JSON.stringify({ pipeline: 'estore', open }));
    await other.end('nothing-new');
    expect(other.document()).toEqual({ pipeline: 'estore', open });
  });
});

describe('runs that overlap', () => {
  test('are both open; each end names a state of its own', async () => {
    const { end, report, document, openRuns } = await overlapping();
    expect(openRuns()).toEqual([first, second]);
    for (const step of ['views', 'more-views', 'complete']) await end(step, second);
    expect(document()).toMatchObject({ done: { run: second }, open: [{ run: first }] });
    const { refreshedAt } = document()!.done!;
    await report(nameOf('views'));
    await end('more-views');
    await end('complete');
    expect(document()).toMatchObject({ done: { run: first }, open: [] });
    expect(document()!.done!.refreshedAt > refreshedAt).toBe(true);
  });

  test('have different times even if the clock stops', async () => {
    const { warehouse, end, report, document } = await overlapping();
    warehouse.stepMs = 0;
    for (const step of ['views', 'more-views', 'complete']) await end(step, second);
    const { refreshedAt } = document()!.done!;
    await report(nameOf('views'));
    for (const step of ['more-views', 'complete']) await end(step);
    expect(Date.parse(document()!.done!.refreshedAt)).toBe(Date.parse(refreshedAt) + 1);
  });

  test('a dead one is removed by the end of another, five minutes later, and opens itself if it goes on', async () => {
    const { warehouse, end, report, openRuns, document } = await overlapping();
    for (const step of ['views', 'more-views']) await end(step, second);
    warehouse.now += 6 * 60_000;
    await end('complete', second);
    expect(openRuns()).toEqual([]);
    await report(nameOf('views'));
    expect(openRuns()).toEqual([first]);
    await end('more-views');
    await end('complete');
    expect(document()).toMatchObject({ done: { run: first }, open: [] });
  });

  test('one with an active statement is not dead, however old', async () => {
    const { warehouse, end, report, openRuns } = await overlapping();
    for (const step of ['views', 'more-views']) await end(step, second);
    await report(nameOf('views'));
    warehouse.now += 60 * 60_000;
    await end('complete', second);
    expect(openRuns()).toEqual([first]);
  });

  test('one that was removed and had refreshed all its views writes nothing at its end', async () => {
    const { warehouse, report, end, document } = await overlapping();
    await report(nameOf('views'));
    await end('more-views');
    warehouse.end(nameOf('complete'), { parts: [] });
    for (const step of ['views', 'more-views']) await end(step, second);
    warehouse.now += 6 * 60_000;
    await end('complete', second);
    const before = document();
    expect(before).toMatchObject({ done: { run: second }, open: [] });
    await report(nameOf('complete'));
    expect(document()).toEqual(before);
  });

  test('a writer that was overtaken reads again', async () => {
    const { objects, end, openRuns, warehouse } = await overlapping();
    objects.overtake = (text) => {
      const document: Freshness = JSON.parse(text);
      return JSON.stringify({
        ...document,
        open: [...document.open, { run: 'x', since: new Date(warehouse.now).toISOString() }],
      });
    };
    await end('views', second);
    expect(openRuns()).toEqual([first, 'x', second]);
  });
});

describe('a document that was lost', () => {
  test('is made again with the runs that are active', async () => {
    const { objects, report, end, openRuns } = await overlapping();
    await report(nameOf('views'));
    objects.held.clear();
    await end('views', second);
    expect(openRuns()).toEqual([first, second]);
  });

  test('at the end of a run names it, and the runs that are active', async () => {
    const { warehouse, objects, tick, end, document } = setUp();
    await tick('05:00');
    for (const step of ['landing', 'views', 'more-views']) await end(step);
    objects.write('work', 'freshness/estore.json', 'no JSON');
    await warehouse.submit({ name: nameOf('views', second), mode: 'single', statements: ['x'] });
    await end('complete');
    expect(document()).toMatchObject({ done: { run: first }, open: [{ run: second }] });
  });
});
