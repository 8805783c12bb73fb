import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { type Gap, ReadError } from './errors';
import type { Decode } from './record';
import type { StateStore } from './state';

export interface ReadOptions<Value = unknown> {
  /** Name or ARN of the stream. An ARN carries its region. */
  readonly stream: string;
  /**
   * Where shards begin that the state has no position of: at the oldest record, at what arrives from now on, or at a moment.
   * It is resolved by the first read and kept in the state, which has the last word in later reads.
   * @default 'beginning'
   */
  readonly from?: 'beginning' | 'latest' | Date;
  /**
   * Where the read ends: when everything is read that was in the stream as the read began, or that arrived before a moment.
   * @default - never: the stream is followed
   */
  readonly until?: 'now' | Date;
  /** File name or store. @default - in memory: each read begins at `from` */
  readonly state?: string | StateStore;
  /** What a record's value is. A function may throw. @default 'json' */
  readonly decode?: Decode<Value>;
  /** Decompress payloads that begin as gzip does. @default false */
  readonly gzip?: boolean;
  /** A payload that `decode` does not take: a record without a value, none at all, or the end of the read. @default 'yield' */
  readonly undecodable?: 'yield' | 'skip' | 'throw';
  /** Put `_kinesis` and `_kinesis_msg_id` into the value, as dlt does, instead of beside it. @default - beside */
  readonly envelope?: 'dlt';
  /** Ends after so many records. @default - no limit */
  readonly maxRecords?: number;
  /** Largest batch, in records. @default 1000 */
  readonly chunk?: number;
  /** Take records of the Kinesis Producer Library apart. @default true */
  readonly aggregated?: boolean;
  /** Read by polling, or through a registered consumer with its own throughput. @default 'poll' */
  readonly via?: 'poll' | { readonly consumerArn: string };
  /** A position that is older than the stream's retention. `skip` reads on and reports it in `gaps()`. @default 'throw' */
  readonly onGap?: 'throw' | 'skip';
  /** Shards that are read at the same time; each holds at most one answer of 10 MB. @default 16 */
  readonly parallel?: number;
  /** Ends the read, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** A client of the user's own. @default - one with the deadlines of this package, for the default credentials */
  readonly client?: KinesisClient;
  /** Hears of each gap as it is found. */
  readonly report?: (gap: Gap) => void;
  /** The time by which records arrive, in epoch milliseconds; an emulator's may be another. @default - the system's */
  readonly now?: () => number;
}

const known = new Set<string>(
  [
    'stream from until state decode gzip undecodable envelope maxRecords chunk aggregated via onGap parallel signal client report now',
  ].flatMap((names) => names.split(' ')),
);

/** @throws ReadError naming the option, what is allowed, and its value */
export function checkOptions(options: ReadOptions<never> | ReadOptions): void {
  for (const name of Object.keys(options)) if (!known.has(name)) throw new ReadError(`unknown option ${name}`);
  const { stream, from, until, decode, undecodable, envelope, maxRecords, chunk, parallel, via, onGap } = options;
  if (typeof stream !== 'string' || !/^(arn:[\w-]+:kinesis:[\w-]+:\d{12}:stream\/)?[\w.-]{1,128}$/.test(stream))
    throw invalid('stream', 'the name or ARN of a stream', stream);
  oneOf('from', from, ['beginning', 'latest'], isDate);
  oneOf('until', until, ['now'], isDate);
  oneOf('decode', decode, ['json', 'text', 'bytes'], (value) => typeof value === 'function');
  oneOf('undecodable', undecodable, ['yield', 'skip', 'throw']);
  oneOf('envelope', envelope, ['dlt']);
  oneOf('onGap', onGap, ['throw', 'skip']);
  oneOf('via', via, ['poll'], (value) =>
    /^arn:[\w-]+:kinesis:[\w-]+:\d{12}:stream\/[\w.-]+\/consumer\/[\w.-]+:\d+$/.test(
      (value as { consumerArn?: string })?.consumerArn ?? '',
    ),
  );
  atLeastOne('maxRecords', maxRecords);
  atLeastOne('chunk', chunk);
  atLeastOne('parallel', parallel);
}

const isDate = (value: unknown) => value instanceof Date && !Number.isNaN(value.getTime());

function oneOf(name: string, value: unknown, allowed: readonly string[], other?: (value: unknown) => boolean): void {
  if (value === undefined || allowed.includes(value as string) || other?.(value)) return;
  const what =
    { from: ' or a Date', until: ' or a Date', decode: ' or a function', via: ' or { consumerArn }' }[name] ?? '';
  throw invalid(name, `${allowed.map((each) => `'${each}'`).join(', ')}${what}`, value);
}

function atLeastOne(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1))
    throw invalid(name, 'an integer of 1 or more', value);
}

function invalid(name: string, allowed: string, value: unknown): ReadError {
  const shown = value instanceof Date ? String(value) : JSON.stringify(value);
  return new ReadError(`${name} must be ${allowed}, got ${shown}`);
}
