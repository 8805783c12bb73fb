/** The part of the client that is the same for all endpoints. */
export const clientRuntime = `/** The run that the rows come from. Null before the first run. */
export interface Freshness {
  readonly run: string | null;
  /** When the views of the run were complete, ISO 8601. */
  readonly refreshedAt: string | null;
  /** Every event that arrived before it is in the rows, ISO 8601. */
  readonly completeUntil: string | null;
  /** True while a run refreshes the views. The rows may then be newer than the run. */
  readonly refreshing: boolean;
  /** Views that the run could not refresh. Their rows are of an earlier run. */
  readonly failed?: readonly string[];
}

export interface Answer<Row> {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly Row[];
  readonly rows: number;
  readonly statistics: { readonly elapsedMs: number; readonly cached: boolean };
  readonly freshness: Freshness;
  /** True if the query has more rows. */
  readonly truncated: boolean;
}

/** The body of an error (RFC 9457). */
export interface ProblemDetails {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly instance?: string;
  readonly violations?: readonly { readonly param: string; readonly detail: string }[];
}

/** An answer with a status other than 200 and 304. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: ProblemDetails,
    /** When to try again. */
    readonly retryAfterSeconds: number | undefined,
  ) {
    super(problem.detail ?? problem.title ?? 'status ' + status);
    this.name = 'ApiError';
  }
}

export interface ClientOptions {
  /** Address of the API, without /v1. */
  readonly url: string;
  /** The token, or a function that returns one. It is called for each request. */
  readonly token: string | (() => string | Promise<string>);
  /** @default - the global fetch */
  readonly fetch?: typeof globalThis.fetch;
  /** How often a request is repeated after 429 and 503 with Retry-After. @default 3 */
  readonly retries?: number;
  /** A longer Retry-After is an error at once, in seconds. @default 30 */
  readonly maxRetryAfterSeconds?: number;
  /** How many answers are kept for 304. @default 100 */
  readonly keptAnswers?: number;
  /** Waits before a request is repeated. @default - by a timer */
  readonly sleep?: (ms: number) => Promise<void>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

interface Endpoint {
  params: object;
  row: object;
}

/** Asks one endpoint. Throws an ApiError. */
export type Call<E extends Endpoint> = (
  ...args: {} extends E['params']
    ? [params?: E['params'], options?: CallOptions]
    : [params: E['params'], options?: CallOptions]
) => Promise<Answer<E['row']>>;

/** A function for each endpoint. */
export type Client = { readonly [P in keyof Endpoints]: { readonly [E in keyof Endpoints[P]]: Endpoints[P][E] extends Endpoint ? Call<Endpoints[P][E]> : never } };

export function createClient(options: ClientOptions): Client {
  const ask = asker(options);
  const client: Record<string, Record<string, unknown>> = {};
  for (const [pipeline, names] of Object.entries(endpoints)) {
    const calls: Record<string, unknown> = {};
    for (const name of names)
      calls[name] = (params: object = {}, call: CallOptions = {}) => ask('/v1/' + pipeline + '/' + name + '.json', params, call);
    client[pipeline] = calls;
  }
  return client as unknown as Client;
}

function asker({ url, token, retries = 3, maxRetryAfterSeconds = 30, keptAnswers = 100, ...options }: ClientOptions) {
  const send = options.fetch ?? globalThis.fetch;
  const sleep = options.sleep ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  const kept = new Map<string, { readonly etag: string; readonly answer: Answer<unknown> }>();
  return async (path: string, params: object, { signal }: CallOptions): Promise<Answer<unknown>> => {
    const address = url.replace(/\\/+$/, '') + path + queryOf(params);
    for (let attempt = 0; ; attempt += 1) {
      const bearer = typeof token === 'string' ? token : await token();
      // An answer belongs to its token, because the token may fix parameters.
      const key = bearer + ' ' + address;
      const known = kept.get(key);
      const headers: Record<string, string> = { accept: 'application/json', authorization: 'Bearer ' + bearer };
      if (known) headers['if-none-match'] = known.etag;
      const response = await send(address, signal ? { headers, signal } : { headers });
      if (response.status === 304 && known) return refreshed(known.answer, response.headers);
      if (response.status === 200) {
        const answer = (await response.json()) as Answer<unknown>;
        const etag = response.headers.get('etag');
        kept.delete(key);
        if (etag !== null) kept.set(key, { etag, answer });
        for (const oldest of kept.keys()) {
          if (kept.size <= keptAnswers) break;
          kept.delete(oldest);
        }
        return answer;
      }
      const error = await errorOf(response);
      const seconds = error.retryAfterSeconds;
      const mayRetry = (error.status === 429 || error.status === 503) && attempt < retries;
      if (!mayRetry || seconds === undefined || seconds > maxRetryAfterSeconds) throw error;
      await sleep(seconds * 1000);
      signal?.throwIfAborted();
    }
  };
}

function queryOf(params: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params) as [string, unknown][])
    if (value !== undefined) query.set(name, value instanceof Date ? value.toISOString() : String(value));
  const text = query.toString();
  return text === '' ? '' : '?' + text;
}

/** A kept answer with what a 304 says about the views. */
function refreshed(answer: Answer<unknown>, headers: Headers): Answer<unknown> {
  const completeUntil = headers.get('millrace-complete-until') ?? answer.freshness.completeUntil;
  const refreshing = headers.get('millrace-refreshing') === 'true';
  return {
    ...answer,
    statistics: { ...answer.statistics, cached: true },
    freshness: { ...answer.freshness, completeUntil, refreshing },
  };
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  let problem: ProblemDetails = { status: response.status, detail: text.slice(0, 500) };
  try {
    const body: unknown = JSON.parse(text);
    // API Gateway's own errors have a message instead of a detail.
    if (typeof body === 'object' && body !== null) problem = { ...('message' in body ? { detail: String(body.message) } : {}), ...body };
  } catch {
    // The text is the detail.
  }
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ApiError(response.status, problem, Number.isFinite(seconds) ? seconds : undefined);
}
`;
