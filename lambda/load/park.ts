import { render } from '../shared/statement';
import { execute } from '../shared/warehouse';
import type { ParkedMessage } from './contract';
import { objectsJson } from './groups';
import type { LoadHost } from './host';
import { type HistoryObject, type Message, notificationOf, type ToldObject } from './notification';
import { helperName, isParked } from './transaction';

/** `parked` takes 2,048 bytes. */
const maxReasonLength = 500;

/**
 * Sets an object aside: in the dead-letter queue, where an operator finds it, then in the table that the reconcile asks. Another message
 * about an object that is in the table adds nothing, unless it is the dead letter itself that was moved back. After a crash in between
 * its message comes back and does both again.
 * @param at epoch milliseconds
 */
export async function park(
  host: LoadHost,
  object: ToldObject & { readonly attempts: number },
  { reason, at }: { readonly reason: string; readonly at: number },
  remainingMs: () => number,
): Promise<void> {
  const { bucket, key, etag, versionId, size, attempts } = object;
  if (!object.parked && (await isParked(host, object, remainingMs))) {
    host.log('an object is parked already', { bucket, key, etag, reason, attempts });
    return;
  }
  const message: ParkedMessage = {
    reason,
    object: { bucket, key, etag, versionId, size },
    attempts,
    at: new Date(at).toISOString(),
    original: notificationOf(object),
  };
  await host.queues.send(host.deadLettersUrl, [JSON.stringify(message)]);
  const sql = render(host.plan.park, {
    objects: objectsJson([object]),
    reason: withoutNul(reason).slice(0, maxReasonLength),
  });
  await execute(host.warehouse, helperName(host, [object], 'park'), sql, remainingMs);
  host.log('an object is given up and parked', { bucket, key, etag, reason, attempts });
  host.metrics(at, { ParkedObjects: 1 }, { bucket, key, reason });
}

/** A reason may quote the object, and no text of SQL can hold a NUL. */
const withoutNul = (reason: string) => reason.replaceAll('\0', '\\0');

/** Objects that were parked and have been loaded after all. */
export async function unpark(
  host: LoadHost,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<void> {
  if (objects.length === 0) return;
  const sql = render(host.plan.unpark, { objects: objectsJson(objects) });
  await execute(host.warehouse, helperName(host, objects, 'unpark'), sql, remainingMs);
}

/** A message that cannot get better by itself: one that is no notification, for a start. */
export async function parkMessage(
  host: LoadHost,
  message: Message,
  reason: string,
  what = 'not an S3 notification, parked',
): Promise<void> {
  const { attempts, sentAt, body } = message;
  const parked: ParkedMessage = { reason, attempts, at: new Date(sentAt).toISOString(), original: body };
  await host.queues.send(host.deadLettersUrl, [JSON.stringify(parked)]);
  host.log(what, { messageId: message.messageId, reason });
}
