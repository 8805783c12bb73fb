import type { Command } from 'commander';
import { type HistoryObject, notificationOf } from '../../lambda/load/notification';
import type { Pipeline } from '../../pipelines/definition';
import { plural, table } from '../terminal';
import {
  addContextOptions,
  assertTimeLeft,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  withContext,
} from './context';
import { type DeadLetter, deadLetters } from './history/dead-letters';
import { readParked } from './history/ledger';
import { any, chosenPipelines, forEach } from './history/sources';
import { removeFromParked } from './history/unpark';
import { text } from './options';

export interface RedriveOptions {
  /** True tries the present bytes of each key, and gives up deleted objects for good. @default false */
  readonly present?: boolean;
  readonly apply?: boolean;
}

interface Found {
  readonly letters: readonly Letter[];
  /** Parked objects whose message is gone: SQS keeps a message for 14 days at most. */
  readonly stranded: readonly Stranded[];
}

type Stranded = HistoryObject & { readonly reason: string };

/** What happened to an object since it could not be loaded. */
type Since = 'same' | 'replaced' | 'gone';

type Letter = DeadLetter & { readonly since: readonly Since[] };

export function addRedrive(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('redrive')
    .summary('retry objects that could not be loaded')
    .description(
      'Lists the dead letters of each pipeline and the parked objects, with their reasons. With --apply it returns them to the queue and removes them from ' +
        '`parked`: do that when the cause is gone. An object that was replaced or deleted meanwhile is retried with its old version, which may ' +
        'fail again; --present tries the present bytes instead. Exit code 1 if there is something to redrive and nothing was done. --json gives a line for each pipeline.\n\n' +
        '  npx millrace redrive\n' +
        '  npx millrace redrive --apply --present',
    )
    .option('--pipeline <name>', 'one pipeline (default: all)', text('--pipeline'))
    .option('--apply', 'return them to the queue')
    .option('--present', 'try the present bytes of replaced objects, and give up deleted ones');
  addContextOptions(command, 300).action(async (options: RedriveOptions & { pipeline?: string } & ContextOptions) => {
    const chosen = chosenPipelines(options.pipeline, any);
    await withContext(options, io, exit, (context) =>
      forEach(context, chosen, (pipeline) => redrive(context, pipeline, options)),
    );
  });
}

/** Returns true if nothing is left to redrive. */
export async function redrive(
  context: Context,
  pipeline: Pipeline,
  { apply = false, present = false }: RedriveOptions,
): Promise<boolean> {
  const found = await find(context, pipeline);
  const amount = found.letters.length + found.stranded.length;
  if (apply) await sendBack(context, pipeline, found, present);
  else await release(context, pipeline, found.letters);
  if (context.json)
    context.stdout.write(
      `${JSON.stringify({
        pipeline: pipeline.name,
        applied: apply,
        messages: found.letters.map(({ reason, objects, since }) => ({
          reason,
          objects: objects.map(({ bucket, key, etag }, n) => ({ bucket, key, etag, since: since[n] })),
        })),
        withoutMessage: found.stranded.map(({ bucket, key, etag, reason }) => ({ bucket, key, etag, reason })),
      })}\n`,
    );
  else print(context, pipeline, found, apply);
  return apply || amount === 0;
}

async function find(context: Context, pipeline: Pipeline): Promise<Found> {
  const { names } = context.cloud;
  const stage = context.progress.stage('letters', 'reading the queue');
  const letters: Letter[] = [];
  for await (const letter of deadLetters(context.cloud, names.queues(pipeline.name).deadLetters)) {
    assertTimeLeft(context, 'reading dead letters');
    letters.push({ ...letter, since: await Promise.all(letter.objects.map((object) => changeSince(context, object))) });
    stage.count(letters.length, 'dead letters');
  }
  const listed = new Set(letters.flatMap(({ objects }) => objects.map(idOf)));
  const stranded: Stranded[] = [];
  for (const bucket of [names.historyBucket, names.archiveBucket])
    for (const [{ key, etag }, { reason }] of (await readParked(context, pipeline, bucket)).entries()) {
      const object = { bucket, key, etag, versionId: '', size: 0, reason };
      if (!listed.has(idOf(object))) stranded.push(object);
    }
  stage.done(`${plural(letters.length, 'dead letter')}, ${plural(stranded.length, 'parked object')} without one`);
  return { letters, stranded };
}

async function changeSince({ cloud }: Context, { bucket, key, etag }: HistoryObject): Promise<Since> {
  const { historyBucket, archiveBucket } = cloud.names;
  // The load function ignores buckets of other environments.
  if (bucket !== historyBucket && bucket !== archiveBucket) return 'gone';
  const head = await cloud.buckets.head(bucket, key);
  if (head === undefined) return 'gone';
  return head.etag === etag ? 'same' : 'replaced';
}

const idOf = ({ bucket, key, etag }: { bucket: string; key: string; etag: string }) =>
  JSON.stringify([bucket, key, etag]);

/** Removes objects from `parked` first, and the dead letters last. So an interrupted call can be repeated. */
async function sendBack(
  context: Context,
  pipeline: Pipeline,
  { letters, stranded }: Found,
  present: boolean,
): Promise<void> {
  const { cloud } = context;
  const { backlog, deadLetters: url } = cloud.names.queues(pipeline.name);
  context.progress.ifInterrupted(
    'What was returned is tried again without this command. The rest is still a dead letter or parked: run it again.',
  );
  const stage = context.progress.stage('return');
  await removeFromParked(context, pipeline, [...letters.flatMap(({ objects }) => objects), ...stranded]);
  await cloud.queues.send(backlog, await presentOf(context, stranded));
  for (const [returned, { message, original, objects, since }] of letters.entries()) {
    assertTimeLeft(context, 'returning dead letters');
    const old = !present || since.length === 0 || since.includes('same');
    const replaced = present ? objects.filter((_, n) => since[n] === 'replaced') : [];
    await cloud.queues.send(backlog, [...(old ? [original] : []), ...(await presentOf(context, replaced, true))]);
    await cloud.queues.delete(url, message.receipt);
    stage.count(returned + 1, 'dead letters', letters.length);
  }
  stage.done(`${plural(letters.length, 'dead letter')}, ${plural(stranded.length, 'parked object')}`);
}

/**
 * Returns messages about the present bytes: of objects that are still the same, or with `replaced` of all that exist.
 */
async function presentOf(context: Context, objects: readonly HistoryObject[], replaced = false): Promise<string[]> {
  const messages: string[] = [];
  for (const { bucket, key, etag } of objects) {
    const head = await context.cloud.buckets.head(bucket, key);
    // A later version has its own message.
    if (head !== undefined && (replaced || head.etag === etag))
      messages.push(notificationOf({ bucket, versionId: '', ...head }, head.lastModified));
  }
  return messages;
}

async function release(context: Context, pipeline: Pipeline, letters: readonly DeadLetter[]): Promise<void> {
  const { queues, names } = context.cloud;
  for (const { message } of letters) await queues.release(names.queues(pipeline.name).deadLetters, message.receipt);
}

function print({ stdout, style }: Context, { name }: Pipeline, { letters, stranded }: Found, applied: boolean): void {
  const rows = [
    ...letters.map(({ objects, reason, original, since }) => [
      objects.map(({ key }, n) => `${key}${since[n] === 'same' ? '' : ` (${since[n]} since)`}`).join(', ') || original,
      reason,
    ]),
    ...stranded.map(({ key, reason }) => [key, `${reason} (no message left)`]),
  ];
  if (rows.length === 0) return void stdout.write(`${style.bold(name)}: there are no dead letters\n`);
  const end = applied
    ? `${plural(rows.length, 'object')} returned to the queue; ${style.cyan('npx millrace files')} shows the result`
    : `Nothing was done. Add ${style.cyan('--apply')} to return them to the queue${letters.some(({ since }) => since.some((what) => what !== 'same')) ? `, and ${style.cyan('--present')} to try the present bytes where they were replaced` : ''}.`;
  stdout.write(`${style.bold(name)}\n${table(['object', 'reason'], rows, style, { longest: 200 })}\n\n${end}\n`);
}
