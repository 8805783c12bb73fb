import type { Activity, Authorizer, Clock, LambdaPort, Principal, RunListener, SqsPort, StsPort } from 'aws-local-kit';
import type { Metrics } from '../cloudwatch';
import type { Kill } from '../faults/source';
import type { InvocationResult } from './runner';

export interface LambdaOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly sts: StsPort;
  readonly sqs: QueuePort;
  /** URL of the gateway. It is called first when a function is created. */
  readonly endpoint: () => string;
  /** Folder with an asset's code, by the S3 key of `Code`. */
  readonly assetFolder: (s3Key: string) => string | undefined;
  /** Folder below which inline code is unpacked and logs are written. */
  readonly dataDir: string;
  /** Variables for the processes of a function, in place of the template's. @default - none */
  readonly variablesFor?: (own: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, string>>>;
  readonly metrics: Metrics;
  readonly activity: Activity;
  readonly onRun: RunListener;
  /** Carries a batch of messages to a function. A test can lose, repeat or delay it. @default - delivers at once */
  readonly deliver?: (send: () => Promise<void>) => Promise<void>;
  /** Decides whether the next invocation of a function is killed. @default - never */
  readonly killNext?: (functionName: string) => Kill | undefined;
}

/** Queues that report new messages, so that consumers need not poll. */
export interface QueuePort extends SqsPort {
  /**
   * Calls back whenever a message of the queue becomes visible.
   * @returns a function that ends the callbacks
   */
  onAvailable(queueArn: string, callback: () => void): () => void;
}

/** The source of a service's invocation: `aws:SourceArn` for the function's policy. */
export interface InvocationSource {
  readonly sourceArn?: string;
  /**
   * True refuses the invocation when as many run as the function reserves (TooManyRequestsException), as AWS does.
   * @default - it waits
   */
  readonly throttles?: boolean;
}

/** LambdaPort with the invocation source that AWS services provide. */
export interface LambdaInvoker extends LambdaPort {
  invoke(
    principal: Principal,
    functionArn: string,
    payload: unknown,
    source?: InvocationSource,
  ): Promise<InvocationResult>;
  invokeAsync(principal: Principal, functionArn: string, payload: unknown, source?: InvocationSource): Promise<void>;
}
