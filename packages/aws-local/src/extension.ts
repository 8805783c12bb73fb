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

/** The runtime's services that an extension can use. */
export interface ExtensionBase {
  readonly account: string;
  readonly region: string;
  /** Data folder of the runtime. An extension keeps persistent data in its own folder below it. */
  readonly dataDir: string;
  /** `http://127.0.0.1:<port>`, the address of every service. */
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

/** Services and resource types that the runtime itself lacks. */
export interface Extension {
  /** APIs for the gateway. */
  readonly services?: readonly Service[];
  /** Resource types that templates can use. */
  readonly resources?: readonly ResourceTwin[];
  /**
   * Variables for the processes of a function, in place of the template's: where its peer is on this machine. `own` are
   * the variables from the template. Called whenever a function is created. @default - none
   */
  functionVariables?(own: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>;
  /** True if the extension is idle. Work tracked by `activity` counts in any case. @default - always true */
  idle?(): boolean;
  /** Called once no function runs and no more requests arrive. */
  dispose?(): Promise<void>;
}

export type Extend = (base: ExtensionBase) => Extension;
