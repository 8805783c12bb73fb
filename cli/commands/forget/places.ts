import type { Environment } from '../../../environments/environment';
import { answersPrefix } from '../../../lambda/endpoint/contract';
import { undecodedPrefix, versionPrefix } from '../../../lambda/load/contract';
import type { Days, Pipeline } from '../../../pipelines/definition';
import { daysOf } from '../../../sql/names';
import { hourOf } from '../../forget/sweep-places';
import type { Stage } from '../../progress';
import { plural } from '../../terminal';
import type { Context } from '../context';
import { Listing } from '../history/listing';
import { landedMs, type RowsFound, type WarehouseFacts } from './rows';

/** What one place has of the subjects. */
export interface Place {
  readonly place: string;
  /** Null where the place cannot be searched for rows. */
  readonly rows: number | null;
  readonly objects: number | null;
  readonly bytes: number | null;
  /** The day after which the place has nothing more by itself, in epoch milliseconds. Null: never. */
  readonly lastDay: number | null;
  /** What the numbers leave out. */
  readonly note?: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Old versions of objects are kept this long: see lib/shared/private-bucket.ts. */
const oldVersionDays = 30;
/** The Data API keeps results for a day, and the warehouse the texts of statements for a week. */
const resultDays = 1;
const textDays = 7;
/** The work bucket's rules: see lib/data-stack.ts. S3 deletes expired objects at the next midnight (UTC). */
const answerDays = 1 + 1;
const workDays = 7 + 1;

/** Objects that may hold the records. */
export interface ObjectsFound {
  readonly objects: number;
  readonly bytes: number;
  /** Time of the newest one. */
  readonly newest?: number;
}

/**
 * Finds the objects of the archive for hours of arrival. Firehose names an object by the hour of its oldest record, so
 * a record may also be in an object of the hour before.
 */
export async function archiveObjects(
  context: Context,
  { name }: Pipeline,
  hours: ReadonlySet<number>,
  stage: Stage,
): Promise<ObjectsFound> {
  if (hours.size === 0) return { objects: 0, bytes: 0 };
  const prefix = `archive/${name}/`;
  let [objects, bytes, newest] = [0, 0, 0];
  for await (const { key, size, lastModified } of new Listing(
    context,
    context.cloud.names.archiveBucket,
    [prefix],
    stage,
  )) {
    const hour = hourOf(key.slice(prefix.length));
    if (hour === undefined || !(hours.has(hour) || hours.has(hour + hourMs))) continue;
    objects += 1;
    bytes += size;
    newest = Math.max(newest, lastModified);
  }
  return { objects, bytes, ...(objects > 0 && { newest }) };
}

/** Objects of the work bucket that may hold records of the pipeline. */
export interface WorkObjects {
  /** Answers that the endpoints keep for their instances. */
  readonly answers: ObjectsFound;
  /** Copies of history objects, and records that wait to be decoded. */
  readonly files: ObjectsFound;
}

/** Lists the work bucket. Its objects live for days, so all of the pipeline's count. */
export async function workObjects(context: Context, { name }: Pipeline, stage: Stage): Promise<WorkObjects> {
  const below = async (...prefixes: string[]): Promise<ObjectsFound> => {
    let [objects, bytes, newest] = [0, 0, 0];
    for await (const { size, lastModified } of new Listing(context, context.cloud.names.workBucket, prefixes, stage)) {
      objects += 1;
      bytes += size;
      newest = Math.max(newest, lastModified);
    }
    return { objects, bytes, ...(objects > 0 && { newest }) };
  };
  return {
    answers: await below(answersPrefix(name)),
    files: await below(`${versionPrefix}${name}/`, `${undecodedPrefix}${name}/`),
  };
}

/** Makes the report of a pipeline. */
export function placesOf(
  pipeline: Pipeline,
  facts: WarehouseFacts,
  archive: ObjectsFound,
  work: WorkObjects,
  environment: Environment | undefined,
): Place[] {
  const { retention = {} } = pipeline;
  const after = ({ newest }: RowsFound, days: Days | undefined) =>
    newest === undefined || days === undefined ? null : newest + daysOf(days) * dayMs;
  const since = ({ newest }: RowsFound, ms: number) => (newest === undefined ? null : newest + ms);
  const ofEvents = after(facts.events, retention.events);
  const held = [...facts.objects.values()];
  const published = [...facts.exports.publications.values()];
  const rowsOnly = (place: string, { rows }: RowsFound, lastDay: number | null, note?: string): Place => ({
    place,
    rows,
    objects: null,
    bytes: null,
    lastDay: rows === 0 ? facts.now : lastDay,
    ...(note === undefined ? {} : { note }),
  });
  const found = (place: Place): Place => (place.rows === 0 ? { ...place, lastDay: facts.now } : place);
  const temporary = (
    place: string,
    { objects, bytes, newest }: ObjectsFound,
    keptDays: number,
    note: string,
  ): Place => ({
    place,
    rows: null,
    objects,
    bytes,
    lastDay: newest === undefined ? facts.now : newest + keptDays * dayMs,
    note,
  });
  const days = snapshotDays(environment);
  const stays = facts.events.rows + facts.rejects.rows + facts.duplicates.rows > 0;
  const inWarehouse = [ofEvents, after(facts.duplicates, retention.events), after(facts.rejects, retention.rejects)];
  const tables = [facts.events, facts.duplicates, facts.rejects].flatMap(({ rows }, i) =>
    rows > 0 ? [inWarehouse[i]!] : [],
  );
  return [
    rowsOnly('stream', facts.stream, since(facts.stream, pipeline.stream.retentionHours * hourMs)),
    rowsOnly(
      'landing',
      facts.landing,
      since(facts.landing, landedMs(pipeline)),
      facts.unsearched.landing > 0
        ? `${plural(facts.unsearched.landing, 'record')} not merged yet, and not searched`
        : undefined,
    ),
    rowsOnly('staged', facts.staged, facts.now),
    found({ place: 'events', ...sizeOf(facts.events), objects: null, lastDay: ofEvents }),
    found({
      place: 'rejects',
      ...sizeOf(facts.rejects),
      objects: null,
      lastDay: after(facts.rejects, retention.rejects),
      ...noteOf(facts),
    }),
    rowsOnly('duplicates', facts.duplicates, inWarehouse[1]!),
    {
      place: 'history',
      rows: null,
      objects: held.length,
      bytes: sum(held.map(({ bytes }) => bytes)),
      lastDay: held.length + facts.withoutObject === 0 ? facts.now : null,
      note:
        facts.withoutObject > 0
          ? `objects of runs that hold records; of ${plural(facts.withoutObject, 'record')} the object is not known`
          : 'objects of runs that hold records, not their old versions',
    },
    {
      place: 'archive',
      rows: null,
      objects: archive.objects,
      bytes: archive.bytes,
      lastDay:
        archive.newest === undefined
          ? facts.now
          : retention.archive === undefined
            ? null
            : archive.newest + (daysOf(retention.archive) + oldVersionDays) * dayMs,
      note: 'objects of the hours in which records arrived',
    },
    rowsOnly('views', facts.views, ofEvents, 'views with a column of that name; others follow the events'),
    {
      place: 'exports',
      rows: facts.exports.rows,
      objects: sum(published.map(({ objects }) => objects)),
      bytes: sum(published.map(({ bytes }) => bytes)),
      lastDay: published.length === 0 ? facts.now : null,
      note: 'exports with a column of that name, all revisions of the windows, and not what partners copied',
    },
    temporary('answers', work.answers, answerDays, 'all answers that the endpoints keep, not searched'),
    temporary('work files', work.files, workDays, 'copies of objects and of undecoded records, not searched'),
    {
      place: 'query results',
      rows: null,
      objects: null,
      bytes: null,
      lastDay: facts.now + textDays * dayMs,
      note: `results for ${resultDays} day, texts of statements for ${textDays}; this search adds to them`,
    },
    {
      place: 'snapshots',
      rows: null,
      objects: null,
      bytes: null,
      lastDay:
        days === undefined || (stays && tables.some((last) => last === null))
          ? null
          : Math.max(facts.now, ...tables.map((last) => last ?? 0)) + days * dayMs,
      note:
        days === undefined
          ? 'how long they are kept is not known'
          : `automated ones, kept for ${plural(days, 'day')}; not manual ones`,
    },
  ];
}

/** What of the rejects is not searched. */
function noteOf({ unsearched: { rejects, raised } }: WarehouseFacts): { note?: string } {
  const parts = [
    ...(rejects > 0 ? [`${plural(rejects, 'reject')} without JSON`] : []),
    ...(raised > 0 ? [`${plural(raised, 'reject')} that made a statement fail`] : []),
  ];
  return parts.length === 0 ? {} : { note: `${parts.join(' and ')}, not searched` };
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0);

const sizeOf = ({ rows, bytes }: RowsFound) => ({ rows, bytes });

/** Days for which the warehouse keeps its automated snapshots. Undefined if the environment does not say. */
export function snapshotDays(environment: Environment | undefined): number | undefined {
  if (environment?.warehouse.kind === 'provisioned') return environment.warehouse.snapshotRetentionDays;
  // Recovery points of Redshift Serverless (Management Guide, "Snapshots and recovery points").
  return environment?.warehouse.kind === 'serverless' ? 1 : undefined;
}

/** The day of the last copy. Null: some place keeps it for good. */
export function lastDayOf(places: readonly Place[]): number | null {
  const days = places.map(({ lastDay }) => lastDay);
  return days.includes(null) ? null : Math.max(...days.map(Number));
}
