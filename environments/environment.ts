/** Where Millrace runs. One typed literal per environment; constructs never ask which one they are in. */

export interface ProvisionedWarehouse {
  readonly kind: 'provisioned';
  /** A Redshift node type that can pause and stream, `ra3.large` the smallest. */
  readonly nodeType: 'ra3.large' | 'ra3.xlplus' | 'ra3.4xlarge' | 'ra3.16xlarge';
  /** 1 makes a single-node cluster. */
  readonly nodeCount: number;
  /** Days that automated snapshots are kept: 1 to 35. */
  readonly snapshotRetentionDays: number;
  /** When the cluster pauses and resumes, as Redshift cron expressions in UTC. @default - it never pauses */
  readonly pause?: { readonly pauseAt: string; readonly resumeAt: string };
}

export interface ServerlessWarehouse {
  readonly kind: 'serverless';
  /** Redshift processing units: 8 to 512 in steps of 8. */
  readonly baseCapacityRpus: number;
  /** Upper bound of scaling, in RPUs. @default - the base capacity */
  readonly maxCapacityRpus?: number;
}

/**
 * A cluster or a workgroup that Millrace did not make, of the environment's account and region. Millrace adds a schema for each pipeline, one for its records,
 * and database users. It changes nothing else. docs/existing.md has the details.
 */
export interface ExistingWarehouse {
  readonly kind: 'existing';
  /** Identifier of the cluster. Give this or `workgroup`. */
  readonly cluster?: string;
  /** The workgroup of Redshift Serverless. Give this or `cluster`. */
  readonly workgroup?: ExistingWorkgroup;
  /** ARN of the secret with `username` and `password` of a superuser, who creates the database users. */
  readonly adminSecret: string;
  /** ARN of the customer key that encrypts that secret. @default - no customer key */
  readonly adminSecretKey?: string;
}

export interface ExistingWorkgroup {
  readonly name: string;
  /** Its ARN, which ends with an id. */
  readonly arn: string;
  /** Name of its namespace. */
  readonly namespace: string;
}

/**
 * Who the partner is. `snowflake`, `databricks` and `materialize` get the principal and the permissions that those systems document. `aws` is any other
 * account, role or user.
 */
export type PartnerIdentity =
  | {
      readonly kind: 'aws';
      /** ARN of the account root, role or user that may assume the partner's role. */
      readonly principal: string;
    }
  | {
      readonly kind: 'snowflake';
      /** ARN of Snowflake's user for the storage integration: STORAGE_AWS_IAM_USER_ARN of DESC INTEGRATION. @default - unknown: nobody can assume the role */
      readonly userArn?: string;
    }
  /** Unity Catalog of the commercial regions. */
  | { readonly kind: 'databricks' }
  /** The hosted service. */
  | { readonly kind: 'materialize' };

/**
 * The external id (`sts:ExternalId`), which a caller has to send to assume the role.
 * - `generated`: Millrace generates it once and keeps it in Secrets Manager.
 * - `given`: the partner's system generated it (Materialize, Databricks, Snowflake), or the partner chose it.
 * - `awaited`: the partner's system has not generated it yet. Until you enter it, nobody can assume the role.
 *
 * To rotate an id, deploy the old and the new one together, let the partner change over, then deploy the new one alone.
 */
export type PartnerExternalId =
  | {
      readonly kind: 'generated';
      /** Which ids are valid, by number: one, or two during a rotation, as `[1]`, `[1, 2]`, `[2]`. @default [1] */
      readonly generations?: readonly number[];
    }
  | {
      readonly kind: 'given';
      /** One, or two during a rotation. 20 to 1224 letters, digits and `_+=,.@:/-`. */
      readonly values: readonly string[];
    }
  | { readonly kind: 'awaited' };

/** What a partner may read: at least one export or endpoint. */
export interface PartnerReads {
  readonly mode: 'read';
  /** As `<pipeline>.<export>`. */
  readonly exports: readonly string[];
  /** The partner's role may ask them at `/iam/v1/…`. @default - none */
  readonly endpoints?: readonly PartnerEndpoint[];
}

export interface PartnerEndpoint {
  /** `<pipeline>.<endpoint>`. */
  readonly endpoint: string;
  /** Values of parameters that the partner cannot choose, as a request would have them. The endpoint's tenant must be one of them. @default - none */
  readonly fixed?: Readonly<Record<string, string>>;
}

/** An outsider who reads exports, or writes into a prefix of their own. */
export interface Partner {
  /** Lower-case letters, digits and hyphens, at most 32. */
  readonly name: string;
  readonly who: PartnerIdentity;
  /** `read`: the named exports, as `<pipeline>.<export>`, and the named endpoints. `write`: the prefix `partners/<name>/`. */
  readonly access: PartnerReads | { readonly mode: 'write' };
  readonly externalId: PartnerExternalId;
  /** The day on which access ends, at 00:00 UTC, as `2027-03-31`. @default - no end */
  readonly until?: string;
}

/** Connection to Materialize for exports with `engine: 'materialize'`. docs/materialize.md has the setup. */
export interface MaterializeRegion {
  /** Host name of the region, as the console shows it. The server's certificate has to match it. */
  readonly host: string;
  /** @default 6875 */
  readonly port?: number;
  /** @default materialize */
  readonly database?: string;
  /** Role that connects. The stack creates a secret for its app password; an output has the ARN. */
  readonly user: string;
  /** Cluster that runs the queries. */
  readonly cluster: string;
  /** Name of the AWS connection in Materialize, which assumes the partner's role. */
  readonly connection: string;
  /** Name of the partner of kind `materialize` with write access. */
  readonly partner: string;
}

/** A queue or topic that gets an event for each publication of an export. */
export interface ExportNotification {
  /** `<pipeline>.<export>`. */
  readonly export: string;
  /**
   * ARN of an SQS queue or an SNS topic in the environment's region, of any account. Its policy has to allow EventBridge, and so has the policy of its
   * customer key, if it has one: docs/exports.md has both.
   */
  readonly to: string;
}

/** The HTTP API of an environment whose pipelines have endpoints. */
export interface EndpointsOptions {
  /**
   * Concurrent executions that are reserved for each function of endpoints; a stack of pipelines has one. The endpoints start at most 10 statements a
   * second in all, which the instances share. An instance must be able to start one every two seconds, so all of them together are at most 20.
   * @default - 20, divided by the number of stacks that have endpoints
   */
  readonly concurrency?: number;
  /**
   * False reserves nothing: the function shares the concurrency of the account with all others. For a new account, which can reserve none because its limit is
   * 10. With a limit above 20 there may then be more than 20 instances, which start more statements than their share.
   * @default true
   */
  readonly reserved?: boolean;
  /** Requests a second that the API accepts, and that it accepts at once after a pause: 1 to 5000. @default 500 */
  readonly requestsPerSecond?: number;
}

/** A stream that Millrace did not make. It is read, and neither changed nor deleted. */
export interface ExistingStream {
  /** ARN of the stream, in the environment's region. */
  readonly existing: string;
  /** ARN of the customer key that encrypts the stream. Ignored beside `role`, which decrypts. @default - no customer key */
  readonly key?: string;
  /**
   * ARN of a role in the stream's account, for a stream of another account. The warehouse assumes it to read the stream. No page of AWS says that
   * Firehose reads a stream of another account, so there is no archive of it. @default - the stream is in the environment's account
   */
  readonly role?: string;
}

/** A bucket that Millrace did not make, of the environment's account and region. It is read, and neither changed nor emptied. */
export interface ExistingBucket {
  /** Name of the bucket. Its owner lets it send events to EventBridge. */
  readonly existing: string;
  /** ARN of the customer key that encrypts its objects. @default - no customer key */
  readonly key?: string;
}

/** What is different about a pipeline in one environment. */
export interface PipelineOptions {
  /** @default - a stream of its own */
  readonly stream?: ExistingStream;
}

/** What an environment may cost in a month (UTC), by the bill for everything that has its cost tag. docs/pause.md has the setup. */
export interface Budget {
  /** US dollars. */
  readonly monthlyDollars: number;
  /** Percentage of the dollars at which the alarm topic is notified. @default 80 */
  readonly warnAt?: number;
  /** Percentage at which the environment is paused until the next month. @default - it is never paused */
  readonly pauseAt?: number;
}

export const defaultWarnAt = 80;

export interface Environment {
  /** Lower-case letters, digits and hyphens, at most 16. */
  readonly name: string;
  /** @default - CDK_DEFAULT_ACCOUNT, else an account-agnostic template */
  readonly account?: string;
  /** @default - CDK_DEFAULT_REGION, else a region-agnostic template */
  readonly region?: string;
  readonly warehouse: ProvisionedWarehouse | ServerlessWarehouse | ExistingWarehouse;
  /** Database of the warehouse. It must be there if the warehouse exists already. */
  readonly database: string;
  /** False deploys every schedule disabled. */
  readonly schedulesEnabled: boolean;
  /** Minutes between listings of the history bucket, which find objects whose notification was lost: 15 to 1440, a divisor of a day. */
  readonly reconcileEveryMinutes: number;
  /**
   * Hour of the day, UTC, 0 to 23, of the daily full pass: the reconcile lists the whole history bucket, and exports compare every published window with its
   * rows. All other runs look only at what changed. @default 2
   */
  readonly fullPassHour?: number;
  /** Where history objects are. docs/existing.md has the details. @default - a bucket of its own */
  readonly history?: { readonly bucket: ExistingBucket };
  /** By the name of the pipeline. docs/existing.md has the details. @default - Millrace makes everything */
  readonly pipelines?: Readonly<Record<string, PipelineOptions>>;
  /** True keeps streams, buckets, keys, tables and the warehouse's last snapshot when a stack is deleted. */
  readonly retainData: boolean;
  /**
   * Pipelines whose stream, queues and tables are deleted when the pipeline is removed, although `retainData` is true. CloudFormation goes by the last
   * deployed template: deploy this first, then remove the pipeline and its name here. @default - none
   */
  readonly dropData?: readonly string[];
  /** True makes CloudFormation refuse to delete the stateful stack. It also keeps a cluster that is removed from the template. */
  readonly deletionProtection: boolean;
  readonly logRetentionDays: number;
  /** True lets `millrace smoke` send marked events, which it removes afterwards. Otherwise it only reads. @default false */
  readonly smoke?: boolean;
  /** @default - no budget */
  readonly budget?: Budget;
  /** Address that gets the alarms. @default - a topic without subscribers */
  readonly alarmEmail?: string;
  /**
   * The CloudWatch dashboard `millrace-<environment>`. `runbookUrl`: where docs/runbook.md can be read; the dashboard then
   * links each alarm to its section. False leaves the dashboard out. @default - a dashboard without links
   */
  readonly dashboard?: false | { readonly runbookUrl?: string };
  readonly partners: readonly Partner[];
  /** Ignored where no pipeline has an endpoint. @default - the defaults of its options */
  readonly endpoints?: EndpointsOptions;
  /** Needed by exports of the engine `materialize`. @default - none */
  readonly materialize?: MaterializeRegion;
  /** Targets of publications, in addition to the event on the account's event bus. @default - none */
  readonly exportNotifications?: readonly ExportNotification[];
}
