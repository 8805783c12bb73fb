/** A thing with a fixed name, which an earlier deployment, or something else, may have taken. */
export type NamedThing = 'cluster' | 'workgroup' | 'stream' | 'role' | 'user';

/**
 * Reads what a deployment finds in the account and region. No method changes anything. Each rejects with the error of
 * the AWS SDK.
 */
export interface Account {
  readonly region: string;
  caller(): Promise<{ readonly arn: string; readonly account: string }>;
  /** Returns the version of the CDK's bootstrap stack; undefined if there is none. */
  bootstrapVersion(): Promise<number | undefined>;
  /** Returns the status of a CloudFormation stack and the names of its outputs; undefined if there is none. */
  stack(name: string): Promise<{ readonly status: string; readonly outputs: readonly string[] } | undefined>;
  /** Returns the zones that the account can use, by name, in order. */
  zones(): Promise<readonly string[]>;
  /** Returns the zones in which Redshift offers the node type. */
  zonesOfNodeType(nodeType: string): Promise<readonly string[]>;
  concurrency(): Promise<{ readonly limit: number; readonly unreserved: number }>;
  vpcs(): Promise<{ readonly used: number; readonly limit: number }>;
  streams(): Promise<{
    readonly used: number;
    readonly limit: number;
    readonly shards: number;
    readonly shardLimit: number;
  }>;
  /** Returns what a stream is like; undefined if there is none with the ARN. */
  stream(arn: string): Promise<StreamFacts | undefined>;
  /** Returns what a bucket of an account is like; undefined if there is none with the name. */
  bucket(name: string, account: string): Promise<BucketFacts | undefined>;
  /** Returns what a cluster is like; undefined if there is none with the identifier. */
  existingCluster(name: string): Promise<WarehouseFacts | undefined>;
  /** The same for a workgroup, with its namespace. */
  existingWorkgroup(name: string): Promise<WorkgroupFacts | undefined>;
  exists(what: NamedThing, name: string): Promise<boolean>;
}

export interface StreamFacts {
  readonly status: string;
  readonly retentionHours: number;
  /** As Kinesis has it: an ARN, an id or an alias. Undefined if the stream is not encrypted. */
  readonly keyId?: string;
}

export interface BucketFacts {
  readonly region: string;
  readonly versioned: boolean;
  /** Whether it sends its events to EventBridge. */
  readonly eventBridge: boolean;
  /** Customer key of its default encryption: an ARN, an id or an alias. */
  readonly keyId?: string;
}

export interface WarehouseFacts {
  readonly status: string;
  /** ARNs of the attached roles. */
  readonly roles: readonly string[];
}

export interface WorkgroupFacts extends WarehouseFacts {
  readonly arn: string;
  readonly namespace: string;
}

/** Permission that each call needs. */
export const permissions = {
  caller: 'sts:GetCallerIdentity',
  bootstrapVersion: 'ssm:GetParameter',
  stack: 'cloudformation:DescribeStacks',
  zones: 'ec2:DescribeAvailabilityZones',
  zonesOfNodeType: 'redshift:DescribeOrderableClusterOptions',
  concurrency: 'lambda:GetAccountSettings',
  vpcs: 'ec2:DescribeVpcs and servicequotas:GetServiceQuota',
  streams: 'kinesis:DescribeLimits',
  cluster: 'redshift:DescribeClusters',
  workgroup: 'redshift-serverless:GetWorkgroup',
  existingCluster: 'redshift:DescribeClusters',
  existingWorkgroup: 'redshift-serverless:GetWorkgroup and redshift-serverless:GetNamespace',
  stream: 'kinesis:DescribeStreamSummary',
  bucket:
    's3:ListBucket, s3:GetBucketLocation, s3:GetBucketVersioning, s3:GetBucketNotification and s3:GetEncryptionConfiguration',
  role: 'iam:GetRole',
  user: 'iam:GetUser',
} as const;
