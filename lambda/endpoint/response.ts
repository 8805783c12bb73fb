import { gzipSync } from 'node:zlib';
import type { Freshness } from '../shared/freshness';
import type { EndpointItem } from './contract';
import { type Table, tooLarge } from './render';
import type { ApiAnswer, ApiRequest, Format } from './request';

/** What is said about the views beside the rows. */
interface Facts {
  readonly item: EndpointItem;
  readonly format: Format;
  readonly freshness: Freshness | undefined;
}

interface TableFacts extends Facts {
  readonly table: Table;
  readonly elapsedMs: number;
  readonly cached: boolean;
  /** @default - the answer is not exact for the run, so it cannot be asked for again */
  readonly etag?: string;
}

const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson',
};

/** Weak: an answer that is compressed, or given at another time, has the same rows and other bytes. */
export const etagOf = (key: string) => `W/"${key}"`;

/** Whether the caller has the answer already (RFC 9110, "If-None-Match"). */
export function isMatch({ headers }: ApiRequest, etag: string): boolean {
  const opaque = etag.replace(/^W\//, '');
  const given: readonly string[] = headers['if-none-match']?.match(/"[^"]*"/g) ?? [];
  return given.includes(opaque);
}

export const notModified = (facts: Facts, etag: string): ApiAnswer => ({
  statusCode: 304,
  headers: { ...keptHeaders(etag), ...freshnessHeaders(facts) },
  body: '',
  isBase64Encoded: false,
});

export function tableAnswer(request: ApiRequest, facts: TableFacts): ApiAnswer {
  const { format, table, etag } = facts;
  const headers = {
    'content-type': contentTypes[format],
    'x-content-type-options': 'nosniff',
    ...(etag === undefined ? { 'cache-control': 'no-store' } : keptHeaders(etag)),
    ...freshnessHeaders(facts),
    'millrace-rows': `${table.rows}`,
    'millrace-truncated': `${table.truncated}`,
  };
  return withinLimit(compressed(request, headers, format === 'json' ? jsonBody(facts) : table.body));
}

/** For the OpenAPI document. */
export const documentAnswer = (document: unknown, request: ApiRequest): ApiAnswer =>
  compressed(
    request,
    { 'content-type': 'application/json', 'cache-control': 'public, max-age=60', 'x-content-type-options': 'nosniff' },
    JSON.stringify(document),
  );

const keptHeaders = (etag: string) => ({
  etag,
  'cache-control': 'private, no-cache',
  vary: 'Authorization, Accept-Encoding',
});

/** Smaller bodies are not worth the time of compressing. */
const minCompressedBytes = 2048;

export function compressed(
  { headers: { 'accept-encoding': accepted = '' } }: ApiRequest,
  headers: Readonly<Record<string, string>>,
  body: string,
): ApiAnswer {
  const takesGzip = /(?:^|[\s,])(?:gzip|x-gzip|\*)(?!\s*;\s*q=0(?:\.0*)?(?:\s|,|$))/i.test(accepted);
  if (!takesGzip || body.length < minCompressedBytes) return { statusCode: 200, headers, body, isBase64Encoded: false };
  return {
    statusCode: 200,
    headers: { ...headers, 'content-encoding': 'gzip' },
    body: gzipSync(body, { level: 4 }).toString('base64'),
    isBase64Encoded: true,
  };
}

/** Lambda's limit for the answer of a function as JSON text is 6 MB (6,291,556 bytes). */
const maxLambdaBytes = 6_200_000;

function withinLimit(answer: ApiAnswer): ApiAnswer {
  if (answer.body.length * 3 > maxLambdaBytes && Buffer.byteLength(JSON.stringify(answer)) > maxLambdaBytes)
    throw tooLarge();
  return answer;
}

function jsonBody({ item, table, freshness, elapsedMs, cached }: TableFacts): string {
  const meta = JSON.stringify(item.columns.map(({ name, type }) => ({ name, type })));
  const statistics = JSON.stringify({ elapsedMs, cached });
  const parts = [
    `"meta":${meta}`,
    `"data":${table.body}`,
    `"rows":${table.rows}`,
    `"statistics":${statistics}`,
    `"freshness":${JSON.stringify(freshnessOf(item, freshness))}`,
    `"truncated":${table.truncated}`,
  ];
  return `{${parts.join(',')}}\n`;
}

/** `failed` has the views of the endpoint whose rows are of an earlier run. */
function freshnessOf({ views }: EndpointItem, freshness: Freshness | undefined) {
  const done = freshness?.done;
  const failed = (done?.failed ?? []).filter((view) => views.includes(view));
  return {
    run: done?.run ?? null,
    refreshedAt: done?.refreshedAt ?? null,
    completeUntil: done?.completeUntil ?? null,
    refreshing: (freshness?.open.length ?? 0) > 0,
    ...(failed.length > 0 ? { failed } : {}),
  };
}

function freshnessHeaders({ item, freshness }: Facts): Record<string, string> {
  const { run, refreshedAt, completeUntil, refreshing, failed } = freshnessOf(item, freshness);
  return {
    ...(run === null ? {} : { 'millrace-run': run }),
    ...(refreshedAt === null ? {} : { 'millrace-refreshed-at': refreshedAt }),
    ...(completeUntil === null ? {} : { 'millrace-complete-until': completeUntil }),
    'millrace-refreshing': `${refreshing}`,
    ...(failed ? { 'millrace-failed-views': failed.join(', ') } : {}),
  };
}
