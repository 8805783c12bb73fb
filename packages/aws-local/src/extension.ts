import type {
  Activity,
  Authorizer,
  EventBusPort,
  LambdaPort,
  ResourceTwin,
  RunListener,
  RuntimeClock,
  Service,
} from 'aws-local-kit';
import type { Iam } from './iam';
import type { Kinesis } from './kinesis';
import type { Kms } from './kms';
import type { S3 } from './s3';
import type { Secrets } from './secrets';
import type { Sqs } from './sqs';

/** What an extension builds on: the services of the runtime that it becomes a part of. */
export interface ExtensionBase {
  readonly account: string;
  readonly region: string;
  /** An extension keeps what outlives the runtime in a folder of its own below it. */
  readonly dataDir: string;
  /** `http://127.0.0.1:<port>`: every service. */
  readonly endpoint: string;
  readonly clock: RuntimeClock;
  readonly activity: Activity;
  readonly onRun: RunListener;
  readonly authorizer: Authorizer;
  readonly sts: Iam['sts'];
  readonly kms: Kms;
  readonly secrets: Secrets;
  readonly sqs: Sqs;
  readonly s3: S3;
  readonly kinesis: Kinesis;
  readonly lambda: LambdaPort;
  readonly bus: EventBusPort;
}

/** Services and resource types that the runtime does not have itself. */
export interface Extension {
  /** APIs for the gateway. */
  readonly services?: readonly Service[];
  /** Resource types that a template may have. */
  readonly resources?: readonly ResourceTwin[];
  /** Nothing is being done here. What `activity` tracks counts anyway. @default - always */
  idle?(): boolean;
  /** Called once no function runs and no request comes any more. */
  dispose?(): Promise<void>;
}

export type Extend = (base: ExtensionBase) => Extension;
