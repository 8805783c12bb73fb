import { StateError } from './errors';
import type { ShardPosition, Start } from './position';

export const STATE_VERSION = 1;

/** The saved state of a reader, as one JSON document. */
export interface ReaderState {
  readonly version: typeof STATE_VERSION;
  /** The number of saves. It detects that another reader saved in between, whose save is then not overwritten. */
  readonly revision: number;
  readonly stream: { readonly arn: string /** ISO 8601. */; readonly createdAt: string };
  /** The start of every shard without a position. The first read resolves it. */
  readonly start: Start;
  readonly shards: Readonly<Record<string, ShardPosition>>;
}

/** A place where a reader keeps its state. */
export interface StateStore {
  /** The store's name in error messages. */
  readonly name: string;
  /** Claims the state for one reader. @throws StateError if another reader holds it */
  open(): Promise<void>;
  /** Returns the last saved state, parsed from JSON; undefined before the first save. */
  load(): Promise<unknown>;
  /** Replaces the whole state, or fails and leaves it unchanged. */
  save(state: ReaderState): Promise<void>;
  /** Releases the claim. */
  close(): Promise<void>;
}

/** Keeps the state in memory. */
export function memoryState(saved?: ReaderState): StateStore & { readonly saved: ReaderState | undefined } {
  let current = saved;
  let claimed = false;
  return {
    name: 'the state in memory',
    get saved() {
      return current;
    },
    async open() {
      if (claimed) throw new StateError('the state in memory is in use by another reader');
      claimed = true;
    },
    load: async () => current,
    async save(state) {
      current = state;
    },
    async close() {
      claimed = false;
    },
  };
}

/** @throws StateError naming the field that is wrong */
export function parseState(found: unknown, where: string): ReaderState {
  const wrong = (what: string): never => {
    throw new StateError(`${where} is not the state of a reader: ${what}`);
  };
  if (!isObject(found)) return wrong(`expected an object, got ${JSON.stringify(found)?.slice(0, 80)}`);
  const { version, revision, stream, start, shards } = found;
  if (typeof version === 'number' && version > STATE_VERSION)
    throw new StateError(
      `${where} was written by a newer reader (version ${version}, this one knows ${STATE_VERSION})`,
    );
  if (version !== STATE_VERSION) wrong(`version must be ${STATE_VERSION}, got ${JSON.stringify(version)}`);
  if (!Number.isSafeInteger(revision)) wrong(`revision must be an integer, got ${JSON.stringify(revision)}`);
  if (!isObject(stream) || typeof stream['arn'] !== 'string' || !isTime(stream['createdAt']))
    wrong(`stream must have an arn and a createdAt, got ${JSON.stringify(stream)}`);
  if (start !== 'beginning' && !(isObject(start) && isTime(start['at'])))
    wrong(`start must be "beginning" or { "at": time }, got ${JSON.stringify(start)}`);
  if (!isObject(shards)) return wrong(`shards must be an object, got ${JSON.stringify(shards)}`);
  for (const [id, position] of Object.entries(shards)) checkPosition(id, position, wrong);
  return found as unknown as ReaderState;
}

function checkPosition(id: string, position: unknown, wrong: (what: string) => never): void {
  const at = (what: string) => wrong(`shards[${JSON.stringify(id)}]${what}, got ${JSON.stringify(position)}`);
  if (!isObject(position)) throw at(' must be an object');
  const { after, sub, until, ended } = position;
  if (after !== undefined && !(typeof after === 'string' && /^\d{1,128}$/.test(after)))
    at('.after must be a sequence number');
  if (sub !== undefined && !(Number.isSafeInteger(sub) && (sub as number) >= 0 && after !== undefined))
    at('.sub must be the index of a part of the record `after`');
  if (until !== undefined && !isTime(until)) at('.until must be a time');
  if (ended !== undefined && ended !== true) at('.ended must be true or absent');
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTime = (value: unknown): boolean => typeof value === 'string' && !Number.isNaN(Date.parse(value));
