import type { Permission } from './usage';

/** Reason for a granted permission that the local pipeline does not use. */
interface Reason {
  readonly role: RegExp;
  readonly actions: readonly string[];
  readonly reason: string;
}

const reasons: readonly Reason[] = [
  {
    role: /^Pipelines\//,
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    reason: 'Lambda and Firehose write their logs under the role of the function or the stream; here they are files',
  },
  {
    role: /^Data\/Custom::S3AutoDeleteObjects/,
    actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
    reason: 'CDK’s function that empties buckets before they are deleted logs by the managed policy that CDK gives it',
  },
  {
    role: /^Data\/Warehouse\/PauseRole$/,
    actions: ['redshift:PauseCluster', 'redshift:ResumeCluster'],
    reason:
      'The scheduled actions of Redshift pause and resume the cluster; their times do not come while the features run here',
  },
  {
    role: /^Data\/WarehouseRoles\/Load$/,
    actions: ['s3:ListBucket'],
    reason: 'COPY asks for LIST on the bucket (Redshift, "IAM permissions for COPY, UNLOAD, and CREATE LIBRARY")',
  },
  {
    role: /^Data\/WarehouseRoles\/(Load|Unload)$/,
    actions: ['s3:GetBucketLocation'],
    reason: 'Part of Redshift’s managed policy for COPY and UNLOAD, AmazonRedshiftAllCommandsFullAccess',
  },
  {
    role: /^Data\/WarehouseRoles\/FullExport$/,
    actions: [
      'kms:Decrypt',
      'kms:GenerateDataKey',
      's3:AbortMultipartUpload',
      's3:GetBucketLocation',
      's3:GetObject',
      's3:ListBucket',
      's3:PutObject',
    ],
    reason: 'Only `millrace export-all` and `import` use it, which a person runs; test/e2e/leave.test.ts does',
  },
  {
    role: /^Data\/WarehouseRoles\/StreamRead$/,
    actions: ['kinesis:DescribeStream', 'kinesis:ListStreams'],
    reason:
      'Part of the policy in Redshift, "Getting started with streaming ingestion from Amazon Kinesis Data Streams"',
  },
  {
    role: /^Data\/WarehouseRoles\/Unload$/,
    actions: ['s3:GetObject'],
    reason: 'UNLOAD asks for GET, LIST and PUT (Redshift, "IAM permissions for COPY, UNLOAD, and CREATE LIBRARY")',
  },
  {
    role: /^Data\/WarehouseRoles\/Unload$|^Pipelines\/\w+\/Archive\/Role$/,
    actions: ['kms:Decrypt', 's3:AbortMultipartUpload'],
    reason: 'A large file is uploaded in parts, which S3 decrypts to put them together, and aborted when it fails',
  },
  {
    role: /^Pipelines\/\w+\/Archive\/Role$/,
    actions: [
      'lambda:GetFunctionConfiguration',
      's3:GetBucketLocation',
      's3:GetObject',
      's3:ListBucket',
      's3:ListBucketMultipartUploads',
    ],
    reason: 'Part of the policy in Firehose, "Grant Firehose access to an Amazon S3 destination"',
  },
  {
    role: /^Pipelines\/\w+\/Load\/Handler\/Role$/,
    actions: ['s3:GetObjectVersionTagging', 's3:PutObjectTagging'],
    reason: 'CopyObject copies the tags of an object that has any; objects have none here',
  },
  {
    role: /^Pipelines\/\w+\/Load\/Handler\/Role$/,
    actions: ['s3:GetObject'],
    reason: 'The columns of CSV and Parquet files are read before COPY; the histories here are NDJSON',
  },
  {
    role: /^Pipelines\/\w+\/Load\/Handler\/Role$/,
    actions: ['s3:ListBucketVersions'],
    reason:
      'Finds the version of an object that was overwritten or deleted before its load; here no load comes too late',
  },
  {
    role: /^Pipelines\/\w+\/Reconcile\/Handler\/Role$/,
    actions: ['s3:DeleteObject'],
    reason: 'Removes the note of where a full listing stopped; here every listing is done within one call',
  },
  {
    role: /^Pipelines\/Pause\/Handler\/Role$/,
    actions: ['kinesis:DecreaseStreamRetentionPeriod'],
    reason: 'Restores the retention of the streams days after a pause; here so much time does not pass',
  },
  {
    role: /^Pipelines\/Partner\w+\/Access\/Role$/,
    actions: ['kms:Decrypt', 'kms:GenerateDataKey', 's3:DeleteObject', 's3:ListBucket', 's3:PutObject'],
    reason: 'For the day on which the partner sends its external id: until then the role trusts nobody',
  },
  {
    role: /^Pipelines\/EndpointFunction\/Handler\/Role$/,
    actions: ['redshift-data:CancelStatement', 'redshift-data:DescribeStatement'],
    reason: 'Follows a statement that takes longer than one call waits, and ends it when time is up; here none does',
  },
  {
    role: /^Pipelines\/EndpointFunction\/Handler\/Role$/,
    actions: ['redshift:DescribeClusters'],
    reason:
      'Asks whether the cluster is paused when the Data API refuses a statement; here it is up when endpoints are asked',
  },
  {
    role: /^Pipelines\/EndpointFunction\/Handler\/Role$/,
    actions: ['kms:Decrypt'],
    reason: 'Reads an answer that another instance of the function has kept; here one instance answers',
  },
  {
    role: /^Pipelines\/\w+\/Reconcile\/Handler\/Role$/,
    actions: ['redshift-data:DescribeStatement'],
    reason: 'Follows a statement that takes longer than its submission waits, or that failed; here none does',
  },
  {
    role: /^Pipelines\/EndpointFunction\/Handler\/Role$/,
    actions: ['s3:ListBucket'],
    reason: 'Shows that the freshness document is missing, before the first refresh; here a refresh has run',
  },
  {
    role: /^Pipelines\/WarehouseObjects\/Role$/,
    actions: ['redshift-data:CancelStatement'],
    reason:
      'Ends a statement that takes longer than CloudFormation waits, or that a failed deployment left; here none does',
  },
  {
    role: /^Pipelines\/WarehouseObjects\/Framework/,
    actions: ['lambda:GetFunction'],
    reason: 'CDK’s provider framework waits for a function that is not active yet; here every function is',
  },
];

const explains = ({ role, actions }: Reason, permission: Pick<Permission, 'role' | 'action'>) =>
  role.test(permission.role) && actions.includes(permission.action);

/**
 * Replaces the pipeline in a path: `Pipelines/Estore/Load/Handler/Role` and `Pipelines/Pageviews/Load/Handler/Role`
 * become the same.
 */
const construct = (role: string) => role.replace(/^(Pipelines\/)[^/]+(\/.+\/)/, '$1*$2');

/**
 * Returns why the permission is granted: a written reason, or use by the same function of another pipeline.
 * @param all permissions of the run
 */
export function reasonFor(permission: Permission, all: readonly Permission[]): string | undefined {
  const written = reasons.find((reason) => explains(reason, permission))?.reason;
  if (written) return written;
  const twin = all.find(
    ({ role, action, used }) =>
      used &&
      role !== permission.role &&
      action === permission.action &&
      construct(role) === construct(permission.role) &&
      construct(role) !== role,
  );
  return twin && `The same function of another pipeline uses it (${twin.role})`;
}

/** Returns the reasons, by role and action, that explain no unused permission: the permission is now used, or gone. */
export function unusedReasons(unused: readonly Pick<Permission, 'role' | 'action'>[]): string[] {
  return reasons.flatMap(({ role, actions, reason }) =>
    actions
      .filter((action) => !unused.some((permission) => explains({ role, actions: [action], reason }, permission)))
      .map((action) => `${action} of ${role.source}`),
  );
}
