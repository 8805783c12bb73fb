/**
 * Serves a stream of generated events from a process of its own, so that a reader's time and memory are its own. The
 * line that it prints is JSON: how clients reach it, and how many records the stream has. It ends with its stdin.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIam, createKinesis, createKms } from 'aws-local/twins';
import { createClock, createGateway } from 'aws-local-kit';
import { batches } from '../cli/commands/feed';
import { generator } from '../pipelines/estore/generator';
import type { GeneratedRecord } from '../pipelines/generator/generator';
import { type ServedStream, streamName } from './served-stream';

const region = 'eu-west-1';
const account = '000000000000';
/** More events than these are the same ones again, in other records. */
const distinct = 100_000;
/** So many that the quota of a shard, 2 MB a second, does not set the pace. */
const shardCount = 64;

async function main(events: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-kinesis-'));
  const clock = createClock({ start: Date.now(), rate: 1 });
  const iam = createIam({ account, region, clock });
  const common = { dataDir, account, region, clock, authorizer: iam.authorizer };
  const kinesis = createKinesis({ ...common, kms: createKms(common).port });
  const gateway = await createGateway({ callerOf: iam.callerOf, services: [kinesis.service], region });
  const { accessKeyId, secretAccessKey } = iam.administrator.credentials;
  const settings = { mode: 'PROVISIONED', retentionHours: 24, maxRecordBytes: 1024 * 1024 } as const;
  kinesis.port.create(streamName, settings, shardCount);
  const records = feed(events, (batch) =>
    kinesis.operations.PutRecords(
      {
        StreamName: streamName,
        Records: batch.map(({ data, partitionKey }) => ({
          Data: Buffer.from(data).toString('base64'),
          PartitionKey: partitionKey,
        })),
      },
      iam.administrator.principal,
    ),
  );
  const served: ServedStream = {
    client: { endpoint: gateway.endpoint, region, credentials: { accessKeyId, secretAccessKey } },
    records,
  };
  console.log(JSON.stringify(served));
  process.stdin.resume().on('end', async () => {
    await gateway.dispose();
    await kinesis.port.dispose();
    clock.dispose();
    rmSync(dataDir, { recursive: true, force: true });
  });
}

function feed(events: number, put: (batch: readonly GeneratedRecord[]) => unknown): number {
  const { stream } = generator.generate({
    seed: 'reader',
    start: Date.now(),
    events: Math.min(events, distinct),
    historyShare: 0,
    overlap: 0,
    refused: 0,
  });
  const all = [...batches(stream())];
  let records = 0;
  for (let at = 0; records < events; at = (at + 1) % all.length) {
    put(all[at]!);
    records += all[at]!.length;
  }
  return records;
}

main(Number(process.argv[2])).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
