import type { QueueLook, SeenMessage } from '../../cloud/ports';
import { grouped, plural } from '../../terminal';
import { type Context, warehouseText, warehouseTime } from '../context';
import { parseDeadLetter } from '../history/dead-letters';
import { warehouseNow } from '../history/wait-for-loads';
import type { Question } from './question';
import type { ObjectHit } from './search';
import { no, type Sighting, unknown, yes } from './sighting';

/** An object that contains the event and is not loaded. */
export interface OpenObject {
  readonly hit: ObjectHit;
  readonly bucket: 'history' | 'archive';
  readonly state: 'parked' | 'pending';
  /** `parked: not gzip`, `not loaded yet`. */
  readonly detail: string;
}

export interface QueueFindings {
  readonly sightings: readonly Sighting[];
  /** Reasons why the objects are not loaded. */
  readonly explanations: readonly string[];
}

/** Most messages that are inspected in each queue. */
const MOST_MESSAGES = 1000;
/** Most messages that are inspected in a queue that a function consumes, if an inspection counts as a delivery. */
const MOST_DELIVERIES = 100;

type QueueName = 'history' | 'backlog' | 'dead letters';

interface QueueState {
  readonly name: QueueName;
  readonly counts: { readonly waiting: number; readonly inFlight: number; readonly delayed: number };
  /** Undefined if the queue was not inspected. */
  readonly look?: QueueLook;
}

/** A message about an object. */
interface MessageMatch {
  readonly queue: QueueName;
  readonly message: SeenMessage;
  readonly reason: string;
}

/**
 * Finds messages about the objects, and their state. If an inspection counts as a delivery, the load function's queues
 * are inspected only on request. The dead letters are always inspected, because no function consumes them.
 */
export async function lookIntoQueues(
  context: Context,
  { pipeline }: Question,
  open: readonly OpenObject[],
  mayDeliver: boolean,
): Promise<QueueFindings> {
  const { history, backlog, deadLetters } = context.cloud.names.queues(pipeline.name);
  const queues = [
    ...(history === undefined ? [] : [['history', history] as const]),
    ['backlog', backlog] as const,
    ['dead letters', deadLetters] as const,
  ];
  const queueStates: QueueState[] = [];
  for (const [name, url] of queues) queueStates.push(await readQueue(context, name, url, open.length > 0, mayDeliver));
  const summary = queueStates.map(summaryOf).join('; ');
  const facts = Object.fromEntries(queueStates.map(({ name, counts }) => [camel(name), total(counts)]));
  if (open.length === 0) return { sightings: [no('queue', summary, facts)], explanations: [] };
  const now = warehouseTime(await warehouseNow(context));
  const findings = open.map((object) => findingOf(object, queueStates, now, summary, facts));
  return {
    sightings: findings.flatMap(({ sightings }) => sightings),
    explanations: findings.flatMap(({ explanations }) => explanations),
  };
}

async function readQueue(
  context: Context,
  name: QueueName,
  url: string,
  wanted: boolean,
  mayDeliver: boolean,
): Promise<QueueState> {
  const { queues } = context.cloud;
  const counts = await queues.counts(url);
  const consumed = queues.lookCounts && name !== 'dead letters';
  if (!wanted || total(counts) === 0 || (consumed && !mayDeliver)) return { name, counts };
  return { name, counts, look: await queues.look(url, consumed ? MOST_DELIVERIES : MOST_MESSAGES) };
}

const total = ({ waiting, inFlight, delayed }: QueueState['counts']) => waiting + inFlight + delayed;
const camel = (name: QueueName) => (name === 'dead letters' ? 'deadLetters' : name);

function summaryOf({ name, counts: { waiting, inFlight, delayed } }: QueueState): string {
  const hidden = [
    ...(inFlight > 0 ? [`${grouped(inFlight)} in flight`] : []),
    ...(delayed > 0 ? [`${grouped(delayed)} delayed`] : []),
  ];
  return `${name}: ${[`${grouped(waiting)} waiting`, ...hidden].join(', ')}`;
}

function findingOf(
  object: OpenObject,
  queueStates: readonly QueueState[],
  now: number,
  summary: string,
  counts: Sighting['facts'],
): QueueFindings {
  const { key } = object.hit;
  const matches = queueStates.flatMap(({ name, look }) =>
    (look?.messages ?? []).flatMap((message) => matchMessage(object, name, message)),
  );
  if (matches.length > 0) {
    const sightings = matches.map((one) => yes('queue', `${key}: ${stateOf(one, now)}`, { key, ...factsOf(one, now) }));
    return { sightings, explanations: [`its object ${key} ${explained(object, matches[0]!, now)}`] };
  }
  const unseen = queueStates.filter(({ counts, look }) => total(counts) > 0 && look?.whole !== true);
  if (unseen.length > 0) {
    const where = unseen.map(
      ({ name, look }) =>
        `${name} ${look ? `(${plural(look.messages.length, 'message')} seen)` : '(not inspected: --look)'}`,
    );
    return {
      sightings: [unknown('queue', `${key}: perhaps among ${where.join(', ')}; ${summary}`, { key, ...counts })],
      explanations: [
        object.state === 'parked'
          ? `its object ${key} is ${object.detail}`
          : `its object ${key} is not loaded yet, and ${plural(
              unseen.reduce((sum, one) => sum + total(one.counts), 0),
              'message',
            )} may be about it`,
      ],
    };
  }
  return {
    sightings: [no('queue', `${key}: no message is about it; ${summary}`, { key, ...counts })],
    explanations: [`its object ${key} ${withoutMessage(object)}`],
  };
}

function matchMessage({ hit }: OpenObject, queue: QueueName, message: SeenMessage): MessageMatch[] {
  const { objects, reason } = parseDeadLetter(message.body);
  const same = objects.some(({ bucket, key, etag }) => bucket === hit.bucket && key === hit.key && etag === hit.etag);
  return same ? [{ queue, message, reason }] : [];
}

function placeOf({ queue, message: { deliveries, hiddenUntil } }: MessageMatch, now: number) {
  if (queue === 'dead letters') return 'dead letter';
  if (hiddenUntil === undefined || hiddenUntil <= now) return 'waiting';
  return deliveries === 0 ? 'delayed' : 'in flight';
}

function factsOf(match: MessageMatch, now: number): Sighting['facts'] {
  const { deliveries, hiddenUntil, sentAt } = match.message;
  const state = placeOf(match, now);
  return {
    queue: match.queue,
    state,
    deliveries,
    sentAt: new Date(sentAt).toISOString(),
    ...(state === 'in flight' || state === 'delayed' ? { hiddenUntil: new Date(hiddenUntil!).toISOString() } : {}),
    ...(state === 'dead letter' ? { reason: match.reason } : {}),
  };
}

/** `waiting in the backlog since 2026-11-21 09:00:00.000, delivered 3 times before`. */
function stateOf(match: MessageMatch, now: number): string {
  const { queue, message, reason } = match;
  const state = placeOf(match, now);
  const since = `since ${warehouseText(message.sentAt)}`;
  if (state === 'dead letter') return `a dead letter ${since}: ${reason}`;
  const delivered = message.deliveries === 0 ? '' : `, delivered ${plural(message.deliveries, 'time')}`;
  const hidden = state === 'waiting' ? '' : ` until ${warehouseText(message.hiddenUntil!)} at most`;
  return `${state} in the ${queue} queue ${since}${hidden}${delivered}`;
}

function explained({ state, detail }: OpenObject, match: MessageMatch, now: number): string {
  if (match.queue === 'dead letters')
    return state === 'parked' ? `is ${detail}: redrive` : `is a dead letter (${match.reason}): redrive`;
  return `is not loaded yet, its message is ${stateOf(match, now)}`;
}

function withoutMessage({ state, bucket, detail }: OpenObject): string {
  if (state === 'parked') return `is ${detail}`;
  return bucket === 'archive'
    ? 'is in the archive and has what was not read from the stream: backfill --from archive'
    : 'is not loaded and nothing is queued: the next reconcile finds it, or backfill --from history';
}
