import type { Clock } from './clock';
import { type Gap, GapError, StateError, StreamReplacedError } from './errors';
import type { Kinesis, ShardDescription, StreamDescription } from './kinesis';
import { Lineage } from './lineage';
import type { ReadOptions } from './options';
import type { Start } from './position';
import { Positions } from './positions';
import { retrying, throwUnknownHost } from './retry';
import { parseState, type ReaderState, STATE_VERSION, type StateStore } from './state';

const HOUR_MS = 3_600_000;

/** The state of one read: the stream, its shards and the read's progress. */
export interface Session {
  readonly stream: StreamDescription;
  readonly start: Start;
  /** The end of the read in epoch milliseconds; undefined if it follows the stream. */
  readonly untilMs: number | undefined;
  readonly positions: Positions;
  readonly lineage: Lineage;
  revision: number;
}

/**
 * Loads the state, describes the stream, and resolves where the read starts and ends.
 * @throws StateError, StreamReplacedError, ReadError
 */
export async function openSession(
  options: Pick<ReadOptions, 'stream' | 'from' | 'until'>,
  kinesis: Kinesis,
  store: StateStore,
  clock: Clock,
  signal: AbortSignal,
): Promise<Session> {
  const found = await store.load();
  const state = found === undefined ? undefined : parseState(found, store.name);
  const described = () => kinesis.describe(signal).catch((error) => throwUnknownHost(options.stream, error));
  const stream = await retrying(options.stream, clock, signal, described);
  if (state) checkStream(state, stream, store.name);
  const start = state?.start ?? resolveStart(options.from, clock);
  const untilMs = options.until === 'now' ? clock.now() : options.until?.getTime();
  const positions = new Positions(state?.shards ?? {});
  const lineage = new Lineage(positions.ended());
  // Shards are listed after `untilMs` was resolved, so that a shard closed later has no older children.
  lineage.add(await retrying(options.stream, clock, signal, () => kinesis.shards(signal)));
  return { stream, start, untilMs, positions, lineage, revision: state?.revision ?? 0 };
}

export function stateOf({ stream, start, positions, revision }: Session): ReaderState {
  return {
    version: STATE_VERSION,
    revision,
    stream: { arn: stream.arn, createdAt: stream.createdAt.toISOString() },
    start,
    shards: positions.saved(),
  };
}

function resolveStart(from: ReadOptions['from'], clock: Clock): Start {
  if (from === undefined || from === 'beginning') return 'beginning';
  return { at: (from === 'latest' ? new Date(clock.now()) : from).toISOString() };
}

function checkStream(state: ReaderState, stream: StreamDescription, where: string): void {
  if (state.stream.arn !== stream.arn)
    throw new StateError(`${where} is the state of ${state.stream.arn}, not of ${stream.arn}`);
  const created = stream.createdAt.toISOString();
  if (state.stream.createdAt !== created) throw new StreamReplacedError(stream.name, state.stream.createdAt, created);
}

/** Finds a gap: records after the shard's position may have expired unread. Returns undefined if there is none. */
export function gapOf({ stream, positions }: Session, shardId: string, now: number): Gap | undefined {
  const { untilMs, ended } = positions.get(shardId);
  const oldest = now - stream.retentionHours * HOUR_MS;
  if (ended || untilMs === undefined || untilMs >= oldest) return undefined;
  return { shardId, readUntil: new Date(untilMs), oldest: new Date(oldest) };
}

/** @throws GapError unless gaps are skipped */
export function passGap(session: Session, gap: Gap | undefined, onGap: ReadOptions['onGap'], gaps: Gap[]): void {
  if (!gap) return;
  if (onGap !== 'skip') throw new GapError(session.stream.name, gap);
  gaps.push(gap);
  session.positions.reset(gap.shardId, gap.oldest.getTime());
}

/** True if all records of a shard are later than the start of the read. */
export function isAfterParent({ positions }: Session, { parents }: ShardDescription): boolean {
  return parents.some((id) => positions.get(id).ended && positions.get(id).after !== undefined);
}
