import { deaggregate } from 'kinesis-reader/aggregation';
import { textPayload, withoutLineEnd } from '../../../lambda/load/payload';
import { eventsOf } from '../../../lambda/load/record-shape';
import type { Pipeline, RecordShape } from '../../../pipelines/definition';
import { isText } from '../../../sql/names';
import type { ListedObject } from '../../cloud/ports';
import { grouped, plural } from '../../terminal';
import { archiveHour } from '../backfill';
import type { Context } from '../context';
import { isFolder, isFrozen } from '../history/listing';
import { Sources } from '../history/sources';
import { json, UnreadableError } from './lines';
import { matches, positionId, type Question } from './question';
import { type FileShape, recordsOf, unitOf } from './records';
import type { Bounds, Position } from './sighting';

/** Result of searching a place. */
export interface Search<Hit> {
  readonly hits: readonly Hit[];
  /** True if everything within the time bounds was read. */
  readonly complete: boolean;
  /** How much was read, in words. */
  readonly extent: string;
}

/** Enough hits to answer: the duplicates report further ones. */
const HITS = 5;

/** The events in the bytes of a record. */
const eventsOfBytes = (bytes: Buffer, records: RecordShape | undefined): readonly unknown[] =>
  isText(records) ? [textPayload(withoutLineEnd(bytes))] : eventsOf(json(bytes.toString('utf8')), records);

/** The events in a line of the archive. The bytes of texts are in base64. */
function eventsOfLine(value: unknown, records: RecordShape | undefined): readonly unknown[] {
  const { payload, unparsed } = (value ?? {}) as { payload?: unknown; unparsed?: unknown };
  if (!isText(records) || unparsed === null || unparsed === undefined) return eventsOf(payload, records);
  const texts: readonly unknown[] = Array.isArray(unparsed) ? unparsed : [unparsed];
  return eventsOfBytes(Buffer.concat(texts.map((text) => Buffer.from(String(text), 'base64'))), records);
}

/** Searches the stream, shard by shard. */
export async function searchStream(context: Context, question: Question, bounds: Bounds): Promise<Search<Position>> {
  const { streams, names } = context.cloud;
  const { pipeline } = question;
  const stream = names.stream(pipeline.name);
  const stage = context.progress.stage('stream');
  const hits: Position[] = [];
  let read = 0;
  let complete = true;
  search: for (const shard of await streams.shards(stream))
    for await (const records of streams.records(stream, shard, bounds.since)) {
      for (const { data, sequenceNumber, arrivedAt } of records) {
        if (bounds.until !== undefined && arrivedAt >= bounds.until) break;
        read++;
        for (const [number, part] of (deaggregate(data) ?? [{ data }]).entries()) {
          const record = number === 0 ? sequenceNumber : `${sequenceNumber}:${number}`;
          const events = eventsOfBytes(Buffer.from(part.data), pipeline.stream.records);
          for (const [index, event] of events.entries()) {
            const position = index === 0 ? record : `${record}.${index}`;
            const found =
              pipeline.identity.by === 'stream-position' && question.fields.size === 0
                ? positionId(shard, position) === question.id
                : matches(question, event);
            if (found) hits.push({ shard, sequenceNumber: position, arrivedAt });
          }
        }
      }
      stage.update(plural(read, 'record'));
      if (hits.length >= HITS) break search;
      if (read >= bounds.records || context.remainingMs() <= 0) {
        complete = false;
        break search;
      }
      if (bounds.until !== undefined && (records.at(-1)?.arrivedAt ?? 0) >= bounds.until) break;
    }
  const extent = `${plural(read, 'record')} of ${stream} read`;
  stage.done(extent);
  return { hits, complete, extent };
}

export interface ObjectHit {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  /** Line, or row in a format without lines. */
  readonly line: number;
  readonly unit: 'line' | 'row';
  readonly position?: Position;
}

/** Tests whether a record is the requested event. */
type LineTest = (value: unknown) => boolean;

interface Candidate {
  readonly object: ListedObject;
  readonly shape: FileShape;
  readonly test: LineTest;
}

/**
 * Searches objects of the archive: those that can contain the positions, or, without positions, all within the bounds.
 */
export async function searchArchive(
  context: Context,
  question: Question,
  positions: readonly Position[],
  bounds: Bounds,
): Promise<Search<ObjectHit>> {
  const { names, buckets } = context.cloud;
  const { pipeline } = question;
  const bucket = names.archiveBucket;
  const known = positions.filter(({ arrivedAt }) => arrivedAt !== undefined);
  const isAt = (value: unknown) => {
    const { shard_id, sequence_number } = value as { shard_id?: unknown; sequence_number?: unknown };
    return known.some(
      ({ shard, sequenceNumber }) => shard === shard_id && sequenceNumber.split('.')[0] === sequence_number,
    );
  };
  const holds = (value: unknown) =>
    eventsOfLine(value, pipeline.stream.records).some((event) => matches(question, event));
  const test: LineTest = (value) =>
    typeof value === 'object' && value !== null && (known.length > 0 ? isAt(value) : holds(value));
  const prefixes =
    known.length > 0
      ? [...new Set(known.flatMap(({ arrivedAt }) => hourPrefixes(pipeline.name, arrivedAt!)))]
      : [`archive/${pipeline.name}/`];
  const candidates: Candidate[] = [];
  for (const prefix of prefixes)
    for await (const page of buckets.pages(bucket, prefix))
      for (const object of page)
        if (isWithin(archiveHour(object.key), bounds)) candidates.push({ object, shape: archived, test });
  return searchObjects(context, pipeline, bucket, candidates, bounds, 'archive', Math.max(1, known.length));
}

/** The oldest record of the object may have arrived in the hour before. */
function hourPrefixes(pipeline: string, arrivedAt: number): string[] {
  return [arrivedAt - 900_000, arrivedAt].map(
    (time) => `archive/${pipeline}/${new Date(time).toISOString().slice(0, 13).replace(/[-T]/g, '/')}/`,
  );
}

function isWithin(hour: number | undefined, { since, until }: Bounds): boolean {
  if (hour === undefined) return true;
  return (since === undefined || hour + 3_600_000 + 900_000 > since) && (until === undefined || hour < until);
}

/** Searches history objects: the named ones, or else all within the bounds, newest first. */
export async function searchHistory(
  context: Context,
  question: Question,
  keys: readonly string[],
  bounds: Bounds,
): Promise<Search<ObjectHit>> {
  const { names, buckets } = context.cloud;
  const bucket = names.historyBucket;
  const sources = new Sources(question.pipeline);
  const objects: ListedObject[] = [];
  if (keys.length > 0)
    for (const key of keys) {
      const head = await buckets.head(bucket, key);
      if (head !== undefined) objects.push(head);
    }
  else
    for (const prefix of sources.prefixes('history'))
      for await (const page of buckets.pages(bucket, prefix))
        objects.push(
          ...page.filter(
            (object) =>
              !isFolder(object) &&
              (bounds.since === undefined || object.lastModified >= bounds.since) &&
              (bounds.until === undefined || object.lastModified < bounds.until),
          ),
        );
  const candidates = objects.flatMap((object): Candidate[] => {
    const name = sources.of('history', object.key)?.name;
    const source = question.pipeline.history?.find((candidate) => candidate.name === name);
    if (source === undefined) return [];
    const events = (value: unknown) =>
      source.format === 'firehose' ? eventsOfLine(value, source.records) : eventsOf(value, source.records);
    const test: LineTest = (value) => events(value).some((event) => matches(question, event));
    return [{ object, shape: source, test }];
  });
  return searchObjects(context, question.pipeline, bucket, candidates, bounds, 'history', HITS);
}

/** Format of the objects that Firehose writes. */
const archived: FileShape = { format: 'firehose', compression: 'gzip' };

async function searchObjects(
  context: Context,
  { columns }: Pipeline,
  bucket: string,
  candidates: readonly Candidate[],
  bounds: Bounds,
  name: string,
  enough: number,
): Promise<Search<ObjectHit>> {
  const stage = context.progress.stage(name);
  const hits: ObjectHit[] = [];
  const unread: string[] = [];
  const newestFirst = [...candidates].sort((one, other) => other.object.lastModified - one.object.lastModified);
  let bytes = 0;
  let read = 0;
  for (const { object, shape, test } of newestFirst) {
    if (hits.length >= enough || bytes >= bounds.bytes || context.remainingMs() <= 0) break;
    if (isFrozen(object)) {
      unread.push(`${object.key}: in Glacier`);
      continue;
    }
    try {
      const unit = unitOf(shape.format);
      for await (const { line, value } of recordsOf(
        await context.cloud.buckets.read(bucket, object.key),
        shape,
        columns,
      )) {
        if (!test(value)) continue;
        hits.push({ bucket, key: object.key, etag: object.etag, line, unit, ...positioned(name, value) });
        if (hits.length >= enough) break;
      }
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      unread.push(`${object.key}: ${error.message}`);
    }
    bytes += object.size;
    read++;
    stage.update(`${grouped(read)} of ${plural(candidates.length, 'object')}`);
  }
  const extent = `${grouped(read)} of ${plural(candidates.length, 'object')} read${unread.length > 0 ? `, ${grouped(unread.length)} cannot be (${unread[0]})` : ''}`;
  stage.done(extent);
  return { hits, complete: hits.length > 0 || (read === candidates.length && unread.length === 0), extent };
}

function positioned(name: string, value: unknown): { position?: Position } {
  if (name !== 'archive') return {};
  const { shard_id, sequence_number, approximate_arrival_timestamp } = value as Record<string, unknown>;
  return {
    position: {
      shard: String(shard_id),
      sequenceNumber: String(sequence_number),
      arrivedAt: Date.parse(`${approximate_arrival_timestamp}Z`),
    },
  };
}
