import { type Command, Option } from 'commander';
import type { Pipeline } from '../../pipelines/definition';
import { isSkipReason, publicTables } from '../../sql';
import { Failure } from '../failure';
import { grouped, plural, printable, type Style } from '../terminal';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  checkOrder,
  type Exit,
  moment,
  queryRows,
  withContext,
} from './context';
import { any, chosenPipelines } from './history/sources';
import { text, wholeNumber } from './options';
import { conditionOf, type RejectFilter, rejectId, sources } from './rejects/filter';
import { previewRetry, type RetryResult, retryRejects } from './rejects/retry';

export interface RejectsOptions extends RejectFilter {
  /** Number of samples for each reason. */
  readonly limit: number;
  readonly retry?: boolean;
  readonly apply?: boolean;
}

interface Reason {
  readonly pipeline: string;
  readonly reason: string;
  readonly records: number;
  readonly newest: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  /** Shard and sequence number, or object and line, as far as they are known. */
  readonly from: string;
  readonly mergedAt: string;
  /**
   * JSON text, cut if it is long. Null for bytes that are not JSON, and for a text that is too long for the warehouse.
   */
  readonly payload: string | null;
  /** Length of the whole text in bytes; null for bytes that are not JSON. */
  readonly payloadBytes: number | null;
}

export function addRejects(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('rejects')
    .summary('list rejected records, or merge them again')
    .description(
      'Lists the rejects by reason, each with samples. After the columns of a pipeline were changed and deployed, --retry shows what would ' +
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
    .option('--limit <n>', 'samples a reason', wholeNumber('--limit', 0, 1000), 2)
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
  const reasons: Reason[] = [];
  for (const pipeline of chosen) reasons.push(...(await listReasons(context, pipeline, options)));
  if (context.json)
    context.stdout.write(
      `${JSON.stringify({ ...(options.retry ? { applied: options.apply === true, retried: results } : {}), reasons })}\n`,
    );
  else print(context, reasons, results, options);
  return reasons.length === 0;
}

async function listReasons(context: Context, pipeline: Pipeline, options: RejectsOptions): Promise<Reason[]> {
  const table = publicTables(pipeline).rejects;
  const { sql, values } = conditionOf(options);
  const where = sql === undefined ? '' : `\nwhere ${sql}`;
  const totals = await queryRows(
    context,
    'rejects',
    `select reason, count(*) as records, max(merged_at) as newest from ${table}${where}\ngroup by reason order by 2 desc, 1`,
    values,
  );
  const { limit } = options;
  const samples = limit === 0 ? [] : await queryRows(context, 'rejects', sampleQuery(table, where, limit), values);
  return totals.map((row) => ({
    pipeline: pipeline.name,
    reason: String(row['reason']),
    records: Number(row['records']),
    newest: String(row['newest']),
    samples: samples
      .filter((sample) => sample['reason'] === row['reason'])
      .map((sample) => ({
        from: origin(sample),
        mergedAt: String(sample['merged_at']),
        payload: sample['payload'] === null ? null : String(sample['payload']),
        payloadBytes: sample['payload_bytes'] === null ? null : Number(sample['payload_bytes']),
      })),
  }));
}

/** A result row has at most 64 kB, and so has a text. 10,000 characters are at most 40,000 bytes. */
const payloadItems = `case when json_size(payload) <= 65535 then left(json_serialize(payload), 10000) end as payload, json_size(payload) as payload_bytes`;

const sampleQuery = (table: string, where: string, limit: number) => `with numbered as (
  select reason, source, shard_id, sequence_number, object_key, line, merged_at, ${payloadItems},
    row_number() over (partition by reason order by merged_at desc, sequence_number, object_key, line) as sample
  from ${table}${where}
)
select reason, source, shard_id, sequence_number, object_key, line, merged_at, payload, payload_bytes
from numbered where sample <= ${limit} order by reason, sample`;

function origin(row: Readonly<Record<string, unknown>>): string {
  const { source, shard_id: shard, sequence_number: sequence, object_key: key, line } = row;
  if (shard !== null) return `${source}, ${shard}, ${sequence}`;
  if (key !== null) return `${source}, ${key}${line === null ? '' : `, line ${line}`}`;
  return String(source);
}

const PAYLOAD_SHOWN = 160;

function print(
  { stdout, style }: Context,
  reasons: readonly Reason[],
  results: readonly RetryResult[],
  options: RejectsOptions,
): void {
  const lines = reasons.flatMap((reason) => reasonLines(reason, style));
  const total = reasons.reduce((sum, { records }) => sum + records, 0);
  lines.push(...(total === 0 ? ['There are no rejects.'] : ['', plural(total, 'reject')]));
  for (const result of results) lines.push(resultLine(result, options.apply === true, style));
  if (options.retry && !options.apply && results.some(({ chosen }) => chosen > 0))
    lines.push('', `Nothing was done. Add ${style.cyan('--apply')} to merge them again under the present columns.`);
  stdout.write(`${lines.join('\n')}\n`);
}

function resultLine(
  { pipeline, chosen, judged, raised, events, duplicates, before, after }: RetryResult,
  applied: boolean,
  style: Style,
) {
  const became = applied ? 'became' : 'would become';
  const others = chosen > judged ? `, ${grouped(chosen - judged)} of them no JSON objects` : '';
  return `${style.bold(pipeline)}: of ${plural(chosen, 'reject')}${others}, ${grouped(events)} ${became} events, ${grouped(duplicates)} duplicates; rejects before ${grouped(before)}, after ${grouped(after)}${raised > 0 ? `; ${grouped(raised)} made a statement of the warehouse fail: \`--reason 'raised: '\` tries each by itself` : ''}`;
}

function reasonLines({ pipeline, reason, records, newest, samples }: Reason, style: Style): string[] {
  return [
    `${style.bold(grouped(records).padStart(9))}  ${pipeline}  ${style.yellow(printable(reason))}  ${style.dim(`newest ${newest.slice(0, 19)}`)}`,
    ...samples.flatMap((sample) => [
      `           ${style.dim(printable(sample.from))}`,
      `           ${payloadText(sample, reason, style)}`,
    ]),
  ];
}

function payloadText({ payload, payloadBytes }: Sample, reason: string, style: Style): string {
  if (isSkipReason(reason))
    return style.dim('never read: npx millrace backfill --from archive --apply loads its bytes');
  if (payloadBytes === null) return style.dim('not JSON');
  return payload === null ? style.dim(`${grouped(payloadBytes)} bytes, too long to be shown`) : cut(printable(payload));
}

const cut = (text: string) => (text.length > PAYLOAD_SHOWN ? `${text.slice(0, PAYLOAD_SHOWN - 1)}…` : text);
