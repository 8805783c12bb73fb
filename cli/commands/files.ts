import { type Command, Option } from 'commander';
import { pipelines as allPipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import { grouped, plural, table } from '../terminal';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  withContext,
} from './context';
import { bytes } from './history/cost';
import { readLetters } from './history/dead-letters';
import { type ObjectSet, type Parked, readLedger, readParked } from './history/ledger';
import { isFolder, isFrozen, Listing } from './history/listing';
import { chosenPipelines, hasHistory, Sources } from './history/sources';
import { text, wholeNumber } from './options';

export const statuses = ['loaded', 'pending', 'failed', 'unknown'] as const;
export type FileStatus = (typeof statuses)[number];

export interface FilesOptions {
  readonly pipeline?: string;
  readonly status?: FileStatus;
  readonly limit: number;
}

/** An object of the history bucket, or of the ledger. */
export interface FileRow {
  /** Null for a key that matches no source. */
  readonly pipeline: string | null;
  readonly status: FileStatus;
  readonly key: string;
  readonly etag: string;
  /** Size in bytes; null for an object that only the ledger has. */
  readonly size: number | null;
  /** Reason why it failed or is unknown. */
  readonly reason?: string;
}

type Counts = Record<FileStatus, { objects: number; bytes: number }>;

export interface Files {
  readonly counts: Readonly<Record<string, Counts>>;
  /** Objects with the requested status; by default all that are not loaded. */
  readonly files: readonly FileRow[];
}

export function addFiles(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('files')
    .summary('compare the history bucket with the ledger')
    .description(
      'Compares the objects of the history bucket with the ledger of loaded objects.\n\n' +
        '  loaded   in the bucket and in the ledger\n' +
        '  pending  in the bucket, not in the ledger: on its way, or found by the next reconcile\n' +
        '  failed   parked or among the dead letters, with the reason: redrive retries them\n' +
        '  unknown  in the ledger and no longer in the bucket, or of no source of any pipeline\n\n' +
        'Exit code 1 if something failed.\n\n' +
        '  npx millrace files --status pending',
    )
    .option('--pipeline <name>', 'one pipeline (default: all, and keys that belong to none)', text('--pipeline'))
    .addOption(new Option('--status <status>', 'list these (default: all that are not loaded)').choices([...statuses]))
    .option('--limit <n>', 'objects to show; --json shows all', wholeNumber('--limit', 1, 1_000_000), 20);
  addContextOptions(command, 600).action(async (options: FilesOptions & ContextOptions) => {
    const chosen = chosenPipelines(options.pipeline, hasHistory);
    await withContext(options, io, exit, (context) => files(context, chosen, options));
  });
}

/** Returns true if nothing failed. */
export async function files(context: Context, pipelines: readonly Pipeline[], options: FilesOptions): Promise<boolean> {
  const result = await compare(context, pipelines, options);
  if (context.json) context.stdout.write(`${JSON.stringify(result)}\n`);
  else print(context, result, options);
  return Object.values(result.counts).every(({ failed }) => failed.objects === 0);
}

async function compare(context: Context, pipelines: readonly Pipeline[], options: FilesOptions): Promise<Files> {
  const stage = context.progress.stage('compare', 'the bucket with the ledger');
  const bucket = context.cloud.names.historyBucket;
  const comparisons = await Promise.all(pipelines.map((pipeline) => LedgerComparison.read(context, pipeline, bucket)));
  const collector = new Collector(options.status);
  for (const comparison of comparisons) collector.begin(comparison.name);
  // With one pipeline alone, objects of others are not listed.
  const prefixes =
    options.pipeline === undefined ? [''] : comparisons.flatMap(({ sources }) => sources.prefixes('history'));
  const others = allPipelines.filter(({ history }) => history !== undefined).map((pipeline) => new Sources(pipeline));
  const listing = new Listing(context, bucket, prefixes, stage);
  for await (const object of listing) {
    const comparison = comparisons.find(({ sources }) => sources.of('history', object.key) !== undefined);
    if (comparison !== undefined) collector.add(comparison.classify(object));
    else if (!isFolder(object) && !others.some((sources) => sources.of('history', object.key) !== undefined))
      collector.add({
        pipeline: null,
        status: 'unknown',
        key: object.key,
        etag: object.etag,
        size: object.size,
        reason: 'matches no source of any pipeline',
      });
  }
  for (const comparison of comparisons) for (const row of comparison.gone()) collector.add(row);
  stage.done(`${plural(listing.objects, 'object')} of ${bucket}`);
  const { counts, files } = collector;
  return { counts, files };
}

/** Compares one pipeline's objects with what the warehouse and the dead letters know. */
class LedgerComparison {
  private readonly seen = new Set<string>();

  private constructor(
    readonly name: string,
    readonly sources: Sources,
    private readonly loaded: ObjectSet,
    private readonly parked: ObjectSet<Parked>,
    /** Reasons why SQS gave messages up, by object. */
    private readonly letters: ObjectSet<string>,
  ) {}

  static async read(context: Context, pipeline: Pipeline, bucket: string): Promise<LedgerComparison> {
    const [loaded, parked, letters] = await Promise.all([
      readLedger(context, pipeline, bucket),
      readParked(context, pipeline, bucket),
      readLetters(context, pipeline, bucket),
    ]);
    return new LedgerComparison(pipeline.name, new Sources(pipeline), loaded, parked, letters);
  }

  classify(object: { key: string; etag: string; size: number; lastModified: number; storageClass: string }): FileRow {
    this.seen.add(object.key);
    const { key, etag, size } = object;
    const row = { pipeline: this.name, key, etag, size };
    if (this.loaded.has(object)) return { ...row, status: 'loaded' };
    const parked = this.parked.get(object);
    if (parked !== undefined) return { ...row, status: 'failed', reason: parked.reason };
    const letter = this.letters.get(object);
    if (letter !== undefined) return { ...row, status: 'failed', reason: letter };
    if (isFrozen(object)) return { ...row, status: 'pending', reason: 'in Glacier: restore it first' };
    if (this.loaded.hasKey(key))
      return { ...row, status: 'pending', reason: 'overwritten: loaded before with another etag' };
    return { ...row, status: 'pending' };
  }

  /** Yields objects that the warehouse knows and the bucket no longer has. */
  *gone(): Generator<FileRow> {
    for (const [{ key, etag }] of this.loaded.entries())
      if (!this.seen.has(key))
        yield {
          pipeline: this.name,
          status: 'unknown',
          key,
          etag,
          size: null,
          reason: 'loaded, no longer in the bucket',
        };
    for (const [{ key, etag }, { reason }] of this.parked.entries())
      if (!this.seen.has(key))
        yield {
          pipeline: this.name,
          status: 'failed',
          key,
          etag,
          size: null,
          reason: `${reason}; no longer in the bucket`,
        };
  }
}

const none = (): Counts => Object.fromEntries(statuses.map((status) => [status, { objects: 0, bytes: 0 }])) as Counts;

class Collector implements Files {
  readonly counts: Record<string, Counts> = {};
  readonly files: FileRow[] = [];

  constructor(private readonly wanted: FileStatus | undefined) {}

  begin(pipeline: string): void {
    this.counts[pipeline] = none();
  }

  add(row: FileRow): void {
    const name = row.pipeline ?? NO_PIPELINE;
    this.counts[name] ??= none();
    const count = this.counts[name][row.status];
    count.objects++;
    count.bytes += row.size ?? 0;
    if (this.wanted === undefined ? row.status !== 'loaded' : row.status === this.wanted) this.files.push(row);
  }
}

const NO_PIPELINE = '(none)';

function print({ stdout, style }: Context, { counts, files: rows }: Files, { status, limit }: FilesOptions): void {
  const lines = [
    table(
      ['pipeline', ...statuses, 'bytes'],
      Object.entries(counts).map(([pipeline, count]) => [
        pipeline,
        ...statuses.map((name) => grouped(count[name].objects)),
        bytes(statuses.reduce((sum, name) => sum + count[name].bytes, 0)),
      ]),
      style,
    ),
  ];
  if (rows.length > 0)
    lines.push(
      '',
      table(
        ['pipeline', 'status', 'key', 'bytes', 'reason'],
        rows.slice(0, limit).map((row) => [row.pipeline, row.status, row.key, row.size, row.reason ?? null]),
        style,
        { longest: 200 },
      ),
    );
  if (rows.length > limit) lines.push(style.dim(`and ${grouped(rows.length - limit)} more: raise --limit, or --json`));
  else if (rows.length === 0 && status !== undefined) lines.push('', `No object is ${status}.`);
  stdout.write(`${lines.join('\n')}\n`);
}
