import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { s3Buckets } from '../../../cli/cloud/sdk';
import { sweepExports } from '../../../cli/forget/sweep-exports';
import { exportPrefix } from '../../../lambda/export/contract';
import { anExport, aPipeline } from '../../sql/fixtures';
import { buckets, type Cloud, createCloud, roleOf } from '../../support/cloud';
import { inProcess } from '../../support/sdk';
import { FakeCloud, fakeContext } from '../cloud';

const pipeline = aPipeline({
  subject: ['id'],
  exports: [
    anExport('all', 'select id, at from shop.events', { content: { kind: 'snapshot', every: 'day' } as never }),
  ],
});
let twins: Cloud;
let client: S3Client;

beforeAll(async () => {
  const nothing = { delivery: () => undefined, statement: () => undefined, call: () => undefined };
  twins = await createCloud({
    startMs: Date.UTC(2026, 10, 21, 9),
    streamName: 'none',
    shards: 1,
    retentionHours: 24,
    faults: nothing,
    killNext: () => undefined,
    handlers: () => ({}),
  });
  client = new S3Client(inProcess(twins.s3.service, roleOf('operator'), (_, __, run) => run()));
});
afterAll(() => twins.dispose());

test('files of a run that was not published are deleted with their old versions, and no other file', async () => {
  const window = `${exportPrefix('shop', 'all')}window=20261121T0000Z/revision=0/`;
  const [gone, there] = ['a', 'b'].map((run) => `${window}run=${run}/data/0000_part_00.parquet`);
  const success = `${window}run=a/success.json`;
  for (const Key of [gone, there, success])
    await client.send(new PutObjectCommand({ Bucket: buckets.exports, Key, Body: 'x' }));
  for (const Key of [gone, success]) await client.send(new DeleteObjectCommand({ Bucket: buckets.exports, Key }));
  const cloud = new FakeCloud();
  Object.assign(cloud, { buckets: s3Buckets(client), names: { ...cloud.names, exportsBucket: buckets.exports } });
  const sweep = () => sweepExports(fakeContext(cloud), pipeline, { markedAt: 0, erasedAt: 0 }, undefined);
  expect(await sweep()).toEqual({ publications: 0, filesDeleted: 1, waiting: [], byHand: [] });
  const { store } = twins.s3.port.bucket(buckets.exports);
  const withBytes = [...store.keys()].filter((key) => store.versionsOf(key).some(({ deleteMarker }) => !deleteMarker));
  expect(withBytes.sort()).toEqual([success, there]);
  expect(await sweep()).toMatchObject({ filesDeleted: 0 });
});
