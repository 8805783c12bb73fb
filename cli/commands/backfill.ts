import { type Command, Option } from 'commander';
import { literalPrefix } from '../../lambda/load/contract';
import { globMatcher } from '../../lambda/load/glob';
import { notificationOf } from '../../lambda/load/notification';
import type { Pipeline } from '../../pipelines/definition';
import { pipelineTables, publicTables } from '../../sql/names';
import type { ListedObject } from '../cloud/ports';
import { Failure } from '../failure';
import { grouped, plural, table } from '../terminal';
import { archiveSkipped, type SkippedOptions, type SkippedRecords } from './backfill/skipped-records';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  checkOrder,
  type Exit,
  executeStatement,
  moment,
  queryRows,
  warehouseText,
  warehouseTime,
  withContext,
} from './context';
import { bytes, costOf, dollars } from './history/cost';
import { type ObjectId, readLedger, readParked } from './history/ledger';
import { isCold, isFrozen, Listing } from './history/listing';
import { any, chosenPipelines, forEach, hasHistory, Sources } from './history/sources';
import { type LoadOutcome, waitForLoads, warehouseNow } from './history/wait-for-loads';
import { text } from './options';

type Options = Omit<BackfillOptions, 'from'> & ContextOptions & { readonly from: BackfillOptions['from'] | 'stream' };

export interface BackfillOptions {
  readonly pipeline?: string;
  readonly from: 'history' | 'archive';
  /** Epoch milliseconds. */
  readonly since?: number;
  readonly until?: number;
  readonly glob?: string;
  readonly apply?: boolean;
}

/** The objects that a backfill would load. */
interface Found {
  readonly toLoad: readonly ListedObject[];
  readonly loaded: number;
  readonly parked: number;
  /** Objects in a storage class that needs a restore first. */
  readonly frozen: number;
  readonly lists: number;
  /** Earliest hour of arrival in the archive, epoch milliseconds. */
  readonly archiveBegins?: number;
}

export function addBackfill(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('backfill')
    .summary('load older history, or records from the archive')
    .description(
      'Lists the objects of each pipeline in the history bucket or in its archive, leaves out those that the ledger has, and queues the rest. ' +
        'Without --apply it only shows what it would load and the rough cost. It can be interrupted and started again: what is ' +
        'loaded is not loaded twice. From the stream it takes the records that Redshift skipped, by position, as long as the stream holds ' +
        'them: --apply writes each to the archive and loads it from there. Exit code 1 if something could not be loaded. --json gives a line for each pipeline.\n\n' +
        '  npx millrace backfill --from history --since 2026-01-01\n' +
        '  npx millrace backfill --from archive --since 2026-11-20T08:00:00Z --apply\n' +
        '  npx millrace backfill --from stream --apply',
    )
    .option('--pipeline <name>', 'one pipeline (default: all)', text('--pipeline'))
    .addOption(
      new Option('--from <place>', 'where the records are')
        .choices(['history', 'archive', 'stream'])
        .makeOptionMandatory(),
    )
    .option('--since <time>', 'history: modified then or later; others: arrived then or later', moment('--since'))
    .option('--until <time>', 'history: modified before; others: arrived before', moment('--until'))
    .option('--glob <glob>', 'only keys that match, besides the globs of the pipeline', text('--glob'))
    .option('--apply', 'queue them and wait until they are loaded');
  addContextOptions(command, 3600).action(async (options: Options) => {
    checkOrder(options);
    if (options.from === 'stream' && options.glob !== undefined)
      throw new Failure('--glob selects objects, and --from stream takes records: leave one of them out', 2);
    const { from } = options;
    const chosen = chosenPipelines(options.pipeline, from === 'history' ? hasHistory : any);
    await withContext(options, io, exit, (context) =>
      forEach(context, chosen, (pipeline) =>
        from === 'stream'
          ? backfillSkipped(context, pipeline, options)
          : backfill(context, pipeline, { ...options, from }),
      ),
    );
  });
}

/** Loads the records that streaming ingestion skipped. Returns true if everything was loaded. */
export async function backfillSkipped(context: Context, pipeline: Pipeline, options: SkippedOptions): Promise<boolean> {
  const found = await archiveSkipped(context, pipeline, options);
  const outcome = options.apply
    ? await load(context, pipeline, context.cloud.names.archiveBucket, found.objects)
    : undefined;
  const { records, gone, parked, objects } = found;
  if (context.json)
    context.stdout.write(
      `${JSON.stringify({
        pipeline: pipeline.name,
        from: 'stream',
        applied: options.apply === true,
        records,
        gone,
        parkedBefore: parked,
        objects: objects.length,
        bytes: found.bytes,
        ...outcome,
      })}\n`,
    );
  else printSkipped(context, pipeline, found, outcome);
  const complete = gone === 0 && parked === 0 && (outcome?.parked.length ?? 0) === 0 && (outcome?.waiting ?? 0) === 0;
  return !options.apply || complete;
}

function printSkipped(
  context: Context,
  pipeline: Pipeline,
  { records, gone, parked, objects, bytes: size }: SkippedRecords,
  outcome: LoadOutcome | undefined,
): void {
  const lines = [
    context.style.bold(`${pipeline.name} from stream`),
    `  skipped        ${plural(records, 'record')}, of which only the position is known`,
    `  to load        ${plural(objects.length, 'record')}, ${bytes(size)} in gzip`,
    ...(gone > 0 ? [`  gone           ${plural(gone, 'record')}: try npx millrace backfill --from archive`] : []),
    ...parkedLine(parked),
    ...outcomeLines(context, outcome, objects.length),
  ];
  context.stdout.write(`${lines.join('\n')}\n`);
}

/** Returns true if everything was loaded. */
export async function backfill(context: Context, pipeline: Pipeline, options: BackfillOptions): Promise<boolean> {
  const bucket = options.from === 'history' ? context.cloud.names.historyBucket : context.cloud.names.archiveBucket;
  const found = await find(context, pipeline, bucket, options);
  const totalBytes = found.toLoad.reduce((sum, { size }) => sum + size, 0);
  const outcome = options.apply ? await load(context, pipeline, bucket, found.toLoad) : undefined;
  const complete =
    found.frozen === 0 && found.parked === 0 && (outcome?.parked.length ?? 0) === 0 && (outcome?.waiting ?? 0) === 0;
  const gaps =
    options.from === 'archive' ? await closeGaps(context, pipeline, options, complete, found.archiveBegins) : [];
  if (context.json)
    context.stdout.write(
      `${JSON.stringify({
        pipeline: pipeline.name,
        from: options.from,
        applied: options.apply === true,
        objects: found.toLoad.length,
        bytes: totalBytes,
        loadedBefore: found.loaded,
        parkedBefore: found.parked,
        frozen: found.frozen,
        cost: costLines(found),
        ...(outcome === undefined ? {} : { loaded: outcome.loaded, parked: outcome.parked, waiting: outcome.waiting }),
        gaps,
      })}\n`,
    );
  else print(context, pipeline, options, found, totalBytes, outcome, gaps);
  return !options.apply || complete;
}

async function find(context: Context, pipeline: Pipeline, bucket: string, options: BackfillOptions): Promise<Found> {
  const stage = context.progress.stage('list', 'reading the ledger');
  const sources = new Sources(pipeline);
  const loaded = await readLedger(context, pipeline, bucket);
  const parked = await readParked(context, pipeline, bucket);
  const wanted = options.glob === undefined ? () => true : globMatcher(options.glob);
  const listing = new Listing(context, bucket, narrowed(sources.prefixes(options.from), options.glob), stage);
  const toLoad: ListedObject[] = [];
  const counts = { loaded: 0, parked: 0, frozen: 0 };
  let archiveBegins: number | undefined;
  for await (const object of listing) {
    const hour = archiveHour(object.key);
    if (options.from === 'archive' && hour !== undefined) archiveBegins = Math.min(hour, archiveBegins ?? hour);
    if (sources.of(options.from, object.key) === undefined || !wanted(object.key) || !isInTime(object, options))
      continue;
    if (loaded.has(object)) counts.loaded++;
    else if (parked.has(object)) counts.parked++;
    else if (isFrozen(object)) counts.frozen++;
    else toLoad.push(object);
  }
  stage.done(`${plural(listing.objects, 'object')} of ${bucket}, ${grouped(toLoad.length)} to load`);
  return { toLoad, ...counts, lists: listing.lists, ...(archiveBegins === undefined ? {} : { archiveBegins }) };
}

/** Returns the prefixes that can hold keys matching the glob. */
function narrowed(prefixes: readonly string[], glob: string | undefined): string[] {
  if (glob === undefined) return [...prefixes];
  const wanted = literalPrefix(glob);
  return prefixes.flatMap((prefix) =>
    wanted.startsWith(prefix) ? [wanted] : prefix.startsWith(wanted) ? [prefix] : [],
  );
}

const HOUR_MS = 3_600_000;
/**
 * Firehose keeps a record for up to 900 s before it writes (Firehose quotas, buffer interval). So the last object of an
 * hour may be this late.
 */
const BUFFER_MS = 900_000;

/** True if an object may hold records that were modified, or arrived, in the requested time. */
function isInTime({ key, lastModified }: ListedObject, { from, since, until }: BackfillOptions): boolean {
  if (from === 'history')
    return (since === undefined || lastModified >= since) && (until === undefined || lastModified < until);
  const hour = archiveHour(key);
  // A key without its hour may hold any record.
  if (hour === undefined) return true;
  return (since === undefined || hour + HOUR_MS + BUFFER_MS > since) && (until === undefined || hour < until);
}

/** Returns the hour of the oldest record in an archive object, from its key `archive/<pipeline>/2026/11/21/09/…`. */
export function archiveHour(key: string): number | undefined {
  const [, year, month, day, hour] = /^archive\/[^/]+\/(\d{4})\/(\d\d)\/(\d\d)\/(\d\d)\//.exec(key) ?? [];
  if (year === undefined) return undefined;
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour));
}

async function load(
  context: Context,
  pipeline: Pipeline,
  bucket: string,
  objects: readonly ListedObject[],
): Promise<LoadOutcome> {
  if (objects.length === 0) return { loaded: 0, parked: [], waiting: 0 };
  const { backlog } = context.cloud.names.queues(pipeline.name);
  const since = await warehouseNow(context);
  context.progress.ifInterrupted(
    'Queued objects are loaded without this command. Run it again for the others: nothing is loaded twice.',
  );
  const queueing = context.progress.stage('queue');
  for (let at = 0; at < objects.length; at += 100) {
    await context.cloud.queues.send(
      backlog,
      objects
        .slice(at, at + 100)
        .map((object) => notificationOf({ bucket, versionId: '', ...object }, object.lastModified)),
    );
    queueing.count(Math.min(at + 100, objects.length), 'objects', objects.length);
  }
  queueing.done(plural(objects.length, 'message'));
  const loading = context.progress.stage('load');
  const outcome = await waitForLoads(context, pipeline, bucket, objects, since, loading);
  if (outcome.waiting > 0 || outcome.parked.length > 0) loading.failed();
  else loading.done(`${plural(outcome.loaded, 'object')} loaded`);
  return outcome;
}

interface Gap {
  /** Null means any shard. */
  readonly shard: string | null;
  /** Timestamp as the warehouse writes it. */
  readonly from: string;
  readonly to: string;
  readonly closed: boolean;
}

/**
 * Lists gaps of the stream within the time of a backfill from the archive. If the whole archive was loaded, it closes
 * the gaps that do not begin before the archive.
 */
async function closeGaps(
  context: Context,
  pipeline: Pipeline,
  options: BackfillOptions,
  complete: boolean,
  archiveBegins: number | undefined,
): Promise<Gap[]> {
  const { gaps } = pipelineTables(pipeline);
  const { since, until } = options;
  const within = [
    ...(since === undefined ? [] : ['from_time >= {{since}}::timestamp']),
    ...(until === undefined ? [] : ['to_time <= {{until}}::timestamp']),
  ];
  const values = {
    ...(since === undefined ? {} : { since: warehouseText(since) }),
    ...(until === undefined ? {} : { until: warehouseText(until) }),
  };
  const where = (conditions: readonly string[]) =>
    conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
  const select = `select shard_id, from_time, to_time from ${publicTables(pipeline).gaps}${where(within)} order by from_time, shard_id`;
  const rows = await queryRows(context, 'gaps', select, values);
  const close = options.apply === true && complete && options.glob === undefined && archiveBegins !== undefined;
  if (close && rows.length > 0)
    await executeStatement(
      context,
      'gaps',
      `delete from ${gaps}${where([...within, 'from_time >= {{begins}}::timestamp'])}`,
      {
        ...values,
        begins: warehouseText(archiveBegins),
      },
    );
  return rows.map(({ shard_id, from_time, to_time }) => ({
    shard: shard_id === null ? null : String(shard_id),
    from: String(from_time),
    to: String(to_time),
    closed: close && warehouseTime(from_time) >= archiveBegins,
  }));
}

const costLines = ({ toLoad, lists }: Found) => {
  const cold = toLoad.filter(isCold);
  return costOf({
    lists,
    objects: toLoad.length,
    coldObjects: cold.length,
    coldBytes: cold.reduce((sum, { size }) => sum + size, 0),
  });
};

function print(
  context: Context,
  pipeline: Pipeline,
  options: BackfillOptions,
  found: Found,
  totalBytes: number,
  outcome: LoadOutcome | undefined,
  gaps: readonly Gap[],
): void {
  const { style, stdout } = context;
  const cost = costLines(found);
  const sum = cost.reduce((total, line) => total + line.dollars, 0);
  const lines = [
    `${style.bold(`${pipeline.name} from ${options.from}`)}`,
    `  to load        ${plural(found.toLoad.length, 'object')}, ${bytes(totalBytes)}`,
    `  loaded before  ${plural(found.loaded, 'object')}`,
    ...parkedLine(found.parked),
    ...(found.frozen > 0 ? [`  frozen         ${plural(found.frozen, 'object')} in Glacier: restore them first`] : []),
    `  cost           roughly ${dollars(sum)}: ${cost.map(({ how }) => how).join(' + ')}`,
    ...gaps.map(
      ({ shard, from, to, closed }) =>
        `  gap            ${shard ?? 'all shards'}, ${from} to ${to}${closed ? ', closed' : ''}`,
    ),
  ];
  lines.push(...outcomeLines(context, outcome, found.toLoad.length));
  stdout.write(`${lines.join('\n')}\n`);
}

const parkedLine = (parked: number) =>
  parked > 0 ? [`  parked         ${plural(parked, 'object')}, left alone: see npx millrace redrive`] : [];

/** @param outcome undefined in a dry run, which would load `toLoad` objects */
function outcomeLines(context: Context, outcome: LoadOutcome | undefined, toLoad: number): string[] {
  if (outcome === undefined)
    return toLoad === 0
      ? []
      : ['', `Nothing was done. Add ${context.style.cyan('--apply')} to load ${toLoad === 1 ? 'it' : 'them'}.`];
  return [
    `  loaded now     ${plural(outcome.loaded, 'object')}`,
    ...(outcome.waiting > 0
      ? [
          `  still waiting  ${plural(outcome.waiting, 'object')}: they are queued; npx millrace files shows the result later`,
        ]
      : []),
    ...(outcome.parked.length > 0 ? ['', parkedTable(outcome.parked, context)] : []),
  ];
}

const parkedTable = (parked: readonly (ObjectId & { reason: string })[], { style }: Context) =>
  table(
    ['parked', 'reason'],
    parked.map(({ key, reason }) => [key, reason]),
    style,
  );
