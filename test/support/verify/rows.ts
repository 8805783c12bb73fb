import type { Cloud } from '../cloud';
import { subjectOf } from '../forget';
import {
  type Event,
  eventIdOf,
  notJson,
  outcomeOf,
  type Position,
  type Truth,
  timestampText,
  type Uploaded,
} from '../world';
import { difference, rows, type Value } from './query';

/** One arrival of a line: on the stream or in an object. A record that came by stream and archive arrived once. */
interface Arrival {
  readonly line: string;
  readonly position?: Position;
  readonly key?: string;
  readonly lineNumber?: number;
}

export interface Rows {
  readonly problems: string[];
  /** The expected events, each once. */
  readonly events: readonly Event[];
}

/** Checks that each arrival is one row of events, duplicates or rejects, with the content of the arrival. */
export async function verifyRows(
  cloud: Cloud,
  schema: string,
  truth: Truth,
  loaded: readonly Uploaded[],
): Promise<Rows> {
  const arrivals: Arrival[] = [
    ...truth.stream.map((record) => ({ line: record.line, position: record })),
    ...loaded
      .filter(({ records }) => records === undefined)
      .flatMap(({ key, lines }) => lines.map((line, index) => ({ line, key, lineNumber: index + 1 }))),
  ];
  const problems: string[] = [];
  const sound = new Map<string, { readonly event: Event; readonly arrivals: Arrival[] }>();
  const rejected: { readonly arrival: Arrival; readonly reason: string }[] = [];
  const forgotten: string[] = [];
  for (const arrival of arrivals) {
    if (truth.forgotten.has(subjectOf(arrival.line) ?? '')) {
      forgotten.push(positionOf(arrival.position));
      continue;
    }
    const outcome = outcomeOf(arrival.line, truth.raising);
    if ('reason' in outcome) rejected.push({ arrival, reason: outcome.reason });
    else {
      const same = sound.get(outcome.event.id);
      if (same) same.arrivals.push(arrival);
      else sound.set(outcome.event.id, { event: outcome.event, arrivals: [arrival] });
    }
  }
  problems.push(...(await verifyEvents(cloud, schema, sound)));
  problems.push(...(await verifyRejects(cloud, schema, rejected)));
  const skipped = await rows<Value[]>(
    cloud,
    `select shard_id, sequence_number, filter from ${schema}.skipped where source in ('stream', 'archive', 'history')`,
  );
  const gone = skipped.map(
    ([shard, number, filter]) => `${shard ?? ''}/${number ?? ''}${filter === 'forgotten' ? '' : ` by ${filter}`}`,
  );
  problems.push(...difference('forgotten', forgotten, gone));
  const [counts] = await rows<number[]>(
    cloud,
    `select (select count(*) from ${schema}.staged), (select count(*) from ${schema}.staged_archive),
  (select coalesce(sum(events + duplicates + rejects + coalesce(skipped, 0)), 0) from ${schema}.runs)`,
  );
  const [staged, archive, placed] = counts!.map(Number);
  if (staged !== 0 || archive !== 0) problems.push(`${staged} and ${archive} rows are left in the staged tables`);
  if (placed !== arrivals.length) problems.push(`${arrivals.length} lines arrived, the runs count ${placed}`);
  return { problems, events: [...sound.values()].map(({ event }) => event) };
}

const positionOf = (position: Position | undefined) => `${position?.shardId ?? ''}/${position?.sequenceNumber ?? ''}`;

const placeColumns = 'shard_id, sequence_number, partition_key, arrived_at';

const placeOf = (position: Position | undefined) =>
  position
    ? `${position.shardId}/${position.sequenceNumber}/${position.partitionKey}/${timestampText(position.arrivedAt)}`
    : 'history';

/** Like `placeOf`, for a table's row. A record has the same place whether it came by the stream or by the archive. */
function placeIn(source: Value, place: readonly Value[]): string {
  return source === 'history' && place.every((value) => value === null)
    ? 'history'
    : `${place.join('/')}${origin(source)}`;
}
const origin = (source: Value) => (source === 'stream' || source === 'archive' ? '' : ` from ${source}`);

type Sound = ReadonlyMap<string, { readonly event: Event; readonly arrivals: readonly Arrival[] }>;

async function verifyEvents(cloud: Cloud, schema: string, sound: Sound): Promise<string[]> {
  const problems: string[] = [];
  const found = await rows<Value[]>(
    cloud,
    `select event_id, id, amount, occurred_at, payload, source, ${placeColumns} from ${schema}.events`,
  );
  const expectedCopies: string[] = [];
  const seen = new Set<string>();
  for (const [eventId, id, amount, at, payload, source, ...place] of found) {
    const expected = sound.get(String(id));
    if (!expected || seen.has(String(id))) {
      problems.push(`events: ${id} ${expected ? 'is there twice' : 'never arrived'}`);
      continue;
    }
    seen.add(String(id));
    const { event, arrivals } = expected;
    const where = placeIn(source!, place);
    const text = JSON.stringify(JSON.parse(String(payload)));
    const one = arrivals.findIndex(({ line, position }) => placeOf(position) === where && line === text);
    if (one < 0) problems.push(`events: ${id} has the payload ${text} of ${where}, which never arrived there`);
    const actual = JSON.stringify([eventId, amount === null ? null : Number(amount), at]);
    const wanted = JSON.stringify([eventIdOf(event.id), event.amount, event.at]);
    if (actual !== wanted) problems.push(`events: ${id} must be ${wanted}, is ${actual}`);
    for (const [index, { position }] of arrivals.entries())
      if (index !== one) expectedCopies.push(`${eventIdOf(event.id)} ${placeOf(position)}`);
  }
  for (const id of sound.keys()) if (!seen.has(id)) problems.push(`events: ${id} is missing`);
  const copies = await rows<Value[]>(cloud, `select event_id, source, ${placeColumns} from ${schema}.duplicates`);
  const actualCopies = copies.map(([eventId, source, ...place]) => `${eventId} ${placeIn(source!, place)}`);
  return [...problems, ...difference('duplicates', expectedCopies, actualCopies)];
}

/** Compares the rejects. A line that COPY could not read is compared by key and line, since the reason is COPY's. */
async function verifyRejects(
  cloud: Cloud,
  schema: string,
  rejected: readonly { readonly arrival: Arrival; readonly reason: string }[],
): Promise<string[]> {
  const found = await rows<Value[]>(
    cloud,
    `select reason, payload, unparsed, object_key, line, source, ${placeColumns} from ${schema}.rejects`,
  );
  const expected = rejected.map(({ arrival: { line, position, key, lineNumber }, reason }) => {
    if (reason === notJson && !position) return `payload of ${key}, line ${lineNumber}`;
    return `${placeOf(position)}: ${reason}: ${line}`;
  });
  const actual = found.map(([reason, payload, unparsed, key, line, source, ...place]) => {
    if (source === 'history' && String(reason).startsWith('payload: '))
      return `payload of ${String(key).replace(/^s3:\/\/history\//, '')}, line ${line}`;
    const text =
      payload === null
        ? Buffer.from(String(unparsed), 'base64').toString()
        : JSON.stringify(JSON.parse(String(payload)));
    return `${placeIn(source!, place)}: ${reason}: ${text}`;
  });
  return difference('rejects', expected, actual);
}
