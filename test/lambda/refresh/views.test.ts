import type { RefreshPlan } from '../../../lambda/refresh/contract';
import { fakeRefresh } from './host';

const refresh = (view: string) => `refresh materialized view estore.${view}`;
/** `ratio` fails; `daily` reads it, `joined` reads `daily` and `sold`. */
const plan: RefreshPlan = {
  pipeline: 'estore',
  steps: [
    { name: 'landing', mode: 'single', statements: [refresh('landing')] },
    {
      name: 'views',
      mode: 'auto-commit',
      statements: ['ratio', 'daily', 'sold'].map(refresh),
      views: [
        { name: 'ratio', reads: [] },
        { name: 'daily', reads: ['ratio'] },
        { name: 'sold', reads: [] },
      ],
    },
    {
      name: 'views-2',
      mode: 'auto-commit',
      statements: ['joined', 'totals'].map(refresh),
      views: [
        { name: 'joined', reads: ['daily', 'sold'] },
        { name: 'totals', reads: ['sold'] },
      ],
    },
    { name: 'complete', mode: 'transaction', statements: ['failures {{failures}}', 'complete'] },
  ],
};
const run = '20261121T0500Z';
const nameOf = (step: string, attempt = 1) => `millrace/dev/estore/refresh/${run}/${step}/${attempt}`;
const parts = (...errors: (string | undefined)[]) =>
  errors.map((error, i) => ({ id: `part:${i + 1}`, status: error ? 'FAILED' : 'FINISHED', error }));
const divided = {
  status: 'FAILED',
  error: 'Divide by zero',
  parts: parts('Divide by zero', undefined, undefined),
} as const;
const statementsOf = ({ warehouse }: ReturnType<typeof fakeRefresh>, step: string, attempt?: number) =>
  warehouse.of(nameOf(step, attempt)).submission.statements;
const failures = JSON.stringify([
  { view: 'ratio', error: 'Divide by zero' },
  { view: 'daily', waits_for: 'ratio' },
  { view: 'joined', waits_for: 'ratio' },
]);

async function untilViews() {
  const fake = fakeRefresh(plan);
  await fake.tick('05:00');
  await fake.end(nameOf('landing'));
  return fake;
}

test('a tick that finds no active statement just before the next step begins leaves that step alone', async () => {
  const fake = await untilViews();
  jest.spyOn(fake.warehouse, 'active').mockResolvedValueOnce([]);
  await fake.tick('05:01');
  expect(fake.warehouse.names.at(-1)).toBe(nameOf('views'));
  await fake.end(nameOf('views'));
  expect(statementsOf(fake, 'views-2')).toEqual(['joined', 'totals'].map(refresh));
  expect(fake.recorded.filter(({ values }) => 'ViewFailed' in values)).toEqual([]);
});

test('a view that fails is reported by its name, those that read it wait, all others are refreshed and the run completes', async () => {
  const fake = await untilViews();
  await fake.end(nameOf('views'), divided);
  expect(statementsOf(fake, 'views-2')).toEqual([refresh('totals')]);
  await fake.end(nameOf('views-2'), { parts: parts(undefined) });
  expect(statementsOf(fake, 'complete')).toEqual([`failures '${failures}'`, 'complete']);
  await fake.end(nameOf('complete'));
  expect(fake.recorded.map(({ values, dimensions }) => [values, dimensions])).toEqual([
    [{ ViewFailed: 1 }, { View: 'ratio' }],
    [{ RunCompleted: 1, RunSeconds: expect.any(Number) }, undefined],
  ]);
});

test('views of two steps fail, each is reported once', async () => {
  const fake = await untilViews();
  await fake.end(nameOf('views'), divided);
  await fake.end(nameOf('views-2'), { status: 'FAILED', error: 'overflow', parts: parts('overflow') });
  expect(statementsOf(fake, 'complete')[0]).toContain('{"view":"totals","error":"overflow"}');
  expect(fake.recorded.map(({ dimensions }) => dimensions?.['View'])).toEqual(['ratio', 'totals']);
});

test('a passing failure of a view is retried before it counts', async () => {
  const fake = await untilViews();
  const conflict = 'ERROR: 1023 Serializable isolation violation';
  await fake.end(nameOf('views'), { status: 'FAILED', error: conflict, parts: parts(undefined, conflict, undefined) });
  expect(statementsOf(fake, 'views', 2)).toEqual(['ratio', 'daily', 'sold'].map(refresh));
  await fake.end(nameOf('views', 2), { parts: parts(undefined, undefined, undefined) });
  await fake.end(nameOf('views-2'), { parts: parts(undefined, undefined) });
  expect(statementsOf(fake, 'complete')[0]).toBe("failures '[]'");
  expect(fake.recorded).toEqual([]);
});

test('views that an aborted batch did not reach have not been refreshed', async () => {
  const fake = await untilViews();
  const aborted = [
    { id: '1', status: 'FINISHED' },
    { id: '2', status: 'ABORTED' },
    { id: '3', status: 'ABORTED' },
  ];
  await fake.end(nameOf('views'), { status: 'ABORTED', error: 'cancelled by a person', parts: aborted });
  // Both views failed or read a view that failed.
  expect(fake.warehouse.names).not.toContain(nameOf('views-2'));
  expect(statementsOf(fake, 'complete')[0]).toContain('{"view":"sold","error":"cancelled by a person"}');
});

test('when the event of a failed view is lost, the next tick goes on with the others', async () => {
  const fake = await untilViews();
  fake.warehouse.end(nameOf('views'), divided);
  await fake.tick('05:05');
  expect(fake.warehouse.names.at(-1)).toBe(nameOf('views-2'));
  expect(fake.recorded.map(({ dimensions }) => dimensions)).toEqual([{ View: 'ratio' }]);
});

test('a cluster that fell asleep during the views leaves the run to the next tick', async () => {
  const fake = await untilViews();
  await fake.end(nameOf('views'), { ...divided, warehouse: { kind: 'paused', status: 'paused' } });
  expect(fake.recorded).toEqual([]);
  expect(fake.warehouse.names).toHaveLength(2);
});
