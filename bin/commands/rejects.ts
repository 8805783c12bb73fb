import type { Command } from 'commander';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import { pipelineTables } from '../../sql';
import { Failure } from '../failure';
import { grouped, plural, printable, type Style } from '../terminal';
import { text, wholeNumber } from './options';
import { type RetryResult, retryRejects } from './rejects/retry';
import { ask, type Exit, type Work, type WorkIo, type WorkOptions, working, workOptions } from './work';

export interface RejectsOptions {
  /** A part of the reason. */
  readonly reason?: string;
  /** Samples a reason. */
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
  /** JSON text, or null for bytes that are not JSON. */
  readonly payload: string | null;
}

export function addRejects(program: Command, io: WorkIo, exit: Exit): void {
  const command = program
    .command('rejects')
    .summary('list the records that do not fit the columns, or merge them again')
    .description(
      'Lists the rejects by reason, each with samples. After the columns of a pipeline were changed and deployed, --retry tells how many of ' +
        'them there are to try again, and --retry --apply merges them: what fits now becomes events, the rest stays with its reason. ' +
        'Exit code 1 when there are rejects.\n\n' +
        "  npx millrace rejects --reason 'price' --limit 3\n" +
        '  npx millrace rejects --pipeline estore --retry --apply',
    )
    .option('--pipeline <name>', 'one pipeline (default: all)', text('--pipeline'))
    .option('--reason <text>', 'reasons that contain this', text('--reason'))
    .option('--limit <n>', 'samples a reason', wholeNumber('--limit', 0, 1000), 2)
    .option('--retry', 'merge them again under the present columns')
    .option('--apply', 'with --retry: do it');
  workOptions(command, 600).action(async (options: RejectsOptions & { pipeline?: string } & WorkOptions) => {
    if (options.apply && !options.retry) throw new Failure('--apply needs --retry', 2);
    if (options.apply && options.reason !== undefined)
      throw new Failure(
        '--reason and --apply exclude each other: all rejects of a pipeline are tried again together',
        2,
      );
    const chosen = pipelines.filter(({ name }) => options.pipeline === undefined || name === options.pipeline);
    if (chosen.length === 0)
      throw new Failure(
        `--pipeline must be one of ${pipelines.map(({ name }) => name).join(', ')}, got '${options.pipeline}'`,
        2,
      );
    await working(options, io, exit, (work) => rejects(work, chosen, options));
  });
}

/** Answers whether there are none, or, after a retry, whether none are left. */
export async function rejects(work: Work, chosen: readonly Pipeline[], options: RejectsOptions): Promise<boolean> {
  const retried: RetryResult[] = [];
  if (options.retry && options.apply) for (const pipeline of chosen) retried.push(await retryRejects(work, pipeline));
  const reasons: Reason[] = [];
  for (const pipeline of chosen) reasons.push(...(await listReasons(work, pipeline, options)));
  if (work.json) work.stdout.write(`${JSON.stringify({ ...(retried.length > 0 ? { retried } : {}), reasons })}\n`);
  else print(work, reasons, retried, options);
  return reasons.length === 0;
}

async function listReasons(work: Work, pipeline: Pipeline, { reason, limit }: RejectsOptions): Promise<Reason[]> {
  const table = pipelineTables(pipeline).rejects;
  // a text that is searched for is no pattern
  const where = reason === undefined ? '' : '\nwhere strpos(reason, {{reason}}) > 0';
  const values: Record<string, string> = reason === undefined ? {} : { reason };
  const totals = await ask(
    work,
    'rejects',
    `select reason, count(*) as records, max(merged_at) as newest from ${table}${where}\ngroup by reason order by 2 desc, 1`,
    values,
  );
  const samples = limit === 0 ? [] : await ask(work, 'rejects', sampleQuery(table, where, limit), values);
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
      })),
  }));
}

const sampleQuery = (table: string, where: string, limit: number) => `with numbered as (
  select reason, source, shard_id, sequence_number, object_key, line, merged_at, json_serialize(payload) as payload,
    row_number() over (partition by reason order by merged_at desc, sequence_number, object_key, line) as sample
  from ${table}${where}
)
select reason, source, shard_id, sequence_number, object_key, line, merged_at, payload
from numbered where sample <= ${limit} order by reason, sample`;

function origin(row: Readonly<Record<string, unknown>>): string {
  const { source, shard_id: shard, sequence_number: sequence, object_key: key, line } = row;
  if (shard !== null) return `${source}, ${shard}, ${sequence}`;
  if (key !== null) return `${source}, ${key}${line === null ? '' : `, line ${line}`}`;
  return String(source);
}

const PAYLOAD_SHOWN = 160;

function print(
  { stdout, style }: Work,
  reasons: readonly Reason[],
  retried: readonly RetryResult[],
  options: RejectsOptions,
): void {
  const lines = retried.map(
    ({ pipeline, events, duplicates, rejects: left }) =>
      `${style.bold(pipeline)}: ${grouped(events)} became events, ${grouped(duplicates)} duplicates, ${grouped(left)} are rejects still`,
  );
  const total = reasons.reduce((sum, { records }) => sum + records, 0);
  for (const reason of reasons) lines.push(...reasonLines(reason, style));
  if (total === 0) lines.push('There are no rejects.');
  else {
    lines.push('', plural(total, 'reject'));
    if (options.retry && !options.apply)
      lines.push(`Nothing was done. Add ${style.cyan('--apply')} to merge them again under the present columns.`);
  }
  stdout.write(`${lines.join('\n')}\n`);
}

function reasonLines({ pipeline, reason, records, newest, samples }: Reason, style: Style): string[] {
  return [
    `${style.bold(grouped(records).padStart(9))}  ${pipeline}  ${style.yellow(printable(reason))}  ${style.dim(`newest ${newest.slice(0, 19)}`)}`,
    ...samples.flatMap(({ from, payload }) => [
      `           ${style.dim(printable(from))}`,
      `           ${payload === null ? style.dim('not JSON') : cut(printable(payload))}`,
    ]),
  ];
}

const cut = (text: string) => (text.length > PAYLOAD_SHOWN ? `${text.slice(0, PAYLOAD_SHOWN - 1)}…` : text);
