import { WarehouseAsleepError } from '../shared/warehouse';
import type { LoadSource } from './contract';
import { type Group, groups, idOf, sourceFinder } from './groups';
import type { LoadHost } from './host';
import { type Message, parseNotification, type ToldObject } from './notification';
import { findOrigins } from './origins';
import { park, parkMessage, unpark } from './park';
import { reload, replacedRun } from './reload';
import { judgeAll } from './shape';
import { inLedger, overwriting } from './transaction';
import { type Before, both, giveUp, loadExactly, loadTogether, none, type Settled, type Wanted } from './tries';

export type { LoadHost } from './host';

export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * Loads the objects that a batch of messages tells of. A message is done when each of its objects is in the ledger or parked; the others are
 * reported as failed, so that SQS brings them back.
 */
export const load = (given: LoadHost) => {
  const host = { ...given, sight: given.sight ?? { blind: false } };
  return async (messages: readonly Message[], remainingMs: () => number): Promise<BatchResponse> => {
    const again = messages.filter(({ body }) => replacedRun(body) !== undefined);
    const { wanted, messagesOf, failed } = await read(
      host,
      messages.filter((message) => !again.includes(message)),
    );
    const settled = new Set<string>();
    for (const group of groups(wanted)) {
      try {
        for (const id of await settle(host, group, remainingMs)) settled.add(id);
      } catch (error) {
        if (error instanceof WarehouseAsleepError) {
          host.log('the warehouse is asleep, the messages will come back', { error: error.message });
          break;
        }
        host.log('objects were not loaded, their messages will come back', {
          objects: group.objects.length,
          error: String(error),
        });
        host.metrics((host.now ?? Date.now)(), { LoadFailed: 1 });
      }
    }
    for (const message of again) if (!(await reload(host, message, remainingMs))) failed.add(message.messageId);
    for (const [id, messageIds] of messagesOf)
      if (!settled.has(id)) for (const messageId of messageIds) failed.add(messageId);
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  };
};

/** The objects of the messages, each once, and which messages tell of it. */
async function read(host: LoadHost, messages: readonly Message[]) {
  const sourceOf = sourceFinder(host.plan.sources, host.buckets);
  const wanted = new Map<string, { object: Wanted; source: LoadSource }>();
  const messagesOf = new Map<string, string[]>();
  const failed = new Set<string>();
  for (const message of messages) {
    const { messageId, attempts } = message;
    let objects: ToldObject[];
    try {
      objects = parseNotification(message.body);
    } catch (error) {
      await parkMessage(host, message, (error as Error).message).catch((cause) => {
        host.log('a message could not be parked and will come back', { messageId, error: String(cause) });
        failed.add(messageId);
      });
      continue;
    }
    for (const object of objects) {
      const source = sourceOf(object);
      if (!source) {
        host.log('not an object of this pipeline, ignored', { bucket: object.bucket, key: object.key });
        continue;
      }
      const id = idOf(object);
      const before = wanted.get(id)?.object;
      wanted.set(id, {
        object: {
          ...object,
          versionId: object.versionId || (before?.versionId ?? ''),
          attempts: Math.max(attempts, before?.attempts ?? 0),
          parked: object.parked || before?.parked,
        },
        source,
      });
      messagesOf.set(id, [...(messagesOf.get(id) ?? []), messageId]);
    }
  }
  return { wanted: [...wanted.values()], messagesOf, failed };
}

/** Returns the ids of the objects that are in the ledger or parked at the end. */
async function settle(
  host: LoadHost,
  { source, objects }: Group<Wanted>,
  remainingMs: () => number,
): Promise<string[]> {
  if (remainingMs() < 1000) return [];
  const known = await inLedger(host, objects, remainingMs);
  if (known.size > 0) host.log('loaded before', { objects: known.size });
  const fresh = objects.filter((object) => !known.has(idOf(object)));
  const refused = source.overwritten === 'alarm' ? await parkOverwriting(host, fresh, remainingMs) : new Set<string>();
  const rest = fresh.filter((object) => !refused.has(idOf(object)));
  const { loaded, parked } = await loadFitting(host, source, rest, remainingMs);
  const inside = [...known, ...loaded];
  await unpark(
    host,
    objects.filter((object) => object.parked && inside.includes(idOf(object))),
    remainingMs,
  );
  await findOrigins(
    host,
    source,
    objects.filter((object) => inside.includes(idOf(object))),
    remainingMs,
  );
  return [...inside, ...refused, ...parked];
}

async function parkOverwriting(
  host: LoadHost,
  objects: readonly Wanted[],
  remainingMs: () => number,
): Promise<Set<string>> {
  if (objects.length === 0) return new Set();
  const { found, at } = await overwriting(host, objects, remainingMs);
  const reason = 'overwritten: other bytes were loaded from this key, and the source says that this is a mistake';
  for (const object of found) {
    await park(host, object, { reason, at }, remainingMs);
    host.metrics(at, { OverwrittenObjects: 1 }, { bucket: object.bucket, key: object.key });
  }
  return new Set(found.map(idOf));
}

/** Of files with columns those that are as their source declares them; the others are parked, or looked at again as copies. */
async function loadFitting(
  host: LoadHost,
  source: LoadSource,
  objects: readonly Wanted[],
  remainingMs: () => number,
): Promise<Settled> {
  if (!source.shape.columns) return loadTogether(host, source, objects, remainingMs);
  const fitting: Wanted[] = [];
  let settled = none;
  for (const [object, verdict] of await judgeAll(host.objects, source.shape, objects)) {
    const at = (host.now ?? Date.now)();
    if (verdict === 'fits') fitting.push(object);
    else if (verdict === 'gone') {
      const before: Before = { kind: 'object', reason: 'the object is gone, or was overwritten', at };
      settled = both(settled, await loadExactly(host, source, [object], before, remainingMs));
    } else settled = both(settled, await giveUp(host, object, { ...verdict, at }, remainingMs));
  }
  return both(settled, await loadTogether(host, source, fitting, remainingMs));
}
