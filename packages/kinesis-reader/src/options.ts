import type { KinesisClient } from '@aws-sdk/client-kinesis';
import { type Gap, ReadError } from './errors';
import type { Decode } from './record';
import type { StateStore } from './state';

export interface ReadOptions<Value = unknown> {
  /** Name or ARN of the stream. An ARN carries its region. */
  readonly stream: string;
  /**
   * Where shards without a saved position start: at the oldest record, at the first record from now on, or at a moment.
   * The first read resolves it and saves it in the state; later reads use the saved value.
   * @default 'beginning'
   */
  readonly from?: 'beginning' | 'latest' | Date;
  /**
   * Where the read ends. With `now` it reads the records that are in the stream at its start, with a Date those that
   * arrived before that moment.
   * @default - never: the read follows the stream
   */
  readonly until?: 'now' | Date;
  /** A file name or a store for the positions. @default - memory: each read starts at `from` */
  readonly state?: string | StateStore;
  /** How a payload becomes the record's value. A function may throw. @default 'json' */
  readonly decode?: Decode<Value>;
  /** Decompress payloads that begin with gzip's magic bytes. @default false */
  readonly gzip?: boolean;
  /**
   * What to do with a payload that `decode` cannot decode: yield a record without a value, skip the record, or end the
   * read with an error.
   * @default 'yield'
   */
  readonly undecodable?: 'yield' | 'skip' | 'throw';
  /** Put `_kinesis` and `_kinesis_msg_id` into the value, as dlt does. @default - beside the value */
  readonly envelope?: 'dlt';
  /** The number of records after which the read ends. @default - no limit */
  readonly maxRecords?: number;
  /** Largest batch, in records. @default 1000 */
  readonly chunk?: number;
  /** Split aggregated records of the Kinesis Producer Library. @default true */
  readonly aggregated?: boolean;
  /** Read by polling, or through a registered consumer, which has its own throughput. @default 'poll' */
  readonly via?: 'poll' | { readonly consumerArn: string };
  /**
   * What to do if a position is older than the stream's retention. `skip` reads on and reports the gap in `gaps()`.
   * @default 'throw'
   */
  readonly onGap?: 'throw' | 'skip';
  /** The number of shards read at the same time. Each holds at most one response of 10 MB. @default 16 */
  readonly parallel?: number;
  /** Ends the read, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The caller's own client. @default - one with this package's deadlines and the default credentials */
  readonly client?: KinesisClient;
  /** Receives each gap when it is found. */
  readonly report?: (gap: Gap) => void;
  /** The stream's clock, in epoch milliseconds. An emulator may have its own. @default - the system's clock */
  readonly now?: () => number;
}

const known = new Set<string>(
  [
    'stream from until state decode gzip undecodable envelope maxRecords chunk aggregated via onGap parallel signal client report now',
  ].flatMap((names) => names.split(' ')),
);

/** @throws ReadError naming the option, the allowed values and the value given */
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
