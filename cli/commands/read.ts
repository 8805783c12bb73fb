import type { Writable } from 'node:stream';
import { type Command, Option } from 'commander';
import { fileState, GapError, memoryState, type Reading, readStream } from 'kinesis-reader';
import { Failure } from '../failure';
import { interruptible } from '../interrupt';
import { Progress } from '../progress';
import { grouped, plural, styleFor } from '../terminal';
import type { CommandIo, Exit } from './context';
import { addEnvironmentOptions, text, wholeNumber } from './options';
import { interruptionReport } from './streams/interrupt';
import { openStream, type StreamOptions } from './streams/open-stream';
import { type Copied, copyDecoders, type Decoding } from './streams/payload-text';
import { since } from './streams/since';
import type { Sink } from './streams/sink';
import { openSink } from './streams/sinks';

interface ReadCommandOptions extends StreamOptions {
  readonly state?: string;
  readonly since: ReturnType<ReturnType<typeof since>>;
  readonly until?: (now: number) => 'now' | Date;
  readonly max?: number;
  readonly chunk: number;
  readonly decode: Decoding;
  readonly gzip?: boolean;
  readonly consumer?: string;
  readonly skipGaps?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** Exit code when --max ended the read and records are left. */
const LEFT = 3;
/** Records between two commits, and the longest time between them. */
const COMMIT_RECORDS = 20_000;
const COMMIT_MS = 2_000;
const MOST = 1_000_000_000;

export function addRead(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('read')
    .summary('copy the records of a stream, and go on where the last copy ended')
    .description(
      'Reads a Kinesis stream into a file, a database or an HTTP address, each record once. Without --until the ' +
        'stream is followed. With --state the next read goes on where this one ended. ' +
        'Exit code 0: everything was read; 3: --max ended it and records are left.\n\n' +
        '  npx millrace read estore --state estore.json --until now --out estore.ndjson\n' +
        '  npx millrace read estore --state estore.json --until now --out estore.duckdb\n' +
        '  npx millrace read estore --state api.json --out https://example.com/events --chunk 100',
    )
    .argument('<stream>', 'a pipeline, or the name or ARN of a stream', text('<stream>'))
    .option('--state <file>', 'what was read before, and what is read now', text('--state'))
    .addOption(
      new Option('--since <when>', 'where the first read begins: beginning, latest, a span such as 10m, or a time')
        .argParser(since('--since'))
        .default((() => 'beginning') as ReadCommandOptions['since'], 'beginning'),
    )
    .option('--until <when>', 'now, or a time; without it the stream is followed', until)
    .option('--max <n>', 'end after so many records', wholeNumber('--max', 1, MOST))
    .option('--chunk <n>', 'records of a batch', wholeNumber('--chunk', 1, 10_000), 1_000)
    .option('--decode <how>', 'json, text or bytes', decode, 'json' as const)
    .option('--gzip', 'decompress payloads that are gzip')
    .option('--consumer <arn>', 'read through this registered consumer', text('--consumer'))
    .option('--skip-gaps', 'read on where records have expired unread, instead of failing')
    .option(
      '--out <target>',
      'FILE.ndjson, FILE.parquet, FILE.duckdb or an http address (default: stdout)',
      text('--out'),
    )
    .option('--json', 'a summary as one JSON object, with --out');
  addEnvironmentOptions(command).action((named: string, options: ReadCommandOptions) => read(named, options, io, exit));
}

function until(value: string): (now: number) => 'now' | Date {
  if (value === 'now') return () => 'now';
  if (['beginning', 'latest'].includes(value)) throw new Failure(`--until must be now or a time, got '${value}'`, 2);
  const parsed = since('--until')(value);
  return (now) => parsed(now) as Date;
}

function decode(value: string): ReadCommandOptions['decode'] {
  if (!Object.hasOwn(copyDecoders, value)) throw new Failure(`--decode must be json, text or bytes, got '${value}'`, 2);
  return value as Decoding;
}

async function read(named: string, options: ReadCommandOptions, io: CommandIo, exit: Exit): Promise<void> {
  if (options.json && options.out === undefined) throw new Failure('--json needs --out: stdout holds the records', 2);
  if (options.out?.endsWith('.parquet') && options.until === undefined && options.max === undefined)
    throw new Failure('--out FILE.parquet needs --until or --max: the file is written at the end', 2);
  const opened = await openStream(named, options);
  const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: options.json === true });
  const store = options.state === undefined ? memoryState() : fileState(options.state);
  try {
    await interruptible(async (signal) => {
      const reading = readStream({
        stream: opened.stream,
        client: opened.client,
        now: opened.now,
        from: options.since(opened.now()),
        until: options.until?.(opened.now()),
        maxRecords: options.max,
        chunk: options.chunk,
        decode: copyDecoders[options.decode],
        gzip: options.gzip,
        onGap: options.skipGaps ? 'skip' : 'throw',
        report: ({ shardId, readUntil, oldest }) =>
          progress.warning(`gap in ${shardId}: ${readUntil?.toISOString()} to ${oldest.toISOString()}`),
        state: store,
        signal,
        ...(options.consumer && { via: { consumerArn: options.consumer } }),
      });
      const { records, bytes } = await copy(reading, options, io.stdout as unknown as Writable, progress);
      const outcome = reading.outcome();
      exit.code = outcome === 'limit' ? LEFT : 0;
      if (options.json)
        io.stdout.write(`${JSON.stringify({ stream: named, records, bytes, outcome, out: options.out })}\n`);
    }, interruptionReport(options.state));
  } catch (error) {
    if (error instanceof GapError)
      throw new Failure(error.message.replace("onGap: 'skip'", '--skip-gaps'), 1, { cause: error });
    throw error;
  } finally {
    progress.stop();
    opened.close();
  }
}

async function copy(reading: Reading<Copied>, options: ReadCommandOptions, stdout: Writable, progress: Progress) {
  const stage = progress.stage('read');
  let sink: Sink | undefined;
  let revision = 0;
  let records = 0;
  let bytes = 0;
  let uncommitted = 0;
  let committedAt = performance.now();
  const wholeAtEnd = options.out?.endsWith('.parquet') ?? false;
  const opened = async () => {
    if (sink) return sink;
    revision = reading.state().revision;
    sink = await openSink({ out: options.out, stdout, revision, decode: options.decode });
    return sink;
  };
  const commit = async () => {
    await (await opened()).flush(revision + 1);
    await reading.commit();
    revision += 1;
    uncommitted = 0;
    committedAt = performance.now();
  };
  let complete = false;
  let writing = false;
  try {
    for await (const batch of reading.batches()) {
      writing = true;
      bytes += await (await opened()).write(batch);
      writing = false;
      records += batch.length;
      uncommitted += batch.length;
      stage.update(`${grouped(records)} records, ${behind(reading)}`);
      if (!wholeAtEnd && (uncommitted >= COMMIT_RECORDS || performance.now() - committedAt >= COMMIT_MS))
        await commit();
    }
    await commit();
    complete = true;
    stage.done(`${plural(records, 'record')}${options.out ? ` into ${options.out}` : ''}`);
  } catch (error) {
    stage.failed();
    // A batch that was written in part is read again; what was written before an interruption is not.
    if (writing || uncommitted === 0 || wholeAtEnd) throw error;
    await commit().catch(() => undefined);
    throw error;
  } finally {
    await sink?.close(complete);
  }
  return { records, bytes };
}

function behind(reading: Reading<Copied>): string {
  const lag = Object.values(reading.lag());
  return `${lag.length} shards, ${(Math.max(0, ...lag) / 1_000).toFixed(0)} s behind`;
}
