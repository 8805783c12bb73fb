import type { Principal, StreamSlice } from 'aws-local-kit';
import type { Kinesis } from '../kinesis';

/** Reads the records after the given positions, with the permissions that Firehose needs. */
export type ReadSource = (
  principal: Principal,
  streamName: string,
  after: Readonly<Record<string, string>>,
) => StreamSlice;

/**
 * Operations that Firehose calls:
 * https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3-kinesis-stream
 */
const operations = ['DescribeStream', 'ListShards', 'GetShardIterator', 'GetRecords'];

export function kinesisSource(kinesis: Pick<Kinesis, 'stream' | 'authorize' | 'useKey'>): ReadSource {
  return (principal, streamName, after) => {
    const stream = kinesis.stream(streamName);
    for (const operation of operations) kinesis.authorize(principal, `kinesis:${operation}`, stream);
    kinesis.useKey(principal, 'Decrypt', stream);
    return stream.slice(after);
  };
}
