import { setMaxListeners } from 'node:events';
import type { Clock } from './clock';
import { type Gap, ReadError, StateError } from './errors';
import { subscribeToShard } from './fan-out';
import type { Kinesis, ShardDescription } from './kinesis';
import type { ReadOptions } from './options';
import { type Item, isPromise, payloads } from './payloads';
import { pollShard } from './poll';
import { compareSequenceNumbers } from './position';
import type { StreamRecord } from './record';
import { retrying } from './retry';
import { gapOf, isAfterParent, openSession, passGap, type Session, stateOf } from './session';
import { type Chunk, ShardPool } from './shard-pool';
import type { ReaderState, StateStore } from './state';

/** One read of a stream. It can be iterated once, over records or over batches. */
export interface Reading<Value> extends AsyncIterable<StreamRecord<Value>> {
  /** Yields batches of at most `chunk` records. A batch holds records of one shard, in the shard's order. */
  batches(): AsyncIterable<readonly StreamRecord<Value>[]>;
  /**
   * Saves the positions: records yielded so far are never read again with this state. Records yielded after the last
   * commit are read again. It may be called while iterating and afterwards.
   * @throws StateError if another reader saved in between
   */
  commit(): Promise<void>;
  /** Returns the state that a commit would save now. @throws ReadError before the first record was requested */
  state(): ReaderState;
  /** Returns each shard's lag behind its tip in milliseconds, as its last response reported it. */
  lag(): Readonly<Record<string, number>>;
  /** Returns the gaps that were skipped with `onGap: 'skip'`. */
  gaps(): readonly Gap[];
  /**
   * `complete`: everything up to `until` was yielded. `limit`: `maxRecords` were yielded, and more may follow.
   * `stopped`: the caller or an error ended the read.
   */
  outcome(): 'reading' | 'complete' | 'limit' | 'stopped';
}

export interface Ports {
  readonly kinesis: Kinesis;
  readonly store: StateStore;
  readonly clock: Clock;
}

/** Retries of ListShards after the end of a shard whose children are not listed yet. They appear within moments. */
const RELISTINGS = 5;
const RELISTING_MS = 1_000;

export class StreamReading<Value> implements Reading<Value> {
  readonly #lag: Record<string, number> = {};
  readonly #gaps: Gap[] = [];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #session: Session | undefined;
  #outcome: ReturnType<Reading<Value>['outcome']> = 'reading';
  #begun = false;
  #open = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    private readonly options: ReadOptions<Value>,
    private readonly ports: Ports,
  ) {
    // Every shard adds a listener.
    setMaxListeners(0, this.#stop.signal);
    this.#signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;
    setMaxListeners(0, this.#signal);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamRecord<Value>> {
    const session = () => this.#session!.positions;
    for await (const { shardId, items } of this.#run())
      for (const { record, raw, sub } of items) {
        session().move(shardId, raw.sequenceNumber, sub, raw.arrivedAt);
        yield record;
      }
  }

  async *batches(): AsyncGenerator<readonly StreamRecord<Value>[]> {
    for await (const { shardId, items } of this.#run()) {
      const { raw, sub } = items.at(-1)!;
      this.#session!.positions.move(shardId, raw.sequenceNumber, sub, raw.arrivedAt);
      yield items.map(({ record }) => record);
    }
  }

  commit(): Promise<void> {
    const save = this.#saving.then(() => this.#save());
    this.#saving = save.catch(() => undefined);
    return save;
  }

  state(): ReaderState {
    if (!this.#session) throw new ReadError('there is no state before the first record was asked for');
    return stateOf(this.#session);
  }

  lag(): Readonly<Record<string, number>> {
    return { ...this.#lag };
  }

  gaps(): readonly Gap[] {
    return this.#gaps;
  }

  outcome(): ReturnType<Reading<Value>['outcome']> {
    return this.#outcome;
  }

  async *#run(): AsyncGenerator<{ readonly shardId: string; readonly items: readonly Item<Value>[] }> {
    if (this.#begun) throw new ReadError('a reading can be iterated once');
    this.#begun = true;
    const { kinesis, store, clock } = this.ports;
    const pool = new ShardPool(clock, this.#parallel());
    try {
      await store.open();
      this.#open = true;
      this.#session = await openSession(this.options, kinesis, store, clock, this.#signal);
      await this.#list(this.#session.positions.ids);
      this.#passVanished();
      this.#begin(pool);
      yield* this.#limited(pool);
      this.#outcome = this.#outcome === 'reading' ? 'complete' : this.#outcome;
    } finally {
      if (this.#outcome === 'reading') this.#outcome = 'stopped';
      this.#stop.abort(new ReadError('the reading has ended'));
      pool.close();
      kinesis.dispose();
      await this.#saving;
      if (this.#open) await store.close();
      this.#open = false;
    }
  }

  /** Ends after `maxRecords` and sets the outcome to `limit` if more may follow. */
  async *#limited(pool: ShardPool) {
    let left = this.options.maxRecords ?? Number.POSITIVE_INFINITY;
    if (left === Number.POSITIVE_INFINITY) return yield* this.#chunks(pool);
    for await (const { shardId, items } of this.#chunks(pool)) {
      if (left === 0) {
        this.#outcome = 'limit';
        return;
      }
      const taken = items.slice(0, left);
      left -= taken.length;
      yield { shardId, items: taken };
      if (taken.length < items.length || (left === 0 && this.#session!.untilMs === undefined)) {
        this.#outcome = 'limit';
        return;
      }
    }
  }

  async *#chunks(pool: ShardPool) {
    const session = this.#session!;
    const itemsOf = payloads<Value>(session.stream.name, this.options);
    const size = this.options.chunk ?? 1_000;
    while (pool.size > 0) {
      const chunk = await this.#take(pool);
      const { shardId } = chunk;
      this.#lag[shardId] = chunk.behindMs;
      const { after, sub } = session.positions.get(shardId);
      const { raws, complete, cut } = this.#wanted(chunk, after, sub);
      let items: Item<Value>[] = [];
      try {
        for (const raw of raws)
          for (const maybe of itemsOf(shardId, raw, raw.sequenceNumber === after ? sub : undefined)) {
            const item = isPromise(maybe) ? await maybe : maybe;
            if (item && items.push(item) === size) {
              yield { shardId, items };
              items = [];
            }
          }
      } catch (error) {
        if (items.length > 0) yield { shardId, items };
        throw error;
      }
      if (items.length > 0) yield { shardId, items };
      const ended = chunk.ended && !cut;
      session.positions.settle(shardId, raws.at(-1), ended || cut ? undefined : chunk.askedAt - chunk.behindMs);
      if (ended) await this.#end(chunk, pool);
      else if (complete) pool.remove(shardId);
    }
  }

  /** Selects the records of a chunk that are new and before `until`, and says if the shard has no more of them. */
  #wanted(chunk: Chunk, after: string | undefined, sub: number | undefined) {
    const { lineage, untilMs } = this.#session!;
    let raws = chunk.records;
    // After a gap a shard is read from its oldest record, which may have been read already.
    if (after !== undefined && raws[0] && compareSequenceNumbers(raws[0].sequenceNumber, after) <= 0)
      raws = raws.filter(({ sequenceNumber }) => {
        const order = compareSequenceNumbers(sequenceNumber, after);
        return order > 0 || (order === 0 && sub !== undefined);
      });
    if (untilMs === undefined) return { raws, complete: false, cut: false };
    if (this.options.until !== 'now') {
      const late = raws.findIndex(({ arrivedAt }) => arrivedAt.getTime() >= untilMs);
      if (late >= 0) return { raws: raws.slice(0, late), complete: true, cut: true };
    }
    // A closed shard is read to its end, because its children begin there.
    const closed = lineage.get(chunk.shardId)?.closed ?? false;
    return { raws, complete: !closed && chunk.askedAt - chunk.behindMs >= untilMs, cut: false };
  }

  async #take(pool: ShardPool): Promise<Chunk> {
    this.#signal.throwIfAborted();
    let stop: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(this.#signal.reason);
      this.#signal.addEventListener('abort', stop, { once: true });
    });
    try {
      return await Promise.race([pool.take(), aborted]);
    } finally {
      this.#signal.removeEventListener('abort', stop!);
    }
  }

  /** Starts to read the shards that may be read now. */
  #begin(pool: ShardPool): void {
    const session = this.#session!;
    for (const shard of session.lineage.begin()) {
      session.positions.begin(shard.id, session.start, shard.parents);
      pool.add(shard.id, this.#source(shard, this.#passGap(shard.id)));
    }
  }

  /**
   * Reports a gap after the shard's position. Returns true if there is one.
   * @throws GapError unless gaps are skipped
   */
  #passGap(shardId: string): boolean {
    const session = this.#session!;
    const gap = gapOf(session, shardId, this.ports.clock.now());
    passGap(session, gap, this.options.onGap, this.#gaps);
    if (gap) this.options.report?.(gap);
    return gap !== undefined;
  }

  #source(shard: ShardDescription, afterGap: boolean) {
    const { kinesis, clock } = this.ports;
    const { via, chunk } = this.options;
    const session = this.#session!;
    const { after, sub } = session.positions.get(shard.id);
    const options = {
      kinesis,
      clock,
      shardId: shard.id,
      // After a gap the read continues at the oldest record.
      position: afterGap ? {} : { after, sub },
      start: session.start,
      afterParent: afterGap || isAfterParent(session, shard),
      signal: this.#signal,
    };
    if (via && via !== 'poll') return subscribeToShard({ ...options, consumerArn: via.consumerArn });
    return pollShard({ ...options, ...(chunk && chunk > 1_000 && { pageSize: chunk }) });
  }

  /** Ends a shard that was read to its end, and starts to read its children. */
  async #end({ shardId, children }: Chunk, pool: ShardPool): Promise<void> {
    const { lineage, positions } = this.#session!;
    pool.remove(shardId);
    delete this.#lag[shardId];
    positions.end(shardId);
    lineage.end(shardId);
    lineage.add(children);
    await this.#list([shardId]);
    this.#begin(pool);
  }

  /**
   * Lists the stream's shards until the listing is complete: it has the children of each shard that was read to its
   * end, and each shard that was not. A listing may be some moments old.
   */
  async #list(shardIds: readonly string[]): Promise<void> {
    const { lineage, positions } = this.#session!;
    const { clock, kinesis } = this.ports;
    const listed = (id: string) => (positions.get(id).ended ? lineage.hasChildren(id) : lineage.has(id));
    for (let attempt = 0; attempt < RELISTINGS && !shardIds.every(listed); attempt++) {
      if (attempt > 0) await clock.sleep(RELISTING_MS, this.#signal);
      lineage.add(await retrying(this.options.stream, clock, this.#signal, () => kinesis.shards(this.#signal)));
    }
  }

  /** Passes the shards that the stream no longer lists. They were closed, and all their records have expired. */
  #passVanished(): void {
    const session = this.#session!;
    for (const id of session.positions.ids.filter((each) => !session.lineage.has(each))) {
      this.#passGap(id);
      session.positions.forget(id);
    }
  }

  #parallel(): number {
    const { via, parallel = 16 } = this.options;
    // A subscription always waits for events, so it never frees its slot. Kinesis sends no more than the reader takes.
    return via && via !== 'poll' ? Number.POSITIVE_INFINITY : parallel;
  }

  async #save(): Promise<void> {
    const { store } = this.ports;
    const session = this.#session;
    if (!session) throw new ReadError('there is nothing to commit before the first record was asked for');
    const reopened = !this.#open;
    if (reopened) await store.open();
    try {
      if (reopened) {
        const { revision = 0 } = ((await store.load()) ?? {}) as Partial<ReaderState>;
        if (revision !== session.revision)
          throw new StateError(`${store.name} was saved by another reader since this one read it; nothing was saved`);
      }
      await store.save({ ...stateOf(session), revision: session.revision + 1 });
      session.revision += 1;
    } finally {
      if (reopened) await store.close();
    }
  }
}
