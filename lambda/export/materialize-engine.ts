import type { Log } from '../shared/log';
import type { ConditionalObjects, ObjectBytes, ObjectCopies, ObjectListing, ObjectStore } from '../shared/objects';
import { type Postgres, PostgresError } from '../shared/postgres';
import { retry } from '../shared/retry';
import { type ExportItem, unloadRecordPrefix } from './contract';
import type { KnownUnload, UnloadEngine, UnloadState, UnloadTarget, Written } from './engine';
import { copyWindow, type MaterializeTarget } from './materialize-copy';
import { countRows, stagedFiles } from './materialize-files';
import { type CopyRecord, isRecordKey, parseRecord, recordKey } from './materialize-record';

export interface MaterializeEngineOptions {
  readonly environment: string;
  readonly pipeline: string;
  readonly bucket: string;
  /** Key prefix below which Materialize may write, ending in a slash. */
  readonly stagingPrefix: string;
  readonly target: MaterializeTarget;
  readonly postgres: Postgres;
  readonly objects: ObjectStore & ConditionalObjects & ObjectListing & ObjectCopies & ObjectBytes;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Until this function has to be done. */
  readonly remainingMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly log: Log;
}

/** Kept for what follows a COPY: copying its files and reading them for their checksums. */
const publishingMs = 5 * 60_000;
/** A COPY that has less is not begun. */
const leastCopyMs = 60_000;
/** How long a statement may outlive its function's wait for it, by Materialize's own statement_timeout. */
const graceMs = 60_000;
/** Before each further attempt to connect. */
const connectPausesMs = [500, 2000, 5000];
/** Before each further look at what a COPY left whose answer was lost. */
const lookPausesMs = [1000, 2000, 5000];
/** Records that are looked at, the newest: unloads of an export follow each other, so that one under way is among them. */
const newestRecords = 20;

/**
 * Materialize's COPY TO. It is one statement that ends when the files are written, and Materialize keeps nothing of it; so its state is a
 * record in S3 and, where a function died or a connection broke, what the sentinel protocol says: the object `mz-<id>-INCOMPLETE` is
 * there from before the first file until after the last. Materialize writes below the partner's prefix, with the partner's role; what is
 * published are copies that it cannot reach.
 */
export function materializeEngine(options: MaterializeEngineOptions): UnloadEngine {
  const { environment, pipeline, bucket, stagingPrefix, target, postgres, objects, now, remainingMs, sleep, log } =
    options;
  const staged = (prefix: string) => `${stagingPrefix}${prefix}`;

  const read = async (key: string): Promise<CopyRecord | undefined> => {
    const text = await objects.get(bucket, key);
    return text === undefined ? undefined : parseRecord(text, key);
  };
  const write = (key: string, record: CopyRecord) =>
    objects.put(bucket, key, JSON.stringify(record), 'application/json');

  const isComplete = async ({ staged: prefix, counted }: CopyRecord) =>
    counted !== undefined && (await stagedFiles(objects, bucket, prefix)).state === 'complete';

  const stateOf = async (record: CopyRecord): Promise<UnloadState> => {
    const { status, error, mayPass = false, updatedAt, deadline } = record;
    if (status !== 'running') return { status, error, mayPass, updatedAt };
    if (await isComplete(record)) return { status: 'finished', mayPass: false, updatedAt: now() };
    if (now() <= deadline) return { status: 'running', mayPass: false, updatedAt };
    return { status: 'failed', mayPass: true, updatedAt: deadline, error: 'its function ended before it' };
  };

  /** The lost answer may have been a success: the sentinel tells, when it had its time to go. */
  const endOfLost = async (key: string): Promise<CopyRecord | undefined> => {
    for (const pauseMs of lookPausesMs) {
      const record = await read(key);
      if (record && (await isComplete(record))) return record;
      await sleep(pauseMs);
    }
    return undefined;
  };

  /** Runs the COPY to its end, and writes down what came of it. */
  const carryOut = async (item: ExportItem, key: string, begun: CopyRecord, to: UnloadTarget): Promise<UnloadState> => {
    let record = begun;
    const settle = async (end: Partial<CopyRecord>): Promise<UnloadState> => {
      record = { ...record, ...end, updatedAt: now() };
      await write(key, record);
      return stateOf(record);
    };
    try {
      const session = await retry(() => postgres.connect(), {
        retryable: (error) => error instanceof PostgresError && error.mayPass,
        pausesMs: connectPausesMs,
        sleep,
      });
      try {
        const unloaded = await copyWindow(session, item, {
          ...target,
          url: `s3://${bucket}/${begun.staged.replace(/\/$/, '')}`,
          window: { start: to.window.start, end: to.end },
          timeoutMs: begun.deadline - graceMs - now(),
          onCounted: async (counted) => {
            record = { ...record, counted };
            await write(key, record);
          },
        });
        return await settle({ status: 'finished', unloaded });
      } finally {
        await session.close();
      }
    } catch (error) {
      if (!(error instanceof PostgresError)) throw error;
      if (error.isLost && record.counted && (await endOfLost(key))) {
        log('the answer of a COPY was lost, its files are complete', { statement: record.name, error: error.message });
        return settle({ status: 'finished' });
      }
      return settle({
        status: 'failed',
        error: `${error.code ?? 'timeout'}: ${error.message}`,
        mayPass: error.mayPass,
      });
    }
  };

  return {
    windowsAtOnce: () => 1,
    mayBegin: () => remainingMs() >= publishingMs + leastCopyMs,

    async submit(item, { name, targets }) {
      const [to, ...more] = targets;
      if (!to || more.length > 0) throw new Error(`${name}: a COPY writes one window, got ${targets.length}`);
      const key = recordKey(environment, pipeline, name);
      const record: CopyRecord = {
        name,
        staged: staged(to.prefix),
        status: 'running',
        startedAt: now(),
        deadline: now() + Math.max(leastCopyMs, remainingMs() - publishingMs) + graceMs,
        updatedAt: now(),
      };
      // Whoever wrote it first carries it out; if that was this function, and the answer was lost, it fails by its deadline.
      if (!(await objects.putIf(bucket, key, JSON.stringify(record), undefined, 'application/json')))
        return { id: key };
      return { id: key, end: await carryOut(item, key, record, to) };
    },

    async describe(id) {
      const record = await read(id);
      if (!record) throw new Error(`there is no unload ${id}`);
      return stateOf(record);
    },

    async recent(exportName) {
      const keys = await objects.list(bucket, `${unloadRecordPrefix(pipeline)}${exportName}/`);
      const known: KnownUnload[] = [];
      for (const key of keys.filter((found) => isRecordKey(found, pipeline)).slice(-newestRecords)) {
        const record = await read(key);
        if (!record) continue;
        const { status } = await stateOf(record);
        known.push({ id: key, name: record.name, status, createdAt: record.startedAt });
      }
      return known;
    },

    async results(item, id, [to]) {
      const record = await read(id);
      if (!to || !record?.counted) throw new Error(`${id}: the rows of the query were not counted`);
      const files = await publishable(options, item, record, to);
      const listed = files.reduce((sum, file) => sum + file.rows, 0);
      const { rows, fingerprint } = record.counted;
      return [{ rows, unloaded: record.unloaded ?? listed, listed, fingerprint, files }];
    },

    async forget(prefix) {
      for (const key of await objects.list(bucket, staged(prefix))) await objects.delete(bucket, key);
    },
  };
}

/** Copies what Materialize wrote to where readers find it and Materialize cannot reach, and counts the rows of the copies. */
async function publishable(
  { bucket, objects }: MaterializeEngineOptions,
  item: ExportItem,
  record: CopyRecord,
  { prefix }: UnloadTarget,
): Promise<Written['files']> {
  const { state, files } = await stagedFiles(objects, bucket, record.staged);
  if (state === 'incomplete') throw new Error(`${record.staged} has the sentinel of a COPY that did not end`);
  const copied: { key: string; bytes: number; rows: number }[] = [];
  for (const { key, size } of files) {
    const to = `${prefix}${key.slice(record.staged.length)}`;
    await objects.copyWithin(bucket, key, to);
    copied.push({ key: to, bytes: size, rows: await countRows(objects, bucket, to, item.format) });
  }
  return copied;
}
