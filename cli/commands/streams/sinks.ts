import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Failure } from '../../failure';
import type { Decoding } from './payload-text';
import type { CopiedRecord, Sink } from './sink';

export interface SinkOptions {
  /** A file or an address, by its ending. @default - stdout */
  readonly out?: string;
  readonly stdout: NodeJS.WritableStream;
  /** Revision of the state that was saved last, 0 before the first. */
  readonly revision: number;
  readonly decode: Decoding;
}

export async function openSink({ out, stdout, revision, decode }: SinkOptions): Promise<Sink> {
  const field = decode === 'text' ? 'text' : 'value';
  if (out === undefined) return standardOutput(stdout, field);
  if (/^https?:\/\//.test(out)) return httpSink(out, field);
  if (out.endsWith('.duckdb')) return duckdbSinks().tableSink(out);
  if (out.endsWith('.parquet')) return duckdbSinks().parquetSink(out);
  if (/\.(ndjson|jsonl)$/.test(out)) return ndjsonSink(out, revision, field);
  throw new Failure(`--out must end in .ndjson, .parquet or .duckdb, or be an http address, got '${out}'`, 2);
}

/** Loaded when it is needed: the library is large. */
const duckdbSinks = () => require('./duckdb-sink') as typeof import('./duckdb-sink');

/** The field of a payload: a decoded text is `text`, so that no one takes it for a JSON string. */
type Field = 'value' | 'text';

/** Records as JSON. */
interface Json {
  /** One object for each record: the payload, the envelope beside it; bytes as `base64`. */
  readonly objects: readonly string[];
  /** Characters of all payloads. */
  readonly payload: number;
}

/**
 * Writes records as JSON, without parsing theirs. `_kinesis` is put together from its parts: JSON.stringify of it costs more than reading the
 * record. Shard and stream are those of the batch.
 */
function jsonOf(records: readonly CopiedRecord[], field: Field): Json {
  const { shard_id, stream_name } = records[0]?._kinesis ?? {};
  const start = `,"_kinesis":{"shard_id":${JSON.stringify(shard_id)},"seq_no":"`;
  const end = `,"stream_name":${JSON.stringify(stream_name)}},"_kinesis_msg_id":"`;
  const objects: string[] = [];
  let payload = 0;
  // Neighbours often arrived in the same millisecond, and writing a Date is a tenth of the work.
  let [arrivedMs, arrived] = [Number.NaN, ''];
  for (const { value, undecodable, _kinesis: at, _kinesis_msg_id } of records) {
    const json = undecodable
      ? `"undecodable":${JSON.stringify(undecodable.reason)},"base64":${base64(undecodable.bytes)}`
      : typeof value === 'string'
        ? `"${field}":${value}`
        : `"base64":${base64(value)}`;
    payload += json.length;
    if (at.ts.getTime() !== arrivedMs) [arrivedMs, arrived] = [at.ts.getTime(), at.ts.toISOString()];
    objects.push(
      `{${json}${start}${at.seq_no}","ts":"${arrived}","partition":${JSON.stringify(at.partition)}${end}${_kinesis_msg_id}"}`,
    );
  }
  return { objects, payload };
}

const base64 = (bytes: Uint8Array) => `"${Buffer.from(bytes).toString('base64')}"`;

const lines = ({ objects }: Json) => (objects.length === 0 ? '' : `${objects.join('\n')}\n`);

function standardOutput(stdout: NodeJS.WritableStream, field: Field): Sink {
  return {
    write: (records) =>
      new Promise((resolve, reject) => {
        const json = jsonOf(records, field);
        stdout.write(lines(json), (error) => (error ? reject(error) : resolve(json.payload)));
      }),
    flush: async () => undefined,
    close: async () => undefined,
  };
}

interface Commit {
  readonly revision: number;
  readonly bytes: number;
}

/**
 * Lines at the end of a file. `<file>.commits` says how long the file was at the start and at the last two commits, so
 * that lines of a batch whose state was never saved are cut off at the next start. After a complete read it has the
 * last commit only: a read with a new state then adds its lines behind those that are there.
 */
function ndjsonSink(file: string, revision: number, field: Field): Sink {
  const descriptor = openSync(file, 'a+');
  const commitsFile = `${file}.commits`;
  const commits = existsSync(commitsFile) ? (JSON.parse(readFileSync(commitsFile, 'utf8')) as Commit[]) : [];
  const last = commits.find((commit) => commit.revision === revision);
  if (last) ftruncateSync(descriptor, Math.min(last.bytes, fstatSync(descriptor).size));
  const save = (kept: readonly Commit[]) => {
    writeFileSync(`${commitsFile}.new`, JSON.stringify(kept));
    renameSync(`${commitsFile}.new`, commitsFile);
  };
  let previous = last ?? { revision, bytes: fstatSync(descriptor).size };
  if (!last) save([previous]);
  return {
    async write(records) {
      const json = jsonOf(records, field);
      const bytes = Buffer.from(lines(json));
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
      return json.payload;
    },
    async flush(next) {
      fsyncSync(descriptor);
      const commit = { revision: next, bytes: fstatSync(descriptor).size };
      save([previous, commit]);
      previous = commit;
    },
    async close(complete) {
      closeSync(descriptor);
      if (complete) save([previous]);
    },
  };
}

const ATTEMPTS = 8;
const ANSWER_MS = 30_000;

/**
 * Posts each batch as a JSON array. A batch that is sent again has the same `Idempotency-Key`, so that the receiver can
 * take it once. Retried: no answer, 408, 429 and 5xx.
 */
function httpSink(address: string, field: Field): Sink {
  return {
    async write(records) {
      const [first, last] = [records[0]!, records.at(-1)!];
      const key = `${first._kinesis_msg_id}-${last._kinesis_msg_id}-${records.length}`;
      const { objects, payload } = jsonOf(records, field);
      const body = `[${objects.join(',')}]`;
      for (let attempt = 1; ; attempt++) {
        const answer = await post(address, key, body);
        if (answer.ok) return payload;
        if (!answer.passing || attempt === ATTEMPTS)
          throw new Failure(
            `${address} did not take ${records.length} records, asked ${attempt} times: ${answer.reason}`,
          );
        await wait(answer.waitMs ?? 250 * 2 ** attempt);
      }
    },
    flush: async () => undefined,
    close: async () => undefined,
  };
}

interface Answer {
  readonly ok: boolean;
  readonly passing?: boolean;
  readonly reason?: string;
  readonly waitMs?: number;
}

async function post(address: string, key: string, body: string): Promise<Answer> {
  try {
    const { ok, status, headers } = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const after = Number(headers.get('retry-after') ?? Number.NaN);
    return {
      ok,
      passing: status === 408 || status === 429 || status >= 500,
      reason: `status ${status}`,
      ...(Number.isFinite(after) && { waitMs: Math.min(after, 60) * 1_000 }),
    };
  } catch (error) {
    const { message, cause } = error as Error;
    return { ok: false, passing: true, reason: cause instanceof Error ? cause.message : message };
  }
}
