import { type HistoryObject, parseNotification } from '../../../lambda/load/notification';
import type { Pipeline } from '../../../pipelines/definition';
import type { Cloud, QueueMessage } from '../../cloud/ports';
import { received } from '../../cloud/sdk';
import type { Context } from '../context';
import { ObjectSet } from './ledger';

/** A message of a dead-letter queue: the load function parked it, or SQS moved it after too many deliveries. */
export interface DeadLetter {
  readonly message: QueueMessage;
  /** Original message, to be sent again. */
  readonly original: string;
  readonly reason: string;
  /** Objects that the message is about. Empty if it is not a notification. */
  readonly objects: readonly HistoryObject[];
}

const MOVED_BY_SQS = 'delivered too often without a result: see the logs of the load function';

/** Reads a message of a queue, parked or original. It does not throw: an unreadable message is returned as it is. */
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

/** Seconds that a message stays hidden from other readers while it is inspected. */
const HIDE_SECONDS = 60;
/**
 * Yields all messages of a dead-letter queue, each once and hidden for a minute. The caller releases or deletes each.
 */
export async function* deadLetters({ queues }: Pick<Cloud, 'queues'>, url: string): AsyncGenerator<DeadLetter> {
  for await (const page of received(queues, url, HIDE_SECONDS))
    for (const message of page) yield { message, ...parseDeadLetter(message.body) };
}

/** Limit of `files`. Further dead letters are counted as pending objects, which they are too. */
const MOST_LETTERS = 10_000;

/** Reads why messages were given up, by object of the bucket. The messages stay in the queue. */
export async function readLetters(context: Context, pipeline: Pipeline, bucket: string): Promise<ObjectSet<string>> {
  const { names, queues } = context.cloud;
  const letters = new ObjectSet<string>();
  for (const { body } of (await queues.look(names.queues(pipeline.name).deadLetters, MOST_LETTERS)).messages) {
    const { objects, reason } = parseDeadLetter(body);
    for (const object of objects) if (object.bucket === bucket) letters.add(object, reason);
  }
  return letters;
}
