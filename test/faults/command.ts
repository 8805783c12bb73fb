import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { text, wholeNumber } from '../../cli/commands/options';
import { exitCodeOf, explain, Failure, Interrupted } from '../../cli/failure';
import { interruptible } from '../../cli/interrupt';
import { Progress } from '../../cli/progress';
import { type Cell, grouped, styleFor, table } from '../../cli/terminal';
import type { Scenario } from '../support/actions';
import { memoryFolder } from '../support/memory';
import { aimed } from './aimed';
import { add, type Counts, none } from './counts';
import { putMutants } from './interleave/conditional-puts';
import { lockMutants } from './interleave/lock-mutants';
import { parties } from './interleave/parties';
import { type Interleaved, isolations, snapshotTimes } from './interleave/play';
import { type KindName, kinds } from './kinds';
import { faultKindsOf, type MutantName, mutantNames } from './mutants';
import { overlapMutants } from './overlap';
import { RunLog } from './run-log';
import { tasksOf } from './tasks';
import type { Answer, Task } from './worker';

interface Options {
  readonly runs?: number;
  readonly nightly?: boolean;
  readonly mutants?: boolean;
  readonly log?: string;
  readonly seed?: number;
  readonly jobs: number;
  readonly only?: string;
  readonly replay?: string;
}

const maxShown = 12;
const usualRuns = 1000;
const nightlyRuns = 10_000;
const worker = join(__dirname, 'worker.ts');

/** A child process that runs one task after another. */
class Worker {
  private readonly child: ChildProcess;

  /** @param shared folder for the warehouses that all workers copy */
  constructor(shared: string) {
    const folder = memoryFolder();
    const env = {
      ...process.env,
      MILLRACE_TEST_RUN: shared,
      ...(folder === undefined ? {} : { TMPDIR: folder }),
    };
    // JSON would make null of undefined, which a scenario takes for a number.
    this.child = fork(worker, { execArgv: ['--require', 'tsx/cjs'], env, serialization: 'advanced' });
  }

  /** @throws Error if the child dies */
  answer(task?: Task): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null) =>
        reject(new Error(`a worker ended with ${code} at ${JSON.stringify(task)}`));
      this.child.once('exit', onExit);
      this.child.once('message', (answer: Answer) => {
        this.child.off('exit', onExit);
        resolve(answer);
      });
      if (task) this.child.send(task);
    });
  }

  stop(): void {
    this.child.removeAllListeners();
    if (this.child.connected) this.child.disconnect();
  }
}

/** Hands the tasks to child processes, and each answer to `onAnswer`, until the signal aborts. */
async function work<T extends Task>(
  tasks: T[],
  workers: number,
  signal: AbortSignal,
  onAnswer: (task: T, answer: Answer) => void,
): Promise<void> {
  const next = () => (signal.aborted ? undefined : tasks.shift());
  const shared = mkdtempSync(join(memoryFolder() ?? tmpdir(), 'millrace-faults-'));
  const answerTasks = async () => {
    const place = new Worker(shared);
    try {
      await place.answer();
      for (let task = next(); task; task = next()) onAnswer(task, await place.answer(task));
    } finally {
      place.stop();
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, answerTasks));
  } finally {
    rmSync(shared, { recursive: true, force: true });
  }
}

async function run(options: Options): Promise<void> {
  const progress = new Progress(process.stderr, styleFor(process.stderr, process.env));
  progress.ifInterrupted(
    'Scenarios that went wrong are in their files. The same --seed plays the same runs again, the same --log the rest.',
  );
  const act = options.mutants ? weaken : play;
  try {
    await interruptible(
      (signal) => act(options, progress, signal),
      () => progress.interruption(),
    );
  } finally {
    progress.stop();
  }
}

async function play(options: Options, progress: Progress, signal: AbortSignal): Promise<void> {
  const { tasks, log } = asked(options, progress);
  const played = new Played();
  for (const { kind, counts, failed } of log?.played ?? []) if (failed === 0) played.add(kind, counts, 0);
  const total = tasks.reduce((sum, task) => sum + ('runs' in task ? task.runs : 1), 0);
  const stage = progress.stage('faults', 'preparing the first run');
  let done = 0;
  let failures = 0;
  await work(tasks, options.jobs, signal, (task, answer) => {
    const failed = 'failed' in answer ? 1 : 0;
    if ('failed' in answer) progress.line(reportOf(task, answer.failed));
    failures += failed;
    const counts = 'counts' in answer ? answer.counts : none;
    played.add('kind' in task ? task.kind : 'one scenario', counts, failed);
    if ('kind' in task) log?.add(task, counts, failed);
    done += 'runs' in task ? task.runs : 1;
    stage.count(done, failures > 0 ? `runs, ${grouped(failures)} failed` : 'runs', total);
  });
  if (failures > 0) {
    stage.failed();
    process.exitCode = 1;
  } else stage.done(`${grouped(done)} runs, none went wrong`);
  console.log(played.table());
}

/** The tasks that the options ask for, without those that their log has. */
function asked(options: Options, progress: Progress): { tasks: Task[]; log?: RunLog } {
  const { runs, seed, only, nightly, replay } = options;
  if (replay) return { tasks: [{ scenario: readScenario(replay) }] };
  const usual = () => ({
    runs: nightly ? nightlyRuns : usualRuns,
    seed: Math.floor(Math.random() * 2 ** 30),
  });
  const log = options.log === undefined ? undefined : RunLog.open(options.log, { runs, seed, only }, usual);
  const plan = log?.plan ?? { ...usual(), ...(runs && { runs }), ...(seed && { seed }), only };
  const all = tasksOf(plan.runs, plan.seed, namesOf(plan.only));
  const tasks = log?.rest(all) ?? all;
  const left = tasks.reduce((sum, task) => sum + task.runs, 0);
  const rest = left < plan.runs ? `, ${grouped(left)} of them left` : '';
  progress.line(`${grouped(plan.runs)} runs from seed ${plan.seed}${rest}`);
  return { tasks, log };
}

/** What was played, by kind. */
class Played {
  private readonly kinds = new Map<string, Counts & { readonly failed: number }>();

  add(kind: string, counts: Counts, failed: number): void {
    const before = this.kinds.get(kind) ?? { ...none, failed: 0 };
    this.kinds.set(kind, { ...add(before, counts), failed: before.failed + failed });
  }

  table(): string {
    const all = [...this.kinds.values()].reduce(
      (sum, counts) => ({ ...add(sum, counts), failed: sum.failed + counts.failed }),
      { ...none, failed: 0 },
    );
    const row = (name: string, { runs, records, faults, failed }: typeof all): Cell[] => [
      name,
      ...[runs, records, faults, failed].map(grouped),
    ];
    return table(
      ['kind', 'runs', 'records', 'faults', 'failed'],
      [...[...this.kinds].map(([kind, counts]) => row(kind, counts)), row('all', all)],
      styleFor(process.stdout, process.env),
    );
  }
}

/** Tries every mutant, and reports which faults it does not survive. */
async function weaken({ jobs, only }: Options, progress: Progress, signal: AbortSignal): Promise<void> {
  const isAsked = (guard: string) => only === undefined || guard.includes(only);
  const names = mutantNames.filter((name) => isAsked(aimed[name].guard));
  const locks = lockMutants.flatMap(({ guard }, lock) => (isAsked(guard) ? [{ lock }] : []));
  const overlaps = overlapMutants.flatMap(({ guard }, overlap) => (isAsked(guard) ? [{ overlap }] : []));
  const puts = putMutants.flatMap(({ guard }, put) => (isAsked(guard) ? [{ put }] : []));
  const tasks = [...names.map((mutant) => ({ mutant })), ...overlaps, ...locks, ...puts];
  if (tasks.length === 0) throw new Failure(`--only must be part of a guard's name, got '${only}'`, 2);
  const rows = new Map<string, Cell[]>();
  const total = tasks.length;
  const stage = progress.stage('mutants', 'preparing the first one');
  await work<MutantTask>(tasks, jobs, signal, (task, answer) => {
    const row = rowOf(task, answer);
    rows.set(String(row[0]), row);
    stage.count(rows.size, 'guards', total);
    if (row[1] === nothing) process.exitCode = 1;
  });
  const guards = [
    ...names.map((name) => aimed[name].guard),
    ...[...overlapMutants, ...lockMutants, ...putMutants].map(({ guard }) => guard),
  ];
  const found = guards.flatMap((guard) => (rows.has(guard) ? [rows.get(guard)!] : []));
  stage.done(`${grouped(found.length)} guards`);
  console.log(table(['guard', 'caught by', 'when'], found, styleFor(process.stdout, process.env), { longest: 100 }));
}

type MutantTask = Extract<Task, { mutant: unknown } | { lock: unknown } | { overlap: unknown } | { put: unknown }>;

function rowOf(task: MutantTask, answer: Answer): Cell[] {
  if ('mutant' in task) return mutantRow(task.mutant, answer);
  if ('lock' in task) return lockRow(task.lock, answer);
  return 'put' in task ? putRow(task.put, answer) : overlapRow(task.overlap, answer);
}

const nothing = 'NOTHING';

function mutantRow(name: MutantName, answer: Answer): Cell[] {
  const { guard, fault } = aimed[name];
  const scenario = 'caught' in answer ? answer.caught : undefined;
  return [guard, scenario ? faultKindsOf(scenario).join(', ') || 'no fault' : nothing, fault];
}

function overlapRow(overlap: number, answer: Answer): Cell[] {
  const { guard } = overlapMutants[overlap]!;
  const caught = 'overlapCaught' in answer ? answer.overlapCaught : undefined;
  if (!caught) return [guard, nothing, 'two runs of the refresh'];
  return [guard, 'interleave', `the steps of two runs in the order ${caught.order}: ${caught.problem}`];
}

function lockRow(lock: number, answer: Answer): Cell[] {
  const { guard } = lockMutants[lock]!;
  const caught = 'lockCaught' in answer ? answer.lockCaught : undefined;
  if (!caught) return [guard, nothing, 'functions side by side'];
  const names = caught.interleaved.parties.map((name) => parties[name].name);
  return [guard, 'interleave', `${names.join(' beside ')}: ${caught.problem}`];
}

function putRow(put: number, answer: Answer): Cell[] {
  const { guard } = putMutants[put]!;
  const caught = 'putCaught' in answer ? answer.putCaught : undefined;
  return [guard, caught === undefined ? nothing : 'interleave', caught ?? 'two functions that publish'];
}

/** Keeps the scenario in a file. Returns what went wrong, for a person. */
function reportOf(task: Task, failed: Extract<Answer, { failed: unknown }>['failed']): string {
  const { problems, scenario, shrinks } = failed;
  const lines = [
    `\nwrong${'kind' in task ? ` after ${task.kind}, seed ${task.seed}, made shorter ${shrinks} times` : ''}:`,
    ...problems.slice(0, maxShown).map((problem) => `  ${problem}`),
    ...(problems.length > maxShown ? [`  and ${problems.length - maxShown} more`] : []),
  ];
  if (!('kind' in task)) return lines.join('\n');
  const file = `faults-${task.seed}.json`;
  writeFileSync(file, `${JSON.stringify(scenario, null, 2)}\n`);
  return [...lines, `the scenario is in ${file}; again: npm run faults -- --replay ${file}\n`].join('\n');
}

function readScenario(file: string): Scenario | Interleaved {
  let scenario: Partial<Scenario & Interleaved>;
  try {
    scenario = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Failure(`--replay ${file} cannot be read: ${(cause as Error).message}`, 2, { cause });
  }
  if (Array.isArray(scenario?.parties)) return requireParties(file, scenario as Interleaved);
  if (!Array.isArray(scenario?.actions)) throw new Failure(`--replay ${file} is no scenario: it has no actions`, 2);
  // JSON has no undefined: an entry without a fault is null there.
  return withoutNulls({ faults: {}, kills: {}, ...scenario }) as Scenario;
}

function requireParties(
  file: string,
  { isolation, snapshots, parties: names, turns, kills = [] }: Interleaved,
): Interleaved {
  const known = Object.keys(parties);
  const problems = [
    ...(isolations.includes(isolation) ? [] : [`isolation must be one of ${isolations.join(', ')}, got ${isolation}`]),
    ...(snapshotTimes.includes(snapshots)
      ? []
      : [`snapshots must be one of ${snapshotTimes.join(', ')}, got ${snapshots}`]),
    ...names
      .filter((name) => !known.includes(name))
      .map((name) => `parties must be of ${known.join(', ')}, got ${name}`),
    ...(Array.isArray(turns) ? [] : ['turns must be a list of numbers']),
    ...(Array.isArray(kills) ? [] : ['kills must be a list']),
  ];
  if (problems.length > 0) throw new Failure(`--replay ${file}: ${problems.join('; ')}`, 2);
  return { isolation, snapshots, parties: names, turns, kills };
}

function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutNulls(inner)]));
}

function namesOf(only: string | undefined): KindName[] {
  const names = Object.keys(kinds) as KindName[];
  const found = names.filter((name) => only === undefined || name.includes(only));
  if (found.length === 0)
    throw new Failure(`--only must be part of one of ${names.map((name) => `'${name}'`).join(', ')}, got '${only}'`, 2);
  return found;
}

new Command('faults')
  .description(
    'Plays random faults against the functions and the twins, and compares every table with what the world did. A run that goes wrong is made ' +
      'shorter, told and kept as a file. Exit code 1 when one went wrong.',
  )
  .option('--runs <n>', `how many (default: ${usualRuns})`, wholeNumber('--runs', 1, 10_000_000))
  .option('--nightly', `${nightlyRuns} runs unless --runs says otherwise`)
  .option('--mutants', 'weaken one guard after the other, and report which faults show it (exit code 1 for none)')
  .option('--seed <n>', 'where to begin (default: anywhere)', wholeNumber('--seed', 1, 2 ** 31 - 1))
  .option('--jobs <n>', 'processes', wholeNumber('--jobs', 1, 256), availableParallelism())
  .option('--log <file>', 'keep what was played in this file; the next call with it plays the rest', text('--log'))
  .option('--only <part>', 'kinds of faults, or guards, with this in their name', text('--only'))
  .option('--replay <file>', 'play one scenario again', text('--replay'))
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Interrupted ? error.message : `error: ${explain(error)}`);
    if (error instanceof Interrupted) process.exit(error.exitCode);
    process.exitCode = exitCodeOf(error);
  });
