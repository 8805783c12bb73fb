import { createHash } from 'node:crypto';
import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import type { ObjectStore } from '../shared/objects';
import { statementNamePrefix } from '../shared/plan';
import { clientToken, render, renderAll } from '../shared/statement';
import { formatStatementName, parseStatementName } from '../shared/statement-name';
import {
  isPassing,
  isTerminal,
  maxAttempts,
  run,
  type StatementState,
  type Warehouse,
  waitFor,
} from '../shared/warehouse';
import { type LoadPlan, manifestPrefix } from './contract';
import { globMatcher } from './glob';
import { type HistoryObject, type Message, parseNotification } from './notification';

export interface LoadHost {
  readonly environment: string;
  readonly historyBucket: string;
  readonly workBucket: string;
  readonly loadRoleArn: string;
  readonly plan: LoadPlan;
  readonly warehouse: Warehouse;
  readonly objects: ObjectStore;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/** One transaction takes so many objects; their JSON text has to fit a SQL literal of 65,535 bytes (Redshift's varchar limit). */
const maxObjects = 100;
const maxObjectsBytes = 60_000;

const step = 'load';
const idOf = ({ bucket, key, version }: HistoryObject) => JSON.stringify([bucket, key, version]);

/**
 * Loads the objects that a batch of messages tells of. A message is done when all of its objects are in the ledger; the others are
 * reported as failed, so that SQS brings them back and, in the end, moves them to the dead-letter queue.
 */
export const load =
  (host: LoadHost) =>
  async (messages: readonly Message[], remainingMs: () => number): Promise<BatchResponse> => {
    const matches = globMatcher(host.plan.glob);
    const failed = new Set<string>();
    const wantedBy = new Map<string, { object: HistoryObject; messageIds: string[] }>();
    for (const { messageId, body } of messages) {
      try {
        for (const object of parseNotification(body)) {
          if (object.bucket !== host.historyBucket || !matches(object.key)) {
            host.log('not an object of this pipeline, ignored', {
              bucket: object.bucket,
              key: object.key,
              glob: host.plan.glob,
            });
            continue;
          }
          const wanted = wantedBy.get(idOf(object)) ?? { object, messageIds: [] };
          wanted.messageIds.push(messageId);
          wantedBy.set(idOf(object), wanted);
        }
      } catch (error) {
        host.log('not an S3 notification', { messageId, error: (error as Error).message });
        failed.add(messageId);
      }
    }

    const loaded = new Set<string>();
    for (const chunk of chunks([...wantedBy.values()].map(({ object }) => object))) {
      try {
        for (const object of await loadNew(host, chunk, remainingMs)) loaded.add(idOf(object));
      } catch (error) {
        host.log('objects were not loaded, their messages will come back', {
          objects: chunk.length,
          error: String(error),
        });
      }
    }
    for (const [id, { messageIds }] of wantedBy)
      if (!loaded.has(id)) for (const messageId of messageIds) failed.add(messageId);
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  };

/** Returns those of the objects that are in the ledger at the end. */
async function loadNew(
  host: LoadHost,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<HistoryObject[]> {
  const known = await inLedger(host, objects, remainingMs);
  const fresh = objects.filter((object) => !known.has(idOf(object)));
  if (known.size > 0) host.log('loaded before', { objects: known.size });
  const old = objects.filter((object) => known.has(idOf(object)));
  return fresh.length === 0 ? old : [...old, ...(await loadTogether(host, fresh, remainingMs))];
}

/**
 * One transaction for all; if it fails, one for each half, down to the single object that is at fault.
 * Objects whose transaction is still running when time is up are not returned: their messages come back and find it.
 */
async function loadTogether(
  host: LoadHost,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<HistoryObject[]> {
  const { log, metrics, plan } = host;
  if (remainingMs() < 1000) return [];
  const ended = await transact(host, objects, remainingMs);
  const facts = { pipeline: plan.pipeline, id: ended.id, runId: runIdOf(objects) };
  if (!isTerminal(ended.status)) {
    log('still loading when time was up, left to the next delivery', { ...facts, objects: objects.length });
    return [];
  }
  if (ended.status === 'FINISHED') {
    const known = await inLedger(host, objects, remainingMs);
    metrics(ended.updatedAt, { LoadedFiles: known.size }, facts);
    return objects.filter((object) => known.has(idOf(object)));
  }
  if (objects.length === 1) {
    log('an object cannot be loaded', {
      ...facts,
      bucket: objects[0]!.bucket,
      key: objects[0]!.key,
      status: ended.status,
      error: ended.error,
    });
    metrics(ended.updatedAt, { LoadFailed: 1 }, facts);
    return [];
  }
  log('a batch failed, trying its halves', {
    ...facts,
    objects: objects.length,
    status: ended.status,
    error: ended.error,
  });
  const middle = Math.ceil(objects.length / 2);
  const first = await loadTogether(host, objects.slice(0, middle), remainingMs);
  return [...first, ...(await loadTogether(host, objects.slice(middle), remainingMs))];
}

/** Submits the transaction, or finds the one that an earlier delivery of the same objects left running, and waits for its end. */
async function transact(
  host: LoadHost,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<StatementState> {
  const { environment, plan, warehouse, log } = host;
  const runId = runIdOf(objects);
  const manifest = await writeManifest(host, runId, objects);
  const values = { run_id: runId, manifest, load_role: host.loadRoleArn, objects: objectsJson(objects) };
  const statements = renderAll(plan.load, values);
  let attempt = await nextAttempt(host, runId);
  for (let tries = 1; ; tries += 1, attempt += 1) {
    const name = formatStatementName({ environment, pipeline: plan.pipeline, purpose: 'load', runId, step, attempt });
    const id = await warehouse.submit({ name, mode: 'transaction', statements, token: clientToken(name) });
    log('submitted', { statement: name, id, objects: objects.length });
    const state = await waitFor(warehouse, id, remainingMs);
    const failed = state.status === 'FAILED' || state.status === 'ABORTED';
    if (!failed || !isPassing(state.error) || tries >= maxAttempts) return state;
    log('failed for a passing reason, once more', { statement: name, id, error: state.error });
  }
}

/** The attempt that is running, or the one after the last that ended: objects that come back want another try. */
async function nextAttempt({ environment, plan, warehouse }: LoadHost, runId: string): Promise<number> {
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

async function writeManifest(host: LoadHost, runId: string, objects: readonly HistoryObject[]): Promise<string> {
  const key = `${manifestPrefix}${host.plan.pipeline}/${runId}.manifest`;
  const entries = objects.map(({ bucket, key }) => ({ url: `s3://${bucket}/${key}`, mandatory: true }));
  await host.objects.put(host.workBucket, key, JSON.stringify({ entries }), 'application/json');
  return `s3://${host.workBucket}/${key}`;
}

async function inLedger(
  host: LoadHost,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<Set<string>> {
  const { environment, plan, warehouse } = host;
  const name = formatStatementName({
    environment,
    pipeline: plan.pipeline,
    purpose: 'load',
    runId: runIdOf(objects),
    step: 'loaded',
    attempt: 1,
  });
  const rows = await run(warehouse, name, render(plan.loaded, { objects: objectsJson(objects) }), remainingMs);
  const found = new Set(rows.map(({ object_key, version }) => JSON.stringify([object_key, version])));
  return new Set(objects.filter(({ key, version }) => found.has(JSON.stringify([key, version]))).map(idOf));
}

const objectsJson = (objects: readonly HistoryObject[]) =>
  JSON.stringify(objects.map(({ bucket, key, version, size }) => ({ bucket, key, version, size })));

/** The same objects have the same run id: `chunks` puts them in order. */
function runIdOf(objects: readonly HistoryObject[]): string {
  return createHash('sha256').update(objects.map(idOf).join('\n')).digest('hex').slice(0, 32);
}

function chunks(objects: readonly HistoryObject[]): HistoryObject[][] {
  const sorted = [...objects].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  const result: HistoryObject[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const object of sorted) {
    const size = Buffer.byteLength(objectsJson([object]));
    if (bytes + size > maxObjectsBytes || result.at(-1)!.length === maxObjects) {
      result.push([]);
      bytes = 0;
    }
    result.at(-1)!.push(object);
    bytes += size;
  }
  return result;
}
