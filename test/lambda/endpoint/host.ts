import type { EndpointItem, PartnerGrant, TokenClaims, TokenKeys } from '../../../lambda/endpoint/contract';
import { endpointFunction } from '../../../lambda/endpoint/endpoint';
import type { EndpointHost, Queries, Query } from '../../../lambda/endpoint/host';
import type { Cell } from '../../../lambda/endpoint/render';
import type { ApiAnswer } from '../../../lambda/endpoint/request';
import { signToken } from '../../../lambda/endpoint/token';
import type { Freshness } from '../../../lambda/shared/freshness';
import type { StatementState } from '../../../lambda/shared/warehouse';

export const environment = 'dev';
export const startMs = Date.parse('2026-11-21T10:00:00Z');
export const keys: TokenKeys = { k1: 'one'.repeat(20), k2: 'two'.repeat(20) };

/** `revenue` of the estore: `:since` is required, `product_id` and `customer_id` are optional clauses. */
export const item = (changes: Partial<EndpointItem> = {}): EndpointItem => ({
  pipeline: 'estore',
  name: 'revenue',
  version: 'v1',
  params: [
    { name: 'since', type: 'timestamp', required: true },
    { name: 'product_id', type: 'integer', required: false, min: '1', max: '500' },
    { name: 'customer_id', type: 'varchar', required: false, maxBytes: 20 },
    { name: 'limit', type: 'integer', required: false, min: '1', max: '1000', default: '100' },
  ],
  clauses: [['product_id'], ['customer_id']],
  statements: Object.fromEntries(
    [0, 1, 2, 3].map((bits) => [
      `${bits}`,
      {
        sql: `select ${bits}`,
        params: ['since', ...(bits & 1 ? ['product_id'] : []), ...(bits & 2 ? ['customer_id'] : []), 'limit'],
      },
    ]),
  ),
  columns: [
    { name: 'hour', type: 'timestamp' },
    { name: 'revenue', type: 'decimal(12,2)' },
    { name: 'sales', type: 'bigint' },
    { name: 'detail', type: 'super' },
  ],
  views: ['hourly_revenue'],
  maxRows: 3,
  timeoutSeconds: 20,
  ...changes,
});

/** A row of the item as the Data API returns it. */
export const row = (sales = '9007199254740993'): Cell[] => ['2026-11-21 09:00:00.5', '12.50', sales, '{"a": [1]}'];

type Outcome = Partial<StatementState> & { readonly rows?: readonly (readonly Cell[])[] };

/** The endpoint function on a fake Data API, with the events that reach it. */
export function fakeEndpoints(changes: { items?: EndpointItem[]; partners?: Record<string, PartnerGrant> } = {}) {
  const world = {
    nowMs: startMs,
    freshness: undefined as Freshness | undefined,
    keys,
    /** How a statement ends. It may throw, or wait. */
    outcome: (_: Query): Outcome | Promise<Outcome> => ({ rows: [row()] }),
    queries: [] as Query[],
    cancelled: [] as string[],
    logged: [] as unknown[],
    metrics: [] as Record<string, unknown>[],
    parts: [] as unknown[],
    keyReads: 0,
    slept: [] as number[],
    statementsPerSecond: 10,
    statementBurst: 10,
    openapi: undefined as unknown,
    failing: undefined as 'freshness' | 'keys' | 'shared' | undefined,
    /** Texts that instances share, by pipeline and key. Tests give the map of one world to another. */
    shared: new Map<string, string>(),
  };
  const states = new Map<string, Outcome & { readonly createdAt: number }>();
  const byToken = new Map<string, string>();
  const queries: Queries = {
    async run(query) {
      const known = byToken.get(query.token);
      const id = known ?? `id-${world.queries.length + 1}`;
      if (known === undefined) {
        world.queries.push(query);
        byToken.set(query.token, id);
        states.set(id, { createdAt: world.nowMs, ...(await world.outcome(query)) });
      }
      return { id, status: states.get(id)!.status ?? 'FINISHED' };
    },
    async state(id) {
      return { id, updatedAt: world.nowMs, parts: [], status: 'FINISHED', ...states.get(id)! };
    },
    async *pages(id) {
      for (const each of states.get(id)!.rows ?? []) yield [each];
    },
    async cancel(id) {
      world.cancelled.push(id);
    },
  };
  let made = 0;
  const host: EndpointHost = {
    environment,
    get plan() {
      const { statementsPerSecond, statementBurst, openapi } = world;
      return {
        environment,
        endpoints: changes.items ?? [item()],
        statementsPerSecond,
        statementBurst,
        ...(openapi ? { openapi } : {}),
      };
    },
    partners: changes.partners ?? {},
    queries: () => queries,
    async freshness() {
      if (world.failing === 'freshness') throw new Error('denied');
      return world.freshness;
    },
    shared: {
      async get(pipeline, key) {
        if (world.failing === 'shared') throw new Error('denied');
        return world.shared.get(`${pipeline}/${key}`);
      },
      async put(pipeline, key, text) {
        if (world.failing === 'shared') throw new Error('denied');
        world.shared.set(`${pipeline}/${key}`, text);
      },
    },
    async readKeys() {
      world.keyReads += 1;
      if (world.failing === 'keys') throw new Error('denied');
      return world.keys;
    },
    now: () => world.nowMs,
    async sleep(ms) {
      world.slept.push(ms);
      world.nowMs += ms;
    },
    unique: () => `unique-${++made}`,
    log: (message, facts) => world.logged.push({ message, ...facts }),
    metrics: (pipeline) => (_, values, facts, __, part) => {
      world.metrics.push({ pipeline, ...values, ...facts });
      world.parts.push(part);
    },
  };
  const core = endpointFunction(host);
  const get = (path: string, options: RequestOptions = {}): Promise<ApiAnswer> =>
    core(apiEvent(path, options), () => options.remainingMs ?? 26_000);
  const ask = (path: string, options: RequestOptions = {}) =>
    get(path, { ...options, headers: { authorization: `Bearer ${token()}`, ...options.headers } });
  return { world, get, ask, core, byToken, states };
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signer?: { readonly userArn: string; readonly accountId: string };
  readonly remainingMs?: number;
}

/** An event of payload format 2.0. */
export function apiEvent(path: string, { method = 'GET', headers = {}, signer }: RequestOptions = {}) {
  const [rawPath, rawQueryString = ''] = path.split('?');
  return {
    version: '2.0',
    rawPath,
    rawQueryString,
    headers,
    requestContext: {
      accountId: '111122223333',
      requestId: 'r-1',
      http: { method, path: rawPath },
      ...(signer ? { authorizer: { iam: signer } } : {}),
    },
    isBase64Encoded: false,
  };
}

export const claims = (changes: Partial<TokenClaims> = {}): TokenClaims => ({
  jti: 't1',
  aud: environment,
  scopes: ['estore.revenue'],
  iat: startMs / 1000 - 60,
  exp: startMs / 1000 + 3600,
  ...changes,
});

export const token = (changes: Partial<TokenClaims> = {}, with_: TokenKeys = keys) => signToken(claims(changes), with_);
export const bearer = (changes: Partial<TokenClaims> = {}) => ({ authorization: `Bearer ${token(changes)}` });

/** The document while no run is open. */
export const settled = (run = '20261121T0955Z', changes: Partial<Freshness> = {}): Freshness => ({
  pipeline: 'estore',
  done: { run, refreshedAt: '2026-11-21T09:56:00.000Z', completeUntil: '2026-11-21T09:55:00.000Z', failed: [] },
  open: [],
  ...changes,
});

export const bodyOf = (answer: ApiAnswer) => JSON.parse(answer.body);
