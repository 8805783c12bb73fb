import { DescribeClustersCommand, DescribeScheduledActionsCommand, RedshiftClient } from '@aws-sdk/client-redshift';
import type { Command } from 'commander';
import type { PauseAnswer, PauseRequest } from '../../lambda/pause/contract';
import { clientSettings } from '../../lambda/shared/client-settings';
import { WarehouseAsleepError } from '../../lambda/shared/warehouse';
import { pipelines } from '../../pipelines';
import { completeUntil } from '../../sql/names';
import { exportFunction } from '../cloud/export-function';
import { type PauseFunction, pauseFunctionAt, pauseFunctionOf } from '../cloud/pause-function';
import { defaultRegion, pricesOf } from '../cost/prices';
import { Failure } from '../failure';
import { clockNow, clockOfRuntime } from './clock';
import {
  addContextOptions,
  type CommandIo,
  type Context,
  type ContextOptions,
  type Exit,
  moment,
  queryRows,
  warehouseTime,
  withContext,
} from './context';
import { withEnvironment } from './named-environment';
import type { RuntimeConnection, RuntimeFile } from './runtime-file';

interface PauseOptions extends ContextOptions {
  readonly until?: number;
  readonly extendRetention?: true;
  readonly now?: true;
}

const POLL_MS = 2000;
const defaultTimeoutSeconds = 1800;

export function addPause(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('pause [environment]')
    .summary('pause an environment: nothing runs in the warehouse until it is resumed')
    .description(
      'Lets exports in progress finish, then pauses the cluster, or lowers a workgroup to 8 RPUs and keeps the functions from using it. ' +
        'Records wait on the streams, files in their queues; endpoints answer 503. The environment resumes by itself at --until, or else two hours ' +
        'before a stream would forget a record. Without a name: the running local environment.\n\n' +
        '  npx millrace pause                              the environment of a running npm start\n' +
        '  npx millrace pause staging --until 2026-12-24   resumed on that day, 00:00 UTC\n' +
        '  npx millrace pause staging --until 2027-01-07 --extend-retention\n' +
        '                                                  streams keep their records for longer meanwhile',
    )
    .option('--until <time>', 'resume at this day or time (UTC)', moment('--until'))
    .option('--extend-retention', 'let streams keep their records for as long as the pause lasts, which costs money')
    .option('--now', 'do not wait for exports in progress; they go on after the pause');
  addContextOptions(command, defaultTimeoutSeconds).action((named: string | undefined, given: PauseOptions) => {
    const options = withEnvironment(named, given);
    return withContext(options, io, exit, (context) => pause(context, options));
  });
}

export function addResume(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('resume [environment]')
    .summary('resume a paused environment and wait until it has caught up')
    .description(
      'Resumes the cluster or the workgroup and waits for the first refresh of each pipeline, which reads the records that waited. ' +
        'Without a name: the running local environment.\n\n' +
        '  npx millrace resume\n' +
        '  npx millrace resume staging --no-wait           does not wait for the refreshes',
    )
    .option('--no-wait', 'end as soon as the warehouse is being resumed');
  addContextOptions(command, defaultTimeoutSeconds).action(
    (named: string | undefined, given: ContextOptions & { readonly wait: boolean }) => {
      const options = withEnvironment(named, given);
      return withContext(options, io, exit, (context) => resume(context, options));
    },
  );
}

async function pause(context: Context, options: PauseOptions): Promise<boolean> {
  const { progress } = context;
  const send = pauseFunctionOf(options);
  const stage = progress.stage('pause', 'asking');
  progress.ifInterrupted('The environment is being paused without this command. `npx millrace resume` takes it back.');
  let state = await asked(options, send, {
    kind: 'pause',
    ...(options.until === undefined ? {} : { until: new Date(options.until).toISOString() }),
    ...(options.extendRetention ? { extendRetention: true } : {}),
    ...(options.now ? { now: true } : {}),
  });
  if (state.refused !== undefined) throw new Failure(`refused: ${state.refused}`);
  while (state.phase === 'pausing' && context.remainingMs() > POLL_MS) {
    stage.update(
      state.waitsFor
        ? `exports of ${state.waitsFor.join(', ')} finish`
        : 'the cluster cannot be paused yet, it is busy',
    );
    await askExports(options, state.waitsFor ?? []);
    await context.sleep(POLL_MS);
    state = await asked(options, send, { kind: 'look' });
  }
  if (state.phase === 'paused') stage.done(`paused until ${state.until}`);
  else stage.failed();
  context.stdout.write(context.json ? `${JSON.stringify(state)}\n` : `${pauseLines(context, state).join('\n')}\n`);
  return state.phase === 'paused';
}

/** Without this, an export function says at its next tick whether an export is in progress. It publishes nothing during a pause. */
async function askExports(options: ContextOptions, waiting: readonly string[]): Promise<void> {
  for (const name of waiting) {
    const [item] = pipelines.find((pipeline) => pipeline.name === name)?.exports ?? [];
    if (item === undefined) continue;
    const time = new Date(await clockNow(options)).toISOString();
    await exportFunction(options, name)({ kind: 'request', export: item.name, time });
  }
}

type Asked =
  | Omit<Extract<PauseRequest, { kind: 'pause' }>, 'time'>
  | Omit<Extract<PauseRequest, { kind: 'resume' | 'look' }>, 'time'>;

const asked = async (options: ContextOptions, send: PauseFunction, request: Asked): Promise<PauseAnswer> =>
  send({ ...request, time: new Date(await clockNow(options)).toISOString() } as PauseRequest);

function pauseLines({ cloud }: Context, { phase, until, waitsFor, extended = [] }: PauseAnswer): string[] {
  const { environment } = cloud.names;
  if (phase === 'pausing')
    return [
      `${environment} is not paused yet${waitsFor ? `: exports of ${waitsFor.join(', ')} are in progress` : ''}; its pause function goes on`,
    ];
  return [
    `${environment} is paused until ${until}; \`npx millrace resume\` resumes it before`,
    ...extended.map(extendedText),
  ];
}

function extendedText({ stream, from, to }: NonNullable<PauseAnswer['extended']>[number]): string {
  const prices = pricesOf(defaultRegion);
  const gb = prices['GB-month of retention beyond 24 h'].dollars;
  const shard = prices['shard-hour of retention beyond 24 h'].dollars;
  return (
    `${stream} keeps its records for ${to} hours instead of ${from}, which costs $${gb} for each GB and month beyond 24 hours, ` +
    `or $${shard} for each shard and hour (list prices of ${defaultRegion}); ${from} hours after the pause it is restored`
  );
}

async function resume(context: Context, options: ContextOptions & { readonly wait: boolean }): Promise<boolean> {
  const { progress, stdout, json } = context;
  const send = pauseFunctionOf(options);
  const stage = progress.stage('resume', 'asking');
  let state = await asked(options, send, { kind: 'resume' });
  while (isPaused(state) && context.remainingMs() > POLL_MS) {
    stage.update('the cluster is still pausing');
    await context.sleep(POLL_MS);
    state = await asked(options, send, { kind: 'resume' });
  }
  const resumedAt = await clockNow(options);
  if (isPaused(state)) stage.failed();
  else stage.done('resumed');
  const behind = isPaused(state) || !options.wait ? undefined : await caughtUp(context, resumedAt);
  const { environment } = context.cloud.names;
  const good = !isPaused(state) && (behind === undefined || behind.length === 0);
  const said = isPaused(state)
    ? `${environment} is not resumed yet; its pause function goes on`
    : behind === undefined
      ? `${environment} is resumed`
      : behind.length === 0
        ? `${environment} is resumed, and has merged what waited`
        : `${environment} is resumed; no refresh has ended yet of ${behind.join(', ')}`;
  stdout.write(json ? `${JSON.stringify({ ...state, ...(behind === undefined ? {} : { behind }) })}\n` : `${said}\n`);
  return good;
}

const isPaused = ({ phase }: PauseAnswer) => phase === 'paused' || phase === 'pausing';

/** Waits until a refresh of each pipeline has read the stream after the resumption. Returns the pipelines of which none has. */
async function caughtUp(context: Context, since: number): Promise<readonly string[]> {
  const stage = context.progress.stage('catch up', 'the warehouse comes back');
  let behind: readonly string[] = pipelines.map(({ name }) => name);
  while (context.remainingMs() > POLL_MS) {
    try {
      behind = await behindOf(context, since);
      if (behind.length === 0) break;
      stage.update(`the next refresh of ${behind.join(', ')} reads what waited`);
    } catch (error) {
      if (!(error instanceof WarehouseAsleepError)) throw error;
    }
    await context.sleep(POLL_MS);
  }
  if (behind.length === 0) stage.done('every pipeline has refreshed');
  else stage.failed();
  return behind;
}

async function behindOf(context: Context, since: number): Promise<string[]> {
  const behind: string[] = [];
  for (const pipeline of pipelines) {
    const [row] = await queryRows(context, 'pause-checkpoint', `select ${completeUntil(pipeline)} as complete_until`);
    const until = row?.['complete_until'];
    // The warehouse's times have whole seconds.
    if (!until || warehouseTime(until) + 1000 <= since) behind.push(pipeline.name);
  }
  return behind;
}

/** Says that the environment is paused, and until when. Undefined if it is not paused. */
export async function pausedText(runtime: RuntimeFile): Promise<string | undefined> {
  const { endpoint, region, credentials, pipelineOutputs: outputs } = runtime;
  const settings = { endpoint, region, credentials };
  const send = pauseFunctionAt({ outputs, source: 'the runtime file', settings });
  const { now } = await clockOfRuntime(runtime);
  const { phase, until } = await send({ kind: 'look', time: new Date(now).toISOString() });
  if (phase === 'paused') return `the environment is paused until ${until}; \`npx millrace resume\` resumes it now`;
  return pausedBySchedule(runtime);
}

/** The same for a cluster that its own schedule has paused. */
async function pausedBySchedule(runtime: RuntimeConnection): Promise<string | undefined> {
  const { ClusterIdentifier } = runtime.warehouse;
  if (ClusterIdentifier === undefined) return undefined;
  const { endpoint, region, credentials } = runtime;
  const client = new RedshiftClient({ ...clientSettings(), endpoint, region, credentials });
  try {
    const { Clusters = [] } = await client.send(new DescribeClustersCommand({ ClusterIdentifier }));
    if (Clusters[0]?.ClusterStatus !== 'paused') return undefined;
    const { ScheduledActions = [] } = await client.send(new DescribeScheduledActionsCommand({}));
    const [until] = ScheduledActions.filter(({ TargetAction }) => TargetAction?.ResumeCluster !== undefined)
      .flatMap(({ NextInvocations = [] }) => NextInvocations)
      .sort((one, other) => one.getTime() - other.getTime());
    const end = until === undefined ? '' : ` until ${until.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
    return `the cluster ${ClusterIdentifier} is paused${end}; \`npx millrace resume\` resumes it now`;
  } finally {
    client.destroy();
  }
}
