import {
  type Check,
  completeOptions,
  count,
  type ExportTruth,
  emptyOracle,
  formatCents,
  type Generation,
  type GeneratorOptions,
  type Oracle,
  type PipelineGenerator,
  streamSpan,
} from '../generator/generator';
import { createRandom, type Random, randomText } from '../generator/random';
import { history, type RecordShape, shareOut, withNoise } from '../generator/records';
import { prices, type ShopEvent, visits } from './shop';

/** Stands for a Segment workspace id in the keys of the history. */
const WORKSPACE = 'estore4kT7wQ2mZb9XrVn1';

export const generator: PipelineGenerator = { pipeline: 'estore', weight: 9, generate, viewRows, checks, exportTruths };

function generate(given: GeneratorOptions): Generation {
  const options = completeOptions(given);
  const oracle = emptyOracle();
  const shape = estoreShape(options.seed, spoiltRecords);
  const shares = shareOut(options);
  const span = streamSpan(options);
  const name = `${options.seed}/${options.batch}`;
  const streamVisits = () =>
    visits({ seed: `${name}/stream`, batch: options.batch, ...span, events: shares.stream, late: options.late });
  return {
    oracle,
    until: span.to,
    stream: () => withNoise(streamVisits(), shape, options, createRandom(`${name}/stream/noise`), oracle),
    history: () =>
      history<ShopEvent>(
        {
          seed: name,
          options,
          rows: estoreShape(options.seed, spoiltRows),
          eventsOf: (day, seed) => visits({ seed, batch: options.batch, ...day, late: 0 }),
          *onStream() {
            for (const event of streamVisits()) yield shape.record(event);
          },
          keyOf: (dayStart, object) =>
            `estore/${WORKSPACE}/${new Date(dayStart).toISOString().slice(0, 10)}/${object}.gz`,
        },
        oracle,
      ),
  };
}

function estoreShape(seed: string, malformations: readonly Malformation[]): RecordShape<ShopEvent> {
  const cents = prices(seed);
  const priceTexts = cents.map((price) => String(price / 100));
  const timeText = memoized((second) => new Date(second * 1000).toISOString().slice(0, 19));
  const hourText = memoized((hour) => new Date(hour * 3_600_000).toISOString().slice(0, 19).replace('T', ' '));
  const text = (event: ShopEvent): string => {
    const price = event.action === 'purchase' ? `,"price":${priceTexts[event.product]}` : '';
    return `{"customer_id":"customer_${event.customer}","product":{"product_id":"product_${event.product}"${price}},"action":"${event.action}","timestamp":"${timeText(event.second)}"}`;
  };
  const partitionKey = (event: ShopEvent) => `customer_${event.customer}`;
  return {
    record: (event) => ({ data: text(event), partitionKey: partitionKey(event) }),
    observe(event, oracle) {
      count(oracle, 'actions', event.action);
      if (event.action !== 'view' && event.action !== 'purchase') return;
      const hour = hourText(Math.floor(event.second / 3600));
      if (event.action === 'view') return count(oracle, 'viewsByHour', hour);
      const price = cents[event.product]!;
      count(oracle, 'purchasesByHour', hour);
      count(oracle, 'revenueByHour', hour, price);
      count(oracle, 'purchasesByProduct', `product_${event.product}`);
      count(oracle, 'revenueByProduct', `product_${event.product}`, price);
    },
    malformed: (event, random) => ({
      data: random.pick(malformations)(text(event), event, random),
      partitionKey: partitionKey(event),
    }),
    oversized: (event, random) => ({
      data: text(event).replace('"customer_id":"', `"customer_id":"${randomText(random, 2000)}`),
      partitionKey: partitionKey(event),
    }),
  };
}

type Malformation = (text: string, event: ShopEvent, random: Random) => string;

/** Ways to damage a row of a history file. The row stays one line and must be rejected. */
const spoiltRows: readonly Malformation[] = [
  (text) => text.replace(/"action":"[^"]*"/, '"action":"wishlist"'),
  (_text, event) => `GET /products/${event.product} HTTP/1.1`,
  (text) => text.replace(/"timestamp":"[^"]*"/, '"timestamp":"yesterday"'),
  (text) => text.replace(/"timestamp":"[^"]*"/, '"timestamp":{"at":"noon"}'),
  (text) => text.replace(/"product":\{[^}]*\}/, '"product":"none"'),
  (text) => text.replace(/"customer_id":"[^"]*",/, ''),
  (text) => text.replace(/,"action":"[^"]*"/, ''),
];

/** A stream record ends by itself, so it can also be cut short, or be JSON without being an object. */
const spoiltRecords: readonly Malformation[] = [
  ...spoiltRows,
  (text, _event, random) => text.slice(0, 1 + random.below(text.length - 1)),
  (text) => `[${text}]`,
  (_text, event) => String(event.product),
];

/** Remembers the last answer, since times mostly come in order. */
function memoized(compute: (key: number) => string): (key: number) => string {
  let lastKey = Number.NaN;
  let last = '';
  return (key) => {
    if (key !== lastKey) {
      last = compute(key);
      lastKey = key;
    }
    return last;
  };
}

const keys = (oracle: Oracle, group: string) =>
  Object.entries(oracle.groups[group] ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
const actionCount = (oracle: Oracle, action: string) => oracle.groups['actions']?.[action] ?? 0;

function viewRows(oracle: Oracle): Record<string, number> {
  return {
    hourly_views: keys(oracle, 'viewsByHour').length,
    hourly_revenue: keys(oracle, 'revenueByHour').length,
    carts: actionCount(oracle, 'cart'),
    uncarts: actionCount(oracle, 'uncart'),
    purchases: actionCount(oracle, 'purchase'),
    returns: actionCount(oracle, 'return'),
    revenue_by_product: keys(oracle, 'revenueByProduct').length,
  };
}

function checks(oracle: Oracle): Check[] {
  const money = (counts: string, sums: string) =>
    keys(oracle, sums).map(([key, cents]) => [key, String(oracle.groups[counts]![key]), formatCents(cents)]);
  return [
    {
      name: 'events by action',
      query: 'select action, count(*) from estore.events group by action order by action',
      expected: keys(oracle, 'actions').map(([action, amount]) => [action, String(amount)]),
    },
    {
      name: 'views by hour',
      query: 'select hour::varchar, views from estore.hourly_views order by hour',
      expected: keys(oracle, 'viewsByHour').map(([hour, amount]) => [hour, String(amount)]),
    },
    {
      name: 'revenue by hour',
      query: 'select hour::varchar, purchases, revenue::varchar from estore.hourly_revenue order by hour',
      expected: money('purchasesByHour', 'revenueByHour'),
    },
    {
      name: 'revenue by product',
      query: 'select product_id, purchases, revenue::varchar from estore.revenue_by_product order by product_id',
      expected: money('purchasesByProduct', 'revenueByProduct'),
    },
  ];
}

function exportTruths(oracle: Oracle): Record<string, ExportTruth> {
  const hours = keys(oracle, 'revenueByHour').map(([hour, cents]) => ({
    hour,
    cents,
    purchases: oracle.groups['purchasesByHour']![hour]!,
  }));
  const windows = (rowsOf: (purchases: number) => number) =>
    Object.fromEntries(hours.map(({ hour, cents, purchases }) => [hour, { rows: rowsOf(purchases), cents }]));
  return {
    purchases: { moneyColumn: 'price', windows: windows((purchases) => purchases) },
    hourly_revenue: { moneyColumn: 'revenue', windows: windows(() => 1) },
    product_revenue: {
      moneyColumn: 'revenue',
      windows: {},
      snapshot: {
        rows: keys(oracle, 'revenueByProduct').length,
        cents: keys(oracle, 'revenueByProduct').reduce((sum, [, cents]) => sum + cents, 0),
      },
    },
  };
}
