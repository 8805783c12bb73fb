import { gzipSync } from 'node:zlib';
import { deaggregate } from 'kinesis-reader';
import { archiveLine } from '../../../lambda/archive/archive';
import type { Pipeline } from '../../../pipelines/definition';
import { isForeign, isText, publicTables, skipPrefix } from '../../../sql/names';
import type { ListedObject, StreamRecord } from '../../cloud/ports';
import { grouped } from '../../terminal';
import { type Context, queryRows, warehouseText, warehouseTime } from '../context';
import { readLedger, readParked } from '../history/ledger';

/** Records that streaming ingestion skipped, whose rejects have a position and no bytes. */
export interface SkippedRecords {
  /** All of them, as `rejects` has them. */
  readonly records: number;
  /** Records that the stream does not hold any more. */
  readonly gone: number;
  /** Records whose object is parked: it could not be loaded. */
  readonly parked: number;
  /** Objects with the others, each in the form of the archive. With a dry run they are not written. */
  readonly objects: readonly ListedObject[];
  readonly bytes: number;
}

interface Place {
  readonly shard: string;
  readonly sequenceNumber: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
}

export interface SkippedOptions {
  /** Epoch milliseconds. */
  readonly since?: number;
  readonly until?: number;
  readonly apply?: boolean;
}

/**
 * Reads the records that streaming ingestion skipped from the stream, by position, and writes each as an object of the
 * archive. So the load function brings it to the merge like any archived record. The key says the position: the same
 * record gives the same object again.
 */
export async function archiveSkipped(
  context: Context,
  pipeline: Pipeline,
  { since, until, apply }: SkippedOptions,
): Promise<SkippedRecords> {
  const { buckets, names, streams } = context.cloud;
  const bucket = names.archiveBucket;
  const stage = context.progress.stage('read');
  const places = await skippedPlaces(context, pipeline, since, until);
  const loaded = await readLedger(context, pipeline, bucket);
  const parked = await readParked(context, pipeline, bucket);
  const counts = { gone: 0, parked: 0, bytes: 0 };
  const objects: ListedObject[] = [];
  for (const [index, place] of places.entries()) {
    stage.update(`${grouped(index)} of ${grouped(places.length)} records`);
    const key = keyOf(pipeline, place);
    const written = await buckets.head(bucket, key);
    // Its reject goes in the load's own transaction, so it was loaded after the rejects were read.
    if (written && loaded.has(written)) continue;
    if (written && parked.has(written)) {
      counts.parked += 1;
      continue;
    }
    const record = written
      ? undefined
      : await streams.record(names.stream(pipeline.name), place.shard, place.sequenceNumber);
    if (!written && !record) {
      counts.gone += 1;
      continue;
    }
    const object =
      written ??
      (await archived(context, bucket, key, place.shard, record!, isText(pipeline.stream.records), apply === true));
    counts.bytes += object.size;
    objects.push(object);
  }
  stage.done(`${grouped(places.length)} skipped records, ${grouped(objects.length)} to load`);
  return { records: places.length, objects, ...counts };
}

async function skippedPlaces(
  context: Context,
  pipeline: Pipeline,
  since: number | undefined,
  until: number | undefined,
): Promise<Place[]> {
  const rows = await queryRows(
    context,
    'skipped',
    // Another environment's stream has those of an import.
    `select shard_id, sequence_number, arrived_at from ${publicTables(pipeline).rejects} where reason like {{skips}} and not (${isForeign})${
      since === undefined ? '' : ' and arrived_at >= {{since}}::timestamp'
    }${until === undefined ? '' : ' and arrived_at < {{until}}::timestamp'} order by arrived_at, sequence_number`,
    {
      skips: `${skipPrefix}%`,
      ...(since !== undefined && { since: warehouseText(since) }),
      ...(until !== undefined && { until: warehouseText(until) }),
    },
  );
  return rows.map(({ shard_id, sequence_number, arrived_at }) => ({
    shard: String(shard_id),
    sequenceNumber: String(sequence_number),
    arrivedAt: warehouseTime(arrived_at),
  }));
}

/** The folder is that of Firehose: the hour of arrival. */
function keyOf({ name }: Pipeline, { shard, sequenceNumber, arrivedAt }: Place): string {
  const hour = new Date(arrivedAt).toISOString().slice(0, 13).replace(/[-T]/g, '/');
  return `archive/${name}/${hour}/skipped-${shard}-${sequenceNumber}.gz`;
}

async function archived(
  { cloud }: Context,
  bucket: string,
  key: string,
  shard: string,
  record: StreamRecord,
  ofText: boolean,
  apply: boolean,
): Promise<ListedObject> {
  const body = gzipSync(linesOf(shard, record, ofText));
  if (apply) return cloud.buckets.put(bucket, key, body);
  return { key, etag: '', size: body.length, lastModified: record.arrivedAt, storageClass: 'STANDARD' };
}

/** The lines that Firehose's transformation makes of a record. Firehose takes aggregates apart. */
function linesOf(
  shardId: string,
  { data, sequenceNumber, partitionKey, arrivedAt }: StreamRecord,
  ofText: boolean,
): string {
  const parts = deaggregate(data) ?? [{ data, partitionKey }];
  return parts
    .map((part, subsequenceNumber) =>
      archiveLine(
        {
          recordId: '',
          data: Buffer.from(part.data).toString('base64'),
          shardId,
          sequenceNumber,
          subsequenceNumber,
          partitionKey: part.partitionKey,
          arrivedAt,
        },
        ofText,
      ),
    )
    .join('');
}
