/**
 * Measures endpoints on the local runtime: the time of answers at a fixed rate while events flow and views are refreshed, and what that does to the refresh.
 * First at the pace of a deployment, where a pipeline is refreshed once a minute. Then the clock runs six times as fast as real time, so that a pipeline is
 * refreshed every ten seconds, and every question is new that often.
 * Questions that nobody asked before are measured by themselves. ROAPI from PyPI, which needs Python and a registry, answers the same questions from files
 * with the same rows. It keeps no answers, knows no refresh and checks no token. Requests come from a process of their own.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { knownEndpoints } from '../cli/commands/api/site';
import { claimsOf } from '../cli/commands/api/token';
import { grouped } from '../cli/terminal';
import { parseKeys, signToken } from '../lambda/endpoint/token';
import { parseStatementName } from '../lambda/shared/statement-name';
import { type Environment, line, median, pipeline, withEnvironment } from './environment';
import { type Answered, answersTo, type Question, quantile } from './load';
import { print } from './print';
import { withRoapi } from './roapi';

const minuteMs = 60_000;
const clockRates = [1, 6];
/** Events a second of real time that flow meanwhile. */
const eventsPerSecond = 100;
const perSecond = 200;

/** The same question for the endpoint, and for ROAPI over a table of its view. */
const questions = [
  ['revenue', 'limit=24', 'hourly_revenue', 'sort=-hour&limit=24'],
  ['revenue', 'limit=168', 'hourly_revenue', 'sort=-hour&limit=168'],
  ['product_views', 'limit=100', 'views_by_product', 'sort=-views,product_id&limit=100'],
  ['product_views', 'limit=10', 'views_by_product', 'sort=-views,product_id&limit=10'],
  ['top_products', 'limit=10', 'revenue_by_product', 'sort=-revenue,product_id&limit=10'],
  ['top_products', 'limit=50', 'revenue_by_product', 'sort=-revenue,product_id&limit=50'],
] as const;

const tables = [...new Set(questions.map(([, , table]) => table))];

export const endpoints = (seconds: number, events: number) =>
  withEnvironment(
    async (environment) => {
      const { runtime } = environment;
      await environment.feed(events, 'bench');
      await runtime.jumpTo(runtime.clock.now() + 3 * minuteMs);
      const ask = await api(environment);
      const asked = questions.map(([name, query]) => ask(`estore.${name}`, query));
      await answersTo({ questions: asked, perSecond: 20, seconds: 2 });
      await answersTo({ questions: asked, perSecond: 100, seconds: 10 });
      const fast = clockRates.at(-1)!;
      const alone = await refreshesDuring(environment, fast, () => wait(Math.min(seconds, 30) * 1000));
      line(`refresh without requests, median of ${alone.length}`, median(alone));
      for (const rate of clockRates) await underLoad(environment, asked, rate, seconds);
      await newQuestions(ask);
      await peer(environment);
    },
    { warehouseThreads: 1 },
  );

async function underLoad(
  environment: Environment,
  asked: readonly Question[],
  rate: number,
  seconds: number,
): Promise<void> {
  let answers: readonly Answered[] = [];
  const refreshes = await refreshesDuring(environment, rate, async () => {
    answers = await answersTo({ questions: asked, perSecond, seconds });
  });
  print(
    `${perSecond} requests a second for ${seconds} s, a refresh every ${Math.round(60 / rate)} s: ${counted(answers)}`,
  );
  const given = answers.filter(({ status }) => status === 200);
  report(
    'kept answers',
    given.filter(({ cached }) => cached),
    'wanted: 99 of 100 below 30 ms',
  );
  report(
    'answers of a statement',
    given.filter(({ cached }) => !cached),
    'wanted: 99 of 100 below 150 ms',
  );
  if (refreshes.length > 0) line(`refresh meanwhile, median of ${refreshes.length}`, median(refreshes));
}

/** Each is the cart of another customer. */
async function newQuestions(ask: Awaited<ReturnType<typeof api>>): Promise<void> {
  const carts = Array.from({ length: 40 }, (_, at) => ask('estore.cart', '', { customer_id: `customer_${at + 1}` }));
  const answers = await answersTo({ questions: carts, perSecond: 2, seconds: 20 });
  print(`new questions, 2 a second: ${counted(answers)}`);
  report(
    'their answers',
    answers.filter(({ status }) => status === 200),
    'wanted: 99 of 100 below 150 ms',
  );
}

/** The API of the environment, and questions with a token each. */
async function api({ runtime, client }: Environment) {
  const outputs = runtime.deployment.outputs['millrace-dev-pipelines']!;
  const secrets = new SecretsManagerClient(client);
  const read = await secrets.send(new GetSecretValueCommand({ SecretId: String(outputs['ApiKeysSecretArn']) }));
  secrets.destroy();
  const keys = parseKeys(read.SecretString!);
  const known = knownEndpoints();
  const token = (scope: string, fixed: Readonly<Record<string, string>>) =>
    signToken(
      claimsOf({ scopes: [scope], fixed, seconds: 3600 }, { environment: 'dev', endpoints: known, nowMs: Date.now() }),
      keys,
    );
  return (endpoint: string, query: string, fixed: Readonly<Record<string, string>> = {}): Question => ({
    url: `${outputs['ApiUrl']}/v1/${endpoint.replace('.', '/')}.json?${query}`,
    headers: { authorization: `Bearer ${token(endpoint, fixed)}` },
  });
}

/**
 * The seconds of each refresh of the estore that began while `work` ran: from its first statement to the end of its last one.
 * @param rate speed of the clock meanwhile. It stops before and after that
 */
async function refreshesDuring(
  environment: Environment,
  rate: number,
  work: () => Promise<unknown>,
): Promise<number[]> {
  const { runtime } = environment;
  const runs = new Map<string, { readonly began: number; ended: number }>();
  const stop = runtime.onRun((event) => {
    if (event.kind !== 'statement') return;
    const name = parseStatementName(event.name);
    if (name?.pipeline !== pipeline.name || name.purpose !== 'refresh') return;
    const now = performance.now();
    const run = runs.get(name.runId) ?? { began: now - (event.durationMs ?? 0), ended: now };
    run.ended = now;
    runs.set(name.runId, run);
  });
  const ending = new AbortController();
  runtime.clock.setRate(rate);
  const flow = eventsFlow(environment, ending.signal);
  try {
    await work();
  } finally {
    ending.abort();
    await flow;
    runtime.clock.setRate(0);
    await runtime.settle();
    stop();
  }
  return [...runs.values()].map(({ began, ended }) => (ended - began) / 1000);
}

async function eventsFlow(environment: Environment, signal: AbortSignal): Promise<void> {
  for (let second = 0; !signal.aborted; second += 1) {
    await environment.feed(eventsPerSecond, `flow-${second}`);
    await wait(1000, undefined, { signal }).catch(() => undefined);
  }
}

function report(what: string, answers: readonly Answered[], wanted: string): void {
  const times = answers.map(({ milliseconds }) => milliseconds);
  const [half, most] = [0.5, 0.99].map((share) => quantile(times, share).toFixed(1));
  print(`${what}: ${grouped(answers.length)}, ${half} ms at the median, ${most} ms for 99 of 100; ${wanted}`);
}

function counted(answers: readonly Answered[]): string {
  const counts = new Map<number, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${grouped(count)} with ${status}`).join(', ');
}

async function peer(environment: Environment): Promise<void> {
  const left = await withRoapi(environment, tables, async (address) => {
    const asked = questions.map(([, , table, query]) => ({
      url: `${address}/api/tables/${table}?${query}`,
      headers: {},
    }));
    await answersTo({ questions: asked, perSecond: 20, seconds: 1 });
    const answers = await answersTo({ questions: asked, perSecond, seconds: 20 });
    print(`ROAPI, ${perSecond} requests a second for 20 s: ${counted(answers)}`);
    report(
      'its answers',
      answers.filter(({ status }) => status === 200),
      'for comparison',
    );
  });
  if (left !== undefined) print(`left out: ROAPI: ${left}`);
}
