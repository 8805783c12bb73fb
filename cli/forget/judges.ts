import { tombstone, tombstoneField } from '../../lambda/shared/tombstone';
import type { Pipeline } from '../../pipelines/definition';
import type { Judge } from './rewrite-lines';
import { type Marked, SubjectFinder } from './subject-finder';

/** Judges records and counts what it saw. */
export interface CountingJudge {
  readonly judge: Judge;
  /** Records that have to be replaced. */
  hits: number;
  /** Records that were replaced before. */
  tombstones: number;
}

export const subjectColumns = ({ columns, subject = [] }: Pipeline) =>
  columns.filter(({ name }) => subject.includes(name));

const tombstoneBytes = Buffer.from(tombstone);

/** Judges lines of history, which are payloads. */
export function historyJudge(pipeline: Pipeline, marked: Marked): CountingJudge {
  const finder = new SubjectFinder(subjectColumns(pipeline), marked);
  const counting: CountingJudge = {
    hits: 0,
    tombstones: 0,
    judge(record) {
      if (isTombstone(record)) counting.tombstones += 1;
      else if (finder.isForgotten(record)) {
        counting.hits += 1;
        return tombstoneBytes;
      }
      return undefined;
    },
  };
  return counting;
}

function isTombstone(record: Buffer): boolean {
  if (!record.includes(tombstoneField)) return false;
  const payload = parsed(record);
  return isObject(payload) && payload[tombstoneField] === true;
}

/** A position on the stream, as the key of a set. */
export const positionKey = (shardId: string, sequenceNumber: string) => `${shardId} ${sequenceNumber}`;

/**
 * Judges lines of the archive, which hold a record with its position: see lambda/shared/archive-line.ts. A line goes if the
 * warehouse has its record as forgotten, or if its payload has a mark.
 */
export function archiveJudge(pipeline: Pipeline, marked: Marked, positions: ReadonlySet<string>): CountingJudge {
  const columns = subjectColumns(pipeline);
  const inPayload = new SubjectFinder(columns, marked, ['payload']);
  const inBytes = new SubjectFinder(columns, marked);
  const counting: CountingJudge = {
    hits: 0,
    tombstones: 0,
    judge(record) {
      const line = parsed(record);
      if (!isObject(line)) return undefined;
      const { shard_id, sequence_number, approximate_arrival_timestamp, payload, unparsed } = line;
      if (isObject(payload) && payload[tombstoneField] === true) {
        counting.tombstones += 1;
        return undefined;
      }
      const bytes = bytesOf(unparsed);
      const isForgotten =
        positions.has(positionKey(String(shard_id), String(sequence_number))) ||
        inPayload.isForgotten(record) ||
        (bytes !== undefined && inBytes.isForgotten(bytes));
      if (!isForgotten) return undefined;
      counting.hits += 1;
      const place = { shard_id, sequence_number, partition_key: '', approximate_arrival_timestamp };
      return Buffer.from(`${JSON.stringify(place).slice(0, -1)},"payload":${tombstone},"unparsed":null}`);
    },
  };
  return counting;
}

/** The bytes of a record that is not plain JSON: base64, as a list of texts if they are long. */
export function bytesOf(unparsed: unknown): Buffer | undefined {
  const text = Array.isArray(unparsed) ? unparsed.join('') : unparsed;
  return typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
