import { gzipSync } from 'node:zlib';
import {
  type CompleteOptions,
  DAY_MS,
  type GeneratedRecord,
  type HistoryObject,
  LATE_SPAN_MS,
  type Oracle,
} from './generator';
import type { Random } from './random';

/** How a pipeline's valid events become records, and how records are damaged. */
export interface RecordShape<Event> {
  record(event: Event): GeneratedRecord;
  /** Adds a valid event, seen for the first time, to the oracle's groups. */
  observe(event: Event, oracle: Oracle): void;
  /** A record that the merge has to reject. */
  malformed(event: Event, random: Random): GeneratedRecord;
  /** A record with a field far longer than its column. */
  oversized(event: Event, random: Random): GeneratedRecord;
}

export type Noise = Pick<CompleteOptions, 'duplicates' | 'malformed' | 'oversized' | 'refused'>;

/** A duplicate follows its original within this many events. */
const DUPLICATE_DISTANCE = 256;

/**
 * Yields the records of valid events in order, mixed with duplicates and with malformed, oversized and refused
 * records. Counts what it yields in the oracle.
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

/** `<pipeline>/<workspace>/<day>/<n>.gz`, the layout in which Segment writes its logs. */
export function historyKey(pipeline: string, workspace: string, dayStart: number, name: string): string {
  return `${pipeline}/${workspace}/${new Date(dayStart).toISOString().slice(0, 10)}/${name}.gz`;
}

/** Splits lines into compressed objects of at most 5,000 rows. `keyOf` names the nth object. */
export function* historyObjects(
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

/**
 * The days of the history, oldest first, with their numbers of events: whole UTC days that end before the oldest late
 * event of the stream.
 */
export function historyDays(options: CompleteOptions, events: number): { from: number; to: number; events: number }[] {
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
export function* first<T>(values: Iterable<T>, limit: number): Generator<T> {
  if (limit <= 0) return;
  let taken = 0;
  for (const value of values) {
    yield value;
    if (++taken >= limit) return;
  }
}
