import type { Command } from 'commander';
import { type Reading, readStream, type StreamRecord } from 'kinesis-reader';
import { Failure, Interrupted } from '../failure';
import { grouped, type Output, printable, type Style, styleFor, table } from '../terminal';
import type { CommandIo } from './context';
import { addEnvironmentOptions, text } from './options';
import { untilInterrupted } from './streams/interrupt';
import { openStream, type StreamOptions } from './streams/open-stream';
import { since } from './streams/since';

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
      'Shows the records of a Kinesis stream, live: when each arrived, its shard and partition key, and its payload. Nothing is stored.\n\n' +
        '  npx millrace tail estore\n' +
        '  npx millrace tail estore --since 10m --where action=purchase\n' +
        '  npx millrace tail estore --rate',
    )
    .argument('<stream>', 'a pipeline, or the name or ARN of a stream', text('<stream>'))
    .option(
      '--since <when>',
      'beginning, latest, a span such as 10m, or a time (default: latest)',
      since('--since'),
      (() => 'latest') as TailOptions['since'],
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

async function tail(named: string, options: TailOptions, { stdout, env }: CommandIo): Promise<void> {
  const opened = await openStream(named, options);
  const style = styleFor(stdout, env);
  try {
    await untilInterrupted(async (signal) => {
      const reading = readStream({
        stream: opened.stream,
        client: opened.client,
        now: opened.now,
        from: options.since(opened.now()),
        until: options.until,
        gzip: true,
        signal,
      });
      if (options.rate) await showRates(reading, options, stdout, style);
      else await showRecords(reading, options, stdout, style);
    });
  } catch (error) {
    // Ctrl-C is how a person ends it.
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    opened.close();
  }
}

async function showRecords(reading: Reading<unknown>, options: TailOptions, stdout: Output, style: Style) {
  for await (const record of reading) {
    if (options.shard !== undefined && record._kinesis.shard_id !== options.shard) continue;
    if (!options.where.every((each) => matches(record, each))) continue;
    stdout.write(`${options.json ? jsonLine(record) : textLine(record, style, stdout)}\n`);
  }
}

function matches({ value }: StreamRecord, { path, value: wanted }: Condition): boolean {
  let found: unknown = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return false;
    found = (found as Record<string, unknown>)[name];
  }
  return (typeof found === 'string' ? found : JSON.stringify(found)) === wanted;
}

function jsonLine({ value, undecodable, ...envelope }: StreamRecord): string {
  if (!undecodable) return JSON.stringify({ value, ...envelope });
  const { reason, bytes } = undecodable;
  return JSON.stringify({ undecodable: { reason, base64: Buffer.from(bytes).toString('base64') }, ...envelope });
}

const SHOWN_BYTES = 2_000;

function textLine(record: StreamRecord, style: Style, { isTTY, columns }: Output): string {
  const { ts, shard_id, partition } = record._kinesis;
  const shard = shard_id.replace(/^shardId-0*(?=\d)/, '#');
  const start = `${ts.toISOString().slice(11, 23)}  ${shard.padEnd(4)} ${printable(partition).slice(0, 16).padEnd(16)} `;
  const payload = record.undecodable
    ? `✘ not JSON (${record.undecodable.reason}): ${Buffer.from(record.undecodable.bytes.subarray(0, SHOWN_BYTES)).toString()}`
    : JSON.stringify(record.value);
  const room = isTTY ? Math.max(20, (columns ?? 80) - start.length) : SHOWN_BYTES;
  const shown = printable(payload);
  const cut = shown.length > room ? `${shown.slice(0, room - 1)}…` : shown;
  return `${style.dim(start)}${record.undecodable ? style.red(cut) : cut}`;
}

interface Rate {
  records: number;
  bytes: number;
}

async function showRates(reading: Reading<unknown>, options: TailOptions, stdout: Output, style: Style) {
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
      rate.bytes += undecodable?.bytes.length ?? Buffer.byteLength(JSON.stringify(value));
      rates.set(_kinesis.shard_id, rate);
    }
    show();
  } finally {
    clearInterval(timer);
  }
}
