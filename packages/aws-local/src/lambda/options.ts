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
