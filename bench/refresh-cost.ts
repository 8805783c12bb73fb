/**
 * Counts what a refresh costs in AWS besides the warehouse, from the journal of a local run: the requests that IAM allowed
 * to the refresh function and to the services that act for it, its invocations, and its statements. One refresh finds new
 * events, the next one nothing. Five refreshes come before, so that neither is the first of its kind. The time of Lambda in
 * AWS is computed from the counts and from assumptions, because a call takes less time on one machine.
 */
import { monthHours } from '../cli/cost/cost';
import { defaultRegion, type Price, pricesOf } from '../cli/cost/prices';
import { grouped } from '../cli/terminal';
import { parseStatementName } from '../lambda/shared/statement-name';
import { refreshPlan } from '../sql';
import { type Environment, pipeline, withEnvironment } from './environment';
import { print } from './print';
import { inputs } from './simulate/inputs';

/** The memory of the function is that of `lib/shared/handler.ts`. The times are assumptions about AWS. */
export const assumptions = { memoryGb: 0.25, callMs: 100, invocationMs: 20 };

const minuteMs = 60_000;
const refreshesPerMonth = monthHours * 60;

/** What one refresh did. */
export interface RefreshCounts {
  readonly invocations: number;
  /** Time of the invocations on this machine. */
  readonly localMs: number;
  /** Statements of the Data API. A batch is one. */
  readonly statements: number;
  /** SQL commands in them. */
  readonly commands: number;
  /** Allowed requests by action. */
  readonly requests: Readonly<Record<string, number>>;
}

export type Kind = 'new events' | 'nothing new';
type Counts = Omit<RefreshCounts, 'localMs'>;
type Listener = (roleArn: string | undefined, action: string) => void;

/** Prints the table, and the counts for `bench/scale/measured.ts`. */
export const refreshCost = () =>
  withCounts(async (counts) => print(`${refreshCostTable(counts)}\n\n${JSON.stringify(counts)}`));

/** Starts an environment, and counts a refresh that finds new events and one that finds nothing. */
export function withCounts(use: (counts: Readonly<Record<Kind, RefreshCounts>>) => Promise<void>): Promise<void> {
  let listener: Listener = () => undefined;
  return withEnvironment(
    async (environment) => {
      const listen = (next: Listener) => {
        listener = next;
      };
      await environment.feed(2000, 'before');
      for (let ticks = 0; ticks < 5; ticks += 1) await tick(environment);
      await environment.feed(1000, 'counted');
      const found = await counted(environment, listen);
      await tick(environment);
      await use({ 'new events': found, 'nothing new': await counted(environment, listen) });
    },
    { onAllowed: ({ principal, action }) => listener(principal.roleArn, action) },
  );
}

async function tick({ runtime }: Environment): Promise<void> {
  await runtime.jumpTo(runtime.clock.now() + minuteMs);
  await runtime.settle();
}

async function counted(environment: Environment, listen: (next: Listener) => void): Promise<RefreshCounts> {
  const { runtime } = environment;
  const handler = `${pipeline.name.slice(0, 1).toUpperCase()}${pipeline.name.slice(1)}/Refresh/Handler`;
  const role = String(runtime.find(`${handler}/Role`).attributes['Arn']);
  const name = runtime.find(`${handler}/Function`).ref;
  const requests: Record<string, number> = {};
  const counts = { invocations: 0, localMs: 0, commands: 0 };
  listen((roleArn, action) => {
    if (roleArn === role) requests[action] = (requests[action] ?? 0) + 1;
  });
  const stop = runtime.onRun((event) => {
    if (event.kind === 'function' && event.phase === 'finished' && event.name === name) {
      counts.invocations += 1;
      counts.localMs += event.durationMs ?? 0;
    }
    if (event.kind !== 'statement') return;
    const at = parseStatementName(event.name);
    if (at?.pipeline === pipeline.name && at.purpose === 'refresh') counts.commands += commandsOf(at.step);
  });
  try {
    await tick(environment);
  } finally {
    stop();
    listen(() => undefined);
  }
  const { 'redshift-data:BatchExecuteStatement': batches = 0, 'redshift-data:ExecuteStatement': single = 0 } = requests;
  return { ...counts, commands: counts.commands + single, statements: batches + single, requests };
}

/** The SQL commands of the statement of a step. The queries after a run raise no event; each is a statement of its own. */
function commandsOf(step: string): number {
  const { steps, idle } = refreshPlan(pipeline);
  if (step === idle!.step.name) return idle!.step.statements.length;
  const index = steps.findIndex(({ name }) => name === step);
  const queries = index === 0 ? 1 + idle!.work.length : 0;
  return index < 0 ? 0 : steps[index]!.statements.length + queries;
}

/** Actions that cost something, each with its price. Those of the Data API are free, and so are the events of statements. */
const priced: Readonly<Record<string, Price>> = {
  'secretsmanager:GetSecretValue': 'call of Secrets Manager',
  'kms:Decrypt': 'call of KMS',
  'kms:GenerateDataKey': 'call of KMS',
  's3:GetObject': 'GET of S3',
  's3:PutObject': 'PUT of S3',
};

/** Seconds of Lambda in AWS, as assumed. */
export function lambdaSeconds({ invocations, requests }: Counts): number {
  const calls = Object.entries(requests).filter(([action]) => /^(redshift-data|s3):/.test(action));
  const waited = calls.reduce((sum, [, count]) => sum + count, 0) * assumptions.callMs;
  return (invocations * assumptions.invocationMs + waited) / 1000;
}

function dollars(counts: Counts): number {
  const lines: [number, Price][] = [
    [1, 'call of Scheduler'],
    [counts.invocations, 'call of Lambda'],
    [lambdaSeconds(counts) * assumptions.memoryGb, 'GB-second of Lambda'],
    ...Object.entries(counts.requests).flatMap(([action, count]): [number, Price][] =>
      priced[action] ? [[count, priced[action]]] : [],
    ),
  ];
  const prices = pricesOf(defaultRegion);
  return lines.reduce((sum, [amount, price]) => sum + amount * prices[price].dollars, 0);
}

/** Refreshes a minute of one account and Region that the quota of ListStatements allows, which is the smallest of the Data API. */
export const listedPerMinute = ({ requests }: Counts): number =>
  Math.floor((inputs.listCalls.value * 60) / (requests['redshift-data:ListStatements'] ?? 0));

/** Formats the counts as a table: a column for each kind of refresh. */
export function refreshCostTable(counts: Readonly<Record<string, Counts>>): string {
  const kinds = Object.values(counts);
  const actions = [...new Set(kinds.flatMap(({ requests }) => Object.keys(requests)))].sort();
  const rows: [string, ...string[]][] = [
    ['one refresh', ...Object.keys(counts)],
    ['---', ...kinds.map(() => '---')],
    ['invocations of the function', ...kinds.map(({ invocations }) => grouped(invocations))],
    ['statements of the Data API', ...kinds.map(({ statements }) => grouped(statements))],
    ['SQL commands in them', ...kinds.map(({ commands }) => grouped(commands))],
    ...actions.map((action): [string, ...string[]] => [
      `\`${action}\``,
      ...kinds.map(({ requests }) => grouped(requests[action] ?? 0)),
    ]),
    ['seconds of Lambda, computed', ...kinds.map((one) => lambdaSeconds(one).toFixed(2))],
    ['refreshes a minute in one account and Region', ...kinds.map((one) => grouped(listedPerMinute(one)))],
    [
      'dollars a month at one refresh a minute',
      ...kinds.map((one) => `$${(dollars(one) * refreshesPerMonth).toFixed(2)}`),
    ],
  ];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
