import type { Activity, RunListener } from '../activity';
import type { Metrics } from '../cloudwatch';
import type { Kill } from '../faults';
import type {
  Authorizer,
  Clock,
  Disposable,
  LambdaPort,
  Principal,
  ResourceTwin,
  Service,
  SqsPort,
  StsPort,
} from '../ports';
import { createAsyncQueue } from './async-queue';
import { createEventSourceMappings } from './event-source-mapping';
import { createFunctions, type FunctionPolicies } from './functions';
import { createLogs } from './logs';
import type { InvocationResult } from './runner';
import { lambdaService } from './service';

export interface LambdaOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly sts: StsPort;
  readonly sqs: QueuePort;
  /** URL of the gateway; asked for when the first function is created. */
  readonly endpoint: () => string;
  /** Folder with the code of an asset, by the S3 key of `Code`. */
  readonly assetFolder: (s3Key: string) => string | undefined;
  /** Inline code is unpacked and logs are written below. */
  readonly dataDir: string;
  readonly metrics: Metrics;
  readonly activity: Activity;
  readonly onRun: RunListener;
  /** Carries a batch of messages to a function; a test may lose, repeat or delay it. @default - at once */
  readonly deliver?: (send: () => Promise<void>) => Promise<void>;
  /** What happens to the next invocation of a function. @default - nothing */
  readonly killNext?: (functionName: string) => Kill | undefined;
}

/** Queues, and word of new messages, so that nobody has to poll. */
export interface QueuePort extends SqsPort {
  /** Calls back whenever a message of the queue becomes visible; the answer ends it. */
  onAvailable(queueArn: string, callback: () => void): () => void;
}

/** On whose behalf a service invokes: `aws:SourceArn` for the function's policy. */
export interface InvocationSource {
  readonly sourceArn?: string;
}

/** The port, with what the other services of AWS say about themselves when they invoke. */
export interface LambdaInvoker extends LambdaPort {
  invoke(
    principal: Principal,
    functionArn: string,
    payload: unknown,
    source?: InvocationSource,
  ): Promise<InvocationResult>;
  invokeAsync(principal: Principal, functionArn: string, payload: unknown, source?: InvocationSource): Promise<void>;
}

export interface Lambda extends Disposable {
  readonly port: LambdaInvoker;
  readonly service: Service;
  readonly resources: readonly ResourceTwin[];
  /** Event sources are read from now on. */
  start(): void;
  /** Ends warm processes that have nothing to do. */
  release(): void;
  /** Whether a function of this ARN was created. */
  has(functionArn: string): boolean;
}

/**
 * The Lambda twin: functions run their real code in child processes. Memory size and architecture have no effect, and code runs on
 * the Node.js that runs the local runtime.
 */
export function createLambda(options: LambdaOptions): Lambda {
  const logs = createLogs(options);
  const policies: FunctionPolicies = new Map();
  const functions = createFunctions(options, logs, policies);
  const queue = createAsyncQueue(options, functions);
  const authorize = (principal: Principal, functionArn: string, source: InvocationSource = {}) => {
    const context = source.sourceArn === undefined ? undefined : { 'aws:SourceArn': source.sourceArn };
    options.authorizer.authorize({
      principal,
      action: 'lambda:InvokeFunction',
      resource: functionArn,
      resourcePolicy: policies.get(functionArn),
      context,
    });
  };
  const port: LambdaInvoker = {
    async invoke(principal, functionArn, payload, source) {
      authorize(principal, functionArn, source);
      return options.activity.track(functions.run(functionArn, payload));
    },
    async invokeAsync(principal, functionArn, payload, source) {
      authorize(principal, functionArn, source);
      queue.add(functionArn, payload);
    },
  };
  const mappings = createEventSourceMappings(options, functions);
  return {
    port,
    service: lambdaService(options, port, functions),
    resources: [...functions.resources, ...queue.resources, ...mappings.resources, ...logs.resources],
    start: () => mappings.start(),
    release: () => functions.release(),
    has: (functionArn) => functions.find(functionArn) !== undefined,
    async dispose() {
      mappings.dispose();
      await functions.dispose();
      logs.dispose();
    },
  };
}
