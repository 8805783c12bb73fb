import { type Command, Option } from 'commander';
import type { Pipeline } from '../../pipelines/definition';
import { Failure } from '../failure';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  checkOrder,
  type Exit,
  moment,
  withContext,
} from './context';
import { any, chosenPipelines } from './history/sources';
import { text, wholeNumber } from './options';
import { type RejectFilter, rejectId, sources } from './rejects/filter';
import { type Listed, listProblems } from './rejects/list';
import { problemsText, resultLine } from './rejects/print';
import { previewRetry, type RetryResult, retryRejects } from './rejects/retry';

export interface RejectsOptions extends RejectFilter {
  /** Number of samples for each reason. */
  readonly limit: number;
  readonly retry?: boolean;
  readonly apply?: boolean;
}

export function addRejects(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('rejects')
    .summary('list rejected records, or merge them again')
    .description(
      'Lists the rejects by what is wrong, each with samples and, where there is one, with the declaration that accepts the values. ' +
        'A record with several problems is counted at each. Bytes that are not JSON are shown with what they look like. After the columns of a pipeline were changed and deployed, --retry shows what would ' +
        'become of them, and --retry --apply merges them. Records that now fit become events; the rest keep their reason. It is one ' +
        'transaction, so an interrupted call took effect as a whole or not at all. Exit code 1 if there are rejects.\n\n' +
        "  npx millrace rejects --reason 'price' --limit 3\n" +
        '  npx millrace rejects --pipeline estore --retry --since 2026-11-20\n' +
        '  npx millrace rejects --id s3://bucket/estore/shop/part.gz,17 --retry --apply',
    )
    .option('--pipeline <name>', 'one pipeline (default: all)', text('--pipeline'))
    .option('--reason <text>', 'reasons that contain this', text('--reason'))
    .addOption(new Option('--source <source>', 'their source').choices([...sources]))
    .option('--since <time>', 'rejected then or later', moment('--since'))
    .option('--until <time>', 'rejected before', moment('--until'))
    .option('--id <place>', 'one record, or all of one shard or object, as listed', rejectId('--id'))
    .option('--limit <n>', 'samples a reason', wholeNumber('--limit', 0, 1000), 3)
    .option('--retry', 'merge them again under the present columns')
    .option('--apply', 'with --retry: do it');
  addContextOptions(command, 600).action(async (options: RejectsOptions & { pipeline?: string } & ContextOptions) => {
    if (options.apply && !options.retry) throw new Failure('--apply needs --retry', 2);
    checkOrder(options);
    const chosen = chosenPipelines(options.pipeline, any);
    await withContext(options, io, exit, (context) => rejects(context, chosen, options));
  });
}

/** Returns true if no selected reject exists or, after a retry, is left. */
export async function rejects(
  context: Context,
  chosen: readonly Pipeline[],
  options: RejectsOptions,
): Promise<boolean> {
  const results: RetryResult[] = [];
  if (options.retry)
    for (const pipeline of chosen)
      results.push(await (options.apply ? retryRejects : previewRetry)(context, pipeline, options));
  const listed: Listed[] = [];
  for (const pipeline of chosen) listed.push(await listProblems(context, pipeline, options, options.limit));
  if (context.json)
    context.stdout.write(
      `${JSON.stringify({
        ...(options.retry ? { applied: options.apply === true, retried: results } : {}),
        rejects: listed.reduce((sum, { records }) => sum + records, 0),
        reasons: listed.flatMap(({ problems }) => problems),
      })}\n`,
    );
  else print(context, listed, results, options);
  return listed.every(({ records }) => records === 0);
}

function print(
  { stdout, style }: Context,
  listed: readonly Listed[],
  results: readonly RetryResult[],
  options: RejectsOptions,
): void {
  const lines = [
    ...problemsText(listed, style),
    ...results.map((result) => resultLine(result, options.apply === true, style)),
  ];
  if (options.retry && !options.apply && results.some(({ chosen }) => chosen > 0))
    lines.push('', `Nothing was done. Add ${style.cyan('--apply')} to merge them again under the present columns.`);
  stdout.write(`${lines.join('\n')}\n`);
}
