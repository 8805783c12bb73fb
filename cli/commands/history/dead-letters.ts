import { type HistoryObject, parseNotification } from '../../../lambda/load/notification';
import type { Pipeline } from '../../../pipelines/definition';
import type { Cloud, QueueMessage } from '../../cloud/ports';
import { received } from '../../cloud/sdk';
import type { Context } from '../context';
import { ObjectSet } from './ledger';

/** A message of a dead-letter queue: what the load function parked, or what SQS moved after too many deliveries. */
export interface DeadLetter {
  readonly message: QueueMessage;
  /** The message as it once arrived: to be sent again. */
  readonly original: string;
  readonly reason: string;
  /** Those that it tells of; none where it is not a notification. */
  readonly objects: readonly HistoryObject[];
}

const MOVED_BY_SQS = 'delivered too often without an end: see the logs of the load function';

/** What a message of a queue says, parked or as it once arrived. Does not throw: what cannot be read is told of as it is. */
export function parseDeadLetter(body: string): Omit<DeadLetter, 'message'> {
  const parked = parkedBody(body);
  const original = parked?.original ?? body;
  const reason = parked?.reason;
  try {
    const objects = parseNotification(original).map(({ bucket, key, etag, versionId, size }) => ({
      bucket,
      key,
      etag,
      versionId,
      size,
    }));
    return { original, reason: reason ?? MOVED_BY_SQS, objects };
  } catch (error) {
    return { original, reason: reason ?? `not a notification: ${(error as Error).message}`, objects: [] };
  }
}

function parkedBody(body: string): { reason: string; original: string } | undefined {
  try {
    const { reason, original } = JSON.parse(body) as { reason?: unknown; original?: unknown };
    return typeof reason === 'string' && typeof original === 'string' ? { reason, original } : undefined;
  } catch {
    return undefined;
  }
}

/** So long a message stays hidden from other readers while it is looked at. */
const HIDE_SECONDS = 60;
/** All messages of a dead-letter queue, each once and hidden for a minute: release or delete each. */
export async function* deadLetters({ queues }: Pick<Cloud, 'queues'>, url: string): AsyncGenerator<DeadLetter> {
  for await (const page of received(queues, url, HIDE_SECONDS))
    for (const message of page) yield { message, ...parseDeadLetter(message.body) };
}

/** What `files` looks at: more dead letters than these are counted as pending objects, which they are too. */
const MOST_LETTERS = 10_000;

/** Why messages were given up, by the objects of the bucket that they tell of. The messages stay where they are. */
export async function readLetters(context: Context, pipeline: Pipeline, bucket: string): Promise<ObjectSet<string>> {
  const { names, queues } = context.cloud;
  const letters = new ObjectSet<string>();
  for (const { body } of (await queues.look(names.queues(pipeline.name).deadLetters, MOST_LETTERS)).messages) {
    const { objects, reason } = parseDeadLetter(body);
    for (const object of objects) if (object.bucket === bucket) letters.add(object, reason);
  }
  return letters;
}
