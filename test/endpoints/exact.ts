import { randomUUID } from 'node:crypto';
import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { answersPrefix } from '../../lambda/endpoint/contract';
import { endpointFunction } from '../../lambda/endpoint/endpoint';
import { dataApiQueries, type EndpointHost, type Queries } from '../../lambda/endpoint/host';
import type { ApiAnswer } from '../../lambda/endpoint/request';
import { signToken } from '../../lambda/endpoint/token';
import { freshnessKey, parseFreshness } from '../../lambda/shared/freshness';
import { s3Objects } from '../../lambda/shared/s3';
import type { Pipeline } from '../../pipelines/definition';
import { endpointsPlan, functionUser } from '../../sql';
import { apiEvent, keys } from '../lambda/endpoint/host';
import type { Action, Scenario, Stop } from '../support/actions';
import { buckets, type Cloud, cluster, database, environment, roleOf } from '../support/cloud';
import { simPipeline } from '../support/pipeline';
import { inProcess } from '../support/sdk';
import { Simulation } from '../support/simulation';
import type { Template } from '../support/template';

/** A pipeline with an endpoint over both views, so that an answer shows if one was refreshed and the other was not. */
export const pipeline: Pipeline = {
  ...simPipeline,
  endpoints: [
    {
      name: 'totals',
      query: `select h.events, h.amount, l.rows_found
from (select sum(events) as events, sum(amount) as amount from sim.hourly) as h
cross join (select count(*) as rows_found from sim.large) as l`,
      file: 'endpoints/totals.sql',
    },
  ],
};

type ReadFreshness = EndpointHost['freshness'];

/** Ways to weaken the function: what it is told about the views. */
export interface Weakened {
  readonly freshness?: (read: ReadFreshness) => ReadFreshness;
}

/** Reads, which are in no invocation: nothing kills them. */
function endpointsOf(
  cloud: Cloud,
  { freshness = (read) => read }: Weakened,
  sharesStatements: boolean,
  gate: Promise<void> = Promise.resolve(),
) {
  const target = {
    kind: 'provisioned',
    name: cluster,
    database,
    secretArn: functionUser(pipeline, 'endpoint'),
  } as const;
  const options = (service: Parameters<typeof inProcess>[0]) =>
    inProcess(service, roleOf('endpoint'), (_, __, run) => run());
  const objects = s3Objects(new S3Client(options(cloud.s3.service)));
  const askStatus = async () => ({ kind: 'paused', status: 'paused' }) as const;
  const client = new RedshiftDataClient(options(cloud.warehouse.service));
  const real = dataApiQueries(client, target, askStatus, async () => undefined);
  const unique = randomUUID;
  const queries: Queries = {
    ...real,
    async run(query) {
      await gate;
      return real.run(sharesStatements ? query : { ...query, token: unique() });
    },
  };
  const now = () => cloud.clock.now();
  const core = endpointFunction({
    environment,
    plan: { environment, endpoints: endpointsPlan([pipeline]), statementsPerSecond: 1e6, statementBurst: 1e6 },
    partners: {},
    queries: () => queries,
    freshness: freshness(async (name) => {
      const text = await objects.get(buckets.work, freshnessKey(name));
      return text === undefined ? undefined : parseFreshness(text);
    }),
    shared: sharesStatements
      ? {
          get: (name, key) => objects.get(buckets.work, answersPrefix(name) + key),
          put: (name, key, text) => objects.put(buckets.work, answersPrefix(name) + key, text),
        }
      : { get: async () => undefined, put: async () => undefined },
    readKeys: async () => keys,
    now,
    sleep: async () => undefined,
    unique,
    log: () => undefined,
    metrics: () => () => undefined,
  });
  return (): Promise<ApiAnswer> => {
    const iat = Math.floor(now() / 1000);
    const claims = { jti: 't', aud: environment, scopes: ['sim.*'], iat, exp: iat + 60 };
    const headers = { authorization: `Bearer ${signToken(claims, keys)}` };
    return core(apiEvent('/v1/sim/totals.json', { headers }), () => 26_000);
  };
}

/** How often is asked while the statements of an action run. */
const asksInBetween = 5;

/** What one scenario showed. */
export interface Asked {
  readonly problems: readonly string[];
  /** Answers that were exact for their run, and those of them that were kept. */
  readonly exact: number;
  readonly kept: number;
}

/**
 * Plays a scenario and asks after each action, while its statements run: a function that keeps and shares answers and statements, one that does neither, and a
 * function that has just started. Answers for the same state of the views must have the same rows.
 */
export async function askThrough(template: Template, scenario: Scenario, weakened: Weakened = {}): Promise<Asked> {
  const simulation = await Simulation.start(template, scenario, {});
  const problems: string[] = [];
  const byState = new Map<string, string>();
  let exact = 0;
  let kept = 0;
  const keeping = endpointsOf(simulation.cloud, weakened, true);
  const check = ({ statusCode, headers, body }: ApiAnswer) => {
    if (statusCode !== 200 && statusCode !== 503) problems.push(`status ${statusCode}: ${body}`);
    const { etag } = headers;
    if (statusCode !== 200 || etag === undefined) return;
    const { data, statistics, freshness } = JSON.parse(body);
    exact += 1;
    if (statistics.cached) kept += 1;
    const rows = JSON.stringify(data);
    const before = byState.get(etag) ?? rows;
    if (before !== rows) problems.push(`run ${freshness.run} has ${before} and ${rows}`);
    byState.set(etag, rows);
  };
  const ask = async () => {
    const others = [endpointsOf(simulation.cloud, weakened, true), endpointsOf(simulation.cloud, weakened, false)];
    for (const answer of await Promise.all([keeping, ...others].map((call) => call()))) check(answer);
  };
  /** A request whose statement begins after the next run. */
  const askSlowly = async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const answer = endpointsOf(simulation.cloud, weakened, false, gate)();
    for (const action of [{ do: 'put', events: [{ from: 90, count: 3 }] }, { do: 'tick' }] as const)
      await simulation.act(action, undefined, undefined);
    open();
    check(await answer);
  };
  try {
    for (const [index, action] of scenario.actions.entries()) {
      const turns = scenario.turns?.[index];
      await simulation.act(action, turns, undefined);
      for (let time = 0; time < (turns === undefined ? 1 : asksInBetween); time++) await ask();
    }
    await simulation.cloud.settle();
    await ask();
    await simulation.act({ do: 'pass', minutes: 1 }, undefined, undefined);
    await askSlowly();
    return { problems, exact, kept };
  } finally {
    await simulation.dispose();
  }
}

const put = fc.array(fc.record({ from: fc.nat(60), count: fc.integer({ min: 1, max: 8 }) }), {
  minLength: 1,
  maxLength: 2,
});
const actions: fc.Arbitrary<Action[]> = fc.oneof(
  { weight: 4, arbitrary: put.map((events): Action[] => [{ do: 'put', events }, { do: 'tick' }]) },
  { weight: 4, arbitrary: fc.constant<Action[]>([{ do: 'tick' }]) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(0, 1, 3, 11).map((minutes): Action[] => [{ do: 'pass', minutes }, { do: 'tick' }]),
  },
  { weight: 1, arbitrary: fc.constant<Action[]>([{ do: 'pause' }, { do: 'tick' }, { do: 'resume' }, { do: 'tick' }]) },
);
const sometimes = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number) =>
  fc.array(fc.option(arbitrary, { nil: undefined, freq: 1 }), { maxLength });

/** Runs that overlap: ticks while others work, events that are lost, doubled or late, statements that fail, and functions that are killed. */
export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  actions: fc
    .array(actions, { minLength: 3, maxLength: 8 })
    .map((all): Action[] => [{ do: 'put', events: [{ from: 1, count: 9 }] }, { do: 'tick' }, ...all.flat()]),
  turns: fc
    .array(fc.option(fc.nat(60), { nil: undefined, freq: 2 }), { minLength: 32, maxLength: 32 })
    .map((turns) => [undefined, undefined, ...turns]),
  faults: fc.record({
    events: sometimes(fc.constantFrom([], [0, 0], [60_000, 600_000], [300_000]), 20),
    statements: sometimes(
      fc.record({ kind: fc.constantFrom('fail' as const, 'abort' as const), at: fc.nat(3) }),
      20,
    ).map((refresh) => ({ refresh })),
  }),
  kills: sometimes(
    fc.record({ call: fc.integer({ min: 1, max: 9 }), after: fc.boolean() }) as fc.Arbitrary<Stop>,
    20,
  ).map((refresh) => ({ refresh })),
});

/** The second of two runs loses its nth event, so that it stays open until the next tick. @param lost from 0 */
export const lostEvent = (lost: number): Scenario => ({
  actions: [1, 40].flatMap((from): Action[] => [
    { do: 'put', events: [{ from, count: 9 }] },
    { do: 'tick' },
    { do: 'pass', minutes: 1 },
  ]),
  faults: { events: [...Array.from({ length: lost }, () => undefined), []] },
  kills: {},
});
