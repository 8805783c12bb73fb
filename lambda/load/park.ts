import { render } from '../shared/statement';
import { execute } from '../shared/warehouse';
import type { ParkedMessage } from './contract';
import { objectsJson } from './groups';
import type { LoadCall } from './host';
import { type HistoryObject, type Message, type NotifiedObject, notificationOf } from './notification';
import { nameOf, queryObjects, runIdOf } from './transaction';

/** The column `parked.reason` has 2,048 bytes. */
const maxReasonLength = 500;

/**
 * Parks an object: first in the dead-letter queue, where an operator finds it, then in the table `parked`, which the reconcile reads. A killed
 * function may do only the first; the redelivered message then does both. A second message about a parked object adds no dead letter, unless it is
 * the dead letter itself, moved back.
 * @param at epoch milliseconds
 */
export async function park(
  call: LoadCall,
  object: NotifiedObject & { readonly attempts: number },
  { reason, at }: { readonly reason: string; readonly at: number },
): Promise<void> {
  const { bucket, key, etag, versionId, size, attempts } = object;
  if (!object.parked && (await isParked(call, object))) {
    call.log('an object is parked already', { bucket, key, etag, reason, attempts });
    return;
  }
  const message: ParkedMessage = {
    reason,
    object: { bucket, key, etag, versionId, size },
    attempts,
    at: new Date(at).toISOString(),
    original: notificationOf(object),
  };
  await call.queues.send(call.deadLettersUrl, [JSON.stringify(message)]);
  const text = withoutNul(reason).slice(0, maxReasonLength);
  const sql = render(call.plan.park, { objects: objectsJson([object]), reason: text });
  await execute(call.warehouse, nameOf(call, runIdOf([object]), 'park'), sql, call.remainingMs);
  call.log('an object is given up and parked', { bucket, key, etag, reason, attempts });
  call.metrics(at, { ParkedObjects: 1 }, { bucket, key, reason });
}

const isParked = async (call: LoadCall, object: HistoryObject): Promise<boolean> =>
  (await queryObjects(call, 'parked', call.plan.parked, [object])).rows.length > 0;

/** A reason may quote the object, and no SQL text can hold a NUL. */
const withoutNul = (reason: string) => reason.replaceAll('\0', '\\0');

/** Removes objects from the table `parked`, since they are loaded. */
export async function unpark(call: LoadCall, objects: readonly HistoryObject[]): Promise<void> {
  if (objects.length === 0) return;
  const sql = render(call.plan.unpark, { objects: objectsJson(objects) });
  await execute(call.warehouse, nameOf(call, runIdOf(objects), 'unpark'), sql, call.remainingMs);
}

/** Moves a message to the dead-letter queue, since another delivery would not help. */
export async function parkMessage(
  call: LoadCall,
  message: Message,
  reason: string,
  what = 'not an S3 notification, parked',
): Promise<void> {
  const { attempts, sentAt, body } = message;
  const parked: ParkedMessage = { reason, attempts, at: new Date(sentAt).toISOString(), original: body };
  await call.queues.send(call.deadLettersUrl, [JSON.stringify(parked)]);
  call.log(what, { messageId: message.messageId, reason });
}
