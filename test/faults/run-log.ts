import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { Failure } from '../../cli/failure';
import type { Counts } from './counts';
import type { RunTask } from './tasks';

/** What a log is about. The first line of its file has it. */
export interface Plan {
  readonly runs: number;
  readonly seed: number;
  /** Part of the kinds' names. @default - all kinds */
  readonly only?: string;
}

interface Played extends RunTask {
  readonly counts: Counts;
  readonly failed: number;
}

/**
 * The tasks that were played, one JSON line each, so that runs of many hours can be played by several processes one
 * after the other. A line that was cut off by a kill is dropped, and its task is played again.
 */
export class RunLog {
  private constructor(
    private readonly file: string,
    readonly plan: Plan,
    readonly played: readonly Played[],
  ) {}

  /**
   * Opens the log, or begins it.
   * @param asked the options of this call; those that are not given are taken from the log
   * @throws Failure if the log is of other runs, or not a log
   */
  static open(file: string, asked: Partial<Plan>, usual: () => Plan): RunLog {
    if (!existsSync(file)) {
      const plan = { ...usual(), ...withoutUndefined(asked) };
      appendFileSync(file, `${JSON.stringify(plan)}\n`);
      return new RunLog(file, plan, []);
    }
    const [plan, ...played] = linesOf(file) as [Plan | undefined, ...Played[]];
    if (typeof plan?.runs !== 'number' || typeof plan.seed !== 'number')
      throw new Failure(`--log ${file} is no log of fault runs: its first line has no runs and seed`, 2);
    for (const name of ['runs', 'seed', 'only'] as const)
      if (asked[name] !== undefined && asked[name] !== plan[name])
        throw new Failure(
          `--${name} must be ${plan[name] ?? 'left out'}, as in the log ${file}, or the log another file; got ${asked[name]}`,
          2,
        );
    return new RunLog(file, plan, played);
  }

  /** The tasks that are not played yet. One that failed is played again. */
  rest(tasks: readonly RunTask[]): RunTask[] {
    const idOf = ({ kind, seed, runs }: RunTask) => `${kind} ${seed} ${runs}`;
    const done = new Set(this.played.filter(({ failed }) => failed === 0).map(idOf));
    return tasks.filter((task) => !done.has(idOf(task)));
  }

  add({ kind, seed, runs }: RunTask, counts: Counts, failed: number): void {
    const line: Played = { kind, seed, runs, counts, failed };
    appendFileSync(this.file, `${JSON.stringify(line)}\n`);
  }
}

function linesOf(file: string): unknown[] {
  const text = readFileSync(file, 'utf8');
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  if (complete.length < text.length) truncateSync(file, Buffer.byteLength(complete));
  const lines = complete.split('\n').slice(0, -1);
  return lines.map((line, index) => {
    try {
      return JSON.parse(line);
    } catch (cause) {
      throw new Failure(`--log ${file}: line ${index + 1} is not JSON`, 2, { cause });
    }
  });
}

const withoutUndefined = (values: Partial<Plan>): Partial<Plan> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
