import type { Command } from 'commander';
import type { Pipeline } from '../../pipelines/definition';
import { Failure } from '../failure';
import type { Stage } from '../progress';
import { grouped, plural, type Style, table } from '../terminal';
import {
  addContextOptions,
  assertTimeLeft,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  withContext,
} from './context';
import {
  findCandidates,
  type NotReloadable,
  type ReloadCandidate,
  type ReloadResult,
  reloadAll,
} from './duplicates/reload-runs';
import { bytes } from './history/cost';
import { any, chosenPipelines } from './history/sources';
import { text } from './options';

export interface DuplicatesOptions {
  readonly apply?: boolean;
}

/** The reported result of one run. */
interface RunResult {
  readonly runId: string;
  readonly objects: number;
  readonly bytes: number;
  readonly duplicates: number;
  /**
   * `possible`: nothing was done. `gone`: an object is not the one that was loaded. `refused`: the load function
   * refused it, with its reason.
   */
  readonly outcome: 'possible' | 'gone' | ReloadResult['outcome'];
  /** Number of the run's records that are events now and were not before. */
  readonly events: number;
  readonly reason?: string;
}

interface Result extends NotReloadable {
  readonly pipeline: string;
  readonly runs: readonly RunResult[];
}

export function addDuplicates(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('duplicates')
    .summary('reload duplicates of history after a change of identity')
    .description(
      'Lists the runs that loaded history, or the archive, before the identity of the pipeline changed, and have duplicates. Their ' +
        'payloads were not kept, so some of them may now be events. With --apply the objects of these runs are loaded once ' +
        'more. One transaction replaces the rows of a run: no event is lost, and more may be found. It reads all ' +
        'bytes of the objects again. It can be interrupted and run again. Exit code 1 if there are such runs and they were not loaded.\n\n' +
        '  npx millrace duplicates\n' +
        '  npx millrace duplicates --pipeline estore --apply',
    )
    .option('--pipeline <name>', 'one pipeline (default: all)', text('--pipeline'))
    .option('--apply', 'load them again');
  addContextOptions(command, 3600).action(
    async (options: DuplicatesOptions & { pipeline?: string } & ContextOptions) => {
      const chosen = chosenPipelines(options.pipeline, any);
      if (chosen.length === 0) throw new Failure('there are no pipelines', 2);
      await withContext(options, io, exit, (context) => duplicates(context, chosen, options));
    },
  );
}

/** Returns true if no run is left. */
export async function duplicates(
  context: Context,
  chosen: readonly Pipeline[],
  { apply = false }: DuplicatesOptions,
): Promise<boolean> {
  const results: Result[] = [];
  for (const pipeline of chosen) {
    assertTimeLeft(context, pipeline.name);
    const stage = context.progress.stage(pipeline.name, 'reading the runs of history');
    const { runs, ...kept } = await findCandidates(context, pipeline, stage);
    results.push({ pipeline: pipeline.name, ...kept, runs: await treat(context, pipeline, runs, apply, stage) });
    stage.done(plural(runs.length, 'run'));
  }
  if (context.json) context.stdout.write(`${JSON.stringify({ applied: apply, pipelines: results })}\n`);
  else print(context, results, apply);
  return results.every(({ runs }) => runs.every(({ outcome }) => outcome === 'loaded'));
}

async function treat(
  context: Context,
  pipeline: Pipeline,
  runs: readonly ReloadCandidate[],
  apply: boolean,
  stage: Stage,
): Promise<RunResult[]> {
  const whole = runs.filter(({ problem }) => problem === undefined);
  const ended = apply ? await reloadAll(context, pipeline, whole, stage) : undefined;
  return runs.map(({ runId, objects, bytes: size, duplicates: amount, problem }) => {
    const reported = { runId, objects, bytes: size, duplicates: amount };
    if (problem !== undefined) return { ...reported, outcome: 'gone', events: 0, reason: problem };
    return { ...reported, ...(ended?.get(runId) ?? { outcome: 'possible', events: 0 }) };
  });
}

function print({ stdout, style }: Context, results: readonly Result[], applied: boolean): void {
  const lines = results.flatMap((result) => [...linesOf(result, style), '']);
  const open = results.flatMap(({ runs }) => runs).filter(({ outcome }) => outcome === 'possible');
  const size = open.reduce((sum, run) => sum + run.bytes, 0);
  if (open.length > 0)
    lines.push(
      `Nothing was done. Add ${style.cyan('--apply')} to load ${plural(open.length, 'run')} with ${bytes(size)} again.`,
    );
  else if (applied && results.some(({ runs }) => runs.length > 0)) {
    const all = results.flatMap(({ runs }) => runs);
    const found = all.reduce((sum, { events }) => sum + events, 0);
    const amount = all.filter(({ outcome }) => outcome === 'loaded').length;
    lines.push(`${plural(amount, 'run')} loaded again; ${plural(found, 'record')} became events.`);
  }
  stdout.write(`${lines.join('\n').trimEnd()}\n`);
}

function linesOf({ pipeline, runs, elsewhere }: Result, style: Style): string[] {
  const rest =
    elsewhere > 0
      ? [
          `${grouped(elsewhere)} more came from the stream, or were rejects that were merged again: they have no objects to load them from.`,
        ]
      : [];
  if (runs.length === 0)
    return [`${style.bold(pipeline)}: no run of history with duplicates from before a change of identity.`, ...rest];
  const rows = runs.map(({ runId, objects, bytes: size, duplicates: amount, outcome, events, reason }) => [
    runId,
    objects,
    bytes(size),
    amount,
    reason === undefined ? outcome : `${outcome}: ${reason}`,
    ...(outcome === 'loaded' ? [events] : [null]),
  ]);
  return [
    style.bold(pipeline),
    table(['run', 'objects', 'size', 'duplicates', 'outcome', 'new events'], rows, style, { longest: 200 }),
    ...rest,
  ];
}
