import { duplicates } from '../../cli/commands/duplicates';
import { reloadMessage, reloadRunId } from '../../lambda/load/reload';
import { pipeline } from '../../pipelines/estore/pipeline';
import { FakeCloud, fakeContext } from './cloud';

const key = (name: string) => `estore/shop/2026-11-21/${name}.gz`;
const entry = (run: string, name: string, more = {}) => ({
  run_id: run,
  duplicates: 7,
  events: 2,
  bucket: 'history-bucket',
  object_key: key(name),
  etag: `etag of ${key(name)}`,
  size: 1000,
  ...more,
});
const now: FakeCloud['answers'][0] = ['getdate()', [{ now: '2026-11-21 09:00:00' }]];
const loadedRuns = 'select run_id, events from estore.runs';

function cloudWith(...rows: ReturnType<typeof entry>[]): FakeCloud {
  const cloud = new FakeCloud();
  for (const name of ['a', 'b', 'c']) cloud.put('history', key(name));
  cloud.answers = [['with left_over', rows], now];
  return cloud;
}
const runs = (context: ReturnType<typeof fakeContext>) =>
  (context.result() as { pipelines: { runs: unknown[] }[] }).pipelines[0]!.runs;

test('tells the runs, their objects and what can be loaded again, and does nothing', async () => {
  const cloud = cloudWith(
    entry('r1', 'a'),
    entry('r1', 'b'),
    entry('r2', 'c', { etag: 'another' }),
    entry('r3', 'missing'),
    entry('retry', 'x', { bucket: null }),
  );
  const context = fakeContext(cloud, { json: true });
  expect(await duplicates(context, [pipeline], {})).toBe(false);
  expect(context.result()).toEqual({
    applied: false,
    pipelines: [
      {
        pipeline: 'estore',
        elsewhere: 7,
        runs: [
          { runId: 'r1', objects: 2, bytes: 2000, duplicates: 7, outcome: 'possible', events: 0 },
          {
            runId: 'r2',
            objects: 1,
            bytes: 1000,
            duplicates: 7,
            outcome: 'gone',
            events: 0,
            reason: `${key('c')} was overwritten`,
          },
          {
            runId: 'r3',
            objects: 1,
            bytes: 1000,
            duplicates: 7,
            outcome: 'gone',
            events: 0,
            reason: `${key('missing')} is gone`,
          },
        ],
      },
    ],
  });
  expect([...cloud.queued.keys()]).toEqual([]);
});

test('queues each run whole, waits, and tells which were loaded, which were refused and which still wait', async () => {
  const cloud = cloudWith(entry('r1', 'a'), entry('r2', 'b'), entry('r3', 'c'), entry('r4', 'missing'));
  const letter = (run: string) => JSON.stringify({ reason: `not ${run}`, original: reloadMessage(run) });
  // Of an earlier time: says nothing about this one.
  await cloud.queues.send('dead-letters', [letter('r3'), 'of somebody else']);
  let looks = 0;
  cloud.answers.push([
    loadedRuns,
    () => {
      looks += 1;
      if (looks === 2) void cloud.queues.send('dead-letters', [letter('r2')]);
      return looks < 2 ? [] : [{ run_id: reloadRunId('r1'), events: 5 }];
    },
  ]);
  const context = fakeContext(cloud, { json: true, timeoutMs: 30_000 });
  expect(await duplicates(context, [pipeline], { apply: true })).toBe(false);
  expect(cloud.bodies('backlog-queue')).toEqual(['r1', 'r2', 'r3'].map(reloadMessage));
  expect(runs(context)).toMatchObject([
    { runId: 'r1', outcome: 'loaded', events: 3 },
    { runId: 'r2', outcome: 'refused', events: 0, reason: 'not r2' },
    { runId: 'r3', outcome: 'waiting', events: 0 },
    { runId: 'r4', outcome: 'gone', events: 0 },
  ]);
  // What was told is no dead letter any longer.
  expect(cloud.bodies('dead-letters')).toEqual([letter('r3'), 'of somebody else']);
});

test('says in words what it did and what there is to do', async () => {
  const cloud = cloudWith(entry('r1', 'a'));
  const first = fakeContext(cloud);
  expect(await duplicates(first, [pipeline], {})).toBe(false);
  expect(first.text()).toContain('Nothing was done. Add --apply to load 1 run with 1.0 kB again.');
  cloud.answers.push([loadedRuns, [{ run_id: reloadRunId('r1'), events: 3 }]]);
  const second = fakeContext(cloud);
  expect(await duplicates(second, [pipeline], { apply: true })).toBe(true);
  expect(second.text()).toContain('1 run loaded again; 1 record became events.');
  const third = fakeContext(cloudWith());
  expect(await duplicates(third, [pipeline], { apply: true })).toBe(true);
  expect(third.text()).toBe('estore: no run of history with duplicates from before a change of identity.\n');
});
