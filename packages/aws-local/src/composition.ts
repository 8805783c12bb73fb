import { resolve } from 'node:path';
import {
  type Activity,
  type Credentials,
  createActivity,
  createGateway,
  credentialsFile,
  type Gateway,
  type ResourceTwin,
  type RunListener,
  type RuntimeClock,
} from 'aws-local-kit';
import { createApiGateway } from './apigateway';
import { type Assets, answerPath, type CustomResources, createCustomResources } from './cloudformation';
import { createCloudWatch, createMetrics, type Metrics } from './cloudwatch';
import { createEventBus } from './events';
import type { Extend, Extension } from './extension';
import type { Faults } from './faults';
import { createFirehose, type Firehose, kinesisSource } from './firehose';
import { type AllowedListener, createIam, type Iam } from './iam';
import { outsiderHandler, outsiderPath } from './iam/outsiders';
import { createKinesis, type Kinesis } from './kinesis';
import { createKms } from './kms';
import { createLambda, type Lambda } from './lambda';
import { createNetwork } from './network';
import { createS3 } from './s3';
import { createScheduler, type Scheduler } from './scheduler';
import { createSecrets, type Secrets } from './secrets';
import { createSqs, type Sqs } from './sqs';
import { createStepFunctions } from './stepfunctions';

export interface CompositionOptions {
  readonly account: string;
  readonly region: string;
  readonly dataDir: string;
  readonly port?: number;
  /** Finds the functions' code. */
  readonly assets: Pick<Assets, 'path'>;
  readonly clock: RuntimeClock;
  readonly onRun: RunListener;
  /** Injects faults. @default - none */
  readonly faults?: Faults;
  readonly onAllowed?: AllowedListener;
  /** Credentials of the administrator. @default - random ones */
  readonly administratorCredentials?: Credentials;
  /** Token of the runtime's own paths. @default - they are closed */
  readonly controlToken?: string;
  /** Services that the runtime itself lacks. @default - none */
  readonly extensions?: readonly Extend[];
}

/** All services of one runtime, connected to each other. Nothing is deployed yet. */
export interface Services {
  readonly activity: Activity;
  readonly iam: Iam;
  readonly gateway: Gateway;
  readonly secrets: Secrets;
  readonly sqs: Sqs;
  readonly s3: ReturnType<typeof createS3>['port'];
  readonly kinesis: Kinesis;
  readonly extensions: readonly Extension[];
  readonly lambda: Lambda;
  readonly scheduler: Scheduler;
  readonly firehose: Firehose;
  readonly metrics: Metrics;
  readonly customResources: CustomResources;
  readonly twins: readonly ResourceTwin[];
  dispose(): Promise<void>;
}

/** @throws Error naming the port if it is in use */
export async function composeServices(options: CompositionOptions): Promise<Services> {
  const { clock, region, faults } = options;
  const activity = createActivity();
  const iam = createIam(options);
  const gateway = await createGateway({
    port: options.port,
    callerOf: iam.callerOf,
    controlToken: options.controlToken,
    credentialsHint: `The credentials are in ${credentialsFile(resolve(options.dataDir))}`,
    services: [iam.service],
    region,
  });
  const base = { ...options, authorizer: iam.authorizer, sts: iam.sts, activity, endpoint: gateway.endpoint };
  const kms = createKms(base);
  const secrets = createSecrets({ ...base, kms: kms.port });
  const sqs = createSqs({ ...base, kms: kms.port });
  const s3 = createS3({
    ...base,
    kms: kms.port,
    sqs: sqs.port,
    bus: () => bus.port,
    deliver: faults?.deliver('notification'),
  });
  const kinesis = createKinesis({ ...base, kms: kms.port, around: faults?.kinesis });
  const bus = createEventBus({
    ...base,
    lambda: () => lambda.port,
    sqs: () => sqs.port,
    deliver: faults?.deliver('event'),
  });
  const metrics = createMetrics();
  metrics.addOwn(kinesis.port.incoming);
  const cloudWatch = createCloudWatch({ ...base, metrics });
  const lambda: Lambda = createLambda({
    ...base,
    endpoint: () => gateway.endpoint,
    sqs: sqs.port,
    assetFolder: (key) => options.assets.path(key),
    variablesFor: async (own) => {
      const parts = await Promise.all(extensions.map((extension) => extension.functionVariables?.(own)));
      return Object.assign({}, ...parts);
    },
    metrics,
    deliver: faults?.deliver('message'),
    killNext: faults?.kill,
  });
  const after = { ...base, lambda: lambda.port, sqs: sqs.port, s3: s3.port };
  const states = createStepFunctions(after);
  const scheduler = createScheduler({ ...after, deliver: faults?.deliver('tick') });
  const firehose = createFirehose({ ...after, readSource: kinesisSource(kinesis.port) });
  const apiGateway = createApiGateway({
    ...after,
    callerOf: iam.callerOf,
    userIdOf: (principal) => iam.sts.userIdOf(principal),
    metrics,
    preferredPort: options.port === undefined ? undefined : gateway.port + 1,
  });
  const extensions: readonly Extension[] = (options.extensions ?? []).map((extend) =>
    extend({
      ...base,
      kms: kms.port,
      secrets: secrets.port,
      sqs: sqs.port,
      s3: s3.port,
      kinesis: kinesis.port,
      lambda: lambda.port,
      bus: bus.port,
    }),
  );
  const customResources = createCustomResources({
    region,
    clock,
    lambda: lambda.port,
    principal: iam.administrator.principal,
  });
  gateway.add(
    secrets.service,
    sqs.service,
    s3.service,
    kinesis.service,
    bus.service,
    lambda.service,
    states.service,
    cloudWatch.service,
    ...extensions.flatMap(({ services = [] }) => services),
  );
  gateway.addInternal(answerPath, customResources.handler, 'open');
  gateway.addInternal(outsiderPath, outsiderHandler(iam));
  const owners = [
    iam,
    kms,
    secrets,
    sqs,
    s3,
    kinesis,
    bus,
    lambda,
    states,
    scheduler,
    firehose,
    cloudWatch,
    apiGateway,
    createNetwork(),
  ];
  return {
    activity,
    iam,
    gateway,
    secrets: secrets.port,
    sqs: sqs.port,
    s3: s3.port,
    kinesis: kinesis.port,
    extensions,
    lambda,
    scheduler,
    firehose,
    metrics,
    customResources,
    twins: [...owners, ...extensions].flatMap(({ resources = [] }) => resources),
    async dispose() {
      scheduler.dispose();
      firehose.dispose();
      clock.dispose();
      await apiGateway.dispose();
      await lambda.dispose();
      await gateway.dispose();
      for (const extension of extensions) await extension.dispose?.();
      await Promise.all([kinesis.port.dispose(), sqs.port.dispose()]);
    },
  };
}
