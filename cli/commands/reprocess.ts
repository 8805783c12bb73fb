import type { Command } from 'commander';
import { notificationOf } from '../../lambda/load/notification';
import type { Pipeline } from '../../pipelines/definition';
import { publicTables } from '../../sql/names';
import { Failure } from '../failure';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  queryRows,
  withContext,
} from './context';
import { any, chosenPipelines, Sources } from './history/sources';
import { removeFromParked } from './history/unpark';
import { waitForLoads, warehouseNow } from './history/wait-for-loads';
import { text } from './options';

export interface Reprocessed {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly outcome: 'loaded' | 'loaded before' | 'parked' | 'waiting';
  /** The earlier run that loaded the object. */
  readonly runId?: string;
  readonly reason?: string;
}

export function addReprocess(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('reprocess')
    .summary('load one object that could not be loaded')
    .description(
      'Takes one object out of `parked`, queues it and waits until it is loaded. If the ledger has the object with these very bytes, ' +
        'nothing is done. Exit code 1 if it was not loaded.\n\n' +
        '  npx millrace reprocess estore/2026/11/21/part-7.gz',
    )
    .argument('<key>', 'key of the history bucket, or of the archive', text('<key>'))
    .option('--pipeline <name>', 'whose object (default: the one whose sources match the key)', text('--pipeline'));
  addContextOptions(command, 600).action(async (key: string, options: { pipeline?: string } & ContextOptions) => {
    const chosen = chosenPipelines(options.pipeline, any);
    // Refuse a key of no source before connecting.
    ownerOf(chosen, key);
    await withContext(options, io, exit, (context) => reprocess(context, chosen, key));
  });
}

/** Returns true if the object is loaded in the end. */
export async function reprocess(context: Context, pipelines: readonly Pipeline[], key: string): Promise<boolean> {
  const result = await again(context, pipelines, key);
  if (context.json) context.stdout.write(`${JSON.stringify(result)}\n`);
  else context.stdout.write(`${sentence(result)}\n`);
  return result.outcome === 'loaded' || result.outcome === 'loaded before';
}

async function again(context: Context, pipelines: readonly Pipeline[], key: string): Promise<Reprocessed> {
  const { names, buckets, queues } = context.cloud;
  const { pipeline, where } = ownerOf(pipelines, key);
  const bucket = where === 'history' ? names.historyBucket : names.archiveBucket;
  const head = await buckets.head(bucket, key);
  if (head === undefined) throw new Failure(`there is no object ${key} in ${bucket}`);
  const { etag } = head;
  const object = { bucket, versionId: '', ...head };
  const [entry] = await queryRows(
    context,
    'ledger',
    `select run_id from ${publicTables(pipeline).ledger} where bucket = {{bucket}} and object_key = {{key}} and etag = {{etag}}`,
    { bucket, key, etag },
  );
  if (entry !== undefined) return { bucket, key, etag, outcome: 'loaded before', runId: String(entry['run_id']) };
  context.progress.ifInterrupted(
    'A queued object is loaded without this command; `npx millrace files` shows the result.',
  );
  const stage = context.progress.stage('load');
  const since = await warehouseNow(context);
  await removeFromParked(context, pipeline, [object]);
  // This queue is ahead of the backlog, because a person waits.
  const urls = names.queues(pipeline.name);
  await queues.send(urls.history ?? urls.backlog, [notificationOf(object, head.lastModified)]);
  const { loaded, parked } = await waitForLoads(context, pipeline, bucket, [head], since, stage);
  if (loaded === 1) {
    stage.done(key);
    return { bucket, key, etag, outcome: 'loaded' };
  }
  stage.failed();
  const [failed] = parked;
  return { bucket, key, etag, ...(failed ? { outcome: 'parked', reason: failed.reason } : { outcome: 'waiting' }) };
}

function ownerOf(pipelines: readonly Pipeline[], key: string) {
  for (const where of ['history', 'archive'] as const)
    for (const pipeline of pipelines) if (new Sources(pipeline).of(where, key)) return { pipeline, where };
  const globs = pipelines.flatMap((pipeline) => new Sources(pipeline).plan.sources.flatMap((source) => source.globs));
  throw new Failure(`<key> must match one of ${globs.join(', ')}, got '${key}'`, 2);
}

function sentence({ key, outcome, runId, reason }: Reprocessed): string {
  switch (outcome) {
    case 'loaded':
      return `${key} is loaded.`;
    case 'loaded before':
      return `${key} was loaded by run ${runId} with these very bytes; nothing was done.`;
    case 'parked':
      return `${key} could not be loaded: ${reason}`;
    case 'waiting':
      return `${key} is queued and not loaded yet; npx millrace files shows the result later.`;
  }
}
