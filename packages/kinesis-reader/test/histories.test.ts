import { StreamReading } from '../src/reading';
import type { ReaderState, StateStore } from '../src/state';
import { aggregate } from './aggregate';
import { FakeStream, ServiceError, VirtualClock } from './fake-kinesis';

/** Histories that a run plays: MILLRACE_HISTORIES=1000 plays a thousand. */
const histories = Number(process.env['MILLRACE_HISTORIES'] ?? 150);
const firstSeed = Number(process.env['MILLRACE_SEED'] ?? 1);

class Killed extends Error {}

/** A generator of numbers from 0 to 1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Put {
  readonly key: string;
  readonly n: number;
}

async function play(seed: number): Promise<void> {
  const random = numbers(seed);
  const chance = (p: number) => random() < p;
  const upTo = (n: number) => 1 + Math.floor(random() * n);
  const clock = new VirtualClock(Date.UTC(2026, 0, 1), random);
  let calls = Number.POSITIVE_INFINITY;
  let calm = false;
  const puts: Put[] = [];
  const stream = new FakeStream({
    clock,
    shards: upTo(4),
    retentionHours: 8_760,
    pageSize: () => upTo(12),
    iteratorLifeMs: 20_000,
    endsAtOnce: () => chance(0.5),
    namesChildren: () => chance(0.5),
    listingDelayMs: 1_500,
    before(call) {
      if (calls-- <= 0) throw new Killed();
      if (calm) return;
      if (chance(0.15)) putSome();
      if (chance(0.02)) reshard();
      if (call === 'records' && chance(0.05)) throw new ServiceError('ProvisionedThroughputExceededException');
      if (call === 'records' && chance(0.02)) clock.advance(30_000);
      if (chance(0.01)) throw new ServiceError('InternalFailureException');
    },
  });
  const putSome = () => {
    for (let left = upTo(10); left > 0; left--) {
      clock.advance(upTo(50) - 1);
      const key = `k${upTo(6)}`;
      const next = () => {
        puts.push({ key, n: puts.length });
        return JSON.stringify(puts.at(-1));
      };
      if (chance(0.8)) stream.put(key, next());
      else stream.put(key, aggregate(Array.from({ length: upTo(5) }, () => ({ key, data: next() }))));
    }
  };
  const reshard = () => {
    const shard = stream.open[upTo(stream.open.length) - 1]!;
    const other = stream.open.find(({ low }) => low === shard.high);
    if (other && chance(0.5)) stream.merge(shard, other);
    else if (stream.open.length < 8) stream.split(shard);
  };

  let saved: ReaderState | undefined;
  let handedOut: Put[] = [];
  const committed = new Set<number>();
  const lastOfKey = new Map<string, number>();
  const store: StateStore = {
    name: 'the test',
    open: async () => undefined,
    close: async () => undefined,
    load: async () => saved && JSON.parse(JSON.stringify(saved)),
    async save(state) {
      if (calls-- <= 0) throw new Killed();
      saved = state;
      for (const { key, n } of handedOut) {
        committed.add(n);
        lastOfKey.set(key, Math.max(n, lastOfKey.get(key) ?? -1));
      }
      handedOut = [];
      // Saved, but the process never hears of it.
      if (calls-- <= 0) throw new Killed();
    },
  };

  const session = async (until?: 'now') => {
    handedOut = [];
    const seen = new Map(lastOfKey);
    const reading = new StreamReading<Put>(
      { stream: stream.name, until, chunk: upTo(8), maxRecords: calm ? undefined : upTo(200), parallel: upTo(5) },
      { kinesis: stream.connect(), store, clock },
    );
    const take = (put: Put) => {
      if (committed.has(put.n)) throw new Error(`seed ${seed}: ${put.n} was read again after its commit`);
      if (put.n <= (seen.get(put.key) ?? -1)) throw new Error(`seed ${seed}: ${put.key} is out of order at ${put.n}`);
      seen.set(put.key, put.n);
      handedOut.push(put);
    };
    try {
      if (chance(0.5))
        for await (const { value } of reading) {
          take(value);
          if (!calm && chance(0.05)) await reading.commit();
          if (!calm && chance(0.01)) break;
        }
      else
        for await (const batch of reading.batches()) {
          for (const { value } of batch) take(value);
          if (!calm && chance(0.3)) await reading.commit();
          if (!calm && chance(0.03)) break;
        }
      if (calm || chance(0.5)) await reading.commit();
    } catch (error) {
      if (!(error instanceof Killed) || calm) throw error;
    }
    return reading.outcome();
  };

  for (let i = upTo(6); i > 0; i--) {
    calls = chance(0.6) ? upTo(120) : Number.POSITIVE_INFINITY;
    await session(chance(0.7) ? 'now' : undefined);
  }
  calm = true;
  calls = Number.POSITIVE_INFINITY;
  if ((await session('now')) !== 'complete') throw new Error(`seed ${seed}: the last read is not complete`);
  const lost = puts.filter(({ n }) => !committed.has(n));
  if (lost.length > 0) throw new Error(`seed ${seed}: ${lost.length} of ${puts.length} records were lost`);
}

test(`${histories} random histories lose nothing, repeat nothing after a commit, and keep the order of each key`, async () => {
  for (let seed = firstSeed; seed < firstSeed + histories; seed++) await play(seed);
});
