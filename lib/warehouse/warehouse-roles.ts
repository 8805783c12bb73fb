import { ArnFormat, Stack } from 'aws-cdk-lib';
import { CompositePrincipal, type IPrincipal, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket, IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { existingWarehouse, warehouseKind } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import { fullExportRoot } from '../../lambda/export/contract';
import { manifestPrefix, undecodedPrefix, versionPrefix } from '../../lambda/load/contract';
import { listingPrefix } from '../../lambda/reconcile/contract';
import { functionUser, ownerUser } from '../../sql';
import type { ReadStream } from '../ingest/read-stream';
import { explained, grant } from '../shared/grant';
import { keyUse } from '../shared/key-use';
import { type WarehouseRole, warehouseName, warehouseRoleName } from '../shared/names';

export interface WarehouseRolesProps {
  readonly environment: Environment;
  readonly key: IKey;
  readonly streams: readonly ReadStream[];
  readonly history: IBucket;
  /** Beginnings of the keys of history objects. */
  readonly historyPrefixes: readonly string[];
  /** The customer key of an existing history bucket. Undefined if Millrace made the bucket, or if there is none. */
  readonly historyKey: IKey | undefined;
  readonly archive: Bucket;
  readonly work: Bucket;
  readonly exports: Bucket;
  /** Whether a pipeline unloads records for the load function to decode. */
  readonly decodes: boolean;
}

/** UNLOAD may write only below this prefix. */
export const exportsRoot = 'exports/';

/** One role per purpose. Only the database users with that purpose can use them. */
export class WarehouseRoles extends Construct {
  /** Streaming ingestion. */
  readonly streamRead: Role;
  /** COPY of history and archive. */
  readonly load: Role;
  /** UNLOAD of exports, and of records that the load function decodes. */
  readonly unload: Role;
  /** UNLOAD and COPY of full exports, which `millrace export-all` and `import` run as the owner. */
  readonly fullExport: Role;

  constructor(scope: Construct, id: string, props: WarehouseRolesProps) {
    super(scope, id);
    const role = (name: WarehouseRole, users: readonly string[], description: string) =>
      new Role(this, name, {
        assumedBy: databaseUsers(Stack.of(this), props.environment, users),
        description,
        ...(existingWarehouse(props.environment) ? { roleName: warehouseRoleName(props.environment.name, name) } : {}),
      });
    const all = { name: '*' };
    this.streamRead = role('StreamRead', [ownerUser], 'Lets the warehouse read the streams');
    this.load = role(
      'Load',
      [functionUser(all, 'load'), functionUser(all, 'reconcile')],
      'Lets COPY read history, archive and manifests',
    );
    this.unload = role(
      'Unload',
      // The refresh unloads records to decode as the owner.
      [...(props.decodes ? [ownerUser] : []), functionUser(all, 'export')],
      'Lets UNLOAD write exports',
    );
    this.fullExport = role('FullExport', [ownerUser], 'Lets UNLOAD and COPY write and read full exports');
    grant(this.streamRead, ...streamStatements(props));
    grant(this.load, ...loadStatements(props));
    grant(this.unload, ...unloadStatements(props));
    grant(this.fullExport, ...fullExportStatements(props));
  }

  get all(): readonly Role[] {
    return [this.streamRead, this.load, this.unload, this.fullExport];
  }
}

/**
 * Redshift sends the ARN of the database user as sts:ExternalId when it assumes an attached role (management guide, "Restricting access to IAM roles"), so
 * the trust policy can name the users, here with `*` for any pipeline. Only the admin creates users.
 */
function databaseUsers(stack: Stack, environment: Environment, users: readonly string[]): IPrincipal {
  const of = (cluster: string) =>
    users.map((user) =>
      stack.formatArn({
        service: 'redshift',
        resource: 'dbuser',
        resourceName: `${cluster}/${user}`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    );
  const name = warehouseName(environment);
  if (warehouseKind(environment) === 'provisioned') {
    return new ServicePrincipal('redshift.amazonaws.com', {
      conditions: { StringLike: { 'sts:ExternalId': of(name) } },
    });
  }
  // The documentation has the workgroup's name here; user reports show `serverless-<account>-<id>`. That id exists only after the namespace, which needs the
  // roles first, so the second pattern covers every workgroup. A role can still be assumed only by warehouses that it is attached to.
  const ids = [...of(name), ...of(`serverless-${stack.account}-*`)];
  const conditions = { StringLike: { 'sts:ExternalId': ids } };
  return new CompositePrincipal(
    new ServicePrincipal('redshift.amazonaws.com', { conditions }),
    new ServicePrincipal('redshift-serverless.amazonaws.com', { conditions }),
  );
}

/** Redshift developer guide, "Getting started with streaming ingestion from Amazon Kinesis Data Streams", narrowed to the streams. */
function streamStatements({ streams }: WarehouseRolesProps): PolicyStatement[] {
  const own = streams.filter(({ roleArn }) => roleArn === undefined);
  const roles = new Set(streams.flatMap(({ roleArn }) => roleArn ?? []));
  const keys = new Map(own.flatMap(({ key }) => (key ? [[key.keyArn, key] as const] : [])));
  return [
    ...(own.length > 0 ? readStatements([...new Set(own.map(({ arn }) => arn))]) : []),
    // Redshift developer guide, "CREATE EXTERNAL SCHEMA": the first role of a chain assumes the next.
    ...(roles.size > 0 ? [new PolicyStatement({ actions: ['sts:AssumeRole'], resources: [...roles] })] : []),
    ...[...keys.values()].map((key) => keyUse(key, 'kinesis', 'read')),
  ];
}

function readStatements(resources: string[]): PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: [
        'kinesis:DescribeStream',
        'kinesis:DescribeStreamSummary',
        'kinesis:GetRecords',
        'kinesis:GetShardIterator',
        'kinesis:ListShards',
      ],
      resources,
    }),
    explained(
      new PolicyStatement({ actions: ['kinesis:ListStreams'], resources: ['*'] }),
      'ListStreams has no resource-level permissions',
    ),
  ];
}

function loadStatements({
  key,
  history,
  historyPrefixes,
  historyKey,
  archive,
  work,
}: WarehouseRolesProps): PolicyStatement[] {
  const buckets = [history, archive, work];
  return [
    new PolicyStatement({
      actions: ['s3:GetBucketLocation', 's3:ListBucket'],
      resources: buckets.map((bucket) => bucket.bucketArn),
    }),
    explained(
      new PolicyStatement({
        actions: ['s3:GetObject'],
        resources: [
          ...historyPrefixes.map((prefix) => history.arnForObjects(`${prefix}*`)),
          archive.arnForObjects('*'),
          ...[manifestPrefix, versionPrefix, listingPrefix].map((prefix) => work.arnForObjects(`${prefix}*`)),
        ],
      }),
      'COPY reads the objects that a manifest names, anywhere in these buckets',
    ),
    keyUse(key, 's3', 'read'),
    ...(historyKey ? [keyUse(historyKey, 's3', 'read')] : []),
  ];
}

function unloadStatements({ key, exports, work, decodes }: WarehouseRolesProps): PolicyStatement[] {
  return [
    ...(decodes ? writeStatements(work, undecodedPrefix, 'records to decode') : []),
    ...writeStatements(exports, exportsRoot, 'exports'),
    keyUse(key, 's3', 'write'),
  ];
}

function fullExportStatements({ key, exports }: WarehouseRolesProps): PolicyStatement[] {
  return [...writeStatements(exports, fullExportRoot, 'full exports'), keyUse(key, 's3', 'write')];
}

function writeStatements(bucket: Bucket, prefix: string, what: string): PolicyStatement[] {
  return [
    new PolicyStatement({ actions: ['s3:GetBucketLocation'], resources: [bucket.bucketArn] }),
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [bucket.bucketArn],
      conditions: { StringLike: { 's3:prefix': [`${prefix}*`] } },
    }),
    explained(
      new PolicyStatement({
        actions: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
        resources: [bucket.arnForObjects(`${prefix}*`)],
      }),
      `UNLOAD chooses the names of its files, below the prefix of ${what}`,
    ),
  ];
}
