import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Credentials,
  createClock,
  type Disposable,
  FullDiskError,
  folderCredentials,
  folderToken,
  lockFolder,
  type Principal,
  type RunEvent,
  type RunListener,
  type RuntimeClock,
  replaceFile,
} from 'aws-local-kit';
import { clockHandler, clockPath } from './clock-endpoint';
import {
  CloudFormation,
  cloudFormationService,
  type DeployedResource,
  type Deployment,
  loadAssembly,
  openAssets,
  openState,
} from './cloudformation';
import type { Metrics } from './cloudwatch';
import { composeServices, type Services } from './composition';
import { deployHandler, deployPath } from './deploy-endpoint';
import { createDeployments, type Deployments } from './deployments';
import type { Extend } from './extension';
import { createFaults, type FaultSource, type Faults } from './faults';
import type { AllowedListener } from './iam';

export interface RuntimeOptions {
  /** Output folder of `cdk synth`. */
  readonly assemblyDir: string;
  /** The stage to run. @default - the app's own stacks, or the only stage if the app has no stacks of its own */
  readonly stageName?: string;
  /** Folder for everything that outlives the runtime. */
  readonly dataDir: string;
  /** Port on 127.0.0.1. @default - a free one */
  readonly port?: number;
  readonly clock?: {
    /** Epoch milliseconds. If the data folder's clock is later, the clock continues from there. @default - now */
    readonly start?: number;
    /** Clock milliseconds per real millisecond. 0 stops the clock. @default 1 */
    readonly rate?: number;
  };
  /** Receives all events, including those of the deployment. */
  readonly onRun?: RunListener;
  /** Decides the faults, from the deployment on. @default - no faults */
  readonly faults?: FaultSource;
  /** Called for every request that IAM allowed. */
  readonly onAllowed?: AllowedListener;
  /** Called before the first deployment of this process, to make what the templates expect to be there. @default - nothing is made */
  readonly beforeDeployment?: (made: Outside) => Promise<void> | void;
  /** Services and resource types that the runtime itself lacks. @default - none */
  readonly extensions?: readonly Extend[];
}

/** The services in which things can be made that no template has. */
export type Outside = Pick<
  Runtime,
  'endpoint' | 'account' | 'region' | 'administrator' | 's3' | 'kinesis' | 'sqs' | 'secrets' | 'iam'
>;

/** A deployed environment on this machine. */
export interface Runtime extends Disposable {
  /** `http://127.0.0.1:<port>`, the address of every service. */
  readonly endpoint: string;
  readonly account: string;
  readonly region: string;
  /**
   * The person at the terminal. Every action is allowed unless a resource policy denies it. The credentials are random
   * and stay the same over restarts: they are in the data folder.
   */
  readonly administrator: { readonly principal: Principal; readonly credentials: Credentials };
  /** Token of the runtime's own endpoints (`aws-local/internal-api`). It stays the same over restarts. */
  readonly controlToken: string;
  /** Environment variables that connect an AWS SDK or the AWS CLI to the runtime. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: RuntimeClock;
  /** The current deployment. */
  readonly deployment: Deployment;
  /**
   * Deploys another assembly of the same environment. If it fails, the old deployment stays.
   * The clock must move meanwhile.
   * @throws DeploymentError; Error if a deployment is in progress
   */
  deploy(assemblyDir: string): Promise<Deployment>;
  readonly s3: Services['s3'];
  readonly kinesis: Services['kinesis'];
  readonly sqs: Services['sqs'];
  readonly secrets: Services['secrets'];
  readonly metrics: Metrics;
  readonly iam: Services['iam'];
  /** Stops the faults. Undefined if no faults were requested. */
  readonly faults?: Faults;
  /** Resources of one type in creation order. */
  ofType(type: string): readonly DeployedResource[];
  /**
   * The one resource whose construct path ends with `pathEnd`, for example `Data/History/Bucket`. A final `/Resource`
   * may be omitted.
   * @throws Error if no resource or more than one matches
   */
  find(pathEnd: string): DeployedResource;
  /** True if nothing runs and no delivery or request is in progress. */
  idle(): boolean;
  /** Waits until the runtime is idle. Rejects if the signal aborts. */
  settle(signal?: AbortSignal): Promise<void>;
  /**
   * Moves the clock to the next due moment, then waits until the runtime is idle.
   * @returns false if nothing is due any more
   */
  step(signal?: AbortSignal): Promise<boolean>;
  /**
   * Moves the clock to a moment and runs everything that is due until then. The jump waits a few seconds at most for
   * the work of each moment; longer work continues meanwhile.
   */
  jumpTo(epochMs: number, signal?: AbortSignal): Promise<void>;
  /** Delivers the records that the streams hold now to the archive. */
  flushArchive(): Promise<void>;
  /**
   * Adds a listener.
   * @returns a function that removes it
   */
  onRun(listener: RunListener): () => void;
}

const defaultAccount = '000000000000';
const defaultRegion = 'eu-west-1';
/**
 * Number of idle checks in a row, one turn of the event loop apart, after which the runtime counts as idle. One check
 * is not enough: between services, work can be on its way through a socket.
 */
const calmTurns = 3;
const clockSaveIntervalMs = 1_000;

/**
 * Deploys one environment of the assembly on this machine and starts its schedules.
 * @throws DeploymentError listing everything that failed or is not modelled; LockedError; Error naming a port in use
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const assembly = loadAssembly(options.assemblyDir, options.stageName);
  const account = assembly.stacks.find((stack) => stack.account)?.account ?? defaultAccount;
  const region = assembly.stacks.find((stack) => stack.region)?.region ?? defaultRegion;
  const unlock = lockFolder(options.dataDir);
  const listeners = new Set<RunListener>(options.onRun ? [options.onRun] : []);
  const onRun = (event: RunEvent) => {
    for (const listener of listeners) listener(event);
  };
  const clock = openClock(options, onRun);
  const faults = options.faults && createFaults({ clock, source: options.faults });
  const assets = openAssets(options.dataDir);
  let services: Services | undefined;
  try {
    const [administratorCredentials] = folderCredentials(options.dataDir);
    const controlToken = folderToken(options.dataDir);
    services = await composeServices({
      account,
      region,
      dataDir: options.dataDir,
      port: options.port,
      assets,
      clock,
      onRun,
      faults,
      onAllowed: options.onAllowed,
      administratorCredentials,
      controlToken,
      extensions: options.extensions,
    });
    const state = openState(options.dataDir, services.gateway.endpoint);
    const { iam, secrets, customResources, twins } = services;
    services.gateway.add(cloudFormationService(state, iam.authorizer));
    const principal = iam.administrator.principal;
    const cloud = new CloudFormation({
      twins,
      customResources,
      secrets,
      principal,
      state,
      account,
      region,
      clock,
      onRun,
    });
    const deployments = createDeployments({ cloud, assets, state, stageName: options.stageName, account, region });
    await options.beforeDeployment?.({
      endpoint: services.gateway.endpoint,
      account,
      region,
      administrator: iam.administrator,
      s3: services.s3,
      kinesis: services.kinesis,
      sqs: services.sqs,
      secrets: services.secrets,
      iam,
    });
    await jumpingWhile(deployments.start(assembly), services, clock);
    const jump = (epochMs: number) => jumpTo(services!, clock, epochMs);
    services.gateway.addInternal(clockPath, clockHandler(clock, jump));
    services.gateway.addInternal(deployPath, deployHandler(deployments, listeners));
    services.lambda.release();
    services.lambda.start();
    services.firehose.start();
    services.scheduler.start();
    return runtimeOf(services, {
      account,
      region,
      deployments,
      clock,
      listeners,
      unlock,
      faults,
      dataDir: options.dataDir,
      controlToken,
    });
  } catch (error) {
    saveClock(options.dataDir, clock);
    clock.dispose();
    await services?.dispose();
    unlock();
    throw error;
  }
}

interface Parts {
  readonly account: string;
  readonly region: string;
  readonly deployments: Deployments;
  readonly clock: RuntimeClock;
  readonly listeners: Set<RunListener>;
  readonly unlock: () => void;
  readonly faults?: Faults;
  readonly dataDir: string;
  readonly controlToken: string;
}

function runtimeOf(services: Services, parts: Parts): Runtime {
  const { clock, deployments, dataDir } = parts;
  const { iam, gateway } = services;
  const { credentials } = iam.administrator;
  const saving = setInterval(() => saveClock(dataDir, clock), clockSaveIntervalMs).unref();
  const settle = (signal?: AbortSignal) => settled(services, signal);
  let disposed: Promise<void> | undefined;
  return {
    endpoint: gateway.endpoint,
    account: parts.account,
    region: parts.region,
    administrator: iam.administrator,
    controlToken: parts.controlToken,
    environment: {
      AWS_ENDPOINT_URL: gateway.endpoint,
      AWS_REGION: parts.region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      ...(credentials.sessionToken && { AWS_SESSION_TOKEN: credentials.sessionToken }),
    },
    clock,
    get deployment() {
      return deployments.current();
    },
    deploy: (assemblyDir) => deployments.deploy(assemblyDir),
    s3: services.s3,
    kinesis: services.kinesis,
    sqs: services.sqs,
    secrets: services.secrets,
    metrics: services.metrics,
    iam,
    faults: parts.faults,
    ofType: (type) => deployments.current().resources.filter((resource) => resource.type === type),
    find: (pathEnd) => findResource(deployments.current(), pathEnd),
    idle: () => isIdle(services),
    settle,
    async step(signal) {
      const next = clock.nextTimerAt();
      if (next === undefined) return false;
      clock.advanceTo(next);
      await settle(signal);
      return true;
    },
    jumpTo: (epochMs, signal) => jumpTo(services, clock, epochMs, signal),
    flushArchive: () => services.firehose.flush(),
    onRun(listener) {
      parts.listeners.add(listener);
      return () => parts.listeners.delete(listener);
    },
    dispose() {
      disposed ??= (async () => {
        clearInterval(saving);
        deployments.abandon();
        saveClock(dataDir, clock);
        await services.dispose();
        parts.unlock();
      })();
      return disposed;
    },
  };
}

function findResource({ resources }: Deployment, pathEnd: string): DeployedResource {
  const found = resources.filter(
    ({ path }) => path !== undefined && `/${path.replace(/\/Resource$/, '')}`.endsWith(`/${pathEnd}`),
  );
  const [resource] = found;
  if (!resource || found.length > 1)
    throw new Error(
      `${found.length} resources have a path that ends in ${pathEnd}${found.length > 1 ? `: ${found.map(({ path }) => path).join(', ')}` : ''}`,
    );
  return resource;
}

function isIdle({ activity, gateway, extensions }: Services): boolean {
  return (
    activity.count() === 0 && gateway.inFlight() === 0 && extensions.every((extension) => extension.idle?.() ?? true)
  );
}

async function settled(services: Services, signal?: AbortSignal): Promise<void> {
  for (let calm = 0; calm < calmTurns; calm = isIdle(services) ? calm + 1 : 0) {
    signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Longest wait of a jump at one moment. A client that calls continuously never lets the services become idle. */
const longestSettleMs = 10_000;

async function jumpTo(services: Services, clock: RuntimeClock, epochMs: number, signal?: AbortSignal): Promise<void> {
  for (let next = clock.nextTimerAt(); next !== undefined && next <= epochMs; next = clock.nextTimerAt()) {
    clock.advanceTo(next);
    await settledWithin(services, longestSettleMs, signal);
  }
  clock.advanceTo(epochMs);
  await settledWithin(services, longestSettleMs, signal);
}

async function settledWithin(services: Services, ms: number, signal?: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(ms);
  await settled(services, signal ? AbortSignal.any([signal, limit]) : limit).catch((error) => {
    if (!limit.aborted || signal?.aborted) throw error;
  });
}

/**
 * Moves the clock during a deployment: when only waits are left, it jumps to the end of the next one. No one has to
 * wait in real time.
 */
async function jumpingWhile<T>(work: Promise<T>, services: Services, clock: RuntimeClock): Promise<T> {
  let done = false;
  const finished = work.finally(() => {
    done = true;
  });
  const jump = async () => {
    while (!done) {
      await settled(services);
      const next = clock.nextTimerAt();
      if (!done && next !== undefined) clock.advanceTo(next);
    }
  };
  const [result] = await Promise.all([finished, jump()]);
  return result;
}

const clockFile = (dataDir: string) => join(dataDir, 'clock.json');

function openClock({ dataDir, clock }: RuntimeOptions, onRun: RunListener): RuntimeClock {
  const file = clockFile(dataDir);
  const saved: number = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).now : 0;
  const made = createClock({
    start: Math.max(saved, clock?.start ?? Date.now()),
    rate: clock?.rate ?? 1,
    onError: (error) => onRun({ kind: 'trouble', at: made.now(), name: 'clock', message: (error as Error).message }),
  });
  return made;
}

/**
 * Saves the clock, since time must not go back after a restart. A full disk is ignored here: the services that write to
 * it report it.
 */
function saveClock(dataDir: string, clock: RuntimeClock): void {
  try {
    replaceFile('the clock', clockFile(dataDir), JSON.stringify({ now: clock.now() }));
  } catch (error) {
    if (!(error instanceof FullDiskError)) throw error;
  }
}
