import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { allow, type Services, startServices } from '../services';

let services: Services;
let url: string;
const arn = 'arn:aws:sqs:eu-west-1:000000000000:work';
const deadArn = 'arn:aws:sqs:eu-west-1:000000000000:dead';

beforeEach(async () => {
  services = await startServices();
  await createQueues();
});
afterEach(() => services.stop());

async function createQueues(): Promise<void> {
  await services.create('AWS::SQS::Queue', 'Dead', { QueueName: 'dead' });
  const redrive = { deadLetterTargetArn: deadArn, maxReceiveCount: '2' };
  const { ref } = await services.create('AWS::SQS::Queue', 'Work', {
    QueueName: 'work',
    VisibilityTimeout: 60,
    RedrivePolicy: redrive,
  });
  url = ref;
}
const client = () => new SQSClient(services.client());
const send = (MessageBody: string, rest: object = {}) =>
  client().send(new SendMessageCommand({ QueueUrl: url, MessageBody, ...rest }));
const receive = async (rest: object = {}) =>
  (await client().send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, ...rest }))).Messages ?? [];
const bodies = async () => (await receive()).map(({ Body }) => Body);
const pass = (seconds: number) => services.clock.advanceTo(services.clock.now() + seconds * 1000);

test('a message is hidden while it is worked on and comes back if it is not deleted', async () => {
  await send('a');
  expect(await bodies()).toEqual(['a']);
  pass(59);
  expect(await bodies()).toEqual([]);
  pass(1);
  const [message] = await receive({ MessageSystemAttributeNames: ['ApproximateReceiveCount'] });
  expect(message).toMatchObject({ Body: 'a', Attributes: { ApproximateReceiveCount: '2' } });
  await client().send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message!.ReceiptHandle! }));
  pass(3600);
  expect(await bodies()).toEqual([]);
  expect(services.sqs.port.depth(arn)).toBe(0);
});

test('a handle of an earlier receive deletes nothing', async () => {
  await send('a');
  const [first] = await receive();
  pass(60);
  await receive();
  await client().send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: first!.ReceiptHandle! }));
  expect(services.sqs.port.depth(arn)).toBe(1);
});

test('a message that was received too often goes to the dead-letter queue', async () => {
  await send('poison');
  for (let i = 0; i < 2; i++) {
    expect(await bodies()).toEqual(['poison']);
    pass(60);
  }
  expect(await bodies()).toEqual([]);
  expect([services.sqs.port.depth(arn), services.sqs.port.depth(deadArn)]).toEqual([0, 1]);
});

test('visibility can be given back, a delay holds a message, and retention ends it', async () => {
  await send('a');
  const [message] = await receive();
  await client().send(
    new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle: message!.ReceiptHandle!, VisibilityTimeout: 0 }),
  );
  expect(await bodies()).toEqual(['a']);
  await send('later', { DelaySeconds: 900 });
  pass(899);
  expect(await bodies()).not.toContain('later');
  pass(1);
  expect(await bodies()).toEqual(['later']);
  pass(345_600);
  expect(services.sqs.port.depth(arn)).toBe(0);
});

test('batches answer entry by entry', async () => {
  const Entries = [
    { Id: '1', MessageBody: 'a' },
    { Id: '2', MessageBody: 'b' },
  ];
  const sent = await client().send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
  expect(sent.Successful!.map(({ Id }) => Id)).toEqual(['1', '2']);
  const messages = await receive();
  const handles = messages.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle: ReceiptHandle! }));
  const deleted = await client().send(
    new DeleteMessageBatchCommand({ QueueUrl: url, Entries: [...handles, { Id: 'x', ReceiptHandle: '!' }] }),
  );
  expect([deleted.Successful!.length, deleted.Failed]).toMatchObject([
    2,
    [{ Id: 'x', Code: 'ReceiptHandleIsInvalid' }],
  ]);
});

test('a waiting receive is answered when a message comes, or at its time', async () => {
  const waiting = receive({ WaitTimeSeconds: 20 });
  await untilWaiting();
  await send('a');
  expect((await waiting).map(({ Body }) => Body)).toEqual(['a']);
  const idle = receive({ WaitTimeSeconds: 20 });
  await untilWaiting();
  pass(20);
  expect(await idle).toEqual([]);

  async function untilWaiting(): Promise<void> {
    while (services.clock.nextTimerAt() === undefined) await new Promise(setImmediate);
  }
});

test('who listens is told when a message becomes visible', async () => {
  const told: number[] = [];
  const stop = services.sqs.port.onAvailable(arn, () => told.push(services.clock.now()));
  const begin = services.clock.now();
  await send('a');
  await receive();
  pass(60);
  stop();
  await send('b');
  expect(told.map((at) => at - begin)).toEqual([0, 60_000]);
});

test('a restart keeps messages, receive counts and what is in flight', async () => {
  await send('waiting');
  await send('deleted');
  const messages = await receive();
  const gone = messages.find(({ Body }) => Body === 'deleted')!;
  await client().send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: gone.ReceiptHandle! }));
  const now = services.clock.now();
  await services.stop();
  services = await startServices({ dataDir: services.dataDir, now });
  await createQueues();
  expect(await bodies()).toEqual([]);
  pass(60);
  const [message] = await receive({ MessageSystemAttributeNames: ['All'] });
  expect(message).toMatchObject({ Body: 'waiting', Attributes: { ApproximateReceiveCount: '2' } });
});

test('queues are found by name and describe themselves', async () => {
  expect((await client().send(new GetQueueUrlCommand({ QueueName: 'work' }))).QueueUrl).toBe(url);
  await send('a');
  const { Attributes } = await client().send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
  expect(Attributes).toMatchObject({ QueueArn: arn, ApproximateNumberOfMessages: '1', VisibilityTimeout: '60' });
  await expect(client().send(new GetQueueUrlCommand({ QueueName: 'none' }))).rejects.toMatchObject({
    name: 'QueueDoesNotExist',
  });
});

test('an encrypted queue needs the key to send', async () => {
  const key = await services.create('AWS::KMS::Key', 'Key', {});
  const queue = await services.create('AWS::SQS::Queue', 'Closed', { QueueName: 'closed', KmsMasterKeyId: key.ref });
  const { principal } = await services.role('Sender', [allow('sqs:SendMessage', String(queue.attributes['Arn']))]);
  await expect(services.sqs.port.send(principal, String(queue.attributes['Arn']), 'x')).rejects.toThrow(
    /kms:GenerateDataKey/,
  );
});

test('refuses FIFO queues, message attributes and unknown operations by name', async () => {
  const attributes = { MessageAttributes: { a: { DataType: 'String', StringValue: 'b' } } };
  await expect(send('a', attributes)).rejects.toMatchObject({
    name: 'NotModelled',
    message: expect.stringContaining('MessageAttributes'),
  });
  await expect(services.create('AWS::SQS::Queue', 'Fifo', { QueueName: 'x.fifo' })).rejects.toThrow(/QueueName x.fifo/);
});
