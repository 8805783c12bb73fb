import {
  type Check,
  completeOptions,
  count,
  DAY_MS,
  type ExportTruth,
  emptyOracle,
  type Generation,
  type GeneratorOptions,
  type Oracle,
  type PipelineGenerator,
  streamSpan,
} from '../generator/generator';
import { createRandom, type Random, randomText } from '../generator/random';
import { history, type RecordShape, shareOut, withNoise } from '../generator/records';

/**
 * Page calls of a Segment source, identified by `messageId`, among its track and identify calls. All are on the stream,
 * and in the files of earlier days.
 */
export const generator: PipelineGenerator = {
  pipeline: 'pageviews',
  weight: 1,
  generate,
  viewRows,
  checks,
  exportTruths,
};

interface PageView {
  readonly messageId: string;
  readonly visitor: number;
  readonly page: Page;
  /** Epoch milliseconds. */
  readonly time: number;
}
interface Page {
  readonly path: string;
  readonly title: string;
}

/** Folder of the Segment source in the history bucket. It matches the glob of `pipeline.ts`. */
const SOURCE = 'segment-logs/qHv5TrWm2LxKd8';
const VISITORS = 2000;
const pages: readonly Page[] = [
  { path: '/', title: 'Home' },
  { path: '/products', title: 'Products' },
  { path: '/cart', title: 'Cart' },
  { path: '/checkout', title: 'Checkout' },
  { path: '/about', title: 'About us' },
  { path: '/help/returns', title: 'Returns' },
  ...Array.from({ length: 20 }, (_, n) => ({ path: `/products/product_${n}`, title: `Product ${n}` })),
];

const userAgents = [
  'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/605.1',
];

function generate(given: GeneratorOptions): Generation {
  const options = completeOptions(given);
  const oracle = emptyOracle();
  const span = streamSpan(options);
  const name = `${options.seed}/${options.batch}/pageviews`;
  const shape = pageShape(malformedRecords);
  const onStream = () => pageViews(name, span, shareOut(options).stream);
  return {
    oracle,
    until: span.to,
    stream: () => withNoise(onStream(), shape, options, createRandom(`${name}/noise`), oracle),
    history: () =>
      history<PageView>(
        {
          seed: name,
          options,
          rows: pageShape(malformedRows),
          eventsOf: (day, seed) => pageViews(seed, day, day.events),
          *onStream() {
            for (const view of onStream()) yield shape.record(view);
          },
          keyOf: (dayStart, object) => `${SOURCE}/${dayStart - (dayStart % DAY_MS)}/${object}.gz`,
        },
        oracle,
      ),
  };
}

function* pageViews(seed: string, span: { from: number; to: number }, events: number): Generator<PageView> {
  const random = createRandom(seed);
  for (let n = 0; n < events; n++) {
    yield {
      messageId: messageId(random, n),
      visitor: random.below(VISITORS),
      page: random.pick(pages),
      time: span.from + Math.floor((n * (span.to - span.from)) / events),
    };
  }
}

const messageId = (random: Random, suffix: number | string) => `ajs-${randomText(random, 14)}-${suffix}`;

/** The attributes that every call has, whatever its type. */
const call = (type: string, { messageId, visitor, time }: PageView) => ({
  messageId,
  type,
  anonymousId: `visitor_${visitor}`,
  userId: visitor % 4 === 0 ? `user_${visitor}` : null,
  timestamp: new Date(time).toISOString(),
  context: { userAgent: userAgents[visitor % userAgents.length] },
});

const text = (view: PageView) =>
  JSON.stringify({
    ...call('page', view),
    properties: { url: `https://shop.example${view.page.path}`, path: view.page.path, title: view.page.title },
  });

/** Another call of the visitor of a page, at the same time. It belongs to no page. */
const otherCall = (view: PageView, random: Random) => {
  const other = { ...view, messageId: messageId(random, 'other') };
  return JSON.stringify(
    view.visitor % 4 === 0 && random.chance(0.3)
      ? { ...call('identify', other), traits: { plan: random.pick(['free', 'team', 'business']) } }
      : {
          ...call('track', other),
          event: random.pick(['Product Added', 'Product Removed', 'Newsletter Opened']),
          properties: { path: view.page.path },
        },
  );
};

const partitionKey = ({ visitor }: PageView) => `visitor_${visitor}`;

const pageShape = (malformations: readonly ((text: string) => string)[]): RecordShape<PageView> => ({
  record: (view) => ({ data: text(view), partitionKey: partitionKey(view) }),
  observe(view, oracle) {
    const time = new Date(view.time).toISOString().replace('T', ' ');
    count(oracle, 'viewsByPath', view.page.path);
    count(oracle, 'viewsByHour', `${time.slice(0, 13)}:00:00`);
    count(oracle, 'viewsByDay', `${time.slice(0, 10)} 00:00:00`);
  },
  malformed: (view, random) => ({ data: random.pick(malformations)(text(view)), partitionKey: partitionKey(view) }),
  oversized: (view, random) => ({
    data: text(view).replace('"ajs-', `"${randomText(random, 2000)}-`),
    partitionKey: partitionKey(view),
  }),
  other: (view, random) => ({ data: otherCall(view, random), partitionKey: partitionKey(view) }),
});

/** Ways to damage a row of a file. The row stays one line and must be rejected. */
const malformedRows: readonly ((text: string) => string)[] = [
  () => 'ping',
  (text) => text.replace(/"messageId":"[^"]*",/, ''),
  (text) => text.replace(/"timestamp":"[^"]*"/, '"timestamp":"now"'),
];

/** A stream record ends by itself, so it can also be cut short. */
const malformedRecords = [...malformedRows, (text: string) => text.slice(0, -1)];

function viewRows(oracle: Oracle): Record<string, number> {
  return { hourly_pages: Object.keys(oracle.groups['viewsByHour'] ?? {}).length };
}

function checks(oracle: Oracle): Check[] {
  const pairs = (group: string) =>
    Object.entries(oracle.groups[group] ?? {})
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, views]) => [key, String(views)]);
  return [
    {
      name: 'page views by hour',
      query: 'select hour::varchar, page_views from pageviews.hourly_pages order by hour',
      expected: pairs('viewsByHour'),
    },
    {
      name: 'page views by path',
      query: 'select page_path, count(*) from pageviews.events group by page_path order by page_path',
      expected: pairs('viewsByPath'),
    },
  ];
}

function exportTruths(oracle: Oracle): Record<string, ExportTruth> {
  const days = Object.entries(oracle.groups['viewsByDay'] ?? {}).map(([day, rows]) => [day, { rows }]);
  return { page_views: { windows: Object.fromEntries(days) } };
}
