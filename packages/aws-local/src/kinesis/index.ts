import {
  integerOf,
  type JsonOperations,
  type JsonService,
  jsonService,
  NotModelledError,
  objectOf,
  oneOf,
  type Principal,
  type ResourceContext,
  type ResourceTwin,
  textOf,
} from 'aws-local-kit';
import { consumerOperations } from './consumers';
import { describeOperations } from './describe';
import { getOperations } from './get';
import { Kinesis, type KinesisOptions } from './kinesis';
import { putOperations } from './put';
import { streamOperations } from './streams';

export { Kinesis, type KinesisOptions } from './kinesis';

type Run = (input: object, principal: Principal) => unknown;

/** The API's operations for consumers inside the runtime. Inputs and outputs are as in JSON. */
export interface KinesisOperations extends JsonOperations {
  readonly PutRecord: Run;
  readonly PutRecords: Run;
  readonly ListShards: Run;
  readonly DescribeStreamSummary: Run;
  /** `{ ShardIterator }` */
  readonly GetShardIterator: Run;
  /**
   * `{ Records, NextShardIterator?, ChildShards?, MillisBehindLatest }`. A record is
   * `{ SequenceNumber, ApproximateArrivalTimestamp (epoch seconds), Data (base64), PartitionKey }`.
   */
  readonly GetRecords: Run;
}

/** A new on-demand stream starts with four shards. */
const onDemandShards = 4;

/** Room for 10 MiB of records in base64 with their keys. */
const putBodyBytes = 16 * 1024 * 1024;

/** Kinesis: the port, the operations in process, the API for the gateway, and the twin of AWS::Kinesis::Stream. */
export function createKinesis(options: KinesisOptions): {
  port: Kinesis;
  operations: KinesisOperations;
  service: JsonService;
  resources: ResourceTwin[];
} {
  const port = new Kinesis(options);
  const operations = {
    ...putOperations(port),
    ...getOperations(port),
    ...describeOperations(port),
    ...consumerOperations(port),
    ...streamOperations(port),
  } as KinesisOperations;
  return {
    port,
    operations,
    service: jsonService('kinesis', 'json-1.1', 'Kinesis_20131202', standingAround(operations, options.around), {
      PutRecord: putBodyBytes,
      PutRecords: putBodyBytes,
    }),
    resources: [
      {
        type: 'AWS::Kinesis::Stream',
        properties: [
          'MaxRecordSizeInKiB',
          'Name',
          'RetentionPeriodHours',
          'ShardCount',
          'StreamEncryption',
          'StreamModeDetails',
          'Tags',
        ],
        attributes: ['Arn'],
        replacedBy: ['Name'],
        create: (properties, context) => createStream(port, properties, context),
        delete: ({ ref }) => port.remove(ref),
      },
    ],
  };
}

function standingAround(operations: JsonOperations, around: KinesisOptions['around']): JsonOperations {
  if (!around) return operations;
  return Object.fromEntries(
    Object.entries(operations).map(([name, run]) => [
      name,
      (input: unknown, principal: Principal) => around(name, input, () => run(input, principal)),
    ]),
  );
}

/** The allowed ranges are those of CloudFormation's AWS::Kinesis::Stream reference. */
function createStream(kinesis: Kinesis, properties: Readonly<Record<string, unknown>>, context: ResourceContext) {
  const where = `AWS::Kinesis::Stream ${context.logicalId}`;
  const name = textOf(properties['Name'], `${where}.Name`) ?? context.generatedName;
  if (!/^[\w.-]{1,128}$/.test(name)) throw new NotModelledError(`${where}.Name ${name}`);
  const modeDetails = objectOf(properties['StreamModeDetails'], ['StreamMode'], `${where}.StreamModeDetails`);
  const mode =
    oneOf(
      modeDetails?.['StreamMode'],
      ['ON_DEMAND', 'PROVISIONED'] as const,
      `${where}.StreamModeDetails.StreamMode`,
    ) ?? 'PROVISIONED';
  const count = integerOf(properties['ShardCount'], `${where}.ShardCount`, 1, 10_000);
  if (mode === 'ON_DEMAND' && count !== undefined)
    throw new Error(`${where}.ShardCount must not be given with StreamMode ON_DEMAND`);
  if (mode === 'PROVISIONED' && count === undefined)
    throw new Error(`${where}.ShardCount must be given with StreamMode PROVISIONED`);
  const encryption = objectOf(properties['StreamEncryption'], ['EncryptionType', 'KeyId'], `${where}.StreamEncryption`);
  oneOf(encryption?.['EncryptionType'], ['KMS'], `${where}.StreamEncryption.EncryptionType`);
  const stream = kinesis.open(
    name,
    {
      mode,
      retentionHours: integerOf(properties['RetentionPeriodHours'], `${where}.RetentionPeriodHours`, 24, 8760) ?? 24,
      maxRecordBytes:
        (integerOf(properties['MaxRecordSizeInKiB'], `${where}.MaxRecordSizeInKiB`, 1024, 10_240) ?? 1024) * 1024,
      kmsKey: textOf(encryption?.['KeyId'], `${where}.StreamEncryption.KeyId`),
    },
    count ?? onDemandShards,
  );
  return { ref: name, attributes: { Arn: stream.arn } };
}
