import { Agenda, RateLimit, Server } from '../../bench/simulate/events';
import { runExports } from '../../bench/simulate/exports';
import { loadHistory } from '../../bench/simulate/history';
import { inputs, valuesWith } from '../../bench/simulate/inputs';
import { duration, simulate } from '../../bench/simulate/scenarios';
import { catchUpStream } from '../../bench/simulate/stream';

const values = valuesWith();

/** Numbers between 0 and 1, the same each time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Mean wait of jobs that come at random at a rate, at a server. */
function meanWait(rate: number, seconds: (next: () => number) => number, places = 1): number {
  const agenda = new Agenda();
  const server = new Server(agenda, places);
  const next = random(7);
  const exponential = (mean: number) => -Math.log(1 - next()) * mean;
  let left = 200_000;
  const come = () => {
    server.serve(seconds(next));
    left -= 1;
    if (left > 0) agenda.after(exponential(1 / rate), come);
  };
  come();
  agenda.run();
  return server.meanWait();
}

describe('the parts equal their closed forms', () => {
  test.each([0.3, 0.6, 0.8])('a queue with one server and fixed times, used to %s (M/D/1)', (used) => {
    expect(meanWait(used, () => 1) / (used / (2 * (1 - used)))).toBeCloseTo(1, 1);
  });

  test.each([0.3, 0.6, 0.8])('a queue with one server and random times, used to %s (M/M/1)', (used) => {
    expect(meanWait(used, (next) => -Math.log(1 - next())) / (used / (1 - used))).toBeCloseTo(1, 1);
  });

  test('two servers with random times (M/M/2)', () => {
    // Erlang C for two servers: the mean wait is ρ² / (1 - ρ²), with ρ the use of each.
    const used = 0.7;
    const wait = meanWait(2 * used, (next) => -Math.log(1 - next()), 2);
    expect(wait / (used ** 2 / (1 - used ** 2))).toBeCloseTo(1, 1);
  });

  test('many jobs at once on several servers take turns', () => {
    const agenda = new Agenda();
    const server = new Server(agenda, 3);
    for (let job = 0; job < 10; job += 1) server.serve(5);
    agenda.run();
    expect(agenda.now).toBe(20);
    expect(server.longestQueue).toBe(7);
  });

  test('a limit lets calls through at its rate, in their order', () => {
    const agenda = new Agenda();
    const limit = new RateLimit(agenda, 4);
    const through: [number, number][] = [];
    for (let call = 0; call < 3; call += 1) limit.call(2, () => through.push([call, agenda.now]));
    agenda.run();
    expect(through).toEqual([
      [0, 0.5],
      [1, 1],
      [2, 1.5],
    ]);
  });

  test('what is due at one time happens in the order of its entry', () => {
    const agenda = new Agenda();
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) agenda.at(1, () => seen.push(name));
    agenda.at(0, () => seen.push('first'));
    agenda.run();
    expect(seen).toEqual(['first', 'a', 'b', 'c']);
  });
});

describe('a stream that is behind', () => {
  const stream = { eventsPerSecond: 10_000, behindSeconds: 86_400, shards: 20 };

  test('the first refresh to the tip takes what the shards let through', () => {
    const { longestRun } = catchUpStream(stream, { ...values, mergedRecords: 1e12, stepSeconds: 0 });
    // 864 million records at 80,000 a second, of which Firehose reads 10,000 and 10,000 more arrive.
    expect(longestRun).toBeCloseTo(864e6 / 60_000, 0);
  });

  test('is never fresh if records come as fast as they can be read', () => {
    expect(catchUpStream({ ...stream, shards: 5 }, values).freshAfter).toBe(Number.POSITIVE_INFINITY);
  });

  test('shows rows early if a refresh ends early, and is fresh at about the same time', () => {
    const [whole, parts] = [catchUpStream(stream, values), catchUpStream({ ...stream, refreshSeconds: 600 }, values)];
    expect(parts.firstRows).toBeLessThan(whole.firstRows / 10);
    expect(parts.freshAfter / whole.freshAfter).toBeCloseTo(1, 0);
  });
});

describe('a history that is loaded', () => {
  const history = { objects: 10_000, objectBytes: 10e6, eventsPerSecond: 0 };

  test('takes as long as its transactions one after the other, however many functions there are', () => {
    const { loadedAfter, transactions, transaction } = loadHistory(history, { ...values, loadFunctions: 8 });
    expect(transactions).toBe(120);
    // Most are full: a batch of 250 objects is two of 107 and one of 36.
    expect(loadedAfter).toBeLessThan(transactions * transaction);
    const work = (10_000 * 10e6) / values.eventBytes;
    expect(loadedAfter / (work / values.copiedRecords + work / values.mergedRecords)).toBeCloseTo(1, 1);
  });

  test('makes merges of the stream wait for as many transactions as there are functions', () => {
    const waits = [1, 2, 4].map((loadFunctions) => {
      const { mergeWaits, transaction } = loadHistory(
        { ...history, eventsPerSecond: 1000 },
        { ...values, loadFunctions },
      );
      return mergeWaits.longest / transaction;
    });
    expect(waits.map(Math.ceil)).toEqual([1, 2, 4]);
  });
});

describe('many exports', () => {
  test('unloads take turns in the places of the warehouse', () => {
    const { publishedAfter } = runExports({ exports: 100, windows: 13, slots: 1 }, values);
    expect(publishedAfter / (100 * 13 * values.unloadSeconds)).toBeCloseTo(1, 1);
  });

  test('those that an invocation does not reach in its time are begun by the ticks after it', () => {
    const exports = 1000;
    const { publishedAfter, leftToNextTick } = runExports({ exports, windows: 1, slots: 5 }, values);
    const reached = exports - leftToNextTick;
    expect(leftToNextTick).toBeGreaterThan(0);
    expect(publishedAfter / 3600).toBeGreaterThan(Math.ceil(exports / reached) - 1);
    expect(publishedAfter / 3600).toBeLessThan((2 * exports) / reached + 1);
  });
});

test('two simulations give the same', () => {
  expect(simulate(values)).toEqual(simulate(values));
});

test('each input changes a result', () => {
  const usual = JSON.stringify(simulate(values));
  const without = Object.keys(inputs).filter(
    (name) => JSON.stringify(simulate({ ...values, [name]: inputs[name as keyof typeof inputs].value / 2 })) === usual,
  );
  expect(without).toEqual([]);
});

test.each([
  [0.333, '0.33 s'],
  [89, '89 s'],
  [90, '1.5 min'],
  [7200, '2 h'],
  [172_800, '2 days'],
  [Number.POSITIVE_INFINITY, 'never'],
])('%s seconds are shown as %s', (seconds, shown) => {
  expect(duration(seconds)).toBe(shown);
});
