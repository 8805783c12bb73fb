import {
  CreateStreamCommand,
  DeleteStreamCommand,
  KinesisClient,
  PutRecordsCommand,
  waitUntilStreamExists,
} from '@aws-sdk/client-kinesis';
import type { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { DeleteObjectsCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { clientSettings } from 'aws-local-kit/client-settings';

/** The environment in which the cases run. */
export interface Surroundings {
  /** True for the local warehouse, whose known refusals are not differences. */
  readonly local: boolean;
  readonly client: RedshiftDataClient;
  /** The parameters by which the Data API finds the database and the user. */
  readonly where: {
    readonly Database: string;
    readonly ClusterIdentifier?: string;
    readonly WorkgroupName?: string;
    readonly SecretArn?: string;
    readonly DbUser?: string;
  };
  readonly stream?: Streams;
  readonly bucket?: Bucket;
  dispose(): Promise<void>;
}

/** Streams of one shard each. A case that needs a stream gets its own. */
export interface Streams {
  /** The role with which Redshift reads them. */
  readonly roleArn: string;
  create(name: string): Promise<void>;
  put(name: string, records: readonly string[]): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface Bucket {
  readonly name: string;
  /** The role with which Redshift reads and writes it. */
  readonly roleArn: string;
  put(key: string, body: string): Promise<void>;
  /** Deletes all objects below the prefix. */
  empty(prefix: string): Promise<void>;
}

export function bucketOver(client: S3Client, name: string, roleArn: string): Bucket {
  return {
    name,
    roleArn,
    async put(key, body) {
      await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: body }));
    },
    async empty(prefix) {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: name, Prefix: prefix }));
      const Objects = Contents.map(({ Key }) => ({ Key }));
      if (Objects.length > 0) await client.send(new DeleteObjectsCommand({ Bucket: name, Delete: { Objects } }));
    },
  };
}

/** Puts records in order onto the one shard, so that their order is known. */
export async function putRecords(client: KinesisClient, name: string, records: readonly string[]): Promise<void> {
  const Records = records.map((record) => ({ PartitionKey: 'key', Data: Buffer.from(record) }));
  const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName: name, Records }));
  if (FailedRecordCount)
    throw new Error(`${FailedRecordCount} of ${records.length} records were not accepted by stream ${name}`);
}

/** The longest wait for a stream. Creating one takes about half a minute, and so does deleting it. */
const streamWaitSeconds = 120;

export function awsStreams(client: KinesisClient, roleArn: string): Streams {
  return {
    roleArn,
    async create(StreamName) {
      await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
      await waitUntilStreamExists({ client, maxWaitTime: streamWaitSeconds }, { StreamName });
    },
    put: (name, records) => putRecords(client, name, records),
    async remove(StreamName) {
      await client.send(new DeleteStreamCommand({ StreamName, EnforceConsumerDeletion: true }));
    },
  };
}

/** The command-line options that describe a warehouse, resolved to clients and names. */
export interface AwsOptions {
  readonly client: RedshiftDataClient;
  readonly where: Surroundings['where'];
  readonly region?: string;
  /** True for a local warehouse, whose known refusals are not differences. @default false */
  readonly local?: boolean;
  readonly bucket?: string;
  /** A role attached to the warehouse that may read and write the bucket. */
  readonly bucketRole?: string;
  /** A role attached to the warehouse that may read streams whose names begin with `conformance_`. */
  readonly streamRole?: string;
}

export function awsSurroundings(options: AwsOptions): Surroundings {
  const { client, where, region, local = false, bucket, bucketRole, streamRole } = options;
  const s3 = new S3Client({ ...clientSettings(), region });
  const kinesis = new KinesisClient({ ...clientSettings(), region });
  return {
    local,
    client,
    where,
    stream: streamRole === undefined ? undefined : awsStreams(kinesis, streamRole),
    bucket: bucket === undefined || bucketRole === undefined ? undefined : bucketOver(s3, bucket, bucketRole),
    async dispose() {
      for (const each of [client, s3, kinesis]) each.destroy();
    },
  };
}
