import { statSync } from 'node:fs';
import { createKinesis, createKms, createS3, createSqs } from 'aws-local/twins';
import { account, buckets, type Cloud, region } from '../cloud';
import { difference } from './query';

/** What a restart of the local services would find: the same records, objects and messages as before it. */
export async function storeProblems(cloud: Cloud, streamName: string): Promise<string[]> {
  const { dataDir, clock } = cloud;
  const base = { dataDir, account, region, clock, authorizer: { authorize: () => undefined }, endpoint: 'http://twin' };
  const { port: kms } = createKms(base);
  const sqs = createSqs({ ...base, kms });
  const s3 = createS3({ ...base, kms, sqs: sqs.port });
  const kinesis = createKinesis({ ...base, kms });
  try {
    const { settings } = cloud.kinesis.port.stream(streamName);
    kinesis.port.open(streamName, settings);
    const problems = difference(
      'records after a restart',
      recordsOf(cloud.kinesis, streamName),
      recordsOf(kinesis, streamName),
    );
    for (const name of Object.values(buckets)) {
      s3.port.open(name, cloud.s3.port.bucket(name).settings);
      problems.push(
        ...difference(`objects of ${name} after a restart`, objectsOf(cloud.s3, name), objectsOf(s3, name)),
      );
    }
    for (const { name, settings: queueSettings } of cloud.sqs.port.list()) {
      const found = sqs.port.open(name, queueSettings);
      const known = cloud.sqs.port.queueAt(name);
      problems.push(...difference(`messages of ${name} after a restart`, [`${known.depth()}`], [`${found.depth()}`]));
    }
    return problems;
  } finally {
    await Promise.all([kinesis.port.dispose(), sqs.port.dispose(), s3.port.dispose()]);
  }
}

function recordsOf({ port }: Pick<Cloud['kinesis'], 'port'>, streamName: string): string[] {
  const found: string[] = [];
  for (const shard of port.stream(streamName).shards)
    shard.read(0, port.stream(streamName).oldest, ({ shard_id, sequence_number, data }) => {
      found.push(`${shard_id}/${sequence_number} ${data}`);
      return true;
    });
  return found;
}

/** All versions, with the size of the file that holds the bytes. */
function objectsOf({ port }: Pick<Cloud['s3'], 'port'>, bucket: string): string[] {
  const { store } = port.bucket(bucket);
  return store.keys().flatMap((key) =>
    store.versionsOf(key).map((version) => {
      const { size } = (!version.deleteMarker && statSync(store.pathOf(version), { throwIfNoEntry: false })) || {
        size: 0,
      };
      const torn = size === version.size ? '' : `, ${size} bytes on the disk`;
      return `${key} ${version.versionId} ${version.etag} ${version.size} bytes${torn}`;
    }),
  );
}
