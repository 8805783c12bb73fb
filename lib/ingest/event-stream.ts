import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { Stream, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { StreamDefinition } from '../../pipelines/definition';

export interface EventStreamProps {
  readonly name: string;
  readonly definition: StreamDefinition;
  readonly key: IKey;
  readonly retain: boolean;
}

/** The stream that producers write to, encrypted with the customer key. */
export class EventStream extends Stream {
  constructor(scope: Construct, id: string, { name, definition, key, retain }: EventStreamProps) {
    super(scope, id, {
      streamName: name,
      ...(definition.capacity.mode === 'on-demand'
        ? { streamMode: StreamMode.ON_DEMAND }
        : { streamMode: StreamMode.PROVISIONED, shardCount: definition.capacity.shards }),
      retentionPeriod: Duration.hours(definition.retentionHours),
      encryption: StreamEncryption.KMS,
      encryptionKey: key,
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-KDS3',
      reason: 'A customer key, so that revoking access to the key revokes access to the stream',
    });
  }
}
