import type { Environment } from '../../../environments/environment';
import type { Pipeline } from '../../../pipelines/definition';
import { Failure } from '../../failure';
import { type Forgotten, forgetPipeline, type Left, sweepDerived } from '../../forget/forget-pipeline';
import { markRuns } from '../../forget/marks';
import { refusals } from '../../forget/refusals';
import type { Publish } from '../../forget/sweep-exports';
import { plural, table } from '../../terminal';
import type { Context } from '../context';
import type { Search } from './subjects';

/** Exit codes: done, a problem, something is left to do. */
export const done = 0;
export const failed = 1;
export const left = 3;

export interface ApplyOptions {
  readonly many: boolean;
  /** True waits for the refresh and the corrections. */
  readonly waits: boolean;
  readonly publish?: Publish;
}

const pollMs = 5_000;
/** Time for the report, before the deadline of the command. */
const reserveMs = 3_000;

/**
 * Erases the subjects, or continues what earlier calls began, in every pipeline. It refuses before anything changes.
 * @returns the exit code
 */
export async function apply(
  context: Context,
  searches: readonly Search[],
  known: { readonly pipelines: readonly Pipeline[]; readonly environment: Environment | undefined },
  options: ApplyOptions,
): Promise<number> {
  const reasons: string[] = [];
  for (const { pipeline, subjects } of searches)
    reasons.push(
      ...(await refusals(context, pipeline, known.pipelines, known.environment, { subjects, many: options.many })).map(
        (reason) => (reason.startsWith('pipelines.') ? reason : `${pipeline.name}: ${reason}`),
      ),
    );
  if (reasons.length > 0)
    throw new Failure(`nothing was changed:\n${reasons.map((text) => `  ${text}`).join('\n')}`, 2);
  const results: Forgotten[] = [];
  for (const { pipeline, subjects } of searches) {
    context.progress.ifInterrupted(
      subjects.length > 0
        ? 'Subjects that are marked stay marked. `npx millrace forget --status` shows how many; run the same command again, or `npx millrace forget --apply` if all are.'
        : 'Nothing is lost: `npx millrace forget --apply` continues.',
    );
    const result = await forgetPipeline(context, pipeline, { subjects, publish: options.publish });
    results.push(options.waits ? await untilDerived(context, pipeline, result, options.publish) : result);
  }
  if (context.json) context.stdout.write(`${JSON.stringify({ applied: true, pipelines: results.map(written) })}\n`);
  else print(context, results);
  const all = results.flatMap((result) => result.left);
  if (all.some(({ kind }) => kind === 'problem')) return failed;
  return all.length > 0 ? left : done;
}

/** Waits for the functions, as long as nothing else is left and time remains. */
async function untilDerived(
  context: Context,
  pipeline: Pipeline,
  first: Forgotten,
  publish: Publish | undefined,
): Promise<Forgotten> {
  const mayWait = ({ kind }: Left) => kind === 'views' || kind === 'exports';
  if (!first.left.some(mayWait)) return first;
  const stage = context.progress.stage(pipeline.name, 'waiting for the refresh and for corrections');
  let result = first;
  // A function is asked once for each correction. It continues by itself.
  const asked = new Set<string>();
  const once: Publish = async (of, name) => {
    if (asked.has(name)) return;
    asked.add(name);
    await publish?.(of, name);
  };
  while (result.left.some(mayWait) && context.remainingMs() > pollMs + reserveMs) {
    await context.sleep(pollMs);
    const runs = await markRuns(context, pipeline);
    const { exports, answersDeleted, left: rest } = await sweepDerived(context, pipeline, runs, publish && once);
    stage.update(rest.find(mayWait)?.what ?? 'done');
    result = {
      ...result,
      exports: {
        publications: result.exports.publications + exports.publications,
        filesDeleted: result.exports.filesDeleted + exports.filesDeleted,
      },
      answersDeleted: result.answersDeleted + answersDeleted,
      left: [...result.left.filter(({ kind }) => !mayWait({ kind, what: '' }) && kind !== 'hand'), ...rest],
    };
  }
  stage.done(result.left.some(mayWait) ? 'still waiting' : 'views and exports no longer have the rows');
  if (result.left.length > 0) return result;
  // Nothing is left: the last sweep records that.
  const last = await forgetPipeline(context, pipeline, { publish });
  return { ...result, left: last.left };
}

const time = (epochMs: number) => new Date(epochMs).toISOString();

const written = ({ left: rest, ...result }: Forgotten) => ({
  ...result,
  left: rest.map(({ after, ...item }) => ({ ...item, ...(after === undefined ? {} : { after: time(after) }) })),
});

function print({ stdout, style }: Context, results: readonly Forgotten[]): void {
  for (const result of results) {
    const { pipeline, marks, erased, history, archive, exports, answersDeleted, left: rest, unsearched } = result;
    if (result.runId === undefined) {
      stdout.write(`${style.bold(pipeline)}: nobody was forgotten yet\n\n`);
      continue;
    }
    const objects = (place: string, swept: Forgotten['history']) => [
      place,
      swept.recordsReplaced,
      swept.objectsRead,
      swept.objectsRewritten,
      swept.versionsDeleted,
    ];
    const lines = [
      `${style.bold(pipeline)}: ${plural(marks, 'subject')} marked`,
      '',
      table(
        ['place', 'records erased', 'objects read', 'rewritten', 'deleted'],
        [
          ['events', erased.events, null, null, null],
          ['duplicates', erased.duplicates, null, null, null],
          ['rejects', erased.rejects, null, null, null],
          objects('history', history),
          objects('archive', archive),
          ['exports', null, null, null, exports.filesDeleted],
          ['answers', null, null, null, answersDeleted],
        ],
        style,
      ),
      '',
      ...(rest.length === 0
        ? ['Nothing is left to do. `npx millrace forget --verify` reads every place again.']
        : ['Left:', ...rest.map(({ what }) => `  ${what}`), 'Run `npx millrace forget --apply` again after that.']),
      ...unsearched.map((text) => `Not searched: ${text}.`),
      '',
    ];
    stdout.write(`${lines.join('\n')}\n`);
  }
}
