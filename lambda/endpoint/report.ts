import type { MetricName } from '../shared/metrics';
import type { EndpointHost } from './host';
import { BusyError, Problem, type ProblemKind, problemStatus, problemTitles } from './problem';
import type { ApiAnswer, ApiRequest, Route } from './request';

/** What became of a request, for logs and metrics. */
export interface Served {
  route?: Route;
  /** Pipeline of an endpoint that exists. */
  pipeline?: string;
  caller?: string;
  statements: number;
  /** True if the answer needed no statement of its own. */
  cached?: boolean;
}

/** The pipeline of requests that reach no endpoint. */
const noPipeline = 'none';

/** One line for each request: metrics and access log. It has no values of parameters. */
export function reportRequest(
  host: EndpointHost,
  { requestId, method }: Pick<ApiRequest, 'requestId' | 'method'>,
  { route, pipeline, caller, statements, cached }: Served,
  status: number,
  beganMs: number,
): void {
  const now = host.now();
  const asked = route?.kind === 'endpoint' ? route : undefined;
  const endpoint = asked ? { endpoint: `${asked.pipeline}.${asked.name}`, format: asked.format } : {};
  const values = {
    EndpointRequests: 1,
    EndpointMilliseconds: now - beganMs,
    EndpointRefusals: status >= 400 && status < 500 && status !== 429 ? 1 : 0,
    EndpointThrottles: status === 429 ? 1 : 0,
    EndpointErrors: status >= 500 ? 1 : 0,
    EndpointCacheHits: cached ? 1 : 0,
    EndpointStatements: statements,
  };
  host.metrics(pipeline ?? noPipeline)(
    now,
    values,
    { requestId, method, status, caller, ...endpoint },
    {},
    // Only an endpoint that exists: callers could otherwise invent metrics.
    pipeline !== undefined && asked ? ofEndpoint(asked.name, values) : undefined,
  );
}

/** A metric costs money while it is written. So zeros are left out, and requests are the number of `EndpointMilliseconds`. */
function ofEndpoint(name: string, values: Pick<Record<MetricName, number>, 'EndpointCacheHits' | 'EndpointErrors'>) {
  const counted = (['EndpointCacheHits', 'EndpointErrors'] as const).filter((metric) => values[metric] > 0);
  return { dimensions: { Endpoint: name }, names: ['EndpointMilliseconds', ...counted] as const };
}

/** The answer to a request that ended with an error (RFC 9457). */
export function problemAnswer({ kind, detail, facts }: Problem, instance: string): ApiAnswer {
  const { violations, headers, retryAfterSeconds } = facts;
  const status = problemStatus[kind];
  const retry: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': `${Math.max(1, Math.ceil(retryAfterSeconds))}` };
  return {
    statusCode: status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...retry,
      ...headers,
    },
    body: JSON.stringify({
      type: problemType(kind),
      title: problemTitles[kind],
      status,
      detail,
      ...(instance === '' ? {} : { instance: `urn:millrace:request:${instance}` }),
      ...(violations ? { violations } : {}),
    }),
    isBase64Encoded: false,
  };
}

export const problemType = (kind: ProblemKind) => `urn:millrace:problem:${kind}`;

/** Makes an error answer of whatever a request failed with. Unexpected errors are logged by name and place, because their messages may contain values. */
export function problemOf(error: unknown, host: EndpointHost, requestId: string): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof BusyError)
    return new Problem('too-many-requests', 'The warehouse takes no more queries for now.', { retryAfterSeconds: 1 });
  const { name, stack } = error as Error;
  const at = stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 5);
  host.log('a request failed unexpectedly', { requestId, error: name, at });
  return new Problem('internal', 'The request failed. Its id is in the log of the function.');
}
