import { createHash } from 'node:crypto';
import type { Clock } from '../src/clock';
import type { RawRecord } from '../src/get-records';
import type { Fetched, Kinesis, Page, ShardDescription } from '../src/kinesis';
import type { StartingPosition } from '../src/position';

export class ServiceError extends Error {
  constructor(
    override readonly name: string,
    message = name,
  ) {
    super(message);
  }
}

interface Shard {
  readonly id: string;
  readonly parents: readonly string[];
  readonly createdAt: number;
  readonly low: number;
  readonly high: number;
  closedAt?: number;
  records: RawRecord[];
}

/** Time that moves when everyone waits. */
export class VirtualClock implements Clock {
  #now: number;
  #sleepers: { at: number; wake: () => void }[] = [];
  #ticking = false;

  constructor(
    start: number,
    private readonly next: () => number,
  ) {
    this.#now = start;
  }

  now = () => this.#now;
  random = () => this.next();

  advance(ms: number): void {
    this.#now += ms;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const stop = () => reject(signal.reason);
      const wake = () => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const sleeper = { at: this.#now + ms, wake };
      signal.addEventListener('abort', stop, { once: true });
      this.#sleepers.push(sleeper);
      this.#tick();
    });
  }

  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      this.#sleepers.sort((a, b) => a.at - b.at);
      const first = this.#sleepers.shift();
      if (!first) return;
      this.#now = Math.max(this.#now, first.at);
      first.wake();
      if (this.#sleepers.length > 0) this.#tick();
    });
  }
}

export interface FakeOptions {
  readonly clock: VirtualClock;
  readonly shards?: number;
  readonly retentionHours?: number;
  /** Runs before each call, and may throw in its place. */
  readonly before?: (call: 'describe' | 'shards' | 'iterator' | 'records' | 'subscribe') => void;
  /** Largest page of GetRecords. @default - as asked */
  readonly pageSize?: () => number;
  readonly iteratorLifeMs?: number;
  /** Whether the end of a shard comes with its last records, and not in a page of its own. @default - always */
  readonly endsAtOnce?: () => boolean;
  /** Whether the end of a shard names the children. @default - always */
  readonly namesChildren?: () => boolean;
  /** New shards are listed so much later. @default 0 */
  readonly listingDelayMs?: number;
}

/** A stream in memory that behaves as the API reference says. */
export class FakeStream {
  readonly name = 'clicks';
  readonly arn = 'arn:aws:kinesis:eu-west-1:000000000000:stream/clicks';
  readonly createdAt: Date;
  readonly shards: Shard[] = [];
  retentionHours: number;
  #sequence = 10n ** 20n;

  constructor(readonly options: FakeOptions) {
    this.createdAt = new Date(options.clock.now());
    this.retentionHours = options.retentionHours ?? 24;
    const count = options.shards ?? 1;
    for (let i = 0; i < count; i++) this.#add([], i / count, (i + 1) / count);
  }

  put(partitionKey: string, data: string | Uint8Array): RawRecord {
    const hash = createHash('md5').update(partitionKey).digest().readUInt32BE(0) / 2 ** 32;
    const shard = this.open.find(({ low, high }) => hash >= low && hash < high)!;
    // Numbers of different lengths: they must not be compared as text.
    this.#sequence *= this.#sequence < 10n ** 24n ? 3n : 1n;
    this.#sequence += 7n;
    const record = {
      sequenceNumber: String(this.#sequence),
      arrivedAt: new Date(this.options.clock.now()),
      partitionKey,
      data: typeof data === 'string' ? Buffer.from(data) : data,
    };
    shard.records.push(record);
    return record;
  }

  get open(): Shard[] {
    return this.shards.filter(({ closedAt }) => closedAt === undefined);
  }

  split(shard: Shard): void {
    shard.closedAt = this.options.clock.now();
    const middle = (shard.low + shard.high) / 2;
    this.#add([shard.id], shard.low, middle);
    this.#add([shard.id], middle, shard.high);
  }

  merge(a: Shard, b: Shard): void {
    const [low, high] = [a, b].sort((x, y) => x.low - y.low) as [Shard, Shard];
    if (low.high !== high.low) return;
    a.closedAt = b.closedAt = this.options.clock.now();
    this.#add([low.id, high.id], low.low, high.high);
  }

  connect(): Kinesis {
    const { clock, before, pageSize, iteratorLifeMs = 300_000 } = this.options;
    const asked = async (call: Parameters<NonNullable<FakeOptions['before']>>[0], signal: AbortSignal) => {
      await new Promise((done) => setImmediate(done));
      signal.throwIfAborted();
      before?.(call);
      this.#expire();
    };
    return {
      describe: async (signal) => {
        await asked('describe', signal);
        return { name: this.name, arn: this.arn, createdAt: this.createdAt, retentionHours: this.retentionHours };
      },
      shards: async (signal) => {
        await asked('shards', signal);
        const listed = clock.now() - (this.options.listingDelayMs ?? 0);
        return this.shards
          .filter(({ createdAt, parents }) => parents.length === 0 || createdAt <= listed)
          .map(describeShard);
      },
      iterator: async (shardId, position, signal) => {
        await asked('iterator', signal);
        return JSON.stringify({ shardId, position, from: this.#from(shardId, position), at: clock.now() });
      },
      records: async (iterator, limit, signal): Promise<Page> => {
        await asked('records', signal);
        const { shardId, from, at } = JSON.parse(iterator) as { shardId: string; from: string; at: number };
        if (clock.now() - at > iteratorLifeMs) throw new ServiceError('ExpiredIteratorException');
        const page = this.#page(shardId, BigInt(from), Math.min(limit, pageSize?.() ?? limit));
        const last = page.records.at(-1)?.sequenceNumber;
        const next = JSON.stringify({ shardId, from: last ? String(BigInt(last) + 1n) : from, at: clock.now() });
        return { ...page, ...(!page.ended && { next }) };
      },
      subscribe: async (_, shardId, position, signal) => {
        await asked('subscribe', signal);
        return this.#events(shardId, BigInt(this.#from(shardId, position)), signal);
      },
      dispose: () => undefined,
    };
  }

  async *#events(shardId: string, from: bigint, signal: AbortSignal) {
    let next = from;
    for (let i = 0; i < 20; i++) {
      await this.options.clock.sleep(200, signal);
      this.#expire();
      const page = this.#page(shardId, next, this.options.pageSize?.() ?? 1_000);
      const last = page.records.at(-1)?.sequenceNumber;
      if (last) next = BigInt(last) + 1n;
      yield { ...page, ...(!page.ended && { continuation: String(next - 1n) }) };
      if (page.ended) return;
    }
  }

  #page(shardId: string, from: bigint, limit: number): Fetched {
    const shard = this.#shard(shardId);
    const left = shard.records.filter(({ sequenceNumber }) => BigInt(sequenceNumber) >= from);
    const records = left.slice(0, limit);
    const rest = left[records.length];
    const atEnd = shard.closedAt !== undefined && rest === undefined;
    const ended = atEnd && (records.length === 0 || (this.options.endsAtOnce?.() ?? true));
    const named = ended && (this.options.namesChildren?.() ?? true);
    return {
      records,
      behindMs: rest ? this.options.clock.now() - rest.arrivedAt.getTime() + 1 : 0,
      ended,
      children: named ? this.shards.filter(({ parents }) => parents.includes(shardId)).map(describeShard) : [],
    };
  }

  /** The least sequence number that a position takes. */
  #from(shardId: string, position: StartingPosition): string {
    const { records } = this.#shard(shardId);
    if (position.type === 'TRIM_HORIZON') return '0';
    if ('sequenceNumber' in position)
      return String(BigInt(position.sequenceNumber) + (position.type === 'AT_SEQUENCE_NUMBER' ? 0n : 1n));
    if (position.timestamp.getTime() > this.options.clock.now())
      throw new ServiceError('InvalidArgumentException', 'the timestamp is in the future');
    const first = records.find(({ arrivedAt }) => arrivedAt >= position.timestamp);
    return first?.sequenceNumber ?? String(this.#sequence + 1n);
  }

  #shard(id: string): Shard {
    const found = this.shards.find((shard) => shard.id === id);
    if (!found) throw new ServiceError('ResourceNotFoundException', `Shard ${id} in stream clicks does not exist`);
    return found;
  }

  #expire(): void {
    const oldest = this.options.clock.now() - this.retentionHours * 3_600_000;
    for (const shard of this.shards)
      shard.records = shard.records.filter(({ arrivedAt }) => arrivedAt.getTime() >= oldest);
    const gone = (shard: Shard) => shard.closedAt !== undefined && shard.closedAt < oldest;
    this.shards.splice(0, this.shards.length, ...this.shards.filter((shard) => !gone(shard)));
  }

  #add(parents: readonly string[], low: number, high: number): void {
    const id = `shardId-${String(this.#count++).padStart(12, '0')}`;
    this.shards.push({ id, parents, createdAt: this.options.clock.now(), low, high, records: [] });
  }
  #count = 0;
}

const describeShard = ({ id, parents, closedAt }: Shard): ShardDescription => ({
  id,
  parents,
  closed: closedAt !== undefined,
});
