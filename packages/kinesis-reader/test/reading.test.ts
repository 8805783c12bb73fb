import { systemClock } from '../src/clock';
import { GapError, ReadError, StateError, StreamReplacedError } from '../src/errors';
import { checkOptions, type ReadOptions } from '../src/options';
import { StreamReading } from '../src/reading';
import { memoryState, type ReaderState, type StateStore } from '../src/state';
import { type FakeOptions, FakeStream, ServiceError, VirtualClock } from './fake-kinesis';

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

function world(options: Partial<FakeOptions> = {}) {
  const clock = new VirtualClock(start, () => 0.5);
  const stream = new FakeStream({ clock, ...options });
  const reading = (read: Partial<ReadOptions<number>> = {}, store: StateStore = memoryState()) =>
    new StreamReading<number>({ stream: 'clicks', until: 'now', ...read }, { kinesis: stream.connect(), store, clock });
  const put = (...values: number[]) => {
    for (const value of values) stream.put(`k${value}`, String(value));
  };
  return { clock, stream, reading, put };
}

async function all<T>(values: AsyncIterable<{ readonly value: T }>): Promise<T[]> {
  const found: T[] = [];
  for await (const { value } of values) found.push(value);
  return found.sort();
}

test('reads everything up to now, from all shards, and says so', async () => {
  const { reading, put } = world({ shards: 3 });
  put(1, 2, 3, 4, 5);
  const read = reading();
  expect(await all(read)).toEqual([1, 2, 3, 4, 5]);
  expect(read.outcome()).toBe('complete');
  expect(Object.values(read.lag())).toEqual([0, 0, 0]);
});

test('"latest" begins at the moment of the first read, which stays in the state', async () => {
  const { clock, reading, put } = world();
  put(1);
  clock.advance(hour);
  const store = memoryState();
  const first = reading({ from: 'latest' }, store);
  expect(await all(first)).toEqual([]);
  await first.commit();
  clock.advance(hour);
  put(2);
  expect(store.saved!.start).toEqual({ at: '2026-01-01T01:00:00.000Z' });
  expect(await all(reading({ from: 'beginning' }, store))).toEqual([2]);
});

test('a date as the start and as the end: from the one on, up to before the other', async () => {
  const { clock, reading, put } = world();
  for (const value of [1, 2, 3, 4]) {
    put(value);
    clock.advance(hour);
  }
  const from = new Date(start + hour);
  const until = new Date(start + 3 * hour);
  const store = memoryState();
  const read = reading({ from, until }, store);
  expect(await all(read)).toEqual([2, 3]);
  await read.commit();
  expect(await all(reading({}, store))).toEqual([4]);
});

test('a clock that is ahead of the service waits until its start is no longer in the future', async () => {
  let left = 1;
  const { clock, stream, put } = world({
    before: (call) => {
      if (call === 'records' && left-- > 0) put(2);
    },
  });
  put(1);
  const skewed = { now: () => clock.now() + 60_000, random: clock.random, sleep: clock.sleep.bind(clock) };
  const read = new StreamReading<number>(
    { stream: 'clicks', from: 'latest', maxRecords: 1 },
    { kinesis: stream.connect(), store: memoryState(), clock: skewed },
  );
  expect(await all(read)).toEqual([2]);
  expect(clock.now()).toBeGreaterThanOrEqual(start + 60_000);
});

describe('maxRecords', () => {
  test('is exact, and more is a limit', async () => {
    const { reading, put } = world({ shards: 2 });
    put(1, 2, 3, 4, 5);
    const store = memoryState();
    const seen: number[] = [];
    const outcomes: string[] = [];
    for (let i = 0; i < 3; i++) {
      const read = reading({ maxRecords: 2 }, store);
      seen.push(...(await all(read)));
      await read.commit();
      outcomes.push(read.outcome());
    }
    expect(seen.sort()).toEqual([1, 2, 3, 4, 5]);
    expect(outcomes).toEqual(['limit', 'limit', 'complete']);
  });
  test('of just as many as there are is complete', async () => {
    const { reading, put } = world();
    put(1, 2);
    const read = reading({ maxRecords: 2 });
    expect(await all(read)).toEqual([1, 2]);
    expect(read.outcome()).toBe('complete');
  });
});

describe('a gap', () => {
  async function gone() {
    const { clock, reading, put, stream } = world({ retentionHours: 24 });
    put(1);
    const store = memoryState();
    const first = reading({}, store);
    await all(first);
    await first.commit();
    clock.advance(hour);
    put(2);
    clock.advance(30 * hour);
    put(3);
    return { clock, reading, put, stream, store };
  }
  test('is an error with both times', async () => {
    const { reading, store } = await gone();
    const error = await all(reading({}, store)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GapError);
    expect((error as Error).message).toBe(
      'clicks: shard shardId-000000000000 was read until 2026-01-01T00:00:00.000Z, but the stream holds nothing older than ' +
        "2026-01-01T07:00:00.000Z; records between may be lost (onGap: 'skip' reads on)",
    );
  });
  test('is passed and reported on request', async () => {
    const { reading, store } = await gone();
    const reported: unknown[] = [];
    const read = reading({ onGap: 'skip', report: (gap) => reported.push(gap) }, store);
    expect(await all(read)).toEqual([3]);
    expect(read.gaps()).toEqual([
      {
        shardId: 'shardId-000000000000',
        readUntil: new Date(start),
        oldest: new Date(start + 7 * hour),
      },
    ]);
    expect(reported).toEqual(read.gaps());
    await read.commit();
    expect(await all(reading({}, store))).toEqual([]);
  });
  test('is none for a shard that was idle but read all the time', async () => {
    const { clock, reading } = world({ retentionHours: 24 });
    const store = memoryState();
    for (let day = 0; day < 4; day++) {
      const read = reading({}, store);
      expect(await all(read)).toEqual([]);
      await read.commit();
      clock.advance(20 * hour);
    }
  });
  test('does not hide a record that the stream still holds: what was committed stays read', async () => {
    const { clock, reading, put, stream } = world({ retentionHours: 24 });
    put(1);
    const store = memoryState();
    const first = reading({}, store);
    await all(first);
    await first.commit();
    clock.advance(25 * hour);
    put(2);
    stream.retentionHours = 48;
    // The state says that the shard was read until 25 hours ago; the description says 24.
    const kinesis = stream.connect();
    const describe = { ...(await kinesis.describe(new AbortController().signal)), retentionHours: 24 };
    const read = new StreamReading<number>(
      { stream: 'clicks', until: 'now', onGap: 'skip' },
      { kinesis: { ...kinesis, describe: async () => describe }, store, clock },
    );
    expect(await all(read)).toEqual([2]);
  });
});

test('a stream that was deleted and made again is an error, not silence', async () => {
  const { clock, reading } = world();
  const store = memoryState();
  const first = reading({}, store);
  await all(first);
  await first.commit();
  clock.advance(hour);
  const other = new FakeStream({ clock });
  const read = new StreamReading({ stream: 'clicks', until: 'now' }, { kinesis: other.connect(), store, clock });
  await expect(all(read)).rejects.toThrow(StreamReplacedError);
});

describe('the state of a reader', () => {
  const state: ReaderState = {
    version: 1,
    revision: 1,
    stream: { arn: 'arn:aws:kinesis:eu-west-1:000000000000:stream/clicks', createdAt: new Date(start).toISOString() },
    start: 'beginning',
    shards: {},
  };
  test.each<[string, unknown, RegExp]>([
    [
      'another stream',
      { ...state, stream: { ...state.stream, arn: 'arn:aws:kinesis:eu-west-1:0:stream/b' } },
      /is the state of arn:\S+stream\/b, not of \S+clicks/,
    ],
    ['a newer version', { ...state, version: 2 }, /written by a newer reader \(version 2, this one knows 1\)/],
    ['no version', { shards: {} }, /version must be 1, got undefined/],
    ['a text', 'x', /expected an object, got "x"/],
    ['a wrong start', { ...state, start: 'end' }, /start must be "beginning"/],
    ['a wrong position', { ...state, shards: { s: { after: 'x' } } }, /shards\["s"\].after must be a sequence number/],
    ['a part of no record', { ...state, shards: { s: { sub: 1 } } }, /shards\["s"\].sub must be/],
  ])('of %s is refused and kept', async (_, saved, message) => {
    const store = memoryState(saved as ReaderState);
    const read = world().reading({}, store);
    await expect(all(read)).rejects.toThrow(StateError);
    await expect(all(world().reading({}, memoryState(saved as ReaderState)))).rejects.toThrow(message);
    expect(store.saved).toBe(saved);
  });

  test('is refused to a second reader, and given to it afterwards', async () => {
    const { reading, put } = world();
    put(1, 2);
    const store = memoryState();
    for await (const _ of reading({}, store))
      await expect(all(reading({}, store))).rejects.toThrow(/in use by another reader/);
    expect(await all(reading({}, store))).toEqual([1, 2]);
  });
  test('is not overwritten by a reader that another one has overtaken', async () => {
    const { reading, put } = world();
    put(1);
    const store = memoryState();
    const [slow, fast] = [reading({}, store), reading({}, store)];
    await all(slow);
    await all(fast);
    await fast.commit();
    await expect(slow.commit()).rejects.toThrow(
      'was saved by another reader since this one read it; nothing was saved',
    );
    expect(store.saved!.revision).toBe(1);
  });
  test('has no commit before the first record, and a reading is iterated once', async () => {
    const { reading } = world();
    const read = reading();
    await expect(read.commit()).rejects.toThrow(ReadError);
    expect(() => read.state()).toThrow(ReadError);
    await all(read);
    await expect(all(read)).rejects.toThrow('a reading can be iterated once');
  });
});

describe('quotas', () => {
  test('a shard is read five times a second at most', async () => {
    const reads: number[] = [];
    const { clock, stream, reading, put } = world({
      pageSize: () => 1,
      before: (call) => call === 'records' && reads.push(clock.now()),
    });
    put(...Array.from({ length: 30 }, (_, i) => i));
    expect(stream.shards).toHaveLength(1);
    await all(reading());
    for (let i = 5; i < reads.length; i++) expect(reads[i]! - reads[i - 5]!).toBeGreaterThanOrEqual(1_000);
  });
  test('throttled reads wait and go on; a shard that never answers is an error', async () => {
    let left = 3;
    const { reading, put } = world({
      before: (call) => {
        if (call === 'records' && left-- > 0) throw new ServiceError('ProvisionedThroughputExceededException');
      },
    });
    put(1);
    expect(await all(reading())).toEqual([1]);
    left = 1_000;
    await expect(all(reading())).rejects.toThrow(/shardId-000000000000: 12 attempts failed, the last with Provisioned/);
  });
});

test.each<[string, string, RegExp]>([
  ['ResourceNotFoundException', 'Stream clicks under account 1 not found.', /clicks: there is no such stream/],
  [
    'AccessDeniedException',
    'User: x is not authorized to perform: kinesis:DescribeStreamSummary on',
    /permission kinesis:DescribeStreamSummary is missing/,
  ],
  ['ExpiredTokenException', 'The security token included in the request is expired', /session token has expired/],
])('%s is one sentence', async (name, text, message) => {
  const { reading } = world({
    before: () => {
      throw new ServiceError(name, text);
    },
  });
  await expect(all(reading())).rejects.toThrow(message);
});

test('a region that does not exist is one sentence, at once', async () => {
  let calls = 0;
  const hostname = 'kinesis.eu-west-99.amazonaws.com';
  const { reading } = world({
    before: () => {
      calls += 1;
      throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND', hostname });
    },
  });
  await expect(all(reading())).rejects.toThrow(`clicks: there is no host ${hostname}; check the region`);
  expect(calls).toBe(1);
});

test('an aborted signal ends the read at once, with its reason', async () => {
  const { reading, put } = world();
  put(1);
  const stop = new AbortController();
  const read = reading({ until: undefined, signal: stop.signal });
  const iterator = read[Symbol.asyncIterator]();
  expect((await iterator.next()).value.value).toBe(1);
  const next = iterator.next();
  stop.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
  expect(read.outcome()).toBe('stopped');
});

describe('enhanced fan-out', () => {
  const via = { consumerArn: 'arn:aws:kinesis:eu-west-1:000000000000:stream/clicks/consumer/me:1' };

  test('reads parents, then children, through subscriptions that end', async () => {
    const { clock, reading, put, stream } = world({ pageSize: () => 2 });
    put(1, 2, 3);
    clock.advance(1_000);
    stream.split(stream.shards[0]!);
    put(4, 5, 6, 7);
    const read = reading({ via });
    expect(await all(read)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
  test('a consumer in use is waited for, and a subscription that fails is renewed behind its last event', async () => {
    let subscriptions = 0;
    const { reading, put } = world({
      pageSize: () => 1,
      before: (call) => {
        if (call === 'subscribe' && subscriptions++ < 2) throw new ServiceError('ResourceInUseException');
      },
    });
    put(...Array.from({ length: 50 }, (_, i) => i));
    expect(await all(reading({ via }))).toHaveLength(50);
    expect(subscriptions).toBeGreaterThan(3);
  });
  test('thirty seconds of silence renew the subscription, and each has a signal of its own that is aborted', async () => {
    const { clock, stream, put } = world();
    put(1);
    const kinesis = stream.connect();
    const signals: AbortSignal[] = [];
    let first = true;
    const read = new StreamReading<number>(
      { stream: 'clicks', maxRecords: 1, via },
      {
        clock,
        store: memoryState(),
        kinesis: {
          ...kinesis,
          async subscribe(...input) {
            signals.push(input[3]);
            if (!first) return kinesis.subscribe(...input);
            first = false;
            return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) };
          },
        },
      },
    );
    expect(await all(read)).toEqual([1]);
    expect(clock.now() - start).toBeGreaterThanOrEqual(30_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});

test.each<[Partial<ReadOptions>, RegExp]>([
  [{ stream: 'no stream' }, /^stream must be the name or ARN of a stream, got "no stream"$/],
  [{ from: 'yesterday' as never }, /^from must be 'beginning', 'latest' or a Date, got "yesterday"$/],
  [{ from: new Date('x') }, /^from must be .* got Invalid Date$/],
  [{ until: 'later' as never }, /^until must be 'now' or a Date, got "later"$/],
  [{ decode: 'xml' as never }, /^decode must be .* or a function, got "xml"$/],
  [{ maxRecords: 0 }, /^maxRecords must be an integer of 1 or more, got 0$/],
  [{ chunk: 1.5 }, /^chunk must be an integer/],
  [{ via: { consumerArn: 'x' } }, /^via must be 'poll' or \{ consumerArn \}, got \{"consumerArn":"x"\}$/],
  [{ form: 'latest' } as never, /^unknown option form$/],
])('refuses %j', (option, message) => {
  expect(() => checkOptions({ stream: 'clicks', ...option })).toThrow(message);
});

test('the system clock sleeps, and wakes with the reason of an abort', async () => {
  const stop = new AbortController();
  await systemClock.sleep(1, stop.signal);
  const sleeping = systemClock.sleep(60_000, stop.signal);
  stop.abort(new Error('up'));
  await expect(sleeping).rejects.toThrow('up');
  await expect(systemClock.sleep(1, stop.signal)).rejects.toThrow('up');
});
