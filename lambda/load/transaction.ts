import { createHash } from 'node:crypto';
import { statementNamePrefix } from '../shared/plan';
import { clientToken, render, renderAll, type Values } from '../shared/statement';
import { formatStatementName, parseStatementName } from '../shared/statement-name';
import { isPassing, isTerminal, maxAttempts, query, type StatementState, waitFor } from '../shared/warehouse';
import { type Answering, type LoadSource, manifestPrefix } from './contract';
import { idOf, objectsJson } from './groups';
import type { LoadHost } from './host';
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
  /** `load` reads the objects where they are; what begins with `exact` reads files that nobody changes; `reload` the same for a run. */
  readonly step: string;
  readonly plan: Answering;
  readonly files: readonly File[];
  /** Placeholders besides those that every load has. */
  readonly values: Values;
}

/** Submits the transaction, or finds the one that an earlier delivery of the same objects left running, and waits for its end. */
export async function transact(
  host: LoadHost,
  source: LoadSource,
  { runId, step, plan: { statements: templates }, files, values: more }: Run,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<StatementState> {
  const { environment, plan, warehouse, log } = host;
  const values = {
    ...more,
    run_id: runId,
    manifest: await writeManifest(host, step === 'load' ? runId : `${runId}-${step}`, files),
    load_role: host.loadRoleArn,
    objects: objectsJson(objects),
  };
  const statements = renderAll(templates, values);
  let attempt = await nextAttempt(host, runId, step);
  for (let tries = 1; ; tries += 1, attempt += 1) {
    const name = formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'load', runId, step, attempt });
    const id = await warehouse.submit({ name, mode: 'transaction', statements, token: clientToken(name) });
    log('submitted', { statement: name, id, source: source.name, objects: objects.length });
    const state = await waitFor(warehouse, id, remainingMs);
    if (state.status !== 'FAILED' || !isPassing(state) || tries >= maxAttempts) return state;
    log('failed for a passing reason, once more', { statement: name, id, error: state.error });
  }
}

/** The objects where they are, and the etags that COPY must have read. */
export function inPlace(objects: readonly HistoryObject[]): Pick<Run, 'files' | 'values'> {
  const files = objects.map(({ bucket, key, size }) => ({ url: `s3://${bucket}/${key}`, size }));
  const etags = objects.map(({ etag }, index) => ({ url: files[index]!.url, etag }));
  return { files, values: { files: JSON.stringify(etags) } };
}

/** The attempt that is running, or the one after the last that ended: objects that come back want another try. */
async function nextAttempt({ environment, plan, warehouse }: LoadHost, runId: string, step: string): Promise<number> {
  let last = 0;
  let running = false;
  for (const { name, status } of await warehouse.list(
    `${statementNamePrefix(environment, plan.pipeline, 'load')}${runId}/${step}/`,
  )) {
    const attempt = parseStatementName(name)?.attempt ?? 0;
    if (attempt > last) [last, running] = [attempt, !isTerminal(status)];
  }
  return running ? last : last + 1;
}

/** Writes a manifest of the files. Returns its URL. */
export async function writeManifest(host: LoadHost, name: string, files: readonly File[]): Promise<string> {
  const key = `${manifestPrefix}${host.plan.pipeline}/${name}.manifest`;
  // COPY of Parquet wants the length.
  const entries = files.map(({ url, size }) => ({ url, mandatory: true, meta: { content_length: size } }));
  await host.objects.put(host.workBucket, key, JSON.stringify({ entries }), 'application/json');
  return `s3://${host.workBucket}/${key}`;
}

/** The ids of those of the objects that are in the ledger. */
export async function inLedger(
  host: LoadHost,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<Set<string>> {
  const { rows } = await ask(host, 'loaded', objects, remainingMs);
  const found = new Set(rows.map(({ object_key, etag }) => JSON.stringify([object_key, etag])));
  return new Set(objects.filter(({ key, etag }) => found.has(JSON.stringify([key, etag]))).map(idOf));
}

/** Those of the objects whose key was loaded with other bytes, and when that was asked, in epoch milliseconds. */
export async function overwriting<Item extends HistoryObject>(
  host: LoadHost,
  objects: readonly Item[],
  remainingMs: () => number,
): Promise<{ found: Item[]; at: number }> {
  const { rows, endedAt } = await ask(host, 'overwritten', objects, remainingMs);
  const keys = new Set(rows.map(({ object_key }) => object_key));
  return { found: objects.filter(({ key }) => keys.has(key)), at: endedAt };
}

/** Whether the object is set aside already. */
export async function isParked(host: LoadHost, object: HistoryObject, remainingMs: () => number): Promise<boolean> {
  const { rows } = await ask(host, 'parked', [object], remainingMs);
  return rows.length > 0;
}

function ask(
  host: LoadHost,
  question: 'loaded' | 'overwritten' | 'parked',
  objects: readonly HistoryObject[],
  remainingMs: () => number,
) {
  const sql = render(host.plan[question], { objects: objectsJson(objects) });
  return query(host.warehouse, helperName(host, objects, question), sql, remainingMs);
}

export function helperName({ environment, plan }: LoadHost, objects: readonly HistoryObject[], step: string): string {
  const runId = runIdOf(objects);
  return formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'load', runId, step, attempt: 1 });
}

/** The same objects in the same order have the same run id. */
export function runIdOf(objects: readonly HistoryObject[]): string {
  return createHash('sha256').update(objects.map(idOf).join('\n')).digest('hex').slice(0, 32);
}
