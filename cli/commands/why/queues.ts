import type { QueueLook, SeenMessage } from '../../cloud/ports';
import { grouped, plural } from '../../terminal';
import { parseDeadLetter } from '../history/dead-letters';
import { warehouseNow } from '../history/follow';
import { type Work, warehouseText, warehouseTime } from '../work';
import { no, type Sighting, unknown, yes } from './answer';
import type { ObjectHit } from './places';
import type { Question } from './question';

/** An object that holds the event and is not loaded. */
export interface OpenObject {
  readonly hit: ObjectHit;
  readonly bucket: 'history' | 'archive';
  readonly state: 'parked' | 'pending';
  /** `parked: not gzip`, `not loaded yet`. */
  readonly detail: string;
}

export interface QueueFindings {
  readonly sightings: readonly Sighting[];
  /** Why the objects are not loaded. */
  readonly explanations: readonly string[];
}

/** So many messages are looked at in each queue. */
const MOST_MESSAGES = 1000;
/** Of a queue whose messages a function waits for, where a look counts as a delivery. */
const MOST_DELIVERIES = 100;

type QueueName = 'history' | 'backlog' | 'dead letters';

interface Held {
  readonly name: QueueName;
  readonly counts: { readonly waiting: number; readonly inFlight: number; readonly delayed: number };
  /** Undefined: it was not looked into. */
  readonly look?: QueueLook;
}

/** A message that tells of an object. */
interface Told {
  readonly queue: QueueName;
  readonly message: SeenMessage;
  readonly reason: string;
}

/**
 * Whether a queue has a message about one of the objects, and in what state. Where a look counts as a delivery, the queues of the load
 * function are looked into only if that is asked for; the dead letters, which nobody else takes, always.
 */
export async function lookIntoQueues(
  work: Work,
  { pipeline }: Question,
  open: readonly OpenObject[],
  mayDeliver: boolean,
): Promise<QueueFindings> {
  const { history, backlog, deadLetters } = work.cloud.names.queues(pipeline.name);
  const queues = [
    ...(history === undefined ? [] : [['history', history] as const]),
    ['backlog', backlog] as const,
    ['dead letters', deadLetters] as const,
  ];
  const held: Held[] = [];
  for (const [name, url] of queues) held.push(await hold(work, name, url, open.length > 0, mayDeliver));
  const summary = held.map(summaryOf).join('; ');
  const facts = Object.fromEntries(held.map(({ name, counts }) => [camel(name), total(counts)]));
  if (open.length === 0) return { sightings: [no('queue', summary, facts)], explanations: [] };
  const now = warehouseTime(await warehouseNow(work));
  const findings = open.map((object) => findingOf(object, held, now, summary, facts));
  return {
    sightings: findings.flatMap(({ sightings }) => sightings),
    explanations: findings.flatMap(({ explanations }) => explanations),
  };
}

async function hold(work: Work, name: QueueName, url: string, wanted: boolean, mayDeliver: boolean): Promise<Held> {
  const { queues } = work.cloud;
  const counts = await queues.counts(url);
  const consumed = queues.lookCounts && name !== 'dead letters';
  if (!wanted || total(counts) === 0 || (consumed && !mayDeliver)) return { name, counts };
  return { name, counts, look: await queues.look(url, consumed ? MOST_DELIVERIES : MOST_MESSAGES) };
}

const total = ({ waiting, inFlight, delayed }: Held['counts']) => waiting + inFlight + delayed;
const camel = (name: QueueName) => (name === 'dead letters' ? 'deadLetters' : name);

function summaryOf({ name, counts: { waiting, inFlight, delayed } }: Held): string {
  const hidden = [
    ...(inFlight > 0 ? [`${grouped(inFlight)} in flight`] : []),
    ...(delayed > 0 ? [`${grouped(delayed)} delayed`] : []),
  ];
  return `${name}: ${[`${grouped(waiting)} waiting`, ...hidden].join(', ')}`;
}

function findingOf(
  object: OpenObject,
  held: readonly Held[],
  now: number,
  summary: string,
  counts: Sighting['facts'],
): QueueFindings {
  const { key } = object.hit;
  const told = held.flatMap(({ name, look }) =>
    (look?.messages ?? []).flatMap((message) => tellOf(object, name, message)),
  );
  if (told.length > 0) {
    const sightings = told.map((one) => yes('queue', `${key}: ${stateOf(one, now)}`, { key, ...factsOf(one, now) }));
    return { sightings, explanations: [`its object ${key} ${explained(object, told[0]!, now)}`] };
  }
  const unseen = held.filter(({ counts, look }) => total(counts) > 0 && look?.whole !== true);
  if (unseen.length > 0) {
    const where = unseen.map(
      ({ name, look }) =>
        `${name} ${look ? `(${plural(look.messages.length, 'message')} seen)` : '(not looked into: --look)'}`,
    );
    return {
      sightings: [unknown('queue', `${key}: perhaps among ${where.join(', ')}; ${summary}`, { key, ...counts })],
      explanations: [
        object.state === 'parked'
          ? `its object ${key} is ${object.detail}`
          : `its object ${key} is not loaded yet, and ${plural(
              unseen.reduce((sum, one) => sum + total(one.counts), 0),
              'message',
            )} may tell of it`,
      ],
    };
  }
  return {
    sightings: [no('queue', `${key}: no message tells of it; ${summary}`, { key, ...counts })],
    explanations: [`its object ${key} ${withoutMessage(object)}`],
  };
}

function tellOf({ hit }: OpenObject, queue: QueueName, message: SeenMessage): Told[] {
  const { objects, reason } = parseDeadLetter(message.body);
  const same = objects.some(({ bucket, key, etag }) => bucket === hit.bucket && key === hit.key && etag === hit.etag);
  return same ? [{ queue, message, reason }] : [];
}

function placeOf({ queue, message: { deliveries, hiddenUntil } }: Told, now: number) {
  if (queue === 'dead letters') return 'dead letter';
  if (hiddenUntil === undefined || hiddenUntil <= now) return 'waiting';
  return deliveries === 0 ? 'delayed' : 'in flight';
}

function factsOf(told: Told, now: number): Sighting['facts'] {
  const { deliveries, hiddenUntil, sentAt } = told.message;
  const state = placeOf(told, now);
  return {
    queue: told.queue,
    state,
    deliveries,
    sentAt: new Date(sentAt).toISOString(),
    ...(state === 'in flight' || state === 'delayed' ? { hiddenUntil: new Date(hiddenUntil!).toISOString() } : {}),
    ...(state === 'dead letter' ? { reason: told.reason } : {}),
  };
}

/** `waiting in the backlog since 2026-11-21 09:00:00.000, delivered 3 times before`. */
function stateOf(told: Told, now: number): string {
  const { queue, message, reason } = told;
  const state = placeOf(told, now);
  const since = `since ${warehouseText(message.sentAt)}`;
  if (state === 'dead letter') return `a dead letter ${since}: ${reason}`;
  const delivered = message.deliveries === 0 ? '' : `, delivered ${plural(message.deliveries, 'time')}`;
  const hidden = state === 'waiting' ? '' : ` until ${warehouseText(message.hiddenUntil!)} at most`;
  return `${state} in the ${queue} queue ${since}${hidden}${delivered}`;
}

function explained({ state, detail }: OpenObject, told: Told, now: number): string {
  if (told.queue === 'dead letters')
    return state === 'parked' ? `is ${detail}: redrive` : `is a dead letter (${told.reason}): redrive`;
  return `is not loaded yet, its message is ${stateOf(told, now)}`;
}

function withoutMessage({ state, bucket, detail }: OpenObject): string {
  if (state === 'parked') return `is ${detail}`;
  return bucket === 'archive'
    ? 'is of the archive and holds what was not read from the stream: backfill --from archive'
    : 'is not loaded and nothing is queued: the next reconcile finds it, or backfill --from history';
}
