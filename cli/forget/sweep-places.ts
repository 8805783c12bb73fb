import type { Pipeline } from '../../pipelines/definition';
import { forgottenHoursQuery, forgottenObjectsQuery, forgottenPositionsQuery } from '../../sql';
import { publicTables, quoteLiteral, replacedSource } from '../../sql/names';
import { warehouseText, warehouseTime } from '../commands/context';
import { Sources } from '../commands/history/sources';
import { plural } from '../terminal';
import { archiveJudge, historyJudge, positionKey } from './judges';
import { ask, type Work } from './statements';
import type { Marked } from './subject-finder';
import { type SweptObject, sweepObjects } from './sweep-objects';

/** What was done to the objects of a place. */
export interface PlaceSwept {
  objectsRead: number;
  objectsRewritten: number;
  recordsReplaced: number;
  versionsDeleted: number;
  /** What could not be done, one sentence each. */
  readonly problems: string[];
}

const nothing = (): PlaceSwept => ({
  objectsRead: 0,
  objectsRewritten: 0,
  recordsReplaced: 0,
  versionsDeleted: 0,
  problems: [],
});

/** Objects of one batch. Their bytes wait on disk only while each is written. */
const batchSize = 20;
const hourMs = 3_600_000;

/**
 * True if records of a subject may be in objects of which no forgotten row speaks: those that the pipeline skips by
 * `where`, those whose rows have expired, and duplicates of another person's event.
 */
export const readsEverything = ({ where, retention, identity, subject = [] }: Pipeline) =>
  where !== undefined ||
  retention?.events !== undefined ||
  retention?.rejects !== undefined ||
  (identity.by === 'columns' && !subject.every((name) => identity.columns.includes(name)));

type Count = (place: PlaceSwept) => void;

/** @param isNamed true for objects whose problems are named already */
function add(
  place: PlaceSwept,
  bucket: string,
  objects: readonly SweptObject[],
  isNamed: (object: SweptObject) => boolean = () => false,
): void {
  for (const object of objects) {
    const { key, replaced, versionsDeleted, problem } = object;
    place.objectsRead += 1;
    place.objectsRewritten += replaced > 0 ? 1 : 0;
    place.recordsReplaced += replaced;
    place.versionsDeleted += versionsDeleted;
    if (problem !== undefined && !isNamed(object))
      place.problems.push(`s3://${bucket}/${key} was left as it is: ${problem}`);
  }
}

/** Keys with etags of the history objects that the load function gave up on. */
export async function parkedObjects(work: Work, pipeline: Pipeline): Promise<{ key: string; etag: string }[]> {
  const query = `select object_key, etag from ${publicTables(pipeline).parked} where bucket = {{bucket}} order by object_key`;
  const rows = await ask(work, pipeline, 'forget-parked', query, { bucket: work.cloud.names.historyBucket });
  return rows.map((row) => ({ key: String(row['object_key']), etag: String(row['etag']) }));
}

/** What to do about records of the forgotten in an object that the load function gave up on. */
export const parkedAdvice = 'parked: `npx millrace redrive --apply` loads it, or delete it';

/**
 * Sweeps the history objects that were loaded with records of the forgotten. Objects that the load function gave up on are
 * looked through, and left to their owner: a new version would be loaded as a new object.
 */
export async function sweepHistory(work: Work, pipeline: Pipeline, marked: Marked, count: Count): Promise<PlaceSwept> {
  const place = nothing();
  if (pipeline.history === undefined) return place;
  const bucket = work.cloud.names.historyBucket;
  const sources = new Sources(pipeline);
  const byCompression = new Map<'gzip' | 'none', string[]>();
  const parked = (await parkedObjects(work, pipeline)).filter(
    ({ key }) => sources.of('history', key)?.shape.format === 'ndjson',
  );
  const isParked = ({ key, etag }: SweptObject) => parked.some((one) => one.key === key && one.etag === etag);
  const keys = new Set([...(await historyKeys(work, pipeline)), ...parked.map(({ key }) => key)]);
  for (const key of keys) {
    const compression = sources.of('history', key)?.shape.compression;
    if (compression === undefined || compression === 'zstd')
      place.problems.push(`s3://${bucket}/${key} was not looked through: no source of the pipeline has it any more`);
    else byCompression.set(compression, [...(byCompression.get(compression) ?? []), key]);
  }
  const swept = new Map<string, SweptObject>();
  for (const [compression, all] of byCompression)
    for (const part of inBatches(all)) {
      const judge = () => historyJudge(pipeline, marked);
      const batch = { bucket, keys: part, compression, judge, onlyLoaded: true };
      const objects = await sweepObjects(work, pipeline, batch);
      for (const object of objects) {
        swept.set(object.key, object);
        if (!isParked(object)) continue;
        const { key, left, problem } = object;
        const what =
          problem === undefined ? `has ${plural(left, 'record')} of the forgotten` : `cannot be read (${problem})`;
        if (left > 0 || problem !== undefined)
          place.problems.push(`s3://${bucket}/${key} ${what} and is ${parkedAdvice}`);
      }
      add(place, bucket, objects, isParked);
      count(place);
    }
  place.problems.push(...(await shortRuns(work, pipeline, bucket, swept)));
  return place;
}

/**
 * The objects to read. Records that were rejects and were merged again belong to a run without an object, so they may be
 * in any.
 */
async function historyKeys(work: Work, pipeline: Pipeline): Promise<string[]> {
  const bucket = work.cloud.names.historyBucket;
  const ofRuns = await ask(work, pipeline, 'forget-objects', forgottenObjectsQuery(pipeline));
  const isAnywhere = readsEverything(pipeline) || ofRuns.some((row) => row['object_key'] === null);
  const rows = isAnywhere
    ? await ask(
        work,
        pipeline,
        'forget-objects',
        `select distinct object_key from ${publicTables(pipeline).ledger} where bucket = {{bucket}} and source <> ${quoteLiteral(replacedSource)}`,
        { bucket },
      )
    : ofRuns.filter((row) => row['bucket'] === bucket);
  const keys = rows.flatMap(({ object_key: key }) => (typeof key === 'string' ? [key] : []));
  return [...new Set(keys)].sort();
}

/**
 * A run has at least as many replaced records in its objects as it has forgotten rows. If not, some of its records were
 * not found. Objects that changed since they were loaded, or are gone, tell nothing.
 */
async function shortRuns(
  work: Work,
  pipeline: Pipeline,
  bucket: string,
  swept: ReadonlyMap<string, SweptObject>,
): Promise<string[]> {
  const runs = new Map<string, { rows: number; tombstones: number; isKnown: boolean }>();
  for (const row of await ask(work, pipeline, 'forget-objects', forgottenObjectsQuery(pipeline))) {
    const id = String(row['run_id']);
    const run = runs.get(id) ?? { rows: Number(row['rows']), tombstones: 0, isKnown: true };
    runs.set(id, run);
    if (row['object_key'] === null || row['bucket'] !== bucket) {
      run.isKnown &&= false;
      continue;
    }
    const object = swept.get(String(row['object_key']));
    if (object?.tombstones === undefined || object.etag !== row['etag']) run.isKnown = false;
    else run.tombstones += object.tombstones;
  }
  return [...runs].flatMap(([id, { rows, tombstones, isKnown }]) =>
    isKnown && tombstones < rows
      ? [`run ${id} has ${rows} forgotten records, and only ${tombstones} of them were found in its objects`]
      : [],
  );
}

/** Sweeps the archive: the hours in which forgotten records arrived, and the hour before each. */
export async function sweepArchive(work: Work, pipeline: Pipeline, marked: Marked, count: Count): Promise<PlaceSwept> {
  const place = nothing();
  const bucket = work.cloud.names.archiveBucket;
  for await (const { hour, keys } of archiveKeys(work, pipeline)) {
    const positions = await positionsSince(work, pipeline, hour);
    for (const part of inBatches(keys)) {
      const judge = () => archiveJudge(pipeline, marked, positions);
      const batch = { bucket, keys: part, compression: 'gzip', judge, onlyLoaded: false } as const;
      add(place, bucket, await sweepObjects(work, pipeline, batch));
      count(place);
    }
  }
  return place;
}

/** Yields the objects of the archive to read, by the hour in their names. */
async function* archiveKeys(work: Work, pipeline: Pipeline): AsyncGenerator<{ hour: number; keys: string[] }> {
  const root = `archive/${pipeline.name}/`;
  if (readsEverything(pipeline)) return yield* keysByHour(work, root, root);
  const rows = await ask(work, pipeline, 'forget-hours', forgottenHoursQuery(pipeline));
  const hours = rows.map(({ hour }) => warehouseTime(hour)).flatMap((hour) => [hour - hourMs, hour]);
  for (const hour of [...new Set(hours)].sort((a, b) => a - b)) {
    const path = new Date(hour).toISOString().slice(0, 13).replace(/[-T]/g, '/');
    yield* keysByHour(work, root, `${root}${path}/`);
  }
}

async function* keysByHour({ cloud }: Work, root: string, prefix: string) {
  let hour: number | undefined;
  let keys = new Set<string>();
  for await (const page of cloud.buckets.versions.pages(cloud.names.archiveBucket, prefix))
    for (const { key } of page) {
      const at = hourOf(key.slice(root.length));
      if (at === undefined) continue;
      if (hour !== undefined && at !== hour) {
        yield { hour, keys: [...keys] };
        keys = new Set();
      }
      hour = at;
      keys.add(key);
    }
  if (hour !== undefined) yield { hour, keys: [...keys] };
}

/** `2026/11/21/09/…` as epoch milliseconds. */
export function hourOf(key: string): number | undefined {
  const [, year, month, day, hour] = /^(\d{4})\/(\d\d)\/(\d\d)\/(\d\d)\//.exec(key) ?? [];
  return year === undefined ? undefined : Date.parse(`${year}-${month}-${day}T${hour}:00:00Z`);
}

/** Positions of forgotten records that an object of the hour may hold: Firehose names it by the hour of its oldest record. */
export async function positionsSince(work: Work, pipeline: Pipeline, hour: number): Promise<Set<string>> {
  const [from, until] = [hour, hour + 2 * hourMs].map(warehouseText) as [string, string];
  const rows = await ask(work, pipeline, 'forget-positions', forgottenPositionsQuery(pipeline), { from, until });
  return new Set(rows.map((row) => positionKey(String(row['shard_id']), String(row['sequence_number']))));
}

export function* inBatches(keys: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < keys.length; at += batchSize) yield keys.slice(at, at + batchSize);
}
