import { type Assets, answerPath, type CustomResources, createCustomResources } from 'aws-local/cloudformation/index';
import { createCloudWatch, createMetrics, type Metrics } from 'aws-local/cloudwatch/index';
import { createEventBus } from 'aws-local/events/index';
import { createFirehose, type Firehose, kinesisSource } from 'aws-local/firehose/index';
import { type AllowedListener, createIam, type Iam } from 'aws-local/iam/index';
import { outsiderHandler, outsiderPath } from 'aws-local/iam/outsiders';
import { createKinesis, type Kinesis } from 'aws-local/kinesis/index';
import { createKms } from 'aws-local/kms/index';
import { createLambda, type Lambda } from 'aws-local/lambda/index';
import { createNetwork } from 'aws-local/network/index';
import { createS3 } from 'aws-local/s3/index';
import { createScheduler, type Scheduler } from 'aws-local/scheduler/index';
import { createSecrets, type Secrets } from 'aws-local/secrets/index';
import { createSqs, type Sqs } from 'aws-local/sqs/index';
import { createStepFunctions } from 'aws-local/stepfunctions/index';
import { type Activity, createActivity, type RunListener } from 'aws-local-kit/activity';
import type { RuntimeClock } from 'aws-local-kit/clock';
import { createGateway, type Gateway } from 'aws-local-kit/gateway/index';
import type { EventBusPort, ResourceTwin } from 'aws-local-kit/ports';
import { createWarehouse, type LocalWarehouse } from 'redshift-local/index';
import type { Faults } from './faults';

export interface CompositionOptions {
  readonly account: string;
  readonly region: string;
  readonly dataDir: string;
  readonly port?: number;
  /** Where the code of functions is found. */
  readonly assets: Pick<Assets, 'path'>;
  readonly clock: RuntimeClock;
  readonly onRun: RunListener;
  /** Makes things go wrong. @default - nothing does */
  readonly faults?: Faults;
  readonly onAllowed?: AllowedListener;
}

/** All services of one runtime, wired to each other; nothing is deployed yet. */
export interface Services {
  readonly activity: Activity;
  readonly iam: Iam;
  readonly gateway: Gateway;
  readonly secrets: Secrets;
  readonly sqs: Sqs;
  readonly s3: ReturnType<typeof createS3>['port'];
  readonly kinesis: Kinesis;
  readonly warehouse: LocalWarehouse;
  readonly lambda: Lambda;
  readonly scheduler: Scheduler;
  readonly firehose: Firehose;
  readonly metrics: Metrics;
  readonly customResources: CustomResources;
  readonly twins: readonly ResourceTwin[];
  dispose(): Promise<void>;
}

/** @throws Error naming the port when it is in use */
export async function composeServices(options: CompositionOptions): Promise<Services> {
  const { clock, onRun, region, faults } = options;
  const activity = createActivity();
  const iam = createIam(options);
  const gateway = await createGateway({
    port: options.port,
    principalOf: iam.principalOf,
    services: [iam.service],
    region,
  });
  const base = { ...options, authorizer: iam.authorizer, sts: iam.sts, activity, endpoint: gateway.endpoint };
  const kms = createKms(base);
  const secrets = createSecrets({ ...base, kms: kms.port });
  const sqs = createSqs({ ...base, kms: kms.port });
  const s3 = createS3({ ...base, kms: kms.port, sqs: sqs.port, deliver: faults?.deliver('notification') });
  const kinesis = createKinesis({ ...base, kms: kms.port, around: faults?.kinesis });
  const bus = createEventBus({
    ...base,
    lambda: () => lambda.port,
    sqs: () => sqs.port,
    deliver: faults?.deliver('event'),
  });
  const warehouse = createWarehouse({
    ...base,
    s3: s3.port,
    kinesis: kinesis.port,
    secrets: secrets.port,
    bus: watched(bus.port, clock, onRun),
    faults: faults?.statements,
  });
  const metrics = createMetrics();
  const lambda: Lambda = createLambda({
    ...base,
    endpoint: () => gateway.endpoint,
    sqs: sqs.port,
    assetFolder: (key) => options.assets.path(key),
    metrics,
    deliver: faults?.deliver('message'),
    killNext: faults?.kill,
  });
  const after = { ...base, lambda: lambda.port, sqs: sqs.port, s3: s3.port };
  const states = createStepFunctions(after);
  const scheduler = createScheduler({ ...after, deliver: faults?.deliver('tick') });
  const firehose = createFirehose({ ...after, readSource: kinesisSource(kinesis.port) });
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
    warehouse.service,
    ...warehouse.controlPlane,
    lambda.service,
    states.service,
  );
  gateway.addInternal(answerPath, customResources.handler);
  gateway.addInternal(outsiderPath, outsiderHandler(iam));
  const owners = [
    iam,
    kms,
    secrets,
    sqs,
    s3,
    kinesis,
    bus,
    warehouse,
    lambda,
    states,
    scheduler,
    firehose,
    createCloudWatch(options),
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
    warehouse,
    lambda,
    scheduler,
    firehose,
    metrics,
    customResources,
    twins: owners.flatMap(({ resources }) => resources),
    async dispose() {
      scheduler.dispose();
      firehose.dispose();
      clock.dispose();
      await lambda.dispose();
      await gateway.dispose();
      await warehouse.dispose();
      await Promise.all([kinesis.port.dispose(), sqs.port.dispose()]);
    },
  };
}

/** Tells of statements that ended, from what the warehouse publishes. */
function watched(bus: EventBusPort, clock: RuntimeClock, onRun: RunListener): EventBusPort {
  return {
    publish(event) {
      const { statementName, state, error } = (event.detail ?? {}) as {
        statementName?: string;
        state?: string;
        error?: string;
      };
      if (statementName && state) onRun({ kind: 'statement', at: clock.now(), name: statementName, state, error });
      bus.publish(event);
    },
  };
}
