import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { type PauseState, parsePauseState, pauseKey } from '../../lambda/shared/pause';
import { pipelines } from '../../pipelines';
import { LOCAL_ENVIRONMENT, stackName } from '../cloud/names';
import { dollarsOf } from '../cost/cost';
import { explain, Failure, Interrupted } from '../failure';
import { interruptible } from '../interrupt';
import type { AwsPageOptions } from '../page/open-aws-page';
import { type PagePorts, textOf } from '../page/ports';
import { Progress } from '../progress';
import { type CostSoFar, readStatus, type Status } from '../status/facts';
import { statusText } from '../status/print';
import { styleFor } from '../terminal';
import { clockNow } from './clock';
import type { CommandIo, Exit } from './context';
import { withEnvironment } from './named-environment';
import { addEnvironmentOptions, wholeNumber } from './options';
import { readRuntimeFile } from './runtime-file';

interface StatusOptions {
  readonly data: string;
  readonly environment?: string;
  readonly outputs: string;
  readonly watch?: true;
  readonly every: number;
  readonly cost: boolean;
  readonly json?: true;
}

export function addStatus(program: Command, io: CommandIo, exit: Exit): void {
  const command = program
    .command('status [environment]')
    .summary('health of an environment on one screen, with an exit code for scripts')
    .description(
      'Shows the equation of the records, freshness, what is pending, failures, alarms, the next runs, and what the month has cost so far. ' +
        'Without a name: the running local environment. It only reads.\n' +
        'The exit code is 0 if the environment is healthy, 1 if it is not, and 2 if that cannot be said. A paused environment can be healthy.\n\n' +
        '  npx millrace status                    the environment of a running npm start\n' +
        '  npx millrace status prod --watch       again every 30 seconds, until Ctrl-C\n' +
        '  npx millrace status prod --json || page-someone',
    )
    .option('--watch', 'show it again and again, until Ctrl-C')
    .option('--every <s>', 'seconds between two looks of --watch', wholeNumber('--every', 5, 3600), 30)
    .option('--no-cost', 'leave out the cost, which needs a synthesis of some seconds')
    .option('--json', 'the result as one JSON object, with --watch one on each line');
  addEnvironmentOptions(command).action(async (named: string | undefined, given: StatusOptions) => {
    const options = withEnvironment(named, given);
    const progress = new Progress(io.stderr, styleFor(io.stderr, io.env), { silent: options.json === true });
    try {
      const status = await interruptible(
        (signal) => (options.watch ? watch(options, io, exit, signal) : once(options, progress)),
        () => '',
      ).catch((error: unknown) => {
        // Ctrl-C is how watching ends.
        if (options.watch && error instanceof Interrupted) return undefined;
        throw error;
      });
      if (status !== undefined) show(status, options, io, exit);
    } catch (error) {
      // A script must not take a missing answer for bad health.
      throw error instanceof Interrupted ? error : new Failure(explain(error), 2, { cause: error });
    } finally {
      progress.stop();
    }
  });
}

async function once(options: StatusOptions, progress: Progress): Promise<Status> {
  const stage = progress.stage('status', 'asking');
  const status = await statusOf(options, options.cost ? await costSoFar(options) : undefined);
  stage.done('asked');
  return status;
}

async function watch(options: StatusOptions, io: CommandIo, exit: Exit, signal: AbortSignal): Promise<undefined> {
  const cost = options.cost ? await costSoFar(options) : undefined;
  while (!signal.aborted) {
    const status = await statusOf(options, cost);
    if (!options.json && io.stdout.isTTY) io.stdout.write('\u001b[2J\u001b[H');
    show(status, options, io, exit);
    await wait(options.every * 1000, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

function show(status: Status, { json }: StatusOptions, { stdout, env }: CommandIo, exit: Exit): void {
  stdout.write(json ? `${JSON.stringify(status)}\n` : statusText(status, styleFor(stdout, env)));
  exit.code = exitCodeOf(status);
}

/** 0: healthy. 1: not healthy. 2: nothing bad is known, but something could not be read. */
export const exitCodeOf = ({ healthy, reasons }: Pick<Status, 'healthy' | 'reasons'>) =>
  healthy ? 0 : reasons.length > 0 ? 1 : 2;

async function statusOf(options: StatusOptions, cost: CostSoFar | undefined): Promise<Status> {
  // Loaded late: help does not need the SDK.
  const { connectPage } = require('../page/open-aws-page') as typeof import('../page/open-aws-page');
  const { awsSource } = require('../page/aws') as typeof import('../page/aws');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-status-'));
  try {
    const now = await clockNow(options);
    const { ports } = connectPage({ ...placeOf(options, folder), now: () => now });
    // Each look reads everything.
    const source = awsSource(ports, pipelines, { metricsMs: 0, warehouseMs: 0, elapsed: () => performance.now() });
    try {
      const snapshot = await source.snapshot();
      const deployed = pipelines.filter(({ name }) => ports.isDeployed(name));
      return await readStatus(ports, snapshot, deployed, { pause: await pauseOf(ports), cost });
    } finally {
      source.dispose();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The state of the pause, as its function wrote it. */
async function pauseOf(ports: PagePorts): Promise<PauseState | undefined> {
  const text = await textOf(ports, ports.workBucket, pauseKey);
  return text === undefined ? undefined : parsePauseState(text);
}

/** The local runtime is reached as an environment in AWS is: its services speak the same protocols. */
function placeOf({ environment, outputs, data }: StatusOptions, folder: string): AwsPageOptions {
  if (environment !== undefined) return { environment, outputs, data };
  const runtime = readRuntimeFile(data);
  const { endpoint, region, credentials } = runtime;
  const file = join(folder, 'outputs.json');
  writeFileSync(
    file,
    JSON.stringify({
      [stackName(LOCAL_ENVIRONMENT, 'data')]: runtime.outputs,
      [stackName(LOCAL_ENVIRONMENT, 'pipelines')]: runtime.pipelineOutputs,
    }),
  );
  return { environment: LOCAL_ENVIRONMENT, outputs: file, data, reach: { endpoint, region, credentials } };
}

/** The fixed costs since the first of the month at list prices. Undefined where a price is not known. */
async function costSoFar(options: StatusOptions): Promise<CostSoFar | undefined> {
  // Loaded late: `--no-cost` needs no compiler.
  const { costOfTree, pricedRegionOf } = require('./cost') as typeof import('./cost');
  const name = options.environment ?? LOCAL_ENVIRONMENT;
  try {
    const monthDollars = dollarsOf(await costOfTree(name), 'fixed');
    const now = new Date(await clockNow(options));
    const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
    const [begin, end] = [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)];
    const share = (now.getTime() - begin) / (end - begin);
    return { dollars: monthDollars * share, monthDollars, region: pricedRegionOf(name) };
  } catch {
    return undefined;
  }
}
