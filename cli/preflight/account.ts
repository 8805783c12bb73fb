/** A fixed name that an earlier deployment, or something else, may hold. */
export type NamedThing = 'cluster' | 'workgroup' | 'stream' | 'role' | 'user';

/** What a deployment finds in the account and region. Every method reads and changes nothing; it rejects with the error of the AWS SDK. */
export interface Account {
  readonly region: string;
  caller(): Promise<{ readonly arn: string; readonly account: string }>;
  /** Version of the bootstrap stack of the CDK; undefined where there is none. */
  bootstrapVersion(): Promise<number | undefined>;
  /** Status of a stack of CloudFormation; undefined where there is none. */
  stackStatus(name: string): Promise<string | undefined>;
  /** Zones that the account can use, by name, in order. */
  zones(): Promise<readonly string[]>;
  /** Zones in which Redshift offers the node type. */
  zonesOfNodeType(nodeType: string): Promise<readonly string[]>;
  concurrency(): Promise<{ readonly limit: number; readonly unreserved: number }>;
  vpcs(): Promise<{ readonly used: number; readonly limit: number }>;
  streams(): Promise<{
    readonly used: number;
    readonly limit: number;
    readonly shards: number;
    readonly shardLimit: number;
  }>;
  exists(what: NamedThing, name: string): Promise<boolean>;
}

/** The permission that each question needs, for who lacks it. */
export const permissions = {
  caller: 'sts:GetCallerIdentity',
  bootstrapVersion: 'ssm:GetParameter',
  stackStatus: 'cloudformation:DescribeStacks',
  zones: 'ec2:DescribeAvailabilityZones',
  zonesOfNodeType: 'redshift:DescribeOrderableClusterOptions',
  concurrency: 'lambda:GetAccountSettings',
  vpcs: 'ec2:DescribeVpcs and servicequotas:GetServiceQuota',
  streams: 'kinesis:DescribeLimits',
  cluster: 'redshift:DescribeClusters',
  workgroup: 'redshift-serverless:GetWorkgroup',
  stream: 'kinesis:DescribeStreamSummary',
  role: 'iam:GetRole',
  user: 'iam:GetUser',
} as const;
