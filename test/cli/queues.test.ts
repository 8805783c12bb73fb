import { SQSClient } from '@aws-sdk/client-sqs';
import { messagesOnDisk } from 'aws-local/data-folder';
import { type Services, startServices } from 'aws-local/testing';
import { sqsQueues } from '../../cli/cloud/sdk';

let services: Services;
let url: string;
const queues = () => sqsQueues(new SQSClient(services.client()), async () => undefined);

beforeEach(async () => {
  services = await startServices();
  url = (await services.create('AWS::SQS::Queue', 'Work', { QueueName: 'work', VisibilityTimeout: 60 })).ref;
  await queues().send(
    url,
    Array.from({ length: 25 }, (_, n) => `m${n}`),
  );
});
afterEach(() => services.stop());

describe('a look by receiving', () => {
  test('sees each message once, and leaves all where anybody can receive them, delivered once more', async () => {
    const { messages, whole } = await queues().look(url, 100);
    expect(new Set(messages.map(({ body }) => body)).size).toBe(25);
    expect({ whole, amount: messages.length }).toEqual({ whole: true, amount: 25 });
    expect(await queues().counts(url)).toEqual({ waiting: 25, inFlight: 0, delayed: 0 });
    expect((await queues().receive(url, 60)).map(({ deliveries }) => deliveries)).toEqual(Array(10).fill(2));
  });

  test('is bounded, says that it did not see everything, and lets go of what it took', async () => {
    const { messages, whole } = await queues().look(url, 15);
    expect({ whole, amount: messages.length }).toEqual({ whole: false, amount: 20 });
    expect(await queues().counts(url)).toEqual({ waiting: 25, inFlight: 0, delayed: 0 });
  });

  test('does not see what a reader has in hand, and says so', async () => {
    await queues().receive(url, 60);
    const { messages, whole } = await queues().look(url, 100);
    expect({ whole, amount: messages.length }).toEqual({ whole: false, amount: 15 });
    expect(await queues().counts(url)).toEqual({ waiting: 15, inFlight: 10, delayed: 0 });
  });
});

test('a look on disk sees what is hidden too, and delivers nothing', async () => {
  const [first] = await queues().receive(url, 60);
  await queues().delete(url, first!.receipt);
  const messages = messagesOnDisk(services.dataDir, 'work');
  expect(messages).toHaveLength(24);
  expect(messages.filter(({ receiveCount }) => receiveCount === 1)).toHaveLength(9);
  expect(messagesOnDisk(services.dataDir, 'nobody')).toEqual([]);
});
