import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { type KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import type { Command } from 'commander';
import { readStream } from 'kinesis-reader';
import { streamAddress } from '../cloud/stream-address';
import { Failure } from '../failure';
import { interruptible } from '../interrupt';
import { Progress } from '../progress';
import { plural, styleFor } from '../terminal';
import { type CommandIo, checkOrder, moment } from './context';
import { ATTEMPTS, BYTES_PER_CALL, RECORDS_PER_CALL } from './feed';
import { addEnvironmentOptions, text, wholeNumber } from './options';
import { interruptionReport } from './streams/interrupt';
import { openStream, type StreamOptions } from './streams/open-stream';
import { archiveSource, fileSource, type Outgoing, type ReplaySource } from './streams/replay-sources';

interface ReplayOptions extends StreamOptions {
  readonly stream: string;
  readonly pipeline?: string;
  readonly rate?: number;
  readonly from?: number;
  readonly to?: number;
  readonly key?: string;
  readonly state?: string;
  readonly json?: boolean;
}

export function addReplay(program: Command, io: CommandIo): void {
  const command = program
    .command('replay')
    .summary('put records of a file, an archive or another stream onto a stream')
    .description(
      'Puts records onto a Kinesis stream again, with their partition keys and in their order, within the quotas of the stream.\n' +
        'A merge drops the events that it has already.\n\n' +
        '  npx millrace replay estore.ndjson --stream estore\n' +
        '  npx millrace replay archive --pipeline estore --from 2026-11-20 --to 2026-11-21 --stream estore\n' +
        '  npx millrace replay stream:old-clicks --stream new-clicks --rate 500 --state replay.json',
    )
    .argument('<source>', 'a file of JSON lines, archive, or stream:<name>', text('<source>'))
    .requiredOption('--stream <name>', 'the stream, or its pipeline', text('--stream'))
    .option('--pipeline <name>', 'whose archive (default: the pipeline that --stream names)', text('--pipeline'))
    .option('--rate <n>', 'records a second at most', wholeNumber('--rate', 1, 1_000_000))
    .option('--from <time>', 'archive and streams: records that arrived then or later', moment('--from'))
    .option('--to <time>', 'archive and streams: records that arrived before', moment('--to'))
    .option('--key <path>', 'files of other JSON: the field with the partition key', text('--key'))
    .option('--state <file>', 'how far the replay is, so that another run goes on there', text('--state'))
    .option('--json', 'a summary as one JSON object');
  addEnvironmentOptions(command).action((source: string, options: ReplayOptions) => replay(source, options, io));
}

async function replay(from: string, options: ReplayOptions, io: CommandIo): Promise<void> {
  checkOrder({ since: options.from, until: options.to });
  const isFile = from !== 'archive' && !from.startsWith('stream:');
  if (isFile && (options.from !== undefined || options.to !== undefined))
    throw new Failure('--from and --to are for archives and streams: a file has no time of arrival for every line', 2);
  const target = await openStream(options.stream, options);
  const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: options.json === true });
  const stage = progress.stage('replay');
  try {
    const records = await interruptible((signal) => {
      const sent = (count: number) => stage.count(count, 'records');
      const put = createPutter(target.client, target.stream, options.rate, signal);
      return from.startsWith('stream:')
        ? fromStream(from.slice('stream:'.length), options, put, sent, signal)
        : fromSource(from, options, put, sent);
    }, interruptionReport(options.state));
    stage.done(`${plural(records, 'record')} onto ${target.stream}`);
    if (options.json) io.stdout.write(`${JSON.stringify({ source: from, stream: target.stream, records })}\n`);
  } catch (error) {
    stage.failed();
    throw error;
  } finally {
    progress.stop();
    target.close();
  }
}

type Put = (records: readonly Outgoing[]) => Promise<void>;
type Sent = (count: number) => void;

/** A file or an archive: the position is the count of records. */
async function fromSource(from: string, options: ReplayOptions, put: Put, sent: Sent): Promise<number> {
  const { source, close } = openSource(from, options);
  const done = options.state === undefined ? 0 : loadCount(options.state, from);
  let passed = 0;
  let batch: Outgoing[] = [];
  let bytes = 0;
  const flush = async () => {
    if (batch.length === 0) return;
    await put(batch);
    if (options.state !== undefined) saveCount(options.state, from, passed);
    sent(passed - done);
    batch = [];
    bytes = 0;
  };
  try {
    for await (const record of source) {
      if (passed < done) {
        passed += 1;
        continue;
      }
      const size = record.data.length + Buffer.byteLength(record.partitionKey);
      if (batch.length === RECORDS_PER_CALL || bytes + size > BYTES_PER_CALL) await flush();
      batch.push(record);
      bytes += size;
      passed += 1;
    }
    await flush();
    return passed - done;
  } finally {
    close();
  }
}

function openSource(from: string, options: ReplayOptions): { source: ReplaySource; close(): void } {
  if (from !== 'archive') return { source: fileSource(from, options.key?.split('.')), close: () => undefined };
  const { connect } = require('../cloud/connect') as typeof import('../cloud/connect');
  const cloud = connect(options);
  return { source: archiveSource(cloud, options.pipeline ?? options.stream, options), close: () => cloud.close() };
}

/** Another stream: the position is a reader's state. */
async function fromStream(
  named: string,
  options: ReplayOptions,
  put: Put,
  sent: Sent,
  signal: AbortSignal,
): Promise<number> {
  const source = await openStream(named, options);
  const reading = readStream<Uint8Array>({
    stream: source.stream,
    client: source.client,
    now: source.now,
    decode: 'bytes',
    // Aggregates go on as they are.
    aggregated: false,
    from: options.from === undefined ? 'beginning' : new Date(options.from),
    until: options.to === undefined ? 'now' : new Date(options.to),
    state: options.state,
    chunk: RECORDS_PER_CALL,
    signal,
  });
  let records = 0;
  try {
    for await (const batch of reading.batches()) {
      for (const part of withinCall(
        batch.map(({ value, _kinesis }) => ({ data: value, partitionKey: _kinesis.partition })),
      ))
        await put(part);
      if (options.state !== undefined) await reading.commit();
      records += batch.length;
      sent(records);
    }
    if (options.state !== undefined) await reading.commit();
    return records;
  } finally {
    source.close();
  }
}

function* withinCall(records: readonly Outgoing[]): Generator<Outgoing[]> {
  let batch: Outgoing[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = record.data.length + Buffer.byteLength(record.partitionKey);
    if (batch.length > 0 && bytes + size > BYTES_PER_CALL) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** One call after the other, since calls side by side would change the order; what a shard refuses is sent again before the next. */
function createPutter(client: KinesisClient, stream: string, rate: number | undefined, signal: AbortSignal): Put {
  let notBefore = performance.now();
  return async (records) => {
    const step = rate === undefined ? records.length : Math.max(1, Math.min(records.length, Math.ceil(rate / 5)));
    for (let at = 0; at < records.length; at += step) {
      const part = records.slice(at, at + step);
      const waitMs = notBefore - performance.now();
      if (waitMs > 0) await wait(waitMs, undefined, { signal });
      notBefore = Math.max(performance.now(), notBefore) + (rate === undefined ? 0 : (part.length / rate) * 1_000);
      await putOnce(part);
    }
  };
  async function putOnce(records: readonly Outgoing[]): Promise<void> {
    let left = records;
    for (let attempt = 1; left.length > 0; attempt++) {
      signal.throwIfAborted();
      const answer = await client.send(
        new PutRecordsCommand({
          ...streamAddress(stream),
          Records: left.map(({ data, partitionKey }) => ({ Data: data, PartitionKey: partitionKey })),
        }),
      );
      const failed = (answer.Records ?? []).flatMap(({ ErrorCode }, index) =>
        ErrorCode ? [{ index, ErrorCode }] : [],
      );
      if (failed.length > 0 && attempt === ATTEMPTS)
        throw new Failure(
          `${stream} refused ${failed.length} records ${ATTEMPTS} times, the last time with ${failed[0]!.ErrorCode}`,
        );
      left = failed.map(({ index }) => left[index]!);
      if (left.length > 0) await wait(25 * 2 ** attempt, undefined, { signal });
    }
  }
}

function loadCount(file: string, source: string): number {
  if (!existsSync(file)) return 0;
  let state: { source?: unknown; records?: unknown };
  try {
    state = JSON.parse(readFileSync(file, 'utf8')) as typeof state;
  } catch (cause) {
    throw new Failure(`--state ${file} is cut off or not JSON`, 1, { cause });
  }
  if (state?.source !== source || !Number.isSafeInteger(state.records))
    throw new Failure(
      `--state ${file} is not the state of a replay of ${source}, got ${JSON.stringify(state)?.slice(0, 100)}`,
    );
  return state.records as number;
}

function saveCount(file: string, source: string, records: number): void {
  writeFileSync(`${file}.new`, JSON.stringify({ source, records }));
  renameSync(`${file}.new`, file);
}
