import { createHash } from 'node:crypto';
import { asNumber, asRecord, asText } from '../shared/parse';
import { render } from '../shared/statement';
import { isTerminal, query, type StatementState, WarehouseAsleepError } from '../shared/warehouse';
import { judgeAll } from './columns';
import type { LoadSource } from './contract';
import { copyVersions, filesOfCopies, reportedLines } from './copies';
import { isRewritten } from './decoded-lines';
import { classify, deliveriesUntilBlamed, type Failure, refusalOf } from './failure';
import { idOf, sourceFinder } from './groups';
import type { LoadCall } from './host';
import type { HistoryObject, Message } from './notification';
import { findOrigins, objectOf } from './origins';
import { parkMessage } from './park';
import { type ReportedLines, sift, UnsiftableError } from './sift';
import { inPlace, isLate, lookUp, nameOf, type Run, transact } from './transaction';

/** The body of a message that asks to load a run again. */
export const reloadMessage = (runId: string) => JSON.stringify({ reload: { runId } });

/** The id of the run that replaces a run. It is always the same, so a message may come twice. */
export const reloadRunId = (runId: string) =>
  createHash('sha256').update(`reload\n${runId}`).digest('hex').slice(0, 32);

/** The run that a message asks to load again. The message may be a parked one. Undefined for any other message. */
export function replacedRun(body: string): string | undefined {
  try {
    const message = asRecord(JSON.parse(body), 'body');
    if (typeof message.original === 'string' && typeof message.reason === 'string')
      return replacedRun(message.original);
    return asText(asRecord(message.reload, 'body.reload').runId, 'body.reload.runId');
  } catch {
    return undefined;
  }
}

/** `later`: the message has to come back. `refused`: no delivery can load the run as a whole. */
type Result = { readonly kind: 'done' } | { readonly kind: 'later' } | Refused;
interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
}

const done: Result = { kind: 'done' };
const later: Result = { kind: 'later' };
const refuse = (reason: string): Refused => ({ kind: 'refused', reason });

/**
 * Loads all objects of a run again in one transaction, which judges their records by the present columns and identity and replaces the run's rows.
 * It takes the whole run or nothing: where the whole cannot be loaded, nothing changes and the message goes to the dead letters with the reason.
 * Returns whether the message is done.
 */
export async function reload(call: LoadCall, message: Message): Promise<boolean> {
  const replaced = replacedRun(message.body)!;
  try {
    const result = await loadRun(call, replaced, message.attempts);
    if (result.kind === 'refused') {
      const original = { ...message, body: reloadMessage(replaced) };
      await parkMessage(call, original, result.reason, 'a run is not loaded again');
    }
    return result.kind !== 'later';
  } catch (error) {
    const isAsleep = error instanceof WarehouseAsleepError;
    const what = isAsleep ? 'the warehouse is asleep, the message will come back' : notLoaded;
    call.log(what, { runId: replaced, error: String(error) });
    if (!isAsleep) call.metrics(call.now(), { LoadFailed: 1 });
    return false;
  }
}

const notLoaded = 'a run was not loaded, its message will come back';

async function loadRun(call: LoadCall, replaced: string, attempts: number): Promise<Result> {
  if (isLate(call)) return later;
  const runId = reloadRunId(replaced);
  const objects = await objectsOfRun(call, runId, replaced);
  // The ledger has the objects under the new run: an earlier delivery replaced the old one.
  if (objects.length === 0) return finish(call, runId);
  const source = commonSource(call, objects);
  if (!source) return refuse('its objects are no longer of one source');
  const result =
    (await misfitOf(call, source, objects)) ?? (await replaceRun(call, source, { replaced, runId, objects, attempts }));
  if (result.kind === 'refused' && (await areReplaced(call, runId, replaced, objects))) return later;
  return result.kind === 'done' ? finish(call, runId) : result;
}

/** Whether `npx millrace forget` replaces objects of the run just now, or has since they were read from the ledger. */
async function areReplaced(
  call: LoadCall,
  runId: string,
  replaced: string,
  objects: readonly HistoryObject[],
): Promise<boolean> {
  if (!call.plan.swap) return false;
  const now = new Set((await objectsOfRun(call, runId, replaced)).map(idOf));
  return !objects.every((object) => now.has(idOf(object))) || (await lookUp(call, objects)).claims.size > 0;
}

/** A run that is loaded again. */
interface Reload {
  readonly replaced: string;
  readonly runId: string;
  readonly objects: readonly HistoryObject[];
  readonly attempts: number;
}

/** Loads the objects from where they are. Where COPY does not account for all of them, loads files of the records that it can read. */
async function replaceRun(call: LoadCall, source: LoadSource, run: Reload): Promise<Result> {
  const { replaced, objects } = run;
  const { systemViews } = call;
  let problem: Result = refuse('its objects were not read');
  if (systemViews.showOwnCopy && !isRewritten(source.shape)) {
    const { files, values } = inPlace(source, objects, run.attempts >= deliveriesUntilBlamed);
    const load = { step: 'reload', plan: source.reload.inPlace, files, values: { ...values, replaced } };
    const result = await submitReload(call, source, run, load);
    if (result.kind !== 'failed') return result;
    if (result.failure.kind === 'unseen') systemViews.showOwnCopy = false;
    problem = refuse(result.failure.reason);
  }
  if (source.shape.format !== 'parquet') return replaceFromReadable(call, source, run);
  return systemViews.showOwnCopy ? problem : replaceFromCopies(call, source, run);
}

async function replaceFromCopies(call: LoadCall, source: LoadSource, run: Reload): Promise<Result> {
  const { copied, refused } = await copyVersions(call, source, run.objects);
  const [[object, reason] = []] = refused;
  if (object) return refuse(`${object.key}: ${reason}`);
  const { files, ...values } = await filesOfCopies(call, copied);
  const load = {
    step: 'reload-exact',
    plan: source.reload.exact,
    files,
    values: { ...values, replaced: run.replaced },
  };
  const result = await submitReload(call, source, run, load);
  return result.kind === 'failed' ? refuse(result.failure.reason) : result;
}

async function replaceFromReadable(
  call: LoadCall,
  source: LoadSource,
  run: Reload,
  reported: ReportedLines = new Map(),
): Promise<Result> {
  const { objects, replaced, attempts } = run;
  try {
    const sifted = await sift(call, source, objects, reported);
    if (!sifted && attempts < deliveriesUntilBlamed) return later;
    if (!sifted) return refuse('its objects could not be read line by line in the time of a function');
    const { files, refused, records, version } = sifted;
    const load = {
      step: `reload-${version}`,
      plan: source.reload.exact,
      files,
      values: { refused, records, replaced },
    };
    const result = await submitReload(call, source, run, load);
    if (result.kind !== 'failed') return result;
    const lines =
      reported.size === 0 && !isRewritten(source.shape) ? await reportedLines(call, source, objects) : undefined;
    return lines ? replaceFromReadable(call, source, run, lines) : refuse(result.failure.reason);
  } catch (error) {
    if (error instanceof UnsiftableError) return refuse(`${error.object.key}: ${error.message}`);
    throw error;
  }
}

/** A failure that the load of other files may not meet. */
interface FailedLoad {
  readonly kind: 'failed';
  readonly failure: Failure;
}

async function submitReload(
  call: LoadCall,
  source: LoadSource,
  { runId, objects, attempts }: Reload,
  load: Omit<Run, 'runId'>,
): Promise<Result | FailedLoad> {
  if (isLate(call)) return later;
  const ended = await transact(call, source, { ...load, runId }, objects);
  if (!isTerminal(ended.status)) return later;
  if (ended.status !== 'FINISHED') return resultOfFailure(call, ended, attempts);
  const [row = {}] = await call.warehouse.rows(ended.parts[load.plan.answer]!.id);
  const number = (name: string) => asNumber(row[name], name);
  const [accepted, known, changed] = [number('accepted'), number('known'), number('changed')];
  const [before, now, lost] = [number('before'), number('now'), number('lost')];
  if (accepted === 1) return done;
  // Another function changed the ledger meanwhile: the next delivery sees that.
  if (known !== 1) return later;
  if (changed > 0) return refuse(`${changed} of its objects were not read as the bytes that were loaded`);
  const failure = refusalOf({ ...row, known: 0 });
  if (failure) return { kind: 'failed', failure };
  if (lost > 0) return refuse(`${lost} of its events would be rejects under the present columns`);
  return refuse(
    `it has ${before} rows and its objects have ${now}: rejects of it were merged again, or rows were changed by hand`,
  );
}

function resultOfFailure(call: LoadCall, ended: StatementState, attempts: number): Result | FailedLoad {
  const failure = classify(ended);
  const { kind, reason } = failure;
  if (kind === 'lines') return { kind: 'failed', failure };
  if (kind === 'object' || (kind === 'unknown' && attempts >= deliveriesUntilBlamed)) return refuse(reason);
  call.log(notLoaded, { id: ended.id, kind, reason });
  call.metrics(ended.updatedAt, { LoadFailed: 1 });
  return later;
}

/** @param statementRun the run id in the statement's name */
async function objectsOfRun(call: LoadCall, statementRun: string, runId: string): Promise<HistoryObject[]> {
  const sql = render(call.plan.runObjects, { run_id: runId });
  const { rows } = await query(call.warehouse, nameOf(call, statementRun, 'objects'), sql, call.remainingMs);
  return rows.map(objectOf);
}

/** Undefined where the objects have no source or more than one. */
function commonSource({ plan, buckets }: LoadCall, objects: readonly HistoryObject[]): LoadSource | undefined {
  const [first, ...others] = new Set(objects.map(sourceFinder(plan.sources, buckets)));
  return others.length === 0 ? first : undefined;
}

async function misfitOf(
  call: LoadCall,
  { shape }: LoadSource,
  objects: readonly HistoryObject[],
): Promise<Refused | undefined> {
  if (!shape.columns) return undefined;
  for (const [{ key }, verdict] of await judgeAll(call.objects, shape, objects)) {
    if (verdict === 'gone') return refuse(`${key} is gone, or was overwritten`);
    if (verdict !== 'fits') return refuse(`${key}: ${verdict.reason}`);
  }
  return undefined;
}

/** Finds the lines of the new run's rejects. A function killed after the transaction has not done that yet. */
async function finish(call: LoadCall, runId: string): Promise<Result> {
  const objects = await objectsOfRun(call, reloadRunId(runId), runId);
  if (objects.length === 0) return refuse('the ledger has no objects of it');
  const source = commonSource(call, objects);
  if (source) await findOrigins(call, source, objects);
  return done;
}
