import { CfnOutput, Duration, Fn, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, type IBucket, type LifecycleRule, StorageClass } from 'aws-cdk-lib/aws-s3';
import { CfnSecretTargetAttachment } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { existingStream, keepsData } from '../environments/declaration';
import type { Environment } from '../environments/environment';
import { answersRoot } from '../lambda/endpoint/contract';
import { literalPrefixes, undecodedPrefix } from '../lambda/load/contract';
import type { Pipeline } from '../pipelines/definition';
import { daysOf, decodes, ownerUser } from '../sql';
import { BucketEvents } from './history/bucket-events';
import { HistoryQueue, notifyQueues, type PipelineQueues } from './history/history-queue';
import { EventStream } from './ingest/event-stream';
import type { ReadStream } from './ingest/read-stream';
import { guardAgainstPartners } from './partners/guards';
import { partnerPrefix } from './partners/prefixes';
import { pascalCase, streamName } from './shared/names';
import { PrivateBucket } from './shared/private-bucket';
import { fromAccountIfTold } from './shared/source-account';
import { createNetwork, createWarehouse } from './warehouse/create-warehouse';
import { DatabaseUserSecret } from './warehouse/database-user-secret';
import { ForgetSecret } from './warehouse/forget-secret';
import type { Warehouse } from './warehouse/warehouse';
import { WarehouseRoles } from './warehouse/warehouse-roles';

export interface DataStackProps extends StackProps {
  readonly environment: Environment;
  readonly pipelines: readonly Pipeline[];
}

/** Everything that holds data: the key, streams, buckets, queues and the warehouse. Other stacks may be replaced at will. */
export class DataStack extends Stack {
  readonly key: Key;
  readonly history: IBucket;
  /** The customer key of an existing history bucket. Undefined if Millrace made the bucket, or if there is none. */
  readonly historyKey: IKey | undefined;
  readonly archive: PrivateBucket;
  readonly exports: PrivateBucket;
  readonly work: PrivateBucket;
  readonly warehouse: Warehouse;
  readonly roles: WarehouseRoles;
  readonly ownerSecret: DatabaseUserSecret;
  readonly forgetSecret: ForgetSecret;
  private readonly streams = new Map<string, ReadStream>();
  private readonly historyQueues = new Map<string, HistoryQueue>();

  constructor(scope: Construct, id: string, { environment, pipelines, ...props }: DataStackProps) {
    super(scope, id, props);
    const retain = environment.retainData;
    this.key = this.createKey(environment);

    const logs = new PrivateBucket(this, 'Logs', {
      versioned: false,
      retain,
      lifecycle: [{ id: 'expiry', expiration: Duration.days(environment.logRetentionDays) }],
    });
    const bucket = (
      name: string,
      options: { versioned: boolean; encrypted?: boolean; lifecycle?: PrivateBucketLifecycle },
    ) =>
      new PrivateBucket(this, name, {
        key: options.encrypted === false ? undefined : this.key,
        accessLogs: { bucket: logs, prefix: `access/${name.toLowerCase()}/` },
        versioned: options.versioned,
        retain,
        lifecycle: options.lifecycle,
      });
    const existing = environment.history?.bucket;
    const ownHistory = existing ? undefined : bucket('History', { versioned: true, lifecycle: coldAfter(90) });
    this.history = ownHistory ?? Bucket.fromBucketName(this, 'History', existing!.existing);
    this.historyKey = existing?.key === undefined ? undefined : Key.fromKeyArn(this, 'HistoryKey', existing.key);
    this.archive = bucket('Archive', {
      versioned: true,
      lifecycle: [...coldAfter(90), ...archiveRetentions(pipelines)],
    });
    this.exports = bucket('Exports', { versioned: true, lifecycle: [forgottenMarkers, ...stagedFiles(environment)] });
    // COPY manifests and listings are lists of object keys, so S3's own encryption is enough. Copies of objects, and answers of endpoints, are encrypted with the customer key.
    this.work = bucket('Work', {
      versioned: false,
      encrypted: false,
      lifecycle: [
        { id: 'expiry', expiration: Duration.days(7) },
        // An answer of an endpoint is of no use after the next refresh.
        { id: 'answers', prefix: answersRoot, expiration: Duration.days(1) },
      ],
    });

    const closed = [...(ownHistory ? [ownHistory] : []), this.archive, this.work, logs];
    guardAgainstPartners({ exports: this.exports, closed, key: this.key }, environment);

    for (const pipeline of pipelines) this.createStream(environment, pipeline);
    this.createQueues(environment, pipelines, ownHistory);

    this.ownerSecret = new DatabaseUserSecret(this, 'OwnerSecret', { user: ownerUser, key: this.key, retain });
    this.forgetSecret = new ForgetSecret(this, 'ForgetSecret', { key: this.key, retain });
    const network = createNetwork(this, environment, logs);
    this.roles = new WarehouseRoles(this, 'WarehouseRoles', {
      environment,
      key: this.key,
      streams: [...this.streams.values()],
      history: this.history,
      // Millrace's own bucket has nothing else.
      historyPrefixes: ownHistory ? [''] : literalPrefixes(globsOf(pipelines)),
      historyKey: this.historyKey,
      archive: this.archive,
      work: this.work,
      exports: this.exports,
      decodes: pipelines.some(decodes),
    });
    this.warehouse = createWarehouse(this, 'Warehouse', {
      environment,
      key: this.key,
      network,
      logs,
      roles: this.roles.all,
    });
    // Adds engine, host, port and cluster identifier to the secret; the password stays. The Data API compares the identifier, and the console needs all of them.
    new CfnSecretTargetAttachment(this, 'OwnerSecretAttachment', {
      secretId: this.ownerSecret.secretArn,
      ...this.warehouse.secretTarget,
    });
    this.output(logs);
  }

  /** Zones by position, so that synthesis needs no account. */
  override get availabilityZones(): string[] {
    return [0, 1, 2].map((index) => Fn.select(index, Fn.getAzs()));
  }

  /** Throws for a pipeline that this stack was not made with. */
  stream(pipeline: Pipeline): ReadStream {
    return found(this.streams, pipeline, 'stream');
  }

  /** Throws for a pipeline that this stack was not made with. */
  queues(pipeline: Pipeline): PipelineQueues {
    return found(this.historyQueues, pipeline, 'queues').queues;
  }

  private createKey({ retainData: retain, budget }: Environment): Key {
    const key = new Key(this, 'Key', {
      description: 'Encrypts everything that Millrace keeps',
      enableKeyRotation: true,
      pendingWindow: Duration.days(retain ? 30 : 7),
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    // S3 and EventBridge write to encrypted queues, CloudWatch and AWS Budgets to encrypted topics as services, without a role.
    for (const service of ['s3', 'cloudwatch', 'events', ...(budget ? ['budgets'] : [])]) {
      key.addToResourcePolicy(
        new PolicyStatement({
          principals: [new ServicePrincipal(`${service}.amazonaws.com`)],
          actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
          resources: ['*'],
          // The examples in the guides of SQS, S3 and CloudWatch have no condition.
          conditions: fromAccountIfTold(this),
        }),
      );
    }
    return key;
  }

  private createStream(environment: Environment, pipeline: Pipeline): void {
    const retain = keepsData(environment, pipeline.name);
    const name = streamName(environment, pipeline.name);
    const scope = new Construct(this, pascalCase(pipeline.name));
    const output = (value: string) =>
      new CfnOutput(scope, 'StreamName', { value, description: `Producers of ${pipeline.name} write here` });
    const existing = existingStream(environment, pipeline.name);
    if (existing) {
      const { key, role } = existing;
      this.streams.set(pipeline.name, {
        arn: existing.existing,
        roleArn: role,
        key: key === undefined || role !== undefined ? undefined : Key.fromKeyArn(scope, 'StreamKey', key),
      });
      output(role === undefined ? name : existing.existing);
      return;
    }
    const stream = new EventStream(scope, 'Stream', { name, definition: pipeline.stream, key: this.key, retain });
    this.streams.set(pipeline.name, { arn: stream.streamArn, key: this.key });
    output(stream.streamName);
  }

  /** @param ownHistory undefined for an existing bucket, whose events come from EventBridge */
  private createQueues(
    environment: Environment,
    pipelines: readonly Pipeline[],
    ownHistory: PrivateBucket | undefined,
  ): void {
    const targets = pipelines.flatMap((pipeline) => {
      const scope = this.node.findChild(pascalCase(pipeline.name)) as Construct;
      const retain = keepsData(environment, pipeline.name);
      const notified = pipeline.history !== undefined || decodes(pipeline);
      const history = new HistoryQueue(scope, 'History', { key: this.key, retain, notified });
      this.historyQueues.set(pipeline.name, history);
      const { queue } = history;
      const globs = globsOf([pipeline]);
      const undecoded = decodes(pipeline) ? [`${undecodedPrefix}${pipeline.name}/`] : [];
      const targetsOf = (bucket: PrivateBucket, prefixes: readonly string[]) =>
        queue ? prefixes.map((prefix) => ({ bucket, queue, prefix })) : [];
      const prefixes = literalPrefixes(globs);
      if (!ownHistory && queue && prefixes.length > 0)
        new BucketEvents(scope, 'BucketEvents', { bucket: this.history, prefixes, queue });
      return [...(ownHistory ? targetsOf(ownHistory, prefixes) : []), ...targetsOf(this.work, undecoded)];
    });
    for (const bucket of [...(ownHistory ? [ownHistory] : []), this.work]) {
      const own = targets.filter((target) => target.bucket === bucket);
      if (own.length > 0) notifyQueues(bucket, own);
    }
  }

  private output(logs: PrivateBucket): void {
    const values: Record<string, string> = {
      KeyArn: this.key.keyArn,
      HistoryBucketName: this.history.bucketName,
      ArchiveBucketName: this.archive.bucketName,
      ExportsBucketName: this.exports.bucketName,
      WorkBucketName: this.work.bucketName,
      LogsBucketName: logs.bucketName,
      WarehouseKind: this.warehouse.kind,
      WarehouseName: this.warehouse.name,
      DatabaseName: this.warehouse.database,
      FullExportRoleArn: this.roles.fullExport.roleArn,
      OwnerSecretArn: this.ownerSecret.secretArn,
      AdminSecretArn: this.warehouse.adminSecretArn,
      ForgetSecretArn: this.forgetSecret.secretArn,
    };
    for (const [name, value] of Object.entries(values)) new CfnOutput(this, name, { value });
  }
}

const globsOf = (pipelines: readonly Pipeline[]) =>
  pipelines.flatMap(({ history = [] }) => history.flatMap(({ globs }) => globs));

/** A deleted run leaves a delete marker for each key. S3 removes the marker once all versions under it have expired. */
const forgottenMarkers = { id: 'forgotten-markers', expiredObjectDeleteMarker: true };

/** Files from Materialize are copied and deleted within minutes. These rules remove the files of lost connections, and the records. */
function stagedFiles({ materialize }: Environment): LifecycleRule[] {
  if (!materialize) return [];
  const expiration = Duration.days(7);
  return [
    { id: 'unload-records', prefix: 'unloads/', expiration },
    { id: 'staged-files', prefix: `${partnerPrefix(materialize.partner)}exports/`, expiration },
  ];
}

type PrivateBucketLifecycle = ConstructorParameters<typeof PrivateBucket>[2]['lifecycle'];

/** Only backfills read the archive. Glacier Instant Retrieval answers as fast as standard storage and bills each read. */
function coldAfter(days: number): LifecycleRule[] {
  return [
    {
      id: 'cold',
      transitions: [{ storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfter: Duration.days(days) }],
    },
  ];
}

/** S3 puts a delete marker over an expired object, and removes the marker after the last version. */
function archiveRetentions(pipelines: readonly Pipeline[]): LifecycleRule[] {
  const rules = pipelines.flatMap(({ name, retention }) =>
    retention?.archive === undefined
      ? []
      : ['archive', 'archive-errors'].map((folder) => ({
          id: `${folder}-of-${name}`,
          prefix: `${folder}/${name}/`,
          expiration: Duration.days(daysOf(retention.archive!)),
        })),
  );
  return rules.length === 0 ? [] : [...rules, forgottenMarkers];
}

function found<T>(map: ReadonlyMap<string, T>, pipeline: Pipeline, what: string): T {
  const value = map.get(pipeline.name);
  if (!value) throw new Error(`pipeline ${pipeline.name} has no ${what}`);
  return value;
}
