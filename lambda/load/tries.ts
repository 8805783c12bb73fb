import { blameOf } from '../shared/blame';
import { raisedReason } from '../shared/raising';
import { isTerminal, type StatementState } from '../shared/warehouse';
import type { Answering, LoadSource } from './contract';
import { copyVersions, exactCopies, nameLines } from './exact';
import { classify, type Failure, refusalOf } from './failure';
import { idOf } from './groups';
import type { LoadHost } from './host';
import type { ToldObject } from './notification';
import { park } from './park';
import { withoutRaising } from './raising';
import { type Named, type Sifted, sift, UnsiftableError } from './sift';
import { inLedger, inPlace, type Run, runIdOf, transact } from './transaction';

/** An object with how often it was delivered. */
export type Wanted = ToldObject & { readonly attempts: number };

/** A failure that nobody recognizes may be the warehouse's: an object is held to be at fault when it met one in so many deliveries. */
const unknownAttempts = 3;
/** Objects are read line by line together up to so many bytes, compressed: more would not be through in the time of a function. */
const maxSiftedBytes = 256 * 1024 ** 2;

/** Ids of the objects that came to an end. */
export interface Settled {
  readonly loaded: readonly string[];
  readonly parked: readonly string[];
}
export const none: Settled = { loaded: [], parked: [] };
export const both = (one: Settled, other: Settled): Settled => ({
  loaded: [...one.loaded, ...other.loaded],
  parked: [...one.parked, ...other.parked],
});

export async function giveUp(
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
export async function loadTogether(
  host: LoadHost,
  source: LoadSource,
  objects: readonly Wanted[],
  remainingMs: () => number,
): Promise<Settled> {
  if (objects.length === 0 || remainingMs() < 1000) return none;
  if (host.sight?.blind) return loadExactly(host, source, objects, undefined, remainingMs);
  const run = { runId: runIdOf(objects), step: 'load', plan: source.inPlace, ...inPlace(objects) };
  const ended = await transact(host, source, run, objects, remainingMs);
  const failure = await failureOf(host, source.inPlace, objects, ended, remainingMs);
  if (failure === 'running') return none;
  if (!('kind' in failure))
    return rest(failure.loaded, objects, (left) => loadTogether(host, source, left, remainingMs));
  const before = { ...failure, at: ended.updatedAt };
  host.log('objects were not loaded', { ...factsOf(host, objects, ended), kind: failure.kind, reason: failure.reason });
  switch (failure.kind) {
    case 'passing':
      host.metrics(ended.updatedAt, { LoadFailed: 1 });
      return none;
    case 'unseen':
      if (host.sight) host.sight.blind = true;
      return loadExactly(host, source, objects, before, remainingMs);
    case 'lines':
      return loadSifted(host, source, objects, before, remainingMs);
    default: {
      if (objects.length > 1) return halves(objects, (half) => loadTogether(host, source, half, remainingMs));
      const without = await loadWithout(host, source, objects[0]!, run, { failure, ended }, remainingMs);
      return without ?? loadExactly(host, source, objects, before, remainingMs);
    }
  }
}

/**
 * For an object that alone was not loaded: without the records that make its load fail. Undefined where no record is to blame. A failure of which
 * nobody knows whether a record causes it is first left to later deliveries.
 */
async function loadWithout(
  host: LoadHost,
  source: LoadSource,
  object: Wanted,
  run: Run,
  { failure, ended }: { readonly failure: Failure; readonly ended: StatementState },
  remainingMs: () => number,
): Promise<Settled | undefined> {
  if (failure.kind !== 'unknown' || (blameOf(ended) !== 'data' && object.attempts < unknownAttempts)) return undefined;
  const without = await withoutRaising(host, source, object, run, ended, remainingMs);
  if (without.kind === 'waiting') return none;
  if (without.kind === 'none') return undefined;
  const { state, plan, culprits } = without;
  const outcome = await failureOf(host, plan, [object], state, remainingMs);
  if (outcome === 'running') return none;
  if ('kind' in outcome) return undefined;
  for (const culprit of culprits) {
    const facts = { bucket: object.bucket, key: object.key, record: culprit.key, reason: raisedReason(culprit) };
    host.log('a record made the load fail and became a reject', facts);
    host.metrics(state.updatedAt, { RecordsRaised: 1 }, facts);
  }
  return { loaded: [...outcome.loaded], parked: [] };
}

/** The objects that a transaction took, and what becomes of those that it left. */
async function rest(
  taken: ReadonlySet<string>,
  objects: readonly Wanted[],
  next: (left: readonly Wanted[]) => Promise<Settled>,
): Promise<Settled> {
  const left = objects.filter((object) => !taken.has(idOf(object)));
  return both({ loaded: [...taken], parked: [] }, left.length > 0 ? await next(left) : none);
}

async function halves(
  objects: readonly Wanted[],
  next: (half: readonly Wanted[]) => Promise<Settled>,
): Promise<Settled> {
  const middle = Math.ceil(objects.length / 2);
  const first = await next(objects.slice(0, middle));
  return both(first, await next(objects.slice(middle)));
}

/** Why objects were not loaded before, and when that was known, in epoch milliseconds. */
export type Before = Failure & { readonly at: number };

/**
 * Loads copies of the very versions of objects, where what COPY read of the objects themselves is not known: perhaps one was overwritten or deleted
 * meanwhile, or the warehouse shows nothing of its COPY. An object that is not loaded from its copy either is parked.
 */
export async function loadExactly(
  host: LoadHost,
  source: LoadSource,
  objects: readonly Wanted[],
  before: Before | undefined,
  remainingMs: () => number,
): Promise<Settled> {
  if (before?.kind === 'unknown' && objects.some(({ attempts }) => attempts < unknownAttempts)) {
    host.metrics(before.at, { LoadFailed: 1 });
    return none;
  }
  if (remainingMs() < 1000) return none;
  const { copied, refused } = await copyVersions(host, source, objects);
  let settled = none;
  for (const [object, reason] of refused) {
    const why = { reason: before ? `${before.reason}; ${reason}` : reason, at: before?.at ?? (host.now ?? Date.now)() };
    settled = both(settled, await giveUp(host, object, why, remainingMs));
  }
  if (copied.length === 0 || remainingMs() < 1000) return settled;
  const some = copied.map(([object]) => object);
  const exact = { ...(await exactCopies(host, some)), files: copied.map(([, file]) => file) };
  const next = (kind: Failure['kind'], last: Before, left: readonly Wanted[]) =>
    kind === 'lines'
      ? loadSifted(host, source, left, last, remainingMs)
      : halves(left, (half) => loadExactly(host, source, half, undefined, remainingMs));
  return both(settled, await loadFiles(host, source, some, 'exact', exact, next, remainingMs));
}

/** Objects that have lines which COPY cannot read: those are rejects, and the others are loaded from files that have them alone. */
async function loadSifted(
  host: LoadHost,
  source: LoadSource,
  objects: readonly Wanted[],
  before: Before,
  remainingMs: () => number,
  named: Named = new Map(),
): Promise<Settled> {
  const [first, ...others] = objects as [Wanted, ...Wanted[]];
  const apart = () => halves(objects, (half) => loadSifted(host, source, half, before, remainingMs, named));
  const alone = others.length === 0;
  if (source.shape.format === 'parquet') return alone ? giveUp(host, first, before, remainingMs) : apart();
  if (!alone && objects.reduce((sum, { size }) => sum + size, 0) > maxSiftedBytes) return apart();
  const sifted = await siftOrPark(host, source, objects, before, named, remainingMs);
  if (!('files' in sifted)) return sifted;
  const next = async (kind: Failure['kind'], last: Before): Promise<Settled> => {
    const more = kind === 'lines' && named.size === 0 ? await nameLines(host, source, objects, remainingMs) : undefined;
    if (more) return loadSifted(host, source, objects, last, remainingMs, more);
    return alone ? giveUp(host, first, last, remainingMs) : apart();
  };
  return loadFiles(host, source, objects, `exact-${sifted.version}`, sifted, next, remainingMs);
}

/** The files; else what became of the objects. One that cannot be sifted is parked, and the others are sifted without it. */
async function siftOrPark(
  host: LoadHost,
  source: LoadSource,
  objects: readonly Wanted[],
  before: Before,
  named: Named,
  remainingMs: () => number,
): Promise<Sifted | Settled> {
  try {
    const sifted = await sift(host, source, objects, named, remainingMs);
    if (sifted) return sifted;
    const [first, ...others] = objects as [Wanted, ...Wanted[]];
    if (others.length > 0 || first.attempts < unknownAttempts) return none;
    const reason = `${before.reason}; it could not be read line by line in the time of a function: split it into smaller objects`;
    return giveUp(host, first, { reason, at: before.at }, remainingMs);
  } catch (error) {
    if (!(error instanceof UnsiftableError)) throw error;
    const { object, message } = error;
    const id = idOf(object);
    const why = { reason: `${before.reason}; ${message}`, at: before.at };
    const parked = await giveUp(host, objects.find((candidate) => idOf(candidate) === id)!, why, remainingMs);
    const others = objects.filter((candidate) => idOf(candidate) !== id);
    if (others.length === 0) return parked;
    return both(parked, await loadSifted(host, source, others, before, remainingMs, named));
  }
}

/** One transaction for files that nobody changes. @param next for the objects of one that did not take them: it tries them another way, or parks them */
async function loadFiles(
  host: LoadHost,
  source: LoadSource,
  objects: readonly Wanted[],
  step: string,
  { files, refused, records }: Pick<Sifted, 'files' | 'refused' | 'records'>,
  next: (kind: Failure['kind'], last: Before, left: readonly Wanted[]) => Promise<Settled>,
  remainingMs: () => number,
): Promise<Settled> {
  if (remainingMs() < 1000) return none;
  const run = { runId: runIdOf(objects), step, plan: source.exact, files, values: { refused, records } };
  const ended = await transact(host, source, run, objects, remainingMs);
  const failure = await failureOf(host, source.exact, objects, ended, remainingMs);
  if (failure === 'running') return none;
  if (!('kind' in failure))
    return rest(failure.loaded, objects, (left) => loadTogether(host, source, left, remainingMs));
  host.log('objects were not loaded', { ...factsOf(host, objects, ended), kind: failure.kind, reason: failure.reason });
  const last = { ...failure, at: ended.updatedAt };
  if (objects.length === 1) {
    const without = await loadWithout(host, source, objects[0]!, run, { failure, ended }, remainingMs);
    if (without) return without;
  }
  const later = failure.kind === 'unknown' && objects.some(({ attempts }) => attempts < unknownAttempts);
  if (failure.kind === 'passing' || (later && objects.length === 1)) {
    host.metrics(ended.updatedAt, { LoadFailed: 1 });
    return none;
  }
  if (failure.kind === 'lines' || objects.length > 1) return next(failure.kind, last, objects);
  return giveUp(host, objects[0]!, last, remainingMs);
}

/** What became of the objects of a transaction: the ids of those that are in the ledger, if any is; else why not. */
async function failureOf(
  host: LoadHost,
  { answer }: Answering,
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
  if (loaded.size === 0) {
    const failure = refusalOf((await host.warehouse.rows(ended.parts[answer]!.id))[0] ?? {});
    if (!failure) throw new Error(`load ${ended.id} accepted its objects and left none of them in the ledger`);
    return failure;
  }
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
