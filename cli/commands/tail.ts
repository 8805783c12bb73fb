import { gunzipSync } from 'node:zlib';
import { type Command, Option } from 'commander';
import { type Reading, readStream, type StreamRecord } from 'kinesis-reader';
import { textPayload, withoutLineEnd } from '../../lambda/load/payload';
import { isText } from '../../sql/names';
import { Failure, Interrupted } from '../failure';
import { interruptible } from '../interrupt';
import { grouped, type Output, type Style, styleFor, table } from '../terminal';
import type { CommandIo } from './context';
import { addEnvironmentOptions, text } from './options';
import { gathered } from './streams/gathered';
import { openStream, type StreamOptions } from './streams/open-stream';
import { since } from './streams/since';
import { jsonLine, textLine } from './tail/lines';
import { MergeOutcomes, type Payload } from './tail/merge-outcomes';

interface TailOptions extends StreamOptions {
  readonly since: ReturnType<ReturnType<typeof since>>;
  readonly until?: 'now';
  readonly where: readonly Condition[];
  readonly shard?: string;
  readonly rate?: boolean;
  readonly json?: boolean;
}

interface Condition {
  readonly path: readonly string[];
  readonly value: string;
}

const RATE_MS = 2_000;

export function addTail(program: Command, io: CommandIo): void {
  const command = program
    .command('tail')
    .summary('watch the records of a stream as they arrive')
    .description(
      'Shows the records of a Kinesis stream, live: when each arrived, its shard and partition key, and its payload. Nothing is stored.\n' +
        'Records of a pipeline are marked with what its merge will do: the reason of a reject, or what `where` leaves out.\n\n' +
        '  npx millrace tail estore\n' +
        '  npx millrace tail estore --since 10m --where action=purchase\n' +
        '  npx millrace tail estore --rate',
    )
    .argument('<stream>', 'a pipeline, or the name or ARN of a stream', text('<stream>'))
    .addOption(
      new Option('--since <when>', 'beginning, latest, a span such as 10m, or a time')
        .argParser(since('--since'))
        .default((() => 'latest') as TailOptions['since'], 'latest'),
    )
    .option('--until <when>', 'now: end when everything that is there was shown', untilNow)
    .option('--where <path=value>', 'only records with this value, as product.product_id=p7; repeatable', condition, [])
    .option('--shard <id>', 'only this shard', text('--shard'))
    .option('--rate', 'records, bytes and lag of each shard, every two seconds, instead of records')
    .option('--json', 'a JSON object a line');
  addEnvironmentOptions(command).action((named: string, options: TailOptions) => tail(named, options, io));
}

const untilNow = (value: string): 'now' => {
  if (value !== 'now') throw new Failure(`--until must be now, got '${value}'`, 2);
  return value;
};

function condition(value: string, before: readonly Condition[]): readonly Condition[] {
  const at = value.indexOf('=');
  if (at < 1) throw new Failure(`--where must be a path and a value such as action=purchase, got '${value}'`, 2);
  return [...before, { path: value.slice(0, at).split('.'), value: value.slice(at + 1) }];
}

async function tail(named: string, options: TailOptions, { stdout, stderr, env }: CommandIo): Promise<void> {
  const opened = await openStream(named, options);
  const style = styleFor(stdout, env);
  const outcomes = opened.pipeline && !options.rate ? new MergeOutcomes(opened.pipeline) : undefined;
  try {
    await interruptible(
      async (signal) => {
        const reading = readStream({
          stream: opened.stream,
          client: opened.client,
          now: opened.now,
          from: options.since(opened.now()),
          until: options.until,
          decode: isText(opened.pipeline?.stream.records) ? textOf : payloadOf,
          signal,
        });
        if (options.rate) await showRates(reading, options, stdout, style);
        else await showRecords(reading, options, outcomes, { stdout, stderr, style });
      },
      () => 'interrupted',
    );
  } catch (error) {
    // Ctrl-C is how a person ends it.
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    await outcomes?.dispose();
    opened.close();
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Largest payload after decompression: a small record can hold a large one. */
const INFLATED_BYTES = 64 * 1024 * 1024;

/** Decodes JSON, also in gzip, and keeps the bytes. */
function payloadOf(bytes: Uint8Array): Payload {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const plain = isGzip ? gunzipSync(bytes, { maxOutputLength: INFLATED_BYTES }) : bytes;
  return { bytes, value: JSON.parse(utf8.decode(plain)) };
}

/** Decodes a record of a stream of texts. */
function textOf(bytes: Uint8Array): Payload {
  const value = textPayload(withoutLineEnd(Buffer.from(bytes)));
  if (value === undefined) throw new Error('not a text');
  return { bytes, value };
}

interface Screen {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly style: Style;
}

async function showRecords(
  reading: Reading<Payload>,
  options: TailOptions,
  outcomes: MergeOutcomes | undefined,
  { stdout, stderr, style }: Screen,
) {
  const asked = (record: StreamRecord<Payload>) =>
    (options.shard === undefined || record._kinesis.shard_id === options.shard) &&
    options.where.every((each) => matches(record, each));
  let reported: string | undefined;
  // Records are shown without the merge's outcomes if these cannot be found.
  const outcomesOf = async (records: readonly StreamRecord<Payload>[]) => {
    try {
      return (await outcomes?.of(records)) ?? [];
    } catch (error) {
      const { message } = error as Error;
      if (message !== reported) stderr.write(`what the merge will do is not shown: ${message}\n`);
      reported = message;
      return [];
    }
  };
  for await (const batch of gathered(reading.batches())) {
    const records = batch.filter(asked);
    const found = await outcomesOf(records);
    for (const [index, record] of records.entries())
      stdout.write(
        `${options.json ? jsonLine(record, found[index]) : textLine(record, found[index], style, stdout)}\n`,
      );
  }
}

function matches({ value }: StreamRecord<Payload>, { path, value: wanted }: Condition): boolean {
  let found: unknown = value?.value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return false;
    found = (found as Record<string, unknown>)[name];
  }
  return (typeof found === 'string' ? found : JSON.stringify(found)) === wanted;
}

interface Rate {
  records: number;
  bytes: number;
}

async function showRates(reading: Reading<Payload>, options: TailOptions, stdout: Output, style: Style) {
  let rates = new Map<string, Rate>();
  let since = performance.now();
  const show = () => {
    const seconds = Math.max(0.001, (performance.now() - since) / 1_000);
    const lag = reading.lag();
    const shards = Object.keys(lag).filter((shard) => options.shard === undefined || shard === options.shard);
    const rows = shards.sort().map((shard) => {
      const { records = 0, bytes = 0 } = rates.get(shard) ?? {};
      return { shard, records: Math.round(records / seconds), bytes: Math.round(bytes / seconds), lagMs: lag[shard]! };
    });
    rates = new Map();
    since = performance.now();
    if (options.json) stdout.write(`${JSON.stringify(rows)}\n`);
    else
      stdout.write(
        `${table(
          ['shard', 'records/s', 'bytes/s', 'behind'],
          rows.map((row) => [
            row.shard,
            grouped(row.records),
            grouped(row.bytes),
            `${(row.lagMs / 1_000).toFixed(1)} s`,
          ]),
          style,
        )}\n\n`,
      );
  };
  const timer = setInterval(show, RATE_MS);
  try {
    for await (const { value, undecodable, _kinesis } of reading) {
      const rate = rates.get(_kinesis.shard_id) ?? { records: 0, bytes: 0 };
      rate.records += 1;
      rate.bytes += (undecodable ?? value).bytes.length;
      rates.set(_kinesis.shard_id, rate);
    }
    show();
  } finally {
    clearInterval(timer);
  }
}
