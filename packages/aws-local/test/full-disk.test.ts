import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  CreateStreamCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { createSmallDisk, type FillableDisk, fillable } from 'aws-local-kit/testing';
import { openState } from '../src/cloudformation/state';
import { type Services, startServices } from './services';

const real = createSmallDisk();
real?.dispose();
if (!real) console.warn('a real full disk is left out: this user may not mount a tmpfs');

function injected(): FillableDisk {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-full-'));
  const disk = fillable(folder);
  return {
    ...disk,
    dispose() {
      disk.dispose();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** More than one page of a disk, so that it fits in no page that another file has begun. */
const large = (mark: string) => mark.repeat(9000);
const whatToDo = 'free some space, and the next call succeeds without a restart';

const disks: readonly (readonly [string, () => FillableDisk])[] = [
  ['writes that are refused', injected],
  ...(real ? [['a real disk', () => createSmallDisk()!] as const] : []),
];
describe.each(disks)('on a full disk: %s', (_, open) => {
  let disk: FillableDisk;
  let services: Services;
  const restart = async () => {
    await services.stop();
    services = await startServices({ dataDir: disk.folder });
  };
  beforeEach(async () => {
    disk = open();
    services = await startServices({ dataDir: disk.folder });
  });
  afterEach(async () => {
    await services.stop();
    disk.dispose();
  });

  describe('a stream', () => {
    const kinesis = () => new KinesisClient(services.client());
    const put = (...data: string[]) =>
      kinesis().send(
        new PutRecordsCommand({
          StreamName: 'clicks',
          Records: data.map((text, index) => ({ Data: Buffer.from(text), PartitionKey: `${index}` })),
        }),
      );
    const stored = () => {
      const texts: string[] = [];
      for (const shard of services.kinesis.port.stream('clicks').shards)
        shard.read(0, 0, ({ data }) => {
          texts.push(Buffer.from(data, 'base64').toString());
          return true;
        });
      return texts.sort();
    };
    beforeEach(() => kinesis().send(new CreateStreamCommand({ StreamName: 'clicks', ShardCount: 2 })));

    test('refuses each record by itself, keeps what it acknowledged, and goes on when there is room', async () => {
      await put('before', large('a'));
      disk.fill();
      const answer = await put(large('b'), large('c'), large('d'));
      expect(answer.FailedRecordCount).toBe(3);
      for (const { ErrorCode, ErrorMessage, SequenceNumber } of answer.Records!) {
        expect(ErrorCode).toBe('InternalFailure');
        expect(ErrorMessage).toContain(whatToDo);
        expect(ErrorMessage).toContain(path.join(disk.folder, 'kinesis/clicks/shardId-00000000000'));
        expect(SequenceNumber).toBeUndefined();
      }
      const one = new PutRecordCommand({ StreamName: 'clicks', Data: Buffer.from(large('e')), PartitionKey: 'e' });
      await expect(kinesis().send(one)).rejects.toMatchObject({
        name: 'InternalFailure',
        $metadata: { httpStatusCode: 500 },
      });
      expect(stored()).toEqual(['before', large('a')].sort());
      disk.free();
      expect((await put('after')).FailedRecordCount).toBe(0);
      await restart();
      expect(stored()).toEqual(['after', 'before', large('a')].sort());
    });

    test('a record that finds no room in the middle leaves no half of it', async () => {
      await put('before');
      disk.fill(8192);
      expect((await put(large('b'))).FailedRecordCount).toBe(1);
      await restart();
      disk.free();
      expect((await put('after')).FailedRecordCount).toBe(0);
      expect(stored()).toEqual(['after', 'before']);
    });

    test('is not split in memory alone: the records of its children would be lost', async () => {
      disk.fill();
      const [first] = (await kinesis().send(new ListShardsCommand({ StreamName: 'clicks' }))).Shards!;
      const split = new SplitShardCommand({
        StreamName: 'clicks',
        ShardToSplit: first!.ShardId,
        NewStartingHashKey: '9',
      });
      await expect(kinesis().send(split)).rejects.toThrow(whatToDo);
      expect((await kinesis().send(new ListShardsCommand({ StreamName: 'clicks' }))).Shards).toHaveLength(2);
      disk.free();
      await put('one', 'two', 'three');
      await restart();
      expect(stored()).toEqual(['one', 'three', 'two']);
      await kinesis().send(split);
      expect((await kinesis().send(new ListShardsCommand({ StreamName: 'clicks' }))).Shards).toHaveLength(4);
    });

    test('is not created by half', async () => {
      disk.fill();
      await expect(kinesis().send(new CreateStreamCommand({ StreamName: 'orders', ShardCount: 1 }))).rejects.toThrow(
        whatToDo,
      );
      await restart();
      expect(services.kinesis.port.names).toEqual(['clicks']);
      disk.free();
      await kinesis().send(new CreateStreamCommand({ StreamName: 'orders', ShardCount: 1 }));
      await restart();
      expect(services.kinesis.port.names).toEqual(['clicks', 'orders']);
    });

    test('the SDK repeats a call until there is room', async () => {
      disk.fill();
      const client = new KinesisClient({ ...services.client(), maxAttempts: 3 });
      let attempts = 0;
      client.middlewareStack.add(
        (next) => (request) => {
          attempts += 1;
          if (attempts === 2) disk.free();
          return next(request);
        },
        { step: 'finalizeRequest', priority: 'low' },
      );
      await client.send(
        new PutRecordCommand({ StreamName: 'clicks', Data: Buffer.from(large('e')), PartitionKey: 'e' }),
      );
      expect(attempts).toBe(2);
      expect(stored()).toEqual([large('e')]);
    });
  });

  describe.each([true, false])('a bucket, versioned: %s', (versioned) => {
    const s3 = () => new S3Client({ ...services.client(), forcePathStyle: true });
    const Bucket = 'files';
    const open = () => services.s3.port.open(Bucket, { versioned, tags: [] });
    const put = (Key: string, Body: string) => s3().send(new PutObjectCommand({ Bucket, Key, Body }));
    const get = async (Key: string) =>
      (await s3().send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();
    const keys = async () =>
      (await s3().send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key) ?? [];
    const incoming = () => fs.readdirSync(path.join(disk.folder, 's3/files/.aws-local/incoming'));
    beforeEach(open);

    test('keeps the object that a refused upload would have replaced', async () => {
      await put('in/a', 'first');
      disk.fill();
      for (const key of ['in/a', 'in/b', 'other/folder/c'])
        await expect(put(key, large('x'))).rejects.toMatchObject({
          name: 'InternalError',
          message: expect.stringContaining(`the bucket files cannot be written, since the disk of ${disk.folder}`),
          $metadata: { httpStatusCode: 500 },
        });
      await expect(
        s3().send(new CopyObjectCommand({ Bucket, Key: 'in/copy', CopySource: `${Bucket}/in/a` })),
      ).rejects.toThrow(whatToDo);
      expect(incoming()).toEqual([]);
      expect(await keys()).toEqual(['in/a']);
      expect(await get('in/a')).toBe('first');
      await restart();
      open();
      expect(await keys()).toEqual(['in/a']);
      expect(await get('in/a')).toBe('first');
      disk.free();
      await put('in/a', large('x'));
      await put('other/folder/c', 'c');
      await s3().send(new DeleteObjectCommand({ Bucket, Key: 'other/folder/c' }));
      await restart();
      open();
      expect(await keys()).toEqual(['in/a']);
      expect(await get('in/a')).toBe(large('x'));
    });

    test('room for the bytes but not for the rest leaves nothing of the object', async () => {
      await put('in/a', 'first');
      for (const room of [9000, 9100, 9200, 9300, 12_288]) {
        disk.fill(room);
        const answer = await put('in/new/a', large('x')).catch((error: Error) => error.name);
        disk.free();
        const isThere = (await keys()).includes('in/new/a');
        expect(isThere).toBe(typeof answer !== 'string');
        await restart();
        open();
        expect((await keys()).includes('in/new/a')).toBe(isThere);
        if (isThere) expect(await get('in/new/a')).toBe(large('x'));
        await s3().send(new DeleteObjectCommand({ Bucket, Key: 'in/new/a' }));
      }
      expect(incoming()).toEqual([]);
      expect(await get('in/a')).toBe('first');
    });

    test('keeps the parts of an upload that it acknowledged', async () => {
      const Key = 'big';
      const { UploadId } = await s3().send(new CreateMultipartUploadCommand({ Bucket, Key }));
      const part = (PartNumber: number, Body: string) =>
        s3().send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      const { ETag } = await part(1, large('1'));
      disk.fill();
      await expect(part(1, large('2'))).rejects.toThrow(whatToDo);
      await expect(part(2, large('2'))).rejects.toThrow(whatToDo);
      const complete = new CompleteMultipartUploadCommand({
        ...{ Bucket, Key, UploadId },
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      });
      await expect(s3().send(complete)).rejects.toThrow(whatToDo);
      expect(incoming()).toEqual([]);
      expect((await s3().send(new ListPartsCommand({ Bucket, Key, UploadId }))).Parts).toMatchObject([{ ETag }]);
      await restart();
      open();
      disk.free();
      await s3().send(complete);
      expect(await get(Key)).toBe(large('1'));
    });

    test('a notification that the queue has no room for arrives later', async () => {
      await services.create('AWS::SQS::Queue', 'Told', { QueueName: 'told' });
      const queue = services.sqs.port.queueAt('told');
      services.iam.authorizer.authorize = () => undefined;
      const told = { id: 'all', events: ['s3:ObjectCreated:*'], queueArn: queue.arn, prefix: '', suffix: '' };
      await services.s3.port.setNotifications(services.s3.port.bucket(Bucket), [told], true);
      const send = jest.spyOn(queue, 'send').mockImplementationOnce(() => {
        disk.fill();
        try {
          return queue.accept({ id: 'x', body: large('m'), sentAt: 0, senderId: '', receiveCount: 0, visibleAt: 0 });
        } finally {
          disk.free();
        }
      });
      await put('in/a', 'first');
      expect(queue.depth()).toBe(0);
      services.clock.advanceTo(services.clock.now() + 60_000);
      await new Promise((resolve) => setImmediate(resolve));
      expect(send).toHaveBeenCalledTimes(2);
      expect(queue.depth()).toBe(1);
      expect(services.troubles).toEqual([]);
    });
  });

  describe('a queue', () => {
    const sqs = () => new SQSClient(services.client());
    const openQueues = async () => {
      await services.create('AWS::SQS::Queue', 'Dead', { QueueName: 'dead' });
      await services.create('AWS::SQS::Queue', 'Work', {
        QueueName: 'work',
        VisibilityTimeout: 60,
        RedrivePolicy: { deadLetterTargetArn: 'arn:aws:sqs:eu-west-1:000000000000:dead', maxReceiveCount: '1' },
      });
    };
    const url = async (name: string) => (await sqs().send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl!;
    const send = async (body: string) =>
      sqs().send(new SendMessageCommand({ QueueUrl: await url('work'), MessageBody: body }));
    const receive = async (name = 'work') =>
      (await sqs().send(new ReceiveMessageCommand({ QueueUrl: await url(name), MaxNumberOfMessages: 10 }))).Messages ??
      [];
    beforeEach(openQueues);

    test('has no message that it did not acknowledge, and hides none that it did not deliver', async () => {
      await send(large('a'));
      await send(large('b'));
      disk.fill();
      await expect(send(large('c'))).rejects.toMatchObject({
        message: expect.stringContaining('the queue work cannot be written'),
        $metadata: { httpStatusCode: 500 },
      });
      await expect(receive()).rejects.toThrow(whatToDo);
      disk.free();
      const received = await receive();
      expect(received.map(({ Body }) => Body).sort()).toEqual([large('a'), large('b')]);
      await sqs().send(
        new DeleteMessageCommand({ QueueUrl: await url('work'), ReceiptHandle: received[0]!.ReceiptHandle }),
      );
      await restart();
      await openQueues();
      expect(services.sqs.port.queueAt('work').depth()).toBe(1);
    });

    test('loses no message on its way to the dead-letter queue', async () => {
      await send(large('a'));
      await receive();
      services.clock.advanceTo(services.clock.now() + 61_000);
      disk.fill();
      await expect(receive()).rejects.toThrow('the queue dead cannot be written');
      await restart();
      await openQueues();
      disk.free();
      services.clock.advanceTo(services.clock.now() + 61_000);
      expect(await receive()).toEqual([]);
      expect((await receive('dead')).map(({ Body }) => Body)).toEqual([large('a')]);
      expect(services.sqs.port.queueAt('work').depth()).toBe(0);
    });
  });

  test('a secret that was not stored is not there', async () => {
    const secrets = () => new SecretsManagerClient(services.client());
    const make = (name: string) =>
      services.create('AWS::SecretsManager::Secret', name, { Name: name, SecretString: large(name.at(-1)!) });
    const read = async (name: string) =>
      (await secrets().send(new GetSecretValueCommand({ SecretId: name }))).SecretString;
    await make('a');
    disk.fill();
    await expect(make('b')).rejects.toThrow(path.join(disk.folder, 'secrets.json'));
    await expect(read('b')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await restart();
    expect(await read('a')).toBe(large('a'));
    disk.free();
    await make('b');
    await restart();
    expect(await read('b')).toBe(large('b'));
  });

  test('the state of the stacks is not torn', () => {
    const state = openState(disk.folder);
    const stack = (status: string, text: string) =>
      ({
        status,
        account: '',
        region: '',
        resources: {},
        leftovers: [],
        outputs: { text },
        exports: {},
        imports: [],
      }) as never;
    state.stacks['one'] = stack('UPDATE_IN_PROGRESS', 'a');
    state.save();
    disk.fill();
    state.stacks['one'] = stack('UPDATE_IN_PROGRESS', large('b'));
    expect(() => state.save()).toThrow(`the state of the stacks cannot be written, since the disk of ${disk.folder}`);
    expect(openState(disk.folder).stacks['one']!.outputs).toEqual({ text: 'a' });
    disk.free();
    state.stacks['two'] = stack('UPDATE_IN_PROGRESS', 'c');
    state.save();
    const reopened = openState(disk.folder).stacks;
    expect(reopened['one']!.outputs).toEqual({ text: large('b') });
    expect(reopened['two']!.outputs).toEqual({ text: 'c' });
  });
});
