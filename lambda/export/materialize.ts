import { createHash } from 'node:crypto';
import type { RemainingMs } from '../shared/deadline';
import { asJson, asNumber, asOneOf, asRecord, asText } from '../shared/parse';
import { PostgresError } from '../shared/postgres';
import { retry } from '../shared/retry';
import { compactTime } from '../shared/statement-name';
import { type ExportItem, unloadRecordPrefix } from './contract';
import type {
  KnownUnload,
  Submitted,
  Unload,
  UnloadEngine,
  UnloadState,
  UnloadTarget,
  WindowRows,
  Written,
} from './engine';
import type { ExportHost, MaterializeHost } from './host';
import { parseUnloadName } from './layout';
import { copyWindow, countRows, readWindows, stagedFiles } from './materialize-copy';

/** Kept for what follows a COPY: copying its files and reading them for their checksums. */
const publishingMs = 5 * 60_000;
/** A COPY with less time is not begun. */
const minCopyMs = 60_000;
/** How long a statement may outlive its function, by Materialize's own statement_timeout. */
const graceMs = 60_000;
/** Before each further attempt to connect. */
const connectPausesMs = [500, 2000, 5000];
/** After each check whether a COPY whose answer was lost has completed its files. */
const checkPausesMs = [1000, 2000, 5000];
/** Unloads of an export follow each other, so a running one is among the newest. */
const newestRecords = 20;

/** What is known of one COPY. It is kept in the export bucket, since Materialize keeps nothing. Times are epoch milliseconds. */
interface CopyRecord {
  /** Name of the unload. */
  readonly name: string;
  /** Key prefix below which the COPY writes, ending in a slash. */
  readonly staged: string;
  readonly status: 'running' | 'finished' | 'failed';
  readonly startedAt: number;
  /** After this time, neither a function nor a statement works on the COPY. */
  readonly deadline: number;
  readonly updatedAt: number;
  /** Counted by the query in the transaction of the COPY, and written before the COPY begins. */
  readonly counted?: { readonly rows: number; readonly fingerprint: string };
  /** Rows in Materialize's answer. Missing if the answer was lost. */
  readonly unloaded?: number;
  readonly error?: string;
  readonly mayPass?: boolean;
}

interface Engine extends ExportHost, MaterializeHost {
  readonly remainingMs: RemainingMs;
}

/**
 * Materialize's COPY TO: one statement, which ends when the files are written. Materialize keeps no record of it. So the engine writes a record
 * to S3, and if a function died or a connection broke, Materialize's own sentinel tells the rest: the object `mz-<id>-INCOMPLETE` exists from
 * before the first file until after the last. Materialize writes below the partner's prefix with the partner's role. The published files are
 * copies that it can't reach.
 */
export function materializeEngine(host: ExportHost, own: MaterializeHost, remainingMs: RemainingMs): UnloadEngine {
  const engine: Engine = { ...host, ...own, remainingMs };
  const { bucket, objects } = host;
  return {
    maxWindows: 1,
    hasTime: () => remainingMs() >= publishingMs + minCopyMs,
    submit: (item, unload) => submitCopy(engine, item, unload),

    async describe(id) {
      const record = await readRecord(engine, id);
      if (!record) throw new Error(`there is no unload ${id}`);
      return stateOf(engine, record);
    },

    recent: (item) => recentCopies(engine, item),
    windows: (item) => windowsIn(engine, item),

    async results(item, id, [target]) {
      const record = await readRecord(engine, id);
      if (!target || !record?.counted) throw new Error(`${id}: the rows of the query were not counted`);
      const files = await copyToRun(engine, item, record, target);
      const listed = files.reduce((sum, file) => sum + file.rows, 0);
      const { rows, fingerprint } = record.counted;
      return [{ rows, unloaded: record.unloaded ?? listed, listed, fingerprint, files }];
    },

    async deleteStaged(runPrefix) {
      for (const key of await objects.list(bucket, stagedPrefix(engine, runPrefix))) await objects.delete(bucket, key);
    },
  };
}

/** Reads the rows of all windows. */
async function windowsIn(engine: Engine, item: ExportItem): Promise<readonly WindowRows[]> {
  if (item.windows === undefined) return [];
  const session = await connect(engine);
  try {
    return await readWindows(session, item, engine.cluster, Math.max(minCopyMs, engine.remainingMs() - publishingMs));
  } finally {
    await session.close();
  }
}

const stagedPrefix = ({ stagingPrefix }: Engine, prefix: string) => `${stagingPrefix}${prefix}`;

async function submitCopy(engine: Engine, item: ExportItem, { name, targets }: Unload): Promise<Submitted> {
  const { environment, plan, bucket, objects, now, remainingMs } = engine;
  const [target, ...others] = targets;
  if (!target || others.length > 0) throw new Error(`${name}: a COPY writes one window, got ${targets.length}`);
  const key = recordKey(environment, plan.pipeline, name);
  const record: CopyRecord = {
    name,
    staged: stagedPrefix(engine, target.prefix),
    status: 'running',
    startedAt: now(),
    deadline: now() + Math.max(minCopyMs, remainingMs() - publishingMs) + graceMs,
    updatedAt: now(),
  };
  // The function that wrote the record first runs the COPY. If that was this one, and the answer was lost, the COPY fails at its deadline.
  if (!(await objects.putIf(bucket, key, JSON.stringify(record), undefined, 'application/json'))) return { id: key };
  return { id: key, end: await runCopy(engine, item, key, record, target) };
}

/** Runs the COPY and writes its result to the record. */
async function runCopy(
  engine: Engine,
  item: ExportItem,
  key: string,
  begun: CopyRecord,
  target: UnloadTarget,
): Promise<UnloadState> {
  const { bucket, cluster, connection, now } = engine;
  let record = begun;
  const recordOutcome = async (outcome: Partial<CopyRecord>): Promise<UnloadState> => {
    record = { ...record, ...outcome, updatedAt: now() };
    await writeRecord(engine, key, record);
    return stateOf(engine, record);
  };
  try {
    const session = await connect(engine);
    try {
      const unloaded = await copyWindow(session, item, {
        cluster,
        connection,
        url: `s3://${bucket}/${begun.staged.replace(/\/$/, '')}`,
        window: { start: target.window.start, end: target.end },
        timeoutMs: begun.deadline - graceMs - now(),
        onCounted: async (counted) => {
          record = { ...record, counted };
          await writeRecord(engine, key, record);
        },
      });
      return await recordOutcome({ status: 'finished', unloaded });
    } finally {
      await session.close();
    }
  } catch (error) {
    if (!(error instanceof PostgresError)) throw error;
    if (error.isLost && record.counted && (await completesAfterLostAnswer(engine, key))) {
      const facts = { statement: record.name, error: error.message };
      engine.log('the answer of a COPY was lost, its files are complete', facts);
      return recordOutcome({ status: 'finished' });
    }
    const reason = `${error.code ?? 'timeout'}: ${error.message}`;
    return recordOutcome({ status: 'failed', error: reason, mayPass: error.mayPass });
  }
}

const connect = ({ postgres, sleep }: Engine) =>
  retry(() => postgres.connect(), {
    retryable: (error) => error instanceof PostgresError && error.mayPass,
    pausesMs: connectPausesMs,
    sleep,
  });

/** The lost answer may have been a success. Materialize's sentinel tells, after some time for Materialize to delete it. */
async function completesAfterLostAnswer(engine: Engine, key: string): Promise<boolean> {
  for (const pauseMs of checkPausesMs) {
    const record = await readRecord(engine, key);
    if (record && (await isComplete(engine, record))) return true;
    await engine.sleep(pauseMs);
  }
  return false;
}

async function stateOf(engine: Engine, record: CopyRecord): Promise<UnloadState> {
  const { now } = engine;
  const { status, error, mayPass = false, updatedAt, deadline } = record;
  if (status !== 'running') return { status, error, mayPass, updatedAt };
  if (await isComplete(engine, record)) return { status: 'finished', mayPass: false, updatedAt: now() };
  if (now() <= deadline) return { status: 'running', mayPass: false, updatedAt };
  return { status: 'failed', mayPass: true, updatedAt: deadline, error: 'its function ended before it' };
}

const isComplete = async ({ objects, bucket }: Engine, { staged, counted }: CopyRecord) =>
  counted !== undefined && (await stagedFiles(objects, bucket, staged)).state === 'complete';

async function recentCopies(engine: Engine, item: ExportItem): Promise<KnownUnload[]> {
  const { bucket, objects, plan } = engine;
  const keys = await objects.list(bucket, `${unloadRecordPrefix(plan.pipeline)}${item.name}/`);
  const known: KnownUnload[] = [];
  for (const key of keys.slice(-newestRecords)) {
    const record = await readRecord(engine, key);
    if (!record) continue;
    const { status } = await stateOf(engine, record);
    known.push({ id: key, name: record.name, status, createdAt: record.startedAt });
  }
  return known;
}

/** Copies the staged files into the run and counts the rows of the copies. */
async function copyToRun(
  { bucket, objects }: Engine,
  item: ExportItem,
  { staged }: CopyRecord,
  { prefix }: UnloadTarget,
): Promise<Written['files']> {
  const { state, files } = await stagedFiles(objects, bucket, staged);
  if (state === 'incomplete') throw new Error(`${staged} has the sentinel of a COPY that did not end`);
  const copied: { key: string; bytes: number; rows: number }[] = [];
  for (const { key, size } of files) {
    const to = `${prefix}${key.slice(staged.length)}`;
    await objects.copyWithin(bucket, key, to);
    copied.push({ key: to, bytes: size, rows: await countRows(objects, bucket, to, item.format) });
  }
  return copied;
}

/** Key of the record of an unload, which is also the unload's id. Keys sort in the order of the unloads. */
function recordKey(environment: string, pipeline: string, name: string): string {
  const batch = parseUnloadName(environment, pipeline, name);
  if (!batch) throw new Error(`not the name of an unload: ${name}`);
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 24);
  const position = `${compactTime(batch.tick)}-${String(batch.ordinal).padStart(4, '0')}-${batch.attempt}`;
  return `${unloadRecordPrefix(pipeline)}${batch.export}/${position}-${digest}.json`;
}

const writeRecord = ({ objects, bucket }: Engine, key: string, record: CopyRecord) =>
  objects.put(bucket, key, JSON.stringify(record), 'application/json');

async function readRecord({ objects, bucket }: Engine, key: string): Promise<CopyRecord | undefined> {
  const text = await objects.get(bucket, key);
  return text === undefined ? undefined : parseRecord(text, key);
}

function parseRecord(text: string, key: string): CopyRecord {
  const fields = asRecord(asJson(text, key), key);
  const at = (name: string) => `${key}: ${name}`;
  const counted = fields['counted'] === undefined ? undefined : asRecord(fields['counted'], at('counted'));
  return {
    name: asText(fields['name'], at('name')),
    staged: asText(fields['staged'], at('staged')),
    status: asOneOf(fields['status'], ['running', 'finished', 'failed'] as const, at('status')),
    startedAt: asNumber(fields['startedAt'], at('startedAt')),
    deadline: asNumber(fields['deadline'], at('deadline')),
    updatedAt: asNumber(fields['updatedAt'], at('updatedAt')),
    ...(counted && {
      counted: {
        rows: asNumber(counted['rows'], at('counted.rows')),
        fingerprint: asText(counted['fingerprint'], at('counted.fingerprint')),
      },
    }),
    ...(fields['unloaded'] === undefined ? {} : { unloaded: asNumber(fields['unloaded'], at('unloaded')) }),
    ...(fields['error'] === undefined ? {} : { error: asText(fields['error'], at('error')) }),
    ...(fields['mayPass'] === undefined ? {} : { mayPass: fields['mayPass'] === true }),
  };
}
