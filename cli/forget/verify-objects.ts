import { UnreadableError } from '../../lambda/load/records';
import type { Pipeline } from '../../pipelines/definition';
import type { ObjectVersion } from '../cloud/ports';
import { Sources } from '../commands/history/sources';
import { archiveJudge, historyJudge } from './judges';
import { assertTime, type Work } from './statements';
import type { Marked } from './subject-finder';
import { type Batch, isFrozen, look } from './sweep-objects';
import { hourOf, parkedObjects, positionsSince } from './sweep-places';
import type { FilesRead, ObjectFound } from './verify-files';

type Count = (objects: number) => void;

/** Reads all versions of all objects of the history. */
export async function verifyHistory(work: Work, pipeline: Pipeline, marked: Marked, count: Count): Promise<FilesRead> {
  const read: FilesRead = { objects: 0, finds: [], unsearched: [] };
  const bucket = work.cloud.names.historyBucket;
  const sources = new Sources(pipeline);
  const parked = new Set((await parkedObjects(work, pipeline)).map(({ key, etag }) => `${etag} ${key}`));
  for (const prefix of sources.prefixes('history'))
    for await (const page of work.cloud.buckets.versions.pages(bucket, prefix))
      for (const version of page) {
        const source = sources.of('history', version.key);
        if (source === undefined || version.isDeleteMarker || version.key.endsWith('/')) continue;
        const { format, compression, records } = source.shape;
        if (format !== 'ndjson' || compression === 'zstd' || records !== undefined) {
          read.unsearched.push(`s3://${bucket}/${version.key}: ${format} is not searched`);
          continue;
        }
        const batch = { bucket, compression, judge: () => historyJudge(pipeline, marked) };
        await verifyObject(work, batch, version, read, count, parked.has(`${version.etag} ${version.key}`));
      }
  return read;
}

/**
 * Reads all versions of all objects of the archive.
 * @param byPosition true also finds records by the positions of the forgotten, whose payloads have another form
 */
export async function verifyArchive(
  work: Work,
  pipeline: Pipeline,
  marked: Marked,
  byPosition: boolean,
  count: Count,
): Promise<FilesRead> {
  const read: FilesRead = { objects: 0, finds: [], unsearched: [] };
  const bucket = work.cloud.names.archiveBucket;
  const root = `archive/${pipeline.name}/`;
  let known: { hour: number; positions: ReadonlySet<string> } = { hour: Number.NaN, positions: new Set() };
  for await (const page of work.cloud.buckets.versions.pages(bucket, root))
    for (const version of page) {
      const hour = hourOf(version.key.slice(root.length));
      if (hour === undefined || version.isDeleteMarker) continue;
      if (byPosition && hour !== known.hour) known = { hour, positions: await positionsSince(work, pipeline, hour) };
      const judge = () => archiveJudge(pipeline, marked, known.positions);
      await verifyObject(work, { bucket, compression: 'gzip', judge }, version, read, count);
    }
  return read;
}

async function verifyObject(
  work: Work,
  batch: Pick<Batch, 'bucket' | 'compression' | 'judge'>,
  version: ObjectVersion,
  read: FilesRead,
  count: Count,
  isParked = false,
): Promise<void> {
  assertTime(work, `reading ${batch.bucket}`);
  const found: Pick<ObjectFound, 'url' | 'isOld' | 'isParked'> = {
    isParked,
    url: `s3://${batch.bucket}/${version.key}`,
    isOld: !version.isLatest,
  };
  const unread = (problem: string) => read.finds.push({ ...found, records: 0, problem });
  read.objects += 1;
  count(read.objects);
  if (isFrozen(version)) return void unread(`it is in ${version.storageClass}, and has to be restored first`);
  try {
    const hits = (await look(work, batch, version))?.hits ?? 0;
    if (hits > 0) read.finds.push({ ...found, records: hits });
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    unread(error.message);
  }
}
