import { createHash } from 'node:crypto';
import { asNumber, asRecord, asText } from '../shared/parse';
import { render } from '../shared/statement';
import { formatStatementName } from '../shared/statement-name';
import { isTerminal, query, type StatementState, WarehouseAsleepError } from '../shared/warehouse';
import type { LoadSource } from './contract';
import { copyVersions, exactCopies, nameLines } from './exact';
import { classify, type Failure, refusalOf } from './failure';
import { sourceFinder } from './groups';
import type { LoadHost } from './host';
import type { HistoryObject, Message } from './notification';
import { findOrigins, objectOf } from './origins';
import { parkMessage } from './park';
import { judgeAll } from './shape';
import { type Named, sift, UnsiftableError } from './sift';
import { inPlace, type Run, transact } from './transaction';

/** A failure that nobody recognizes may be the warehouse's. */
const unknownAttempts = 3;

/** The body of a message that wants a run loaded again. */
export const reloadMessage = (runId: string) => JSON.stringify({ reload: { runId } });

/** The run that takes the place of another one: always the same, so that a message may come twice. */
export const reloadRunId = (runId: string) =>
  createHash('sha256').update(`reload\n${runId}`).digest('hex').slice(0, 32);

/** The run that a message wants loaded again, parked or as it once arrived; undefined where it is another message. */
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

/**
 * Loads all objects of a run once more, in one transaction that has their records judged by the present columns and identity and puts them in
 * the place of the run's rows. A run is never taken in parts: where it cannot be loaded as a whole, nothing changes and its message goes to the dead
 * letters with the reason. Answers whether the message is done.
 */
export async function reload(host: LoadHost, message: Message, remainingMs: () => number): Promise<boolean> {
  const replaced = replacedRun(message.body)!;
  try {
    const reason = await attempt(host, replaced, message.attempts, remainingMs);
    if (reason === 'later') return false;
    if (reason !== 'done')
      await parkMessage(host, { ...message, body: reloadMessage(replaced) }, reason, 'a run is not loaded again');
    return true;
  } catch (error) {
    const asleep = error instanceof WarehouseAsleepError;
    host.log(
      asleep
        ? 'the warehouse is asleep, the messages will come back'
        : 'a run was not loaded, its message will come back',
      { runId: replaced, error: String(error) },
    );
    if (!asleep) host.metrics((host.now ?? Date.now)(), { LoadFailed: 1 });
    return false;
  }
}

/** `done`, `later` where the message has to come back, or why the run cannot be loaded again. */
async function attempt(host: LoadHost, replaced: string, attempts: number, remainingMs: () => number): Promise<string> {
  if (remainingMs() < 1000) return 'later';
  const runId = reloadRunId(replaced);
  const objects = await objectsOf(host, replaced, remainingMs);
  if (objects.length === 0) return afterwards(host, runId, remainingMs);
  const source = sourceOf(host, objects);
  if (!source) return 'its objects are not of one source any longer';
  const misfit = await misfitOf(host, source, objects);
  if (misfit !== undefined) return misfit;
  const reason = await loadAgain(host, source, { replaced, runId, objects, attempts }, remainingMs);
  return reason === 'done' ? afterwards(host, runId, remainingMs) : reason;
}

/** What is loaded again: all objects of a run. */
interface Again {
  readonly replaced: string;
  readonly runId: string;
  readonly objects: readonly HistoryObject[];
  readonly attempts: number;
}

/** From where the objects are; where COPY does not account for all of them, from files of the records that it can read. */
async function loadAgain(host: LoadHost, source: LoadSource, again: Again, remainingMs: () => number): Promise<string> {
  const { replaced, objects } = again;
  let reason = 'its objects were not looked at';
  if (!host.sight?.blind) {
    const { files, values } = inPlace(objects);
    const run = { step: 'reload', plan: source.reload.inPlace, files, values: { ...values, replaced } };
    const ended = await submit(host, source, again, run, remainingMs);
    if (typeof ended === 'string') return ended;
    if (ended.kind === 'unseen' && host.sight) host.sight.blind = true;
    reason = ended.reason;
  }
  if (source.shape.format === 'parquet')
    return host.sight?.blind ? fromCopies(host, source, again, remainingMs) : reason;
  return fromSifted(host, source, again, remainingMs);
}

async function fromCopies(
  host: LoadHost,
  source: LoadSource,
  again: Again,
  remainingMs: () => number,
): Promise<string> {
  const { copied, refused } = await copyVersions(host, source, again.objects);
  const [[object, reason] = []] = refused;
  if (object) return `${object.key}: ${reason}`;
  const files = copied.map(([, file]) => file);
  const values = { ...(await exactCopies(host, again.objects)), replaced: again.replaced };
  const ended = await submit(
    host,
    source,
    again,
    { step: 'reload-exact', plan: source.reload.exact, files, values },
    remainingMs,
  );
  return typeof ended === 'string' ? ended : ended.reason;
}

async function fromSifted(
  host: LoadHost,
  source: LoadSource,
  again: Again,
  remainingMs: () => number,
  named: Named = new Map(),
): Promise<string> {
  const { objects, replaced, attempts } = again;
  try {
    const sifted = await sift(host, source, objects, named, remainingMs);
    if (!sifted)
      return attempts < unknownAttempts
        ? 'later'
        : 'its objects could not be read line by line in the time of a function';
    const { files, refused, records, version } = sifted;
    const run = { step: `reload-${version}`, plan: source.reload.exact, files, values: { refused, records, replaced } };
    const ended = await submit(host, source, again, run, remainingMs);
    if (typeof ended === 'string') return ended;
    const more = named.size === 0 ? await nameLines(host, source, objects, remainingMs) : undefined;
    return more ? fromSifted(host, source, again, remainingMs, more) : ended.reason;
  } catch (error) {
    if (error instanceof UnsiftableError) return `${error.object.key}: ${error.message}`;
    throw error;
  }
}

/** The outcome, or a failure that other files may not have. */
async function submit(
  host: LoadHost,
  source: LoadSource,
  { runId, objects, attempts }: Again,
  run: Omit<Run, 'runId'>,
  remainingMs: () => number,
): Promise<string | Failure> {
  if (remainingMs() < 1000) return 'later';
  const ended = await transact(host, source, { ...run, runId }, objects, remainingMs);
  return reasonOf(host, ended, run.plan.answer, attempts);
}

async function objectsOf(host: LoadHost, runId: string, remainingMs: () => number): Promise<HistoryObject[]> {
  const { environment, plan, warehouse } = host;
  const name = formatStatementName({
    environment,
    pipeline: plan.pipeline,
    purpose: 'load',
    runId: reloadRunId(runId),
    step: 'objects',
    attempt: 1,
  });
  return (await query(warehouse, name, render(plan.runObjects, { run_id: runId }), remainingMs)).rows.map(objectOf);
}

/** The source of all of them. */
function sourceOf({ plan, buckets }: LoadHost, objects: readonly HistoryObject[]): LoadSource | undefined {
  const find = sourceFinder(plan.sources, buckets);
  const [first, ...others] = new Set(objects.map(find));
  return others.length === 0 ? first : undefined;
}

async function misfitOf(
  host: LoadHost,
  { shape }: LoadSource,
  objects: readonly HistoryObject[],
): Promise<string | undefined> {
  if (!shape.columns) return undefined;
  for (const [{ key }, verdict] of await judgeAll(host.objects, shape, objects)) {
    if (verdict === 'gone') return `${key} is gone, or was overwritten`;
    if (verdict !== 'fits') return `${key}: ${verdict.reason}`;
  }
  return undefined;
}

/** What became of the transaction: the outcome, or a failure that other files may not have. */
async function reasonOf(
  host: LoadHost,
  ended: StatementState,
  answer: number,
  attempts: number,
): Promise<string | Failure> {
  if (!isTerminal(ended.status)) return 'later';
  if (ended.status !== 'FINISHED') {
    const failure = classify(ended);
    const { kind, reason } = failure;
    if (kind === 'lines') return failure;
    if (kind === 'object' || (kind === 'unknown' && attempts >= unknownAttempts)) return reason;
    host.log('a run was not loaded, its message will come back', { id: ended.id, kind, reason });
    host.metrics(ended.updatedAt, { LoadFailed: 1 });
    return 'later';
  }
  const [row = {}] = await host.warehouse.rows(ended.parts[answer]!.id);
  const [accepted, known, changed, before, now, lost] = (
    ['accepted', 'known', 'changed', 'before', 'now', 'lost'] as const
  ).map((name) => asNumber(row[name], name)) as [number, number, number, number, number, number];
  if (accepted === 1) return 'done';
  // Another function changed the ledger meanwhile: the next delivery sees it.
  if (known !== 1) return 'later';
  if (changed > 0) return `${changed} of its objects were not read as the bytes that were loaded`;
  const failure = refusalOf({ ...row, known: 0 });
  if (failure) return failure;
  if (lost > 0) return `${lost} of its events would be rejects under the present columns`;
  return `it has ${before} rows and its objects have ${now}: rejects of it were merged again, or rows were changed by hand`;
}

/** The lines of the rejects of the run, which a function that was killed after the transaction had not looked for. */
async function afterwards(host: LoadHost, runId: string, remainingMs: () => number): Promise<string> {
  const objects = await objectsOf(host, runId, remainingMs);
  if (objects.length === 0) return 'the ledger has no objects of it';
  const source = sourceOf(host, objects);
  if (source) await findOrigins(host, source, objects, remainingMs);
  return 'done';
}
