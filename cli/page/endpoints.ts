import { freshnessKey, parseFreshness } from '../../lambda/shared/freshness';
import { endpointMetrics } from '../../lib/monitoring/alarms';
import type { Pipeline } from '../../pipelines/definition';
import type { Endpoint, EndpointAnswer, EndpointFormat, Endpoints, FlowItem } from '../../ui/api';
import { type Calls, Refusal } from '../../ui/server';
import { addressOf, ask, type EndpointAnswer as JsonAnswer } from '../commands/api/call';
import { apiSite, endpointName, findEndpoint, knownEndpoints } from '../commands/api/site';
import { makeToken, ownTokenSeconds, splitTenant } from '../commands/api/token';
import { functionMetric } from './function-metric';
import { type MetricQuery, type PagePorts, textOf } from './ports';

const DAY_MS = 24 * 3_600_000;
/** Longest beginning of a body that is sent to the page. */
const SHOWN_CHARACTERS = 20_000;
const SHOWN_ROWS = 10_000;
/** The function's errors of so long make an endpoint red. */
const ERRORS_MS = 15 * 60_000;

type Item = ReturnType<typeof knownEndpoints>[number];
type Statistics = Pick<Endpoint, 'requests' | 'cacheHits' | 'errors' | 'p50' | 'p95'>;

/** Answers the page's call for the endpoints. */
export function endpointCalls(ports: PagePorts, pipelines: readonly Pipeline[]): Pick<Calls, '/api/endpoints'> {
  return {
    async '/api/endpoints'(): Promise<Endpoints> {
      const deployed = pipelines.filter(({ name }) => ports.isDeployed(name));
      const items = ports.apiUrl === undefined ? [] : knownEndpoints(deployed);
      const statistics = await statisticsOf(ports, items);
      const states = new Map<string, Endpoint['freshness']>();
      for (const pipeline of new Set(items.map((item) => item.pipeline)))
        states.set(pipeline, await freshnessOf(ports, pipeline));
      return {
        ...(ports.apiUrl === undefined ? {} : { address: ports.apiUrl }),
        since: midnight(ports.now()),
        endpoints: items.map((item, n) => endpointOf(item, statistics[n]!, states.get(item.pipeline))),
      };
    },
  };
}

/** Answers the page's call that asks an endpoint. */
export function tryEndpoint(ports: PagePorts, pipelines: readonly Pipeline[]): Pick<Calls, '/api/endpoints/try'> {
  return {
    async '/api/endpoints/try'({ endpoint, format, params, etag }): Promise<EndpointAnswer> {
      const item = findEndpoint(endpoint, knownEndpoints(pipelines), 'endpoint');
      if (item.tenant !== undefined && params[item.tenant] === undefined)
        throw new Refusal(`${item.tenant} must have a value: it is the tenant, which the token fixes`);
      const { fixed, query } = splitTenant(params, item.tenant);
      const request = { scopes: [endpoint], fixed, seconds: ownTokenSeconds };
      const { token } = await makeToken(ports.connection, request).catch(asRefusal);
      const address = addressOf(apiSite(ports.connection).url, item, format, query);
      const called = await ask(address, token, etag === undefined ? {} : { 'if-none-match': etag });
      return {
        status: called.status,
        milliseconds: called.milliseconds,
        headers: Object.entries(called.headers).filter(([name]) => isShown(name)),
        ...tableOf(called.status, format, called.text),
        text: called.text.slice(0, SHOWN_CHARACTERS),
        bytes: Buffer.byteLength(called.text),
        curl: curlLine(endpoint, address, fixed),
      };
    },
  };
}

/** The endpoints of a pipeline in the picture. */
export async function endpointItems(ports: PagePorts, pipeline: Pipeline): Promise<FlowItem[]> {
  const items = ports.apiUrl === undefined ? [] : knownEndpoints([pipeline]);
  const statistics = await statisticsOf(ports, items);
  return items.map(({ name }, n) => {
    const { requests, p95, lately } = statistics[n]!;
    const detail = p95 === undefined ? '' : `today, p95 ${Math.round(p95)} ms`;
    return { name, count: requests, detail, state: lately > 0 ? 'failed' : requests > 0 ? 'ok' : 'idle' };
  });
}

/** A day in CloudWatch begins at midnight UTC, or where the question begins. From midnight on, both are the same. */
const midnight = (epochMs: number) => Math.floor(epochMs / DAY_MS) * DAY_MS;

/** What the metrics of the function say of today, and its errors `lately`. */
async function statisticsOf(ports: PagePorts, items: readonly Item[]): Promise<(Statistics & { lately: number })[]> {
  if (items.length === 0) return [];
  const { milliseconds, cacheHits, errors } = endpointMetrics;
  const to = ports.now() + 1;
  const today = { from: midnight(ports.now()), to, periodMs: DAY_MS };
  const queries = items.flatMap(({ pipeline, name }): MetricQuery[] => {
    const of = (metric: string, statistic: MetricQuery['statistic']) => ({
      ...functionMetric(ports.environment.name, pipeline, metric, statistic, { Endpoint: name }),
      ...today,
    });
    return [
      of(milliseconds, 'SampleCount'),
      of(cacheHits, 'Sum'),
      of(errors, 'Sum'),
      of(milliseconds, 'p50'),
      of(milliseconds, 'p95'),
      { ...of(errors, 'Sum'), from: to - ERRORS_MS, periodMs: 60_000 },
    ];
  });
  const answers = await ports.metrics(queries);
  const each = queries.length / items.length;
  return items.map((_, n) => {
    const [requests, hits, failed, p50, p95, lately] = answers.slice(n * each, (n + 1) * each);
    const sum = (points: typeof requests) => (points ?? []).reduce((total, { value }) => total + value, 0);
    return {
      requests: sum(requests),
      cacheHits: sum(hits),
      errors: sum(failed),
      lately: sum(lately),
      ...(p50?.[0] === undefined ? {} : { p50: p50[0].value }),
      ...(p95?.[0] === undefined ? {} : { p95: p95[0].value }),
    };
  });
}

async function freshnessOf(ports: PagePorts, pipeline: string): Promise<Endpoint['freshness']> {
  const text = await textOf(ports, ports.workBucket, freshnessKey(pipeline));
  const { done, open = [] } = (text === undefined ? undefined : parseFreshness(text)) ?? {};
  return done && { ...done, refreshing: open.length > 0 };
}

function endpointOf(
  item: Item,
  { lately: _, ...statistics }: Statistics & { lately: number },
  freshness: Endpoint['freshness'],
): Endpoint {
  const { pipeline, name, description, params, columns, views, maxRows, timeoutSeconds, tenant } = item;
  return {
    name: endpointName(item),
    pipeline,
    ...(description === undefined ? {} : { description }),
    method: 'GET',
    path: addressOf('', { pipeline, name }, 'json', {}),
    params,
    columns,
    views: views.map((view) => `${pipeline}.${view}`),
    maxRows,
    timeoutSeconds,
    ...(tenant === undefined ? {} : { tenant }),
    ...statistics,
    ...(freshness === undefined ? {} : { freshness }),
  };
}

/** The page has fields where the command line has flags. */
function asRefusal(error: Error): never {
  if (error.name !== 'Failure') throw error;
  throw new Refusal(error.message.replaceAll('--fixed ', ''), { cause: error });
}

const isShown = (name: string) =>
  name.startsWith('millrace-') ||
  ['content-type', 'cache-control', 'etag', 'retry-after', 'www-authenticate', 'content-encoding'].includes(name);

function tableOf(status: number, format: EndpointFormat, text: string): Pick<EndpointAnswer, 'table'> {
  if (status !== 200 || format !== 'json') return {};
  const { meta, data, truncated } = JSON.parse(text) as JsonAnswer;
  const cell = (value: unknown) =>
    typeof value === 'object' && value !== null
      ? JSON.stringify(value)
      : ((value ?? null) as string | number | boolean);
  return {
    table: {
      columns: meta,
      rows: data.slice(0, SHOWN_ROWS).map((row) => meta.map(({ name }) => cell(row[name]))),
      truncated: truncated || data.length > SHOWN_ROWS,
    },
  };
}

/** It makes its own token, so that the page shows none. */
function curlLine(endpoint: string, address: string, fixed: Readonly<Record<string, string>>): string {
  const fix = Object.entries(fixed).map(([name, value]) => ` --fixed ${quoted(`${name}=${value}`)}`);
  const token = `$(npx millrace api token --scope ${endpoint}${fix.join('')} --expires 15m)`;
  return `curl -H "Authorization: Bearer ${token}" ${quoted(address)}`;
}

/** For a shell. */
const quoted = (text: string) => (/^[\w.,:/=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
