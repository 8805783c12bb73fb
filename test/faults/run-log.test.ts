import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KindName, kinds } from './kinds';
import { type Plan, RunLog } from './run-log';
import { runsPerTask, tasksOf } from './tasks';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-log-'));
  file = join(folder, 'nightly.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const usual = (): Plan => ({ runs: 40, seed: 7 });
const names: readonly KindName[] = ['nothing went wrong', 'S3 asked for fewer requests'];
const tasks = tasksOf(40, 7, names);
const counts = { runs: runsPerTask, records: 100, faults: 3 };

test('the next call plays what the last one did not', () => {
  const first = RunLog.open(file, {}, usual);
  for (const task of tasks.slice(0, 3)) first.add(task, counts, 0);
  const next = RunLog.open(file, {}, () => ({ runs: 1, seed: 99 }));
  expect(next.plan).toEqual(usual());
  expect(next.rest(tasks)).toEqual(tasks.slice(3));
  expect(next.played.map((played) => played.counts)).toEqual([counts, counts, counts]);
});

test('a task that failed is played again', () => {
  RunLog.open(file, {}, usual).add(tasks[0]!, counts, 1);
  const next = RunLog.open(file, {}, usual);
  expect(next.rest(tasks)).toEqual(tasks);
  next.add(tasks[0]!, counts, 0);
  expect(RunLog.open(file, {}, usual).rest(tasks)).toEqual(tasks.slice(1));
});

test('a line that a kill cut off is dropped', () => {
  RunLog.open(file, {}, usual).add(tasks[0]!, counts, 0);
  appendFileSync(file, '{"kind":"nothing w');
  const next = RunLog.open(file, {}, usual);
  next.add(tasks[1]!, counts, 0);
  expect(RunLog.open(file, {}, usual).rest(tasks)).toEqual(tasks.slice(2));
});

test('refuses a log of other runs', () => {
  RunLog.open(file, { seed: 12, only: 'S3' }, usual);
  expect(() => RunLog.open(file, { seed: 13 }, usual)).toThrow(
    `--seed must be 12, as in the log ${file}, or the log another file; got 13`,
  );
  expect(() => RunLog.open(file, { runs: 41 }, usual)).toThrow('--runs must be 40, as in the log');
  expect(RunLog.open(file, { seed: 12, only: 'S3' }, usual).plan).toEqual({ runs: 40, seed: 12, only: 'S3' });
});

test('refuses a file that is no log', () => {
  appendFileSync(file, '{"actions":[]}\n');
  expect(() => RunLog.open(file, {}, usual)).toThrow('is no log of fault runs: its first line has no runs and seed');
  appendFileSync(file, 'text\n');
  expect(() => RunLog.open(file, {}, usual)).toThrow('line 2 is not JSON');
  expect(readFileSync(file, 'utf8')).toBe('{"actions":[]}\ntext\n');
});

test('the runs of a kind are the same whatever other kinds there are', () => {
  const shared = tasksOf(1000, 7, Object.keys(kinds) as KindName[]).filter(({ kind }) => kind === names[1]);
  const alone = tasksOf(100, 7, [names[1]!]);
  const few = Math.min(alone.length, shared.length);
  expect(few).toBeGreaterThan(5);
  expect(alone.slice(0, few).map(({ seed }) => seed)).toEqual(shared.slice(0, few).map(({ seed }) => seed));
});

test('all runs are shared out, and no two tasks have a seed in common', () => {
  const all = tasksOf(10_000, 2 ** 31 - 1, Object.keys(kinds) as KindName[]);
  const runs = all.reduce((sum, task) => sum + task.runs, 0);
  expect(Math.abs(runs - 10_000)).toBeLessThan(Object.keys(kinds).length);
  expect(new Set(all.map(({ seed }) => seed)).size).toBe(all.length);
  for (const { seed } of all) expect(seed).toBeGreaterThan(0);
});
