import { gzipSync } from 'node:zlib';
import {
  type CompleteOptions,
  DAY_MS,
  type GeneratedRecord,
  type HistoryObject,
  LATE_SPAN_MS,
  type Oracle,
  streamSpan,
} from './generator';
import { createRandom, type Random } from './random';

/** How a pipeline's valid events become records, and how records are damaged. */
export interface RecordShape<Event> {
  record(event: Event): GeneratedRecord;
  /** Adds a valid event, seen for the first time, to the oracle's groups. */
  observe(event: Event, oracle: Oracle): void;
  /** A record that the merge has to reject. */
  malformed(event: Event, random: Random): GeneratedRecord;
  /** A record with a field far longer than its column. */
  oversized(event: Event, random: Random): GeneratedRecord;
  /** A record that belongs to another pipeline. @default - there are none */
  other?(event: Event, random: Random): GeneratedRecord;
}

export type Noise = Pick<CompleteOptions, 'duplicates' | 'malformed' | 'oversized' | 'others' | 'refused'>;

/** A duplicate follows its original within this many events. */
const DUPLICATE_DISTANCE = 256;

/**
 * Yields the records of valid events in order, mixed with duplicates and with malformed, oversized and refused
 * records, and with records of another pipeline. Counts what it yields in the oracle.
 */
export function* withNoise<Event>(
  events: Iterable<Event>,
  shape: RecordShape<Event>,
  noise: Noise,
  random: Random,
  oracle: Oracle,
): Generator<GeneratedRecord> {
  const waiting: GeneratedRecord[][] = Array.from({ length: DUPLICATE_DISTANCE }, () => []);
  let refused = 0;
  let index = 0;
  for (const event of events) {
    const record = shape.record(event);
    oracle.produced++;
    oracle.events++;
    shape.observe(event, oracle);
    yield record;
    if (random.chance(noise.duplicates))
      waiting[(index + random.below(DUPLICATE_DISTANCE)) % DUPLICATE_DISTANCE]!.push(record);
    if (random.chance(noise.malformed)) yield rejected(shape.malformed(event, random), oracle);
    if (random.chance(noise.oversized)) yield rejected(shape.oversized(event, random), oracle);
    if (shape.other && random.chance(noise.others)) yield skipped(shape.other(event, random), oracle);
    if (refused < noise.refused) {
      refused++;
      yield { data: 'x'.repeat(1_048_577), partitionKey: record.partitionKey, refused: true };
    }
    yield* duplicatesOf(waiting[index % DUPLICATE_DISTANCE]!, oracle);
    index++;
  }
  for (let rest = 0; rest < DUPLICATE_DISTANCE; rest++)
    yield* duplicatesOf(waiting[(index + rest) % DUPLICATE_DISTANCE]!, oracle);
}

function rejected(record: GeneratedRecord, oracle: Oracle): GeneratedRecord {
  oracle.produced++;
  oracle.rejects++;
  return record;
}

function skipped(record: GeneratedRecord, oracle: Oracle): GeneratedRecord {
  oracle.produced++;
  oracle.skipped++;
  return record;
}

function* duplicatesOf(records: GeneratedRecord[], oracle: Oracle): Generator<GeneratedRecord> {
  if (records.length === 0) return;
  for (const record of records) {
    oracle.produced++;
    oracle.duplicates++;
    yield record;
  }
  records.length = 0;
}

/** Most rows of a history object. */
const ROWS_PER_OBJECT = 5000;

/** How the history of a batch is made. */
export interface HistoryShape<Event> {
  /** The batch's seed. */
  readonly seed: string;
  readonly options: CompleteOptions;
  /** How an event that is in history only becomes a row. */
  readonly rows: RecordShape<Event>;
  /** Events of one day that are in history only. */
  eventsOf(day: HistoryDay, seed: string): Iterable<Event>;
  /** The records of the stream's events, without any noise. */
  onStream(): Iterable<GeneratedRecord>;
  keyOf(dayStart: number, name: string): string;
}

/** Yields the objects of each day, and then one with records that the stream has too. Counts their rows. */
export function* history<Event>(shape: HistoryShape<Event>, oracle: Oracle): Generator<HistoryObject> {
  const { seed, options } = shape;
  const shares = shareOut(options);
  for (const day of historyDays(options, shares.history)) {
    const daySeed = `${seed}/${day.from}`;
    const noise = { ...options, refused: 0 };
    const records = withNoise(
      shape.eventsOf(day, daySeed),
      shape.rows,
      noise,
      createRandom(`${daySeed}/noise`),
      oracle,
    );
    yield* historyObjects(records, Math.ceil(day.events * 0.55), (n) => shape.keyOf(day.from, `${options.batch}-${n}`));
  }
  yield* historyObjects(repeated(shape.onStream(), shares.overlap, oracle), shares.overlap, (n) =>
    shape.keyOf(streamSpan(options).from, `${options.batch}-stream-${n}`),
  );
}

/** The first records, as rows of events that the stream has too. */
function* repeated(records: Iterable<GeneratedRecord>, limit: number, oracle: Oracle): Generator<GeneratedRecord> {
  for (const record of first(records, limit)) {
    oracle.produced++;
    oracle.duplicates++;
    yield record;
  }
}

/** Splits lines into compressed objects of at most 5,000 rows. `keyOf` names the nth object. */
function* historyObjects(
  records: Iterable<GeneratedRecord>,
  rowsPerObject: number,
  keyOf: (n: number) => string,
): Generator<HistoryObject> {
  let lines: string[] = [];
  let n = 0;
  const pack = (): HistoryObject => {
    const object = { key: keyOf(n++), body: gzipSync(`${lines.join('\n')}\n`), rows: lines.length };
    lines = [];
    return object;
  };
  for (const { data } of records) {
    lines.push(data);
    if (lines.length >= Math.min(rowsPerObject, ROWS_PER_OBJECT)) yield pack();
  }
  if (lines.length > 0) yield pack();
}

/** A UTC day of the history, in epoch milliseconds, with its number of events. */
export interface HistoryDay {
  readonly from: number;
  readonly to: number;
  readonly events: number;
}

/**
 * The days of the history, oldest first, with their numbers of events: whole UTC days that end before the oldest late
 * event of the stream.
 */
function historyDays(options: CompleteOptions, events: number): HistoryDay[] {
  const end = Math.floor((options.start - LATE_SPAN_MS) / DAY_MS) * DAY_MS;
  const perDay = Math.floor(events / options.historyDays);
  return Array.from({ length: options.historyDays }, (_, day) => {
    const from = end - (options.historyDays - day) * DAY_MS;
    return { from, to: from + DAY_MS, events: day === 0 ? events - perDay * (options.historyDays - 1) : perDay };
  }).filter((day) => day.events > 0);
}

/**
 * Distributes the events: most to the stream, some to history files only, some of the stream's to history files too.
 */
export function shareOut(options: CompleteOptions): { stream: number; history: number; overlap: number } {
  const history = Math.floor(options.events * options.historyShare);
  const stream = options.events - history;
  return { stream, history, overlap: Math.min(stream, Math.floor(options.events * options.overlap)) };
}

/** The first `limit` values. */
function* first<T>(values: Iterable<T>, limit: number): Generator<T> {
  if (limit <= 0) return;
  let taken = 0;
  for (const value of values) {
    yield value;
    if (++taken >= limit) return;
  }
}
