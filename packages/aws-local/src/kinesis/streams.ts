import {
  AwsError,
  integerOf,
  invalid,
  type JsonOperations,
  objectOf,
  oneOf,
  type Principal,
  requiredText,
} from 'aws-local-kit';
import type { Kinesis } from './kinesis';

type Input = Readonly<Record<string, unknown>>;

const onDemandShards = 4;

const longestRetentionHours = 8760;

/** Creates, changes and deletes streams. Each change has taken place when the call returns. */
export function streamOperations(kinesis: Kinesis): JsonOperations {
  const { account, region, authorizer } = kinesis.options;
  const changeRetention = (
    input: Input,
    principal: Principal,
    direction: 'Increase' | 'Decrease',
  ): Record<string, never> => {
    objectOf(input, ['StreamName', 'StreamARN', 'StreamId', 'RetentionPeriodHours'], 'request');
    const stream = kinesis.find(input);
    kinesis.authorize(principal, `kinesis:${direction}StreamRetentionPeriod`, stream);
    const hours = integerOf(input['RetentionPeriodHours'], 'RetentionPeriodHours', 24, longestRetentionHours);
    const now = stream.settings.retentionHours;
    if (hours === undefined || (direction === 'Increase' ? hours < now : hours > now))
      throw new AwsError(
        'InvalidArgumentException',
        `RetentionPeriodHours must be ${direction === 'Increase' ? 'at least' : 'at most'} ${now}, got ${hours}`,
      );
    kinesis.setRetention(stream, hours);
    return {};
  };
  return {
    IncreaseStreamRetentionPeriod: (input: Input, principal) => changeRetention(input, principal, 'Increase'),
    DecreaseStreamRetentionPeriod: (input: Input, principal) => changeRetention(input, principal, 'Decrease'),
    CreateStream(input: Input, principal) {
      objectOf(input, ['StreamName', 'ShardCount', 'StreamModeDetails', 'MaxRecordSizeInKiB'], 'request');
      const name = requiredText(input['StreamName'], 'StreamName');
      if (!/^[\w.-]{1,128}$/.test(name)) throw invalid('StreamName', name, '1 to 128 of a-z A-Z 0-9 _ . -');
      const resource = `arn:aws:kinesis:${region}:${account}:stream/${name}`;
      authorizer.authorize({ principal, action: 'kinesis:CreateStream', resource });
      if (kinesis.has(name))
        throw new AwsError('ResourceInUseException', `Stream ${name} under account ${account} already exists.`);
      const details = objectOf(input['StreamModeDetails'], ['StreamMode'], 'StreamModeDetails');
      const mode =
        oneOf(details?.['StreamMode'], ['ON_DEMAND', 'PROVISIONED'] as const, 'StreamModeDetails.StreamMode') ??
        'PROVISIONED';
      const count = integerOf(input['ShardCount'], 'ShardCount', 1, 10_000);
      if ((mode === 'PROVISIONED') !== (count !== undefined))
        throw new AwsError('ValidationException', 'ShardCount is required for PROVISIONED streams, and for no others');
      const maxKiB = integerOf(input['MaxRecordSizeInKiB'], 'MaxRecordSizeInKiB', 1024, 10_240) ?? 1024;
      kinesis.create(name, { mode, retentionHours: 24, maxRecordBytes: maxKiB * 1024 }, count ?? onDemandShards);
    },
    DeleteStream(input: Input, principal) {
      objectOf(input, ['StreamName', 'StreamARN', 'StreamId', 'EnforceConsumerDeletion'], 'request');
      const stream = kinesis.find(input);
      kinesis.authorize(principal, 'kinesis:DeleteStream', stream);
      if (stream.consumers.length > 0 && input['EnforceConsumerDeletion'] !== true)
        throw new AwsError('ResourceInUseException', `Stream ${stream.name} has registered consumers.`);
      kinesis.remove(stream.name);
    },
  };
}
