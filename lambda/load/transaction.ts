import { createHash } from 'node:crypto';
import { asText } from '../shared/parse';
import { statementNamePrefix } from '../shared/plan';
import { clientToken, render, renderAll, type Values } from '../shared/statement';
import { formatStatementName, parseStatementName } from '../shared/statement-name';
import { isPassing, isTerminal, query, type StatementState, untilPassed, waitFor } from '../shared/warehouse';
import { type CheckedTransaction, type LoadSource, manifestPrefix } from './contract';
import { idOf, objectsJson } from './groups';
import type { LoadCall } from './host';
import type { HistoryObject } from './notification';

/** A file that COPY reads. */
export interface File {
  /** `s3://…`. */
  readonly url: string;
  /** Bytes. */
  readonly size: number;
}

/** A transaction that loads objects. */
export interface Run {
  readonly runId: string;
  /** `load`: reads the objects where they are. `exact…`: reads files that nobody changes. `reload…`: the same for a run that is loaded again. */
  readonly step: string;
  readonly plan: CheckedTransaction;
  readonly files: readonly File[];
  /** Placeholders besides those that every load has. */
  readonly values: Values;
}

/** Whether too little time is left for another statement. */
export const isLate = ({ remainingMs }: LoadCall) => remainingMs() < 1000;

/** Submits the transaction and waits for its end. If an earlier delivery of the same objects left it running, waits for that one. */
export async function transact(
  call: LoadCall,
  source: LoadSource,
  { runId, step, plan, files, values: more }: Run,
  objects: readonly HistoryObject[],
): Promise<StatementState> {
  const { warehouse, log, remainingMs } = call;
  const statements = renderAll(plan.statements, {
    ...more,
    run_id: runId,
    manifest: await writeManifest(call, step === 'load' ? runId : `${runId}-${step}`, files),
    load_role: call.loadRoleArn,
    objects: objectsJson(objects),
  });
  const first = await nextAttempt(call, runId, step);
  return untilPassed(warehouse, async (attempt) => {
    const name = nameOf(call, runId, step, first + attempt - 1);
    const { id } = await warehouse.submit({ name, mode: 'transaction', statements, token: clientToken(name) });
    log('submitted', { statement: name, id, source: source.name, objects: objects.length });
    const state = await waitFor(warehouse, id, remainingMs);
    if (state.status === 'FAILED' && isPassing(state))
      log('failed for a passing reason', { statement: name, id, error: state.error });
    return state;
  });
}

/**
 * Lists the objects to load in place, and the etags that COPY must have read.
 * @param mayRefuse true if lines that COPY cannot read may become rejects without their bytes
 */
export function inPlace(
  { shape }: LoadSource,
  objects: readonly HistoryObject[],
  mayRefuse = false,
): Pick<Run, 'files' | 'values'> {
  const files = objects.map(({ bucket, key, size }) => ({ url: `s3://${bucket}/${key}`, size }));
  const etags = objects.map(({ etag }, index) => ({ url: files[index]!.url, etag }));
  // A COPY of another format in place loads every line or fails.
  const refusals: Values =
    shape.format === 'ndjson' || shape.format === 'firehose' ? { may_refuse: mayRefuse ? 1 : 0 } : {};
  return { files, values: { files: JSON.stringify(etags), ...refusals } };
}

/** The number of the attempt that is running. If none is, the number after the last: a redelivered object is tried again. */
async function nextAttempt(call: LoadCall, runId: string, step: string): Promise<number> {
  let last = 0;
  let isRunning = false;
  for (const { name, status } of await call.warehouse.list(prefixOf(call, runId, step))) {
    const attempt = parseStatementName(name)?.attempt ?? 0;
    if (attempt > last) [last, isRunning] = [attempt, !isTerminal(status)];
  }
  return isRunning ? last : last + 1;
}

/** Writes a manifest of the files. Returns its URL. */
export async function writeManifest(call: LoadCall, name: string, files: readonly File[]): Promise<string> {
  const key = `${manifestPrefix}${call.plan.pipeline}/${name}.manifest`;
  // COPY of Parquet needs the length.
  const entries = files.map(({ url, size }) => ({ url, mandatory: true, meta: { content_length: size } }));
  await call.objects.put(call.workBucket, key, JSON.stringify({ entries }), 'application/json');
  return `s3://${call.workBucket}/${key}`;
}

/** A claim of a key: the object with this etag is about to be replaced, or is replaced already. */
export interface Claim {
  readonly before: string;
  readonly rewriteId: string;
}

/** What the warehouse knows about objects. */
export interface Known {
  /** The ids of those that are in the ledger. */
  readonly loaded: ReadonlySet<string>;
  /** The claims of their keys, by the ids of the objects. */
  readonly claims: ReadonlyMap<string, readonly Claim[]>;
}

export async function lookUp(call: LoadCall, objects: readonly HistoryObject[]): Promise<Known> {
  const { rows } = await queryObjects(call, 'loaded', call.plan.loaded, objects);
  const loaded = new Set<string>();
  const claims = new Map<string, Claim[]>();
  for (const object of objects)
    for (const { object_key, etag, before, rewrite_id } of rows) {
      if (object_key !== object.key || etag !== object.etag) continue;
      const id = idOf(object);
      if (typeof before !== 'string') loaded.add(id);
      else claims.set(id, [...(claims.get(id) ?? []), { before, rewriteId: asText(rewrite_id, 'rewrite_id') }]);
    }
  return { loaded, claims };
}

/** The ids of those objects that are in the ledger. */
export const inLedger = async (call: LoadCall, objects: readonly HistoryObject[]) =>
  (await lookUp(call, objects)).loaded;

/** Those objects whose key was loaded with other bytes, and the time of that answer in epoch milliseconds. */
export async function overwriting<Item extends HistoryObject>(
  call: LoadCall,
  objects: readonly Item[],
): Promise<{ found: Item[]; at: number }> {
  const { rows, id } = await queryObjects(call, 'overwritten', call.plan.overwritten, objects);
  const keys = new Set(rows.map(({ object_key }) => object_key));
  const found = objects.filter(({ key }) => keys.has(key));
  return { found, at: found.length === 0 ? call.now() : (await call.warehouse.describe(id)).updatedAt };
}

/** Runs a query about objects; its only placeholder is `objects`. */
export const queryObjects = (call: LoadCall, step: string, sql: string, objects: readonly HistoryObject[]) =>
  query(
    call.warehouse,
    nameOf(call, runIdOf(objects), step),
    render(sql, { objects: objectsJson(objects) }),
    call.remainingMs,
  );

export const nameOf = ({ environment, plan }: LoadCall, runId: string, step: string, attempt = 1) =>
  formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'load', runId, step, attempt });

/** What the names of a step's attempts begin with. */
const prefixOf = ({ environment, plan }: LoadCall, runId: string, step: string) =>
  `${statementNamePrefix(environment, plan.pipeline, 'load')}${runId}/${step}/`;

/** The same objects in the same order have the same run id. */
export function runIdOf(objects: readonly HistoryObject[]): string {
  return createHash('sha256').update(objects.map(idOf).join('\n')).digest('hex').slice(0, 32);
}
