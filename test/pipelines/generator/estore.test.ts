import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { generator } from '../../../pipelines/estore/generator';
import { addOracles, type GeneratorOptions, HOUR_MS } from '../../../pipelines/generator/generator';

const start = Date.UTC(2026, 10, 21, 9, 17, 42);
const options = (given: Partial<GeneratorOptions> = {}): GeneratorOptions => ({
  seed: '7',
  start,
  events: 20_000,
  ...given,
});
const clean = { duplicates: 0, malformed: 0, oversized: 0, late: 0, overlap: 0 };

interface EstoreEvent {
  customer_id: string;
  product: { product_id: string; price?: number };
  action: string;
  timestamp: string;
}

function run(given: Partial<GeneratorOptions> = {}) {
  const generation = generator.generate(options(given));
  const history = [...generation.history()];
  const stream = [...generation.stream()];
  const rows = history.flatMap((object) => gunzipSync(object.body).toString().trimEnd().split('\n'));
  return {
    ...generation,
    history,
    stream,
    rows,
    lines: [...rows, ...stream.filter((record) => !record.refused).map((record) => record.data)],
  };
}

/** What the merge may accept, written down a second time. */
function parse(line: string): EstoreEvent | undefined {
  let event: EstoreEvent;
  try {
    event = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return undefined;
  const texts = [event.customer_id, event.product?.product_id, event.action];
  if (!texts.every((text) => typeof text === 'string' && text.length <= 64)) return undefined;
  if (!['view', 'cart', 'uncart', 'purchase', 'return'].includes(event.action)) return undefined;
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(event.timestamp) ? event : undefined;
}

const identity = (event: EstoreEvent) =>
  [event.customer_id, event.product.product_id, event.action, event.timestamp].join('|');
const time = (event: EstoreEvent) => Date.parse(`${event.timestamp}Z`);
const parsed = (lines: string[]) => lines.map(parse).filter((event) => event !== undefined);

test('the oracle is what a recount of the bytes gives', () => {
  const { lines, oracle } = run();
  const valid = parsed(lines);
  const distinct = new Map(valid.map((event) => [identity(event), event]));
  expect(oracle.produced).toBe(lines.length);
  expect(oracle.events).toBe(distinct.size);
  expect(oracle.duplicates).toBe(valid.length - distinct.size);
  expect(oracle.rejects).toBe(lines.length - valid.length);
  const revenue: Record<string, number> = {};
  const views: Record<string, number> = {};
  for (const event of distinct.values()) {
    const hour = event.timestamp.slice(0, 13).replace('T', ' ').concat(':00:00');
    if (event.action === 'view') views[hour] = (views[hour] ?? 0) + 1;
    if (event.action === 'purchase') revenue[hour] = (revenue[hour] ?? 0) + Math.round(event.product.price! * 100);
  }
  expect(oracle.groups['revenueByHour']).toEqual(revenue);
  expect(oracle.groups['viewsByHour']).toEqual(views);
});

test('exactly as many distinct events as asked for, whatever else is strewn in', () => {
  for (const events of [0, 1, 7, 500, 20_000])
    expect(run({ events, duplicates: 0.5, late: 0.3 }).oracle.events).toBe(events);
});

test('by default all three terms of the equation are above 0', () => {
  const { oracle } = run();
  expect(oracle.produced).toBe(oracle.events + oracle.duplicates + oracle.rejects);
  for (const term of [oracle.events, oracle.duplicates, oracle.rejects]) expect(term).toBeGreaterThan(0);
  expect(oracle.duplicates / oracle.events).toBeGreaterThan(0.02);
  expect(oracle.duplicates / oracle.events).toBeLessThan(0.04);
});

test('the same seed and start give the same bytes, another seed gives others', () => {
  const digest = (given: Partial<GeneratorOptions>) => {
    const { history, stream } = run({ events: 3000, ...given });
    const hash = createHash('sha256');
    for (const object of history) hash.update(object.key).update(object.body);
    for (const record of stream) hash.update(record.partitionKey).update(record.data);
    return hash.digest('hex');
  };
  expect(digest({})).toBe(digest({}));
  expect(digest({ seed: '8' })).not.toBe(digest({}));
  expect(digest({ batch: 1 })).not.toBe(digest({ batch: 2 }));
});

test('a product is viewed before it is carted, in the cart before it is bought or taken out, and bought before it comes back', () => {
  const order = ['view', 'cart', 'uncart', 'purchase', 'return'];
  const { stream } = run({ ...clean, late: 0.1, historyShare: 0 });
  const events = parsed(stream.map((record) => record.data))
    .map((event, index) => ({ event, index, at: time(event) }))
    .sort((one, other) => one.at - other.at || one.index - other.index);
  const held = new Map<string, { viewed: boolean; carted: number; bought: number }>();
  const seen = new Set<string>();
  for (const { event } of events) {
    const key = `${event.customer_id}|${event.product.product_id}`;
    const state = held.get(key) ?? { viewed: false, carted: 0, bought: 0 };
    held.set(key, state);
    seen.add(event.action);
    if (event.action === 'view') state.viewed = true;
    if (event.action === 'cart') {
      expect(state.viewed).toBe(true);
      state.carted++;
    }
    if (event.action === 'uncart' || event.action === 'purchase') expect(state.carted--).toBeGreaterThan(0);
    if (event.action === 'purchase') state.bought++;
    if (event.action === 'return') expect(state.bought).toBeGreaterThan(0);
  }
  expect([...seen].sort()).toEqual([...order].sort());
});

test('only a purchase carries a price, always the one of its product', () => {
  const prices = new Map<string, number>();
  for (const event of parsed(run({ ...clean }).lines)) {
    const { product_id, price } = event.product;
    expect(price !== undefined).toBe(event.action === 'purchase');
    if (price === undefined) continue;
    expect(prices.get(product_id) ?? price).toBe(price);
    expect(Math.round(price * 100) / 100).toBe(price);
    prices.set(product_id, price);
  }
  expect(prices.size).toBeGreaterThan(100);
});

test('actions come with their weights once carts are filled', () => {
  const { oracle } = run({ ...clean, events: 400_000, historyShare: 0 });
  const share = (action: string) => oracle.groups['actions']![action]! / 400_000;
  expect(share('view')).toBeCloseTo(0.65, 1);
  expect(share('cart')).toBeCloseTo(0.15, 1);
  expect(share('purchase')).toBeCloseTo(0.1, 1);
  expect(share('uncart')).toBeGreaterThan(0.03);
  expect(share('return')).toBeGreaterThan(0.03);
});

test('the stream lies in the two hours before the start; late events hours back; history before them all, by whole days', () => {
  const punctual = parsed(run({ ...clean, historyShare: 0 }).lines).map(time);
  expect(Math.min(...punctual)).toBeGreaterThanOrEqual(start - 2 * HOUR_MS - 60_000);
  expect(Math.max(...punctual)).toBeLessThan(start);

  const { stream, history, rows } = run({ ...clean, late: 0.05 });
  const times = parsed(stream.map((record) => record.data)).map(time);
  const late = times.filter(
    (at, index) => index > 0 && at < Math.max(...times.slice(Math.max(0, index - 20), index)) - HOUR_MS,
  );
  expect(late.length / times.length).toBeGreaterThan(0.03);
  expect(late.length / times.length).toBeLessThan(0.07);
  const newestRow = Math.max(...parsed(rows).map(time));
  expect(newestRow).toBeLessThan(Math.min(...times));
  for (const object of history) {
    const day = object.key.split('/')[2]!;
    const days = new Set(
      parsed(gunzipSync(object.body).toString().trimEnd().split('\n')).map((event) => event.timestamp.slice(0, 10)),
    );
    expect([...days]).toEqual([day]);
  }
});

test('history keys match the glob of a Segment-like layout, each once', () => {
  const keys = run().history.map((object) => object.key);
  for (const key of keys) expect(key).toMatch(/^estore\/[A-Za-z0-9]+\/\d{4}-\d\d-\d\d\/[^/]+\.gz$/);
  expect(new Set(keys).size).toBe(keys.length);
});

test('part of the stream is in a history file too', () => {
  const { rows, stream } = run({ ...clean, overlap: 0.05 });
  const onStream = new Set(stream.map((record) => record.data));
  expect(rows.filter((row) => onStream.has(row)).length).toBe(1000);
});

test('batches never share an identity, even when they follow each other at once', () => {
  const one = run({ late: 0.2 });
  const two = run({ late: 0.2, batch: 1, start: start + 1000, notBefore: one.until });
  const three = run({ late: 0.2, batch: 2, start: start + 2 * HOUR_MS, notBefore: two.until });
  const all = [one, two, three].flatMap(({ lines }) => [...new Set(parsed(lines).map(identity))]);
  expect(new Set(all).size).toBe(all.length);
  const sum = [one, two, three].map(({ oracle }) => oracle).reduce(addOracles);
  expect(sum.events).toBe(60_000);
  expect(Object.values(sum.groups['actions']!).reduce((total, amount) => total + amount)).toBe(60_000);
  const keys = [one, two, three].flatMap(({ history }) => history.map((object) => object.key));
  expect(new Set(keys).size).toBe(keys.length);
});

test('records over 1 MiB are marked as refused and count nowhere', () => {
  const { stream, oracle, lines } = run({ refused: 2, events: 100 });
  const refused = stream.filter((record) => record.refused);
  expect(refused.map((record) => record.data.length)).toEqual([1_048_577, 1_048_577]);
  expect(oracle.produced).toBe(lines.length);
});

test('every record is one line', () => {
  for (const { data } of run({ malformed: 0.5, oversized: 0.05, events: 2000 }).stream)
    expect(data).not.toMatch(/[\r\n]/);
});

test('fails with every senseless knob at once', () => {
  expect(() => generator.generate(options({ events: -1, duplicates: 2, historyDays: 0 }))).toThrow(
    'events must be a whole number from 0, got -1; historyDays must be a whole number from 1 to 366, got 0; duplicates must be between 0 and 1, got 2',
  );
});

test('a crowd in one minute makes no two equal events by chance', () => {
  const { lines, oracle } = run({ ...clean, events: 100_000, historyShare: 0, notBefore: start - 60_000 });
  expect(new Set(lines).size).toBe(100_000);
  expect(oracle.events).toBe(100_000);
});
