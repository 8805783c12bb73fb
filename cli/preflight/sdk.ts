import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeAvailabilityZonesCommand, EC2Client, paginateDescribeVpcs } from '@aws-sdk/client-ec2';
import { GetRoleCommand, GetUserCommand, IAMClient } from '@aws-sdk/client-iam';
import { DescribeLimitsCommand, DescribeStreamSummaryCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeClustersCommand,
  paginateDescribeOrderableClusterOptions,
  RedshiftClient,
} from '@aws-sdk/client-redshift';
import {
  GetNamespaceCommand,
  GetWorkgroupCommand,
  RedshiftServerlessClient,
} from '@aws-sdk/client-redshift-serverless';
import {
  GetBucketEncryptionCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { clientSettings } from '../../lambda/shared/client-settings';
import type { Account, NamedThing } from './account';

/** Parameter with the version of the CDK's bootstrap stack. The qualifier is the CDK's default. */
const bootstrapParameter = '/cdk-bootstrap/hnb659fds/version';
/** The quota "VPCs per Region". */
const vpcQuota = { ServiceCode: 'vpc', QuotaCode: 'L-F678F1CE' };

const deadlines = { answerMs: 15_000 };

export interface AccountSettings {
  /** @default - the SDK's default region */
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** Redshift Serverless writes an attached role as `IamRole(applyStatus=in-sync, iamRoleArn=arn:aws:iam::…)`. */
const roleArnIn = (text: string) => /arn:aws[a-z-]*:iam::\d{12}:role\/[^\s,)]+/.exec(text)?.[0] ?? text;

/** Returns undefined if the service says, with one of these errors, that the thing does not exist. */
async function orNone<T>(call: Promise<T>, ...names: string[]): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return undefined;
    throw error;
  }
}

/** Returns the account of the user's credentials. Rejects if no region is known. */
export async function awsAccount(given: AccountSettings): Promise<Account & { close(): void }> {
  const sts = new STSClient({ ...clientSettings(deadlines), ...given });
  const region = await sts.config.region();
  const ssm = new SSMClient({ ...clientSettings(deadlines), ...given });
  const stacks = new CloudFormationClient({ ...clientSettings(deadlines), ...given });
  const ec2 = new EC2Client({ ...clientSettings(deadlines), ...given });
  const redshift = new RedshiftClient({ ...clientSettings(deadlines), ...given });
  const serverless = new RedshiftServerlessClient({ ...clientSettings(deadlines), ...given });
  const lambda = new LambdaClient({ ...clientSettings(deadlines), ...given });
  const kinesis = new KinesisClient({ ...clientSettings(deadlines), ...given });
  const quotas = new ServiceQuotasClient({ ...clientSettings(deadlines), ...given });
  const iam = new IAMClient({ ...clientSettings(deadlines), ...given });
  const s3 = new S3Client({ ...clientSettings(deadlines), forcePathStyle: given.endpoint !== undefined, ...given });
  const cluster = (ClusterIdentifier: string) =>
    orNone(
      redshift.send(new DescribeClustersCommand({ ClusterIdentifier })),
      'ClusterNotFoundFault',
      'ClusterNotFound',
    );
  const workgroup = (workgroupName: string) =>
    orNone(serverless.send(new GetWorkgroupCommand({ workgroupName })), 'ResourceNotFoundException');
  const found: Record<NamedThing, (name: string) => Promise<unknown>> = {
    cluster,
    workgroup,
    stream: (StreamName) =>
      orNone(kinesis.send(new DescribeStreamSummaryCommand({ StreamName })), 'ResourceNotFoundException'),
    role: (RoleName) => orNone(iam.send(new GetRoleCommand({ RoleName })), 'NoSuchEntityException', 'NoSuchEntity'),
    user: (UserName) => orNone(iam.send(new GetUserCommand({ UserName })), 'NoSuchEntityException', 'NoSuchEntity'),
  };
  return {
    region,
    async caller() {
      const { Arn, Account: account } = await sts.send(new GetCallerIdentityCommand({}));
      return { arn: Arn!, account: account! };
    },
    async bootstrapVersion() {
      const answer = await orNone(ssm.send(new GetParameterCommand({ Name: bootstrapParameter })), 'ParameterNotFound');
      return answer && Number(answer.Parameter?.Value);
    },
    async stack(StackName) {
      try {
        const [found] = (await stacks.send(new DescribeStacksCommand({ StackName }))).Stacks ?? [];
        return (
          found && { status: found.StackStatus!, outputs: (found.Outputs ?? []).map(({ OutputKey }) => OutputKey!) }
        );
      } catch (error) {
        // CloudFormation has no error code for a missing stack.
        if ((error as Error).name === 'ValidationError' && /does not exist/.test((error as Error).message))
          return undefined;
        throw error;
      }
    },
    async zones() {
      const Filters = [{ Name: 'zone-type', Values: ['availability-zone'] }];
      const { AvailabilityZones = [] } = await ec2.send(new DescribeAvailabilityZonesCommand({ Filters }));
      return AvailabilityZones.filter(({ State }) => State === 'available')
        .map(({ ZoneName }) => ZoneName!)
        .sort();
    },
    async zonesOfNodeType(NodeType) {
      const zones = new Set<string>();
      for await (const page of paginateDescribeOrderableClusterOptions({ client: redshift }, { NodeType }))
        for (const { AvailabilityZones = [] } of page.OrderableClusterOptions ?? [])
          for (const { Name } of AvailabilityZones) zones.add(Name!);
      return [...zones].sort();
    },
    async concurrency() {
      const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
      return {
        limit: AccountLimit?.ConcurrentExecutions ?? 0,
        unreserved: AccountLimit?.UnreservedConcurrentExecutions ?? 0,
      };
    },
    async vpcs() {
      let used = 0;
      for await (const page of paginateDescribeVpcs({ client: ec2 }, {})) used += page.Vpcs?.length ?? 0;
      const { Quota } = await quotas.send(new GetServiceQuotaCommand(vpcQuota));
      return { used, limit: Quota?.Value ?? 0 };
    },
    async streams() {
      const limits = await kinesis.send(new DescribeLimitsCommand({}));
      return {
        used: limits.OnDemandStreamCount ?? 0,
        limit: limits.OnDemandStreamCountLimit ?? 0,
        shards: limits.OpenShardCount ?? 0,
        shardLimit: limits.ShardLimit ?? 0,
      };
    },
    async stream(StreamARN) {
      const answer = await orNone(
        kinesis.send(new DescribeStreamSummaryCommand({ StreamARN })),
        'ResourceNotFoundException',
      );
      const found = answer?.StreamDescriptionSummary;
      return (
        found && {
          status: found.StreamStatus!,
          retentionHours: found.RetentionPeriodHours!,
          ...(found.EncryptionType === 'KMS' && { keyId: found.KeyId }),
        }
      );
    },
    async bucket(Bucket, ExpectedBucketOwner) {
      const given = { Bucket, ExpectedBucketOwner };
      const there = await orNone(s3.send(new HeadBucketCommand(given)), 'NotFound', 'NoSuchBucket');
      if (!there) return undefined;
      const [versioning, notifications, encryption] = await Promise.all([
        s3.send(new GetBucketVersioningCommand(given)),
        s3.send(new GetBucketNotificationConfigurationCommand(given)),
        s3.send(new GetBucketEncryptionCommand(given)),
      ]);
      const rule = encryption.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
      return {
        region: there.BucketRegion ?? region,
        versioned: versioning.Status === 'Enabled',
        eventBridge: notifications.EventBridgeConfiguration !== undefined,
        ...(rule?.SSEAlgorithm?.startsWith('aws:kms') && { keyId: rule.KMSMasterKeyID ?? 'alias/aws/s3' }),
      };
    },
    async existingCluster(name) {
      const [there] = (await cluster(name))?.Clusters ?? [];
      return (
        there && { status: there.ClusterStatus!, roles: (there.IamRoles ?? []).map(({ IamRoleArn }) => IamRoleArn!) }
      );
    },
    async existingWorkgroup(name) {
      const group = (await workgroup(name))?.workgroup;
      if (!group) return undefined;
      const { namespace } = await serverless.send(new GetNamespaceCommand({ namespaceName: group.namespaceName! }));
      return {
        status: group.status!,
        arn: group.workgroupArn!,
        namespace: group.namespaceName!,
        roles: (namespace?.iamRoles ?? []).map(roleArnIn),
      };
    },
    exists: async (what, name) => (await found[what](name)) !== undefined,
    close() {
      for (const client of [sts, ssm, stacks, ec2, redshift, serverless, lambda, kinesis, quotas, iam, s3])
        client.destroy();
    },
  };
}
