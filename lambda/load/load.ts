import type { RemainingMs } from '../shared/deadline';
import { WarehouseAsleepError } from '../shared/warehouse';
import { judgeAll } from './columns';
import type { LoadSource } from './contract';
import { type Group, groups, idOf, sourceFinder } from './groups';
import type { LoadCall, LoadHost } from './host';
import { loadCopies, loadInPlace, parkObject } from './load-objects';
import { type Message, type NotifiedObject, parseBatch, parseNotification } from './notification';
import { findOrigins } from './origins';
import { type Delivered, type Done, join, nothingDone, type PriorFailure } from './outcome';
import { park, parkMessage, unpark } from './park';
import { reload, replacedRun } from './reload';
import { inLedgerOrSwapped } from './rewritten';
import { isLate, overwriting } from './transaction';

export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * Loads the objects that a batch of SQS messages names. A message is done when each of its objects is in the ledger or parked. The others are
 * reported as failed, so that SQS delivers them again.
 */
export function loadFunction(host: LoadHost) {
  const systemViews = { showOwnCopy: true };
  return async (event: unknown, remainingMs: RemainingMs): Promise<BatchResponse> => {
    const call: LoadCall = { ...host, systemViews, remainingMs };
    const messages = parseBatch(event);
    const reloads = messages.filter(({ body }) => replacedRun(body) !== undefined);
    const others = messages.filter((message) => !reloads.includes(message));
    const { wanted, messagesOf, failed } = await objectsOf(call, others);
    const done = await loadGroups(call, groups(wanted));
    for (const message of reloads) if (!(await reload(call, message))) failed.add(message.messageId);
    for (const [id, messageIds] of messagesOf)
      if (!done.has(id)) for (const messageId of messageIds) failed.add(messageId);
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

type Wanted = { readonly object: Delivered; readonly source: LoadSource };

/** The objects that the messages name, each once, and for each object the messages that name it. */
async function objectsOf(call: LoadCall, messages: readonly Message[]) {
  const sourceOf = sourceFinder(call.plan.sources, call.buckets);
  const wanted = new Map<string, Wanted>();
  const messagesOf = new Map<string, string[]>();
  const failed = new Set<string>();
  for (const message of messages) {
    const objects = await parseOrPark(call, message);
    if (!objects) failed.add(message.messageId);
    for (const object of objects ?? []) {
      const source = sourceOf(object);
      if (!source) {
        call.log('not an object of this pipeline, ignored', { bucket: object.bucket, key: object.key });
        continue;
      }
      const id = idOf(object);
      wanted.set(id, { object: mergeDeliveries(object, message.attempts, wanted.get(id)?.object), source });
      messagesOf.set(id, [...(messagesOf.get(id) ?? []), message.messageId]);
    }
  }
  return { wanted: [...wanted.values()], messagesOf, failed };
}

/** Undefined when the message is no notification and could not be parked either. */
async function parseOrPark(call: LoadCall, message: Message): Promise<NotifiedObject[] | undefined> {
  try {
    return parseNotification(message.body);
  } catch (error) {
    return parkMessage(call, message, (error as Error).message).then(
      () => [],
      (cause) => {
        const facts = { messageId: message.messageId, error: String(cause) };
        call.log('a message could not be parked and will come back', facts);
        return undefined;
      },
    );
  }
}

/** One object out of all messages of the batch that name it. */
const mergeDeliveries = (object: NotifiedObject, attempts: number, earlier: Delivered | undefined): Delivered => ({
  ...object,
  versionId: object.versionId || (earlier?.versionId ?? ''),
  attempts: Math.max(attempts, earlier?.attempts ?? 0),
  parked: object.parked || earlier?.parked,
});

/** Returns the ids of the objects that are in the ledger or parked. */
async function loadGroups(call: LoadCall, all: readonly Group<Delivered>[]): Promise<Set<string>> {
  const done = new Set<string>();
  for (const group of all) {
    try {
      for (const id of await loadGroup(call, group)) done.add(id);
    } catch (error) {
      if (error instanceof WarehouseAsleepError) {
        call.log('the warehouse is asleep, the messages will come back', { error: error.message });
        break;
      }
      const facts = { objects: group.objects.length, error: String(error) };
      call.log('objects were not loaded, their messages will come back', facts);
      call.metrics(call.now(), { LoadFailed: 1 });
    }
  }
  return done;
}

/** Returns the ids of the objects that are in the ledger or parked. */
async function loadGroup(call: LoadCall, { source, objects }: Group<Delivered>): Promise<string[]> {
  if (isLate(call)) return [];
  const known = await inLedgerOrSwapped(call, objects);
  if (known.size > 0) call.log('loaded before', { objects: known.size });
  const fresh = objects.filter((object) => !known.has(idOf(object)));
  const refused = source.overwritten === 'alarm' ? await parkOverwriting(call, fresh) : new Set<string>();
  const left = fresh.filter((object) => !refused.has(idOf(object)));
  const { loaded, parked } = await loadFitting(call, source, left);
  const inLedgerNow = new Set([...known, ...loaded]);
  const complete = objects.filter((object) => inLedgerNow.has(idOf(object)));
  const wereParked = complete.filter((object) => object.parked);
  await unpark(call, wereParked);
  await findOrigins(call, source, complete);
  return [...inLedgerNow, ...refused, ...parked];
}

/** Parks objects whose key was loaded with other bytes. Returns their ids. */
async function parkOverwriting(call: LoadCall, objects: readonly Delivered[]): Promise<Set<string>> {
  if (objects.length === 0) return new Set();
  const { found, at } = await overwriting(call, objects);
  const reason = 'overwritten: other bytes were loaded from this key, and the source says that this is a mistake';
  for (const object of found) {
    await park(call, object, { reason, at });
    call.metrics(at, { OverwrittenObjects: 1 }, { bucket: object.bucket, key: object.key });
  }
  return new Set(found.map(idOf));
}

/** Loads the files whose columns are those that their source declares. Parks the others; one that is gone is loaded from a copy of its version. */
async function loadFitting(call: LoadCall, source: LoadSource, objects: readonly Delivered[]): Promise<Done> {
  if (!source.shape.columns) return loadInPlace(call, source, objects);
  const fitting: Delivered[] = [];
  let done = nothingDone;
  for (const [object, verdict] of await judgeAll(call.objects, source.shape, objects)) {
    const at = call.now();
    if (verdict === 'fits') fitting.push(object);
    else if (verdict === 'gone') {
      const prior: PriorFailure = { kind: 'object', reason: 'the object is gone, or was overwritten', at };
      done = join(done, await loadCopies(call, source, [object], prior));
    } else done = join(done, await parkObject(call, object, { ...verdict, at }));
  }
  return join(done, await loadInPlace(call, source, fitting));
}
