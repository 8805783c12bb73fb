import {
  type Check,
  completeOptions,
  count,
  type ExportTruth,
  emptyOracle,
  type Generation,
  type GeneratorOptions,
  type Oracle,
  type PipelineGenerator,
  streamSpan,
} from '../generator/generator';
import { createRandom, randomText } from '../generator/random';
import { type RecordShape, withNoise } from '../generator/records';

/** Segment page calls, identified by `messageId`. There is no history: every event arrives on the stream. */
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
  return {
    oracle,
    until: span.to,
    stream: () =>
      withNoise(pageViews(name, span, options.events), shape, options, createRandom(`${name}/noise`), oracle),
    history: () => [],
  };
}

function* pageViews(seed: string, span: { from: number; to: number }, events: number): Generator<PageView> {
  const random = createRandom(seed);
  for (let n = 0; n < events; n++) {
    yield {
      messageId: `ajs-${randomText(random, 14)}-${n}`,
      visitor: random.below(VISITORS),
      page: random.pick(pages),
      time: span.from + Math.floor((n * (span.to - span.from)) / events),
    };
  }
}

const text = (view: PageView) =>
  JSON.stringify({
    messageId: view.messageId,
    type: 'page',
    anonymousId: `visitor_${view.visitor}`,
    userId: view.visitor % 4 === 0 ? `user_${view.visitor}` : null,
    timestamp: new Date(view.time).toISOString(),
    context: { userAgent: userAgents[view.visitor % userAgents.length] },
    properties: { url: `https://shop.example${view.page.path}`, path: view.page.path, title: view.page.title },
  });

const shape: RecordShape<PageView> = {
  record: (view) => ({ data: text(view), partitionKey: `visitor_${view.visitor}` }),
  observe(view, oracle) {
    const time = new Date(view.time).toISOString().replace('T', ' ');
    count(oracle, 'viewsByPath', view.page.path);
    count(oracle, 'viewsByHour', `${time.slice(0, 13)}:00:00`);
    count(oracle, 'viewsByDay', `${time.slice(0, 10)} 00:00:00`);
  },
  malformed: (view, random) => ({
    data: random.pick(malformations)(text(view)),
    partitionKey: `visitor_${view.visitor}`,
  }),
  oversized: (view, random) => ({
    data: text(view).replace('"ajs-', `"${randomText(random, 2000)}-`),
    partitionKey: `visitor_${view.visitor}`,
  }),
};

const malformations: readonly ((text: string) => string)[] = [
  () => 'ping',
  (text) => text.slice(0, -1),
  (text) => text.replace(/"messageId":"[^"]*",/, ''),
  (text) => text.replace(/"timestamp":"[^"]*"/, '"timestamp":"now"'),
];

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
