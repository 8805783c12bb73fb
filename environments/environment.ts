/** Where Millrace runs. One typed literal per environment; constructs never ask which one they are in. */

export interface ProvisionedWarehouse {
  readonly kind: 'provisioned';
  /** A Redshift node type that can pause and stream, `ra3.large` the smallest. */
  readonly nodeType: 'ra3.large' | 'ra3.xlplus' | 'ra3.4xlarge' | 'ra3.16xlarge';
  /** 1 makes a single-node cluster. */
  readonly nodeCount: number;
  /** Automated snapshots are kept so many days: 1 to 35. */
  readonly snapshotRetentionDays: number;
  /** When the cluster sleeps, as Redshift cron expressions in UTC. @default - it never pauses */
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
 * Who the partner is. The presets know the principal and the permissions that the partner's system documents; `aws` is anybody with an
 * account, a role or a user of their own.
 */
export type PartnerIdentity =
  | {
      readonly kind: 'aws';
      /** ARN of the account root, role or user that may assume the partner's role. */
      readonly principal: string;
    }
  | {
      readonly kind: 'snowflake';
      /** ARN of the user that Snowflake made for the storage integration: STORAGE_AWS_IAM_USER_ARN of DESC INTEGRATION. @default - not known yet: the role trusts nobody */
      readonly userArn?: string;
    }
  /** Unity Catalog of the commercial regions. */
  | { readonly kind: 'databricks' }
  /** The hosted service. */
  | { readonly kind: 'materialize' };

/**
 * What a caller has to send to assume the role (`sts:ExternalId`).
 * - `generated`: Millrace makes it once and keeps it in Secrets Manager.
 * - `given`: the partner's system made it (Materialize, Databricks, Snowflake), or the partner chose it.
 * - `awaited`: the partner's system will make it; until it is known the role trusts nobody.
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

/** Somebody outside who reads exports or writes into a prefix of their own. */
export interface Partner {
  /** Lower-case letters, digits and hyphens, at most 32. */
  readonly name: string;
  readonly who: PartnerIdentity;
  /** `read`: the named exports, as `<pipeline>.<export>`. `write`: the prefix `partners/<name>/`. */
  readonly access: { readonly mode: 'read'; readonly exports: readonly string[] } | { readonly mode: 'write' };
  readonly externalId: PartnerExternalId;
  /** The day (UTC, `2027-03-31`) from whose beginning on nothing is granted any more. @default - no end */
  readonly until?: string;
}

/** Where exports with `engine: 'materialize'` are copied from. docs/materialize.md has the setup. */
export interface MaterializeRegion {
  /** Host name of the region, as the console shows it; its certificate is checked against it. */
  readonly host: string;
  /** @default 6875 */
  readonly port?: number;
  /** @default materialize */
  readonly database?: string;
  /** Role that connects. Its app password goes into the secret that the stack makes, whose ARN is an output. */
  readonly user: string;
  /** Cluster that runs the queries. */
  readonly cluster: string;
  /** Name of the AWS connection there, which assumes the partner's role. */
  readonly connection: string;
  /** Name of the partner of kind `materialize` with write access. */
  readonly partner: string;
}

/** Who is told when an export has published something. */
export interface ExportNotification {
  /** `<pipeline>.<export>`. */
  readonly export: string;
  /**
   * ARN of an SQS queue or an SNS topic in the environment's region, of any account. Its own policy has to let EventBridge in, and if it is
   * encrypted with a customer key, the key's: docs/exports.md has both.
   */
  readonly to: string;
}

export interface Environment {
  /** Lower-case letters, digits and hyphens, at most 16. */
  readonly name: string;
  /** @default - CDK_DEFAULT_ACCOUNT, else an account-agnostic template */
  readonly account?: string;
  /** @default - CDK_DEFAULT_REGION, else a region-agnostic template */
  readonly region?: string;
  readonly warehouse: ProvisionedWarehouse | ServerlessWarehouse;
  /** Database of the warehouse. */
  readonly database: string;
  /** False deploys every schedule disabled. */
  readonly schedulesEnabled: boolean;
  /** How often the history buckets are listed for objects that no notification told of: 15 to 1440, a divisor of a day. */
  readonly reconcileEveryMinutes: number;
  /**
   * Hour of the day, UTC, 0 to 23, from which on what is else bounded by what changed looks at everything once: the reconcile lists whole history buckets,
   * and exports compare every published window with its rows. @default 2
   */
  readonly fullPassHour?: number;
  /** True keeps streams, buckets, keys, tables and the warehouse's last snapshot when a stack goes. */
  readonly retainData: boolean;
  /**
   * Pipelines whose stream, queues and tables go when the pipeline leaves, although `retainData` is true. What counts is the template that was
   * deployed last: deploy this first, then remove the pipeline and its name here. @default - none
   */
  readonly dropData?: readonly string[];
  /** True makes CloudFormation refuse to delete the stateful stack; the cluster stays even when it leaves the template. */
  readonly deletionProtection: boolean;
  readonly logRetentionDays: number;
  /** Whether `millrace smoke` may send marked events through it, which it removes again. Elsewhere it only reads. @default false */
  readonly smoke?: boolean;
  /** Where alarms go. @default - a topic without subscribers */
  readonly alarmEmail?: string;
  readonly partners: readonly Partner[];
  /** Needed by exports of the engine `materialize`. @default - none */
  readonly materialize?: MaterializeRegion;
  /** Beside the event on the account's event bus, which everybody gets. @default - nobody */
  readonly exportNotifications?: readonly ExportNotification[];
}
