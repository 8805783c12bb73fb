import type { LoadSource } from './contract';
import { copyVersions, filesOfCopies, reportedLines } from './copies';
import { isRewritten } from './decoded-lines';
import { deliveriesUntilBlamed, type Failure } from './failure';
import { idOf } from './groups';
import type { LoadCall } from './host';
import { type Delivered, type Done, join, nothingDone, outcomeOf, type PriorFailure } from './outcome';
import { park } from './park';
import { loadWithoutRaising } from './search';
import { type ReportedLines, type Sifted, sift, UnsiftableError } from './sift';
import { inPlace, isLate, runIdOf, transact } from './transaction';

/** Compressed bytes that are read line by line together: a function has no time for more. */
const maxSiftedBytes = 256 * 1024 ** 2;

const rewriting = 'its records have to be read by the function';

type Next = (left: readonly Delivered[]) => Promise<Done>;

export async function parkObject(
  call: LoadCall,
  object: Delivered,
  why: { readonly reason: string; readonly at: number },
): Promise<Done> {
  await park(call, object, why);
  return { loaded: [], parked: [idOf(object)] };
}

/**
 * Loads all objects in one transaction, from where they are. If it fails, each half is loaded by itself, down to the single object at fault.
 * Objects whose transaction is still running when time is up are not done: their messages come back and find it.
 */
export async function loadInPlace(call: LoadCall, source: LoadSource, objects: readonly Delivered[]): Promise<Done> {
  if (objects.length === 0 || isLate(call)) return nothingDone;
  const empty = objects.filter(({ size }) => size === 0);
  if (empty.length > 0 && source.shape.format !== 'parquet') {
    const rest = objects.filter(({ size }) => size > 0);
    return join(await loadEmpty(call, source, empty), await loadInPlace(call, source, rest));
  }
  if (isRewritten(source.shape))
    return loadReadable(call, source, objects, { kind: 'lines', reason: rewriting, at: call.now() });
  if (!call.systemViews.showOwnCopy) return loadCopies(call, source, objects, undefined);
  const run = { runId: runIdOf(objects), step: 'load', plan: source.inPlace, ...inPlace(source, objects) };
  const ended = await transact(call, source, run, objects);
  const outcome = await outcomeOf(call, source.inPlace, objects, ended);
  if (outcome.kind === 'running') return nothingDone;
  if (outcome.kind === 'loaded') return loadRest(call, source, objects, outcome.ids);
  const { failure } = outcome;
  const prior = { ...failure, at: ended.updatedAt };
  switch (failure.kind) {
    case 'passing':
      return deliverAgain(call, ended.updatedAt);
    case 'unseen':
      call.systemViews.showOwnCopy = false;
      return loadCopies(call, source, objects, prior);
    case 'lines':
      return loadReadable(call, source, objects, prior);
    default: {
      if (objects.length > 1) return halves(objects, (half) => loadInPlace(call, source, half));
      const without = await loadWithoutRaising(call, source, objects[0]!, run, { failure, ended });
      return without ?? loadCopies(call, source, objects, prior);
    }
  }
}

/**
 * Loads empty objects. They have no records, whatever their compression. No page says how COPY treats them, so COPY
 * reads a file of the function instead.
 */
const loadEmpty = (call: LoadCall, source: LoadSource, objects: readonly Delivered[]): Promise<Done> =>
  loadReadable(call, source, objects, { kind: 'lines', reason: 'the object is empty', at: call.now() });

/** Leaves the objects to the next delivery. */
function deliverAgain({ metrics }: LoadCall, at: number): Done {
  metrics(at, { LoadFailed: 1 });
  return nothingDone;
}

/** Tries the objects that a transaction left out, because another one had loaded the rest. */
async function loadRest(
  call: LoadCall,
  source: LoadSource,
  objects: readonly Delivered[],
  loaded: ReadonlySet<string>,
): Promise<Done> {
  const left = objects.filter((object) => !loaded.has(idOf(object)));
  return join({ loaded: [...loaded], parked: [] }, await loadInPlace(call, source, left));
}

async function halves(objects: readonly Delivered[], next: Next): Promise<Done> {
  const middle = Math.ceil(objects.length / 2);
  const first = await next(objects.slice(0, middle));
  return join(first, await next(objects.slice(middle)));
}

/**
 * Loads copies of the objects' exact versions. Needed where it is unknown what COPY read of the objects themselves: one may have been overwritten or
 * deleted, or the system views don't show the COPY. An object that is not loaded from its copy either is parked.
 */
export async function loadCopies(
  call: LoadCall,
  source: LoadSource,
  objects: readonly Delivered[],
  prior: PriorFailure | undefined,
): Promise<Done> {
  if (prior?.kind === 'unknown' && objects.some(({ attempts }) => attempts < deliveriesUntilBlamed))
    return deliverAgain(call, prior.at);
  if (isLate(call)) return nothingDone;
  const { copied, refused } = await copyVersions(call, source, objects);
  let done = nothingDone;
  for (const [object, reason] of refused) {
    const why = { reason: prior ? `${prior.reason}; ${reason}` : reason, at: prior?.at ?? call.now() };
    done = join(done, await parkObject(call, object, why));
  }
  if (copied.length === 0 || isLate(call)) return done;
  const copies = copied.map(([object]) => object);
  const files = await filesOfCopies(call, copied);
  const afterFailure = (kind: Failure['kind'], last: PriorFailure) =>
    kind === 'lines'
      ? loadReadable(call, source, copies, last)
      : halves(copies, (half) => loadCopies(call, source, half, undefined));
  return join(done, await loadFiles(call, source, copies, 'exact', files, afterFailure));
}

/** Loads objects that have lines which COPY cannot read. These lines become rejects; the others are rewritten into files, and those are loaded. */
async function loadReadable(
  call: LoadCall,
  source: LoadSource,
  objects: readonly Delivered[],
  prior: PriorFailure,
  reported: ReportedLines = new Map(),
): Promise<Done> {
  const [first, ...others] = objects as [Delivered, ...Delivered[]];
  const isSingle = others.length === 0;
  const split = () => halves(objects, (half) => loadReadable(call, source, half, prior, reported));
  if (source.shape.format === 'parquet') return isSingle ? parkObject(call, first, prior) : split();
  if (!isSingle && objects.reduce((sum, { size }) => sum + size, 0) > maxSiftedBytes) return split();
  const sifted = await siftOrPark(call, source, objects, prior, reported);
  if (!('files' in sifted)) return sifted;
  // UNLOAD may write a file without rows.
  if (source.shape.format === 'undecoded' && sifted.records === 0) return { loaded: objects.map(idOf), parked: [] };
  const afterFailure = async (kind: Failure['kind'], last: PriorFailure): Promise<Done> => {
    // COPY cannot report lines of records that it does not read itself.
    const ask = kind === 'lines' && reported.size === 0 && !isRewritten(source.shape);
    const lines = ask ? await reportedLines(call, source, objects) : undefined;
    if (lines) return loadReadable(call, source, objects, last, lines);
    return isSingle ? parkObject(call, first, last) : split();
  };
  return loadFiles(call, source, objects, `exact-${sifted.version}`, sifted, afterFailure);
}

/** Files of the records that COPY can read. If an object cannot be sifted, it is parked and the others are loaded without it. */
async function siftOrPark(
  call: LoadCall,
  source: LoadSource,
  objects: readonly Delivered[],
  prior: PriorFailure,
  reported: ReportedLines,
): Promise<Sifted | Done> {
  try {
    const sifted = await sift(call, source, objects, reported);
    if (sifted) return sifted;
    const [first, ...others] = objects as [Delivered, ...Delivered[]];
    if (others.length > 0 || first.attempts < deliveriesUntilBlamed) return nothingDone;
    return loadRefusing(call, source, first, prior);
  } catch (error) {
    if (!(error instanceof UnsiftableError)) throw error;
    const id = idOf(error.object);
    const culprit = objects.find((object) => idOf(object) === id)!;
    const parked = await parkObject(call, culprit, { reason: `${prior.reason}; ${error.message}`, at: prior.at });
    const others = objects.filter((object) => object !== culprit);
    if (others.length === 0) return parked;
    return join(parked, await loadReadable(call, source, others, prior, reported));
  }
}

/**
 * Loads an object that is too large for the function to read line by line before its timeout. Lines that COPY cannot
 * read become rejects with COPY's message, without their bytes.
 */
async function loadRefusing(call: LoadCall, source: LoadSource, object: Delivered, prior: PriorFailure): Promise<Done> {
  const run = { runId: runIdOf([object]), step: 'refusing', plan: source.inPlace, ...inPlace(source, [object], true) };
  if (run.values['may_refuse'] === 1 && call.systemViews.showOwnCopy && !isRewritten(source.shape)) {
    if (isLate(call)) return nothingDone;
    const outcome = await outcomeOf(call, source.inPlace, [object], await transact(call, source, run, [object]));
    if (outcome.kind === 'running') return nothingDone;
    if (outcome.kind === 'loaded') return { loaded: [...outcome.ids], parked: [] };
  }
  const reason = `${prior.reason}; it could not be read line by line in the time of a function: split it into smaller objects`;
  return parkObject(call, object, { reason, at: prior.at });
}

/**
 * Loads files that nobody changes, in one transaction.
 * @param afterFailure tries the objects another way, or parks them
 */
async function loadFiles(
  call: LoadCall,
  source: LoadSource,
  objects: readonly Delivered[],
  step: string,
  { files, refused, records }: Pick<Sifted, 'files' | 'refused' | 'records'>,
  afterFailure: (kind: Failure['kind'], last: PriorFailure) => Promise<Done>,
): Promise<Done> {
  if (isLate(call)) return nothingDone;
  const run = { runId: runIdOf(objects), step, plan: source.exact, files, values: { refused, records } };
  const ended = await transact(call, source, run, objects);
  const outcome = await outcomeOf(call, source.exact, objects, ended);
  if (outcome.kind === 'running') return nothingDone;
  if (outcome.kind === 'loaded') return loadRest(call, source, objects, outcome.ids);
  const { failure } = outcome;
  const [first, ...others] = objects as [Delivered, ...Delivered[]];
  const isSingle = others.length === 0;
  if (isSingle) {
    const without = await loadWithoutRaising(call, source, first, run, { failure, ended });
    if (without) return without;
  }
  const isBlamed = failure.kind !== 'unknown' || objects.every(({ attempts }) => attempts >= deliveriesUntilBlamed);
  if (failure.kind === 'passing' || (isSingle && !isBlamed)) return deliverAgain(call, ended.updatedAt);
  const last = { ...failure, at: ended.updatedAt };
  return failure.kind === 'lines' || !isSingle ? afterFailure(failure.kind, last) : parkObject(call, first, last);
}
