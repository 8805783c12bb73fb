import { maxCopyBytes } from '../shared/objects';
import { isTerminal, type StatementState, WarehouseAsleepError } from '../shared/warehouse';
import { type LoadSource, versionPrefix } from './contract';
import { classify, type Failure } from './failure';
import { type Group, groups, idOf, sourceFinder } from './groups';
import type { LoadHost } from './host';
import { type Message, parseNotification, type ToldObject } from './notification';
import { findOrigins } from './origins';
import { park, parkMessage, unpark } from './park';
import { reload, replacedRun } from './reload';
import { judge, judgeAll } from './shape';
import { type File, inLedger, inPlace, overwriting, runIdOf, transact } from './transaction';

export type { LoadHost } from './host';

export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/** An object with how often it was delivered. */
type Wanted = ToldObject & { readonly attempts: number };

/** A failure that nobody recognizes may be the warehouse's: an object is held to be at fault when it met one in so many deliveries. */
const unknownAttempts = 3;

/**
 * Loads the objects that a batch of messages tells of. A message is done when each of its objects is in the ledger or parked; the others are
 * reported as failed, so that SQS brings them back.
 */
export const load =
  (host: LoadHost) =>
  async (messages: readonly Message[], remainingMs: () => number): Promise<BatchResponse> => {
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

/** Ids of the objects that came to an end. */
interface Settled {
  readonly loaded: readonly string[];
  readonly parked: readonly string[];
}
const none: Settled = { loaded: [], parked: [] };
const both = (one: Settled, other: Settled): Settled => ({
  loaded: [...one.loaded, ...other.loaded],
  parked: [...one.parked, ...other.parked],
});

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
      const before: Failure = { kind: 'object', reason: 'the object is gone, or was overwritten' };
      settled = both(settled, await loadExactly(host, source, object, { ...before, at }, remainingMs));
    } else settled = both(settled, await giveUp(host, object, { ...verdict, at }, remainingMs));
  }
  return both(settled, await loadTogether(host, source, fitting, remainingMs));
}

async function giveUp(
  host: LoadHost,
  object: Wanted,
  why: { readonly reason: string; readonly at: number },
  remainingMs: () => number,
): Promise<Settled> {
  await park(host, object, why, remainingMs);
  return { loaded: [], parked: [idOf(object)] };
}

/**
 * One transaction for all; if that does not take them, one for each half, down to the single object that is at fault.
 * Objects whose transaction is still running when time is up are not returned: their messages come back and find it.
 */
async function loadTogether(
  host: LoadHost,
  source: LoadSource,
  objects: readonly Wanted[],
  remainingMs: () => number,
): Promise<Settled> {
  if (objects.length === 0 || remainingMs() < 1000) return none;
  const ended = await transact(host, source, 'load', objects, inPlace(objects), remainingMs);
  const failure = await failureOf(host, objects, ended, remainingMs);
  if (failure === 'running') return none;
  if (!('kind' in failure)) {
    const rest = objects.filter((object) => !failure.loaded.has(idOf(object)));
    return both({ loaded: [...failure.loaded], parked: [] }, await loadTogether(host, source, rest, remainingMs));
  }
  host.log('objects were not loaded', { ...factsOf(host, objects, ended), kind: failure.kind, reason: failure.reason });
  if (failure.kind === 'passing') {
    host.metrics(ended.updatedAt, { LoadFailed: 1 });
    return none;
  }
  const [object, ...others] = objects as [Wanted, ...Wanted[]];
  if (others.length === 0) {
    const before = { ...failure, at: ended.updatedAt };
    return loadExactly(host, source, object, before, remainingMs);
  }
  const middle = Math.ceil(objects.length / 2);
  const first = await loadTogether(host, source, objects.slice(0, middle), remainingMs);
  return both(first, await loadTogether(host, source, objects.slice(middle), remainingMs));
}

/**
 * For an object that alone was not loaded from where it is: perhaps it was overwritten or deleted meanwhile, so the very version is copied
 * and loaded from there. If that does not take it either, it is parked.
 */
async function loadExactly(
  host: LoadHost,
  source: LoadSource,
  object: Wanted,
  before: Failure & { readonly at: number },
  remainingMs: () => number,
): Promise<Settled> {
  const { objects, workBucket, keyArn, plan } = host;
  const giveUpFor = (reason: string, at = before.at) => giveUp(host, object, { reason, at }, remainingMs);
  if (before.kind === 'unknown' && object.attempts < unknownAttempts) {
    host.metrics(before.at, { LoadFailed: 1 });
    return none;
  }
  if (remainingMs() < 1000) return none;
  if (object.size > maxCopyBytes)
    return giveUpFor(`${before.reason}; larger than 5 GB, so its version was not copied to be tried alone`);
  const versionId = object.versionId || (await objects.find(object.bucket, object.key, object.etag));
  const copy = `${versionPrefix}${plan.pipeline}/${runIdOf([object])}`;
  const from = { bucket: object.bucket, key: object.key, versionId: versionId ?? '' };
  if (!versionId || !(await objects.copy(from, { bucket: workBucket, key: copy, kmsKeyArn: keyArn })))
    return giveUpFor(`${before.reason}; the version with etag ${object.etag} is there no more, or must not be read`);

  const verdict = await judge(objects, source.shape, { bucket: workBucket, key: copy });
  if (verdict === 'gone') throw new Error(`the copy s3://${workBucket}/${copy} cannot be read`);
  if (verdict !== 'fits') return giveUpFor(verdict.reason);
  const files: File[] = [{ url: `s3://${workBucket}/${copy}`, etag: '' }];
  const ended = await transact(host, source, 'exact', [object], files, remainingMs);
  const failure = await failureOf(host, [object], ended, remainingMs);
  if (failure === 'running') return none;
  if (!('kind' in failure)) return { loaded: [...failure.loaded], parked: [] };
  if (failure.kind === 'object' || (failure.kind === 'unknown' && object.attempts >= unknownAttempts))
    return giveUpFor(failure.reason, ended.updatedAt);
  host.log('an object was not loaded, its message will come back', factsOf(host, [object], ended));
  host.metrics(ended.updatedAt, { LoadFailed: 1 });
  return none;
}

/** What became of the objects of a transaction: the ids of those that are in the ledger, if any is; else why not. */
async function failureOf(
  host: LoadHost,
  objects: readonly Wanted[],
  ended: StatementState,
  remainingMs: () => number,
): Promise<'running' | { readonly loaded: ReadonlySet<string> } | Failure> {
  if (!isTerminal(ended.status)) {
    host.log('still loading when time was up, left to the next delivery', factsOf(host, objects, ended));
    return 'running';
  }
  if (ended.status !== 'FINISHED') return classify(ended);
  const loaded = await inLedger(host, objects, remainingMs);
  if (loaded.size === 0) return { kind: 'object', reason: 'the bytes that COPY read are not those of the etag' };
  host.metrics(ended.updatedAt, { LoadedFiles: loaded.size }, factsOf(host, objects, ended));
  return { loaded };
}

const factsOf = ({ plan }: LoadHost, objects: readonly Wanted[], { id, status }: StatementState) => ({
  pipeline: plan.pipeline,
  id,
  status,
  runId: runIdOf(objects),
  objects: objects.length,
  ...(objects.length === 1 ? { bucket: objects[0]!.bucket, key: objects[0]!.key } : {}),
});
