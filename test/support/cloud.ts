import { copyFileSync, cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAsyncQueue,
  createEventBus,
  createEventSourceMappings,
  createFirehose,
  createKinesis,
  createKms,
  createS3,
  createSqs,
  type Functions,
  kinesisSource,
  type LambdaFunction,
  type LambdaInvoker,
  type LambdaOptions,
} from 'aws-local/twins';
import {
  createActivity,
  createClock,
  type Principal,
  type ResourceContext,
  type ResourceTwin,
  type RunEvent,
  type RuntimeClock,
  type StsPort,
} from 'aws-local-kit';
import { createWarehouse, type LocalWarehouse } from 'redshift-local';
import { createFaults, type FaultSource, type Faults } from '../../local/faults';
import type { Stop } from './actions';
import { type Handler, Invocations } from './invocation';
import { memoryFolder } from './memory';

export const account = '000000000000';
export const region = 'eu-west-1';
export const environment = 'sim';
export const cluster = 'millrace-sim';
export const database = 'millrace';
/** From which the marks of subjects are derived. */
export const forgetSecret = 'the secret of the marks in tests';
export const buckets = { history: 'history', archive: 'archive', work: 'work', exports: 'exports' } as const;
export const admin = { name: 'millrace_admin', password: 'Admin1pw' };
/** Password of the users of functions, whose secrets have the users' names. */
export const userPassword = 'User1pw1';
export const owner = { name: 'millrace_owner', password: 'Owner1pw' };

export const roleArn = (name: string) => `arn:aws:iam::${account}:role/${name}`;
export const roleOf = (name: string): Principal => ({
  kind: 'role',
  arn: `arn:aws:sts::${account}:assumed-role/${name}/session`,
  roleArn: roleArn(name),
  account,
});
/** Roles that Redshift may assume. */
export const roles = { stream: roleArn('stream'), load: roleArn('load'), unload: roleArn('unload') };
/** The principal that uploads objects and puts records. */
export const outsider = roleOf('outsider');

/** Allows every call. Policies are tested elsewhere. */
const authorizer = { authorize: () => undefined };
const credentials = { accessKeyId: 'a', secretAccessKey: 's', sessionToken: 't' };
const sts: StsPort & { userIdOf(principal: Principal): string } = {
  assumeRole: (_, input) => ({ principal: roleOf(input.roleArn.split('/').at(-1)!), credentials }),
  credentialsFor: () => credentials,
  userIdOf: (principal) => principal.arn,
};
const secrets = {
  async getSecretString(_: Principal, id: string) {
    const { name, password } = [admin, owner].find((user) => user.name === id) ?? { name: id, password: userPassword };
    return JSON.stringify({ username: name, password });
  },
  createManagedSecret: (): never => {
    throw new Error('the simulated cluster has its password given');
  },
  complete: (secretId: string) => secretId,
};

const contextOf = (name: string): ResourceContext => ({
  stackName: 'sim',
  logicalId: name,
  account,
  region,
  generatedName: name,
});

/** The functions by name. */
export type Handlers = Readonly<Record<string, Handler>>;

/** The twins of one account in this process. They are the real ones, without child processes and sockets. */
export interface Cloud {
  /** The folder of the local stores. */
  readonly dataDir: string;
  readonly clock: RuntimeClock;
  readonly faults: Faults;
  readonly invocations: Invocations;
  readonly s3: ReturnType<typeof createS3>;
  readonly sqs: ReturnType<typeof createSqs>;
  readonly kinesis: ReturnType<typeof createKinesis>;
  readonly warehouse: LocalWarehouse;
  readonly bus: ReturnType<typeof createEventBus>;
  /** Invokes a function asynchronously, with Lambda's retries. */
  invokeAsync(name: string, event: unknown): Promise<void>;
  /** Sends the function an event when a statement ends whose name begins with the prefix. */
  onStatements(namePrefix: string, functionName: string): void;
  onQueue(queueArn: string, functionName: string, batchSize: number): void;
  /** Events that report a loss, a failure or an exhausted retry. */
  readonly troubles: readonly RunEvent[];
  /** ARN of a KMS key that every principal may use. */
  readonly keyArn: string;
  /** The functions' log entries. */
  readonly log: Readonly<Record<string, unknown>>[];
  /** Lets Firehose write the records that the stream holds now. */
  flushArchive(): Promise<void>;
  /** Waits until all work is done that does not need the clock to move. */
  settle(): Promise<void>;
  /** Moves the clock and stops at each moment when something is due. */
  pass(ms: number): Promise<void>;
  /** @param keep receives the paths of the closed database and of the data folder before they are removed */
  dispose(keep?: (databaseFile: string, dataFolder: string) => void): Promise<void>;
}

export interface CloudOptions {
  readonly startMs: number;
  readonly faults: FaultSource;
  readonly killNext: (name: string) => Stop | undefined;
  readonly handlers: () => Handlers;
  /** A warehouse file that `templateOf` made. @default - an empty warehouse */
  readonly databaseFile?: string;
  /** The data folder of a disposed cloud. This cloud continues with a copy of it. @default - an empty folder */
  readonly dataFolder?: string;
  readonly streamName: string;
  readonly shards: number;
  /** Retention of the stream. */
  readonly retentionHours: number;
  /** The key prefix below which Firehose writes. @default - no archive */
  readonly archivePrefix?: string;
}

export async function createCloud(options: CloudOptions): Promise<Cloud> {
  const dataDir = mkdtempSync(join(memoryFolder() ?? tmpdir(), 'millrace-sim-'));
  if (options.dataFolder) cpSync(options.dataFolder, dataDir, { recursive: true });
  const troubles: RunEvent[] = [];
  const onRun = (event: RunEvent) => void troubles.push(event);
  const clock = createClock({
    start: options.startMs,
    rate: 0,
    onError: (error) => onRun({ kind: 'trouble', at: 0, name: 'clock', message: String(error) }),
  });
  const faults = createFaults({ clock, source: options.faults });
  const base = {
    account,
    region,
    dataDir,
    clock,
    authorizer,
    sts,
    activity: createActivity(),
    onRun,
    endpoint: 'http://twin',
  };
  const { port: kms, resources: keys } = createKms(base);
  const key = await keys
    .find(({ type }) => type === 'AWS::KMS::Key')!
    .create({ KeyPolicy: { Statement: [] } }, contextOf('key'));
  const sqs = createSqs({ ...base, kms });
  const s3 = createS3({ ...base, kms, sqs: sqs.port, deliver: faults.deliver('notification') });
  for (const name of Object.values(buckets)) s3.port.open(name, { versioned: name !== buckets.work, tags: [] });
  const kinesis = createKinesis({ ...base, kms });
  kinesis.port.open(
    options.streamName,
    { mode: 'PROVISIONED', retentionHours: options.retentionHours, maxRecordBytes: 2 ** 20 },
    options.shards,
  );
  const change = new Change();
  const invocations = new Invocations(clock, options.killNext, () => change.tell());
  const log: Record<string, unknown>[] = [];
  const functions = inProcessFunctions(invocations, options.handlers, log);
  const lambdaOptions = { ...base, sqs: sqs.port } as unknown as LambdaOptions;
  const asyncQueue = createAsyncQueue(lambdaOptions, functions);
  const mappings = createEventSourceMappings(lambdaOptions, functions);
  const invoker: LambdaInvoker = {
    invoke: (_, arn, payload) => functions.run(arn, payload),
    async invokeAsync(_, arn, payload) {
      asyncQueue.add(arn, payload);
    },
  };
  const bus = createEventBus({ ...base, lambda: () => invoker, sqs: () => sqs.port, deliver: faults.deliver('event') });
  let statements = 0;
  const counted: typeof faults.statements = {
    ...faults.statements,
    execute: (statement, run) => {
      statements += 1;
      return faults.statements.execute(statement, run).finally(() => {
        statements -= 1;
        change.tell();
      });
    },
  };
  const warehouse = await openWarehouse(
    { ...base, s3: s3.port, kinesis: kinesis.port, bus: bus.port, faults: counted, threads: 1, smallData: true },
    options.databaseFile,
  );
  const firehose = createFirehose({
    ...base,
    s3: s3.port,
    lambda: invoker,
    readSource: kinesisSource(kinesis.port),
  });
  if (options.archivePrefix !== undefined)
    create(firehose.resources, 'AWS::KinesisFirehose::DeliveryStream', 'archive', deliveryStream(options));
  const atWork = () => invocations.atWork() || statements > faults.waiting();
  const settle = async () => {
    for (let calm = 0; calm < calmTurns; calm += 1) {
      if (atWork()) {
        await change.next(() => `still at work: ${invocations.names()}`);
        calm = 0;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return {
    dataDir,
    clock,
    faults,
    invocations,
    s3,
    sqs,
    kinesis,
    warehouse,
    bus,
    keyArn: String(key.attributes['Arn']),
    troubles,
    log,
    invokeAsync: (name, event) => invoker.invokeAsync(outsider, name, event),
    onStatements(namePrefix, functionName) {
      create(bus.resources, 'AWS::Events::Rule', `${functionName}-rule`, {
        EventPattern: { source: ['aws.redshift-data'], detail: { statementName: [{ prefix: namePrefix }] } },
        Targets: [{ Id: 'Function', Arn: `arn:aws:lambda:${region}:${account}:function:${functionName}` }],
      });
    },
    onQueue(queueArn, functionName, batchSize) {
      create(mappings.resources, 'AWS::Lambda::EventSourceMapping', `${functionName}-${queueArn}`, {
        EventSourceArn: queueArn,
        FunctionName: functionName,
        BatchSize: batchSize,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      });
      mappings.start();
    },
    flushArchive: () => firehose.flush(),
    settle,
    async pass(ms) {
      const end = clock.now() + ms;
      await settle();
      for (let next = clock.nextTimerAt(); next !== undefined && next <= end; next = clock.nextTimerAt()) {
        clock.advanceTo(next);
        await settle();
      }
      clock.advanceTo(end);
      await settle();
    },
    async dispose(keep) {
      mappings.dispose();
      clock.dispose();
      firehose.dispose();
      await warehouse.dispose();
      await Promise.all([kinesis.port.dispose(), sqs.port.dispose(), s3.port.dispose()]);
      keep?.(join(dataDir, 'warehouse', `database=${cluster}.duckdb`), dataDir);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Wakes those that wait for work to finish. Polling instead would take CPU time from the work. */
class Change {
  private readonly waiting = new Set<() => void>();

  tell(): void {
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }

  /**
   * Waits for the next change. The time is counted in looks, so that a process that was stopped for a while does not count
   * that time.
   * @throws Error if there is none within `longestWorkMs`, since something must hang
   */
  next(describe: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      let waited = 0;
      const timer = setInterval(() => {
        waited += lookMs;
        if (waited < longestWorkMs) return;
        clearInterval(timer);
        reject(new Error(`nothing changed in ${longestWorkMs} ms, ${describe()}`));
      }, lookMs);
      this.waiting.add(() => {
        clearInterval(timer);
        resolve();
      });
    });
  }
}

/** Idle turns of the event loop after which all work counts as done. Promises and file reads take some turns. */
const calmTurns = 12;
/** The longest wait in real time. Only work that hangs takes longer. */
const longestWorkMs = 120_000;
const lookMs = 10_000;

/** The delivery stream of a pipeline's archive. */
const deliveryStream = ({ streamName, archivePrefix }: CloudOptions) => ({
  DeliveryStreamType: 'KinesisStreamAsSource',
  KinesisStreamSourceConfiguration: {
    KinesisStreamARN: `arn:aws:kinesis:${region}:${account}:stream/${streamName}`,
    RoleARN: roleArn('firehose'),
  },
  ExtendedS3DestinationConfiguration: {
    BucketARN: `arn:aws:s3:::${buckets.archive}`,
    RoleARN: roleArn('firehose'),
    Prefix: `${archivePrefix}!{timestamp:yyyy/MM/dd/HH}/`,
    ErrorOutputPrefix: 'errors/!{firehose:error-output-type}/',
    CompressionFormat: 'GZIP',
    BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 300 },
    ProcessingConfiguration: {
      Enabled: true,
      Processors: [
        {
          Type: 'Lambda',
          Parameters: [
            {
              ParameterName: 'LambdaArn',
              ParameterValue: `arn:aws:lambda:${region}:${account}:function:archive`,
            },
          ],
        },
      ],
    },
  },
});

function create(resources: readonly ResourceTwin[], type: string, name: string, properties: unknown): void {
  resources.find((twin) => twin.type === type)!.create(properties, contextOf(name));
}

function inProcessFunctions(
  invocations: Invocations,
  handlers: () => Handlers,
  log: Record<string, unknown>[],
): Functions {
  const nameOf = (arnOrName: string) => arnOrName.slice(arnOrName.lastIndexOf(':') + 1);
  const get = (arnOrName: string) => {
    const name = nameOf(arnOrName);
    const arn = `arn:aws:lambda:${region}:${account}:function:${name}`;
    // One invocation at a time, so that the outcome does not depend on speed.
    return { name, arn, roleArn: roleArn(name), principal: roleOf(name), concurrency: 1 } as LambdaFunction;
  };
  return {
    resources: [],
    find: get,
    list: () => [],
    get,
    async run(arnOrName, event) {
      const name = nameOf(arnOrName);
      const handler = handlers()[name];
      if (!handler) throw new Error(`no function ${name}`);
      const outcome = await invocations.run(name, handler, event);
      if (outcome.error) log.push({ message: `${name} failed`, error: outcome.error.errorMessage });
      return outcome;
    },
    throttle: () => undefined,
    release: () => undefined,
    dispose: async () => undefined,
  };
}

type WarehouseParts = Omit<Parameters<typeof createWarehouse>[0], 'secrets'>;

async function openWarehouse(parts: WarehouseParts, databaseFile: string | undefined): Promise<LocalWarehouse> {
  const folder = join(parts.dataDir, 'warehouse');
  mkdirSync(folder, { recursive: true });
  if (databaseFile) copyFileSync(databaseFile, join(folder, `database=${cluster}.duckdb`));
  const warehouse = createWarehouse({ ...parts, secrets });
  const twin = (type: string) => warehouse.resources.find((resource) => resource.type === type)!;
  const group = await twin('AWS::Redshift::ClusterParameterGroup').create(
    {
      ParameterGroupFamily: 'redshift-1.0',
      Parameters: [{ ParameterName: 'enable_case_sensitive_identifier', ParameterValue: 'true' }],
    },
    contextOf('parameters'),
  );
  await twin('AWS::Redshift::Cluster').create(
    {
      ClusterIdentifier: cluster,
      ClusterParameterGroupName: group.ref,
      DBName: database,
      IamRoles: Object.values(roles),
      MasterUsername: admin.name,
      MasterUserPassword: admin.password,
      NodeType: 'ra3.large',
      ClusterType: 'single-node',
    },
    contextOf('cluster'),
  );
  return warehouse;
}
