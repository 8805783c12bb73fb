import {
  type BatchResultErrorEntry,
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { clientSettings } from './client-settings';
import type { Queues } from './queue';

/** SQS limits of SendMessageBatch. */
const maxEntries = 10;
const maxBytes = 262_144;
/** Pauses before retries of messages that a call refused. The SDK itself retries whole calls. */
const pausesMs = [200, 400, 800, 1600, 3200];

const sleepMs = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

type Client = Pick<SQSClient, 'send'>;
type Sleep = (ms: number) => Promise<unknown>;

/** SQS, as the function's role may use it. */
export const connectQueues = (): Queues => sqsQueues(new SQSClient(clientSettings()));

export function sqsQueues(client: Client, sleep: Sleep = sleepMs): Queues {
  return {
    send: (url, bodies) => sendMessages(client, url, bodies, sleep),

    async depth(url) {
      const { waiting, inFlight, delayed } = await messageCounts(client, url);
      return waiting + inFlight + delayed;
    },
  };
}

/**
 * Sends any number of messages, ten at a time. A message that is refused for a passing reason is retried up to five times. If a message is refused for
 * good, the others are still sent, and then the call fails.
 * @throws Error with the number of refused messages and the reason. If the queue does not recover, later messages were not sent
 */
export async function sendMessages(
  client: Client,
  url: string,
  bodies: readonly string[],
  sleep: Sleep = sleepMs,
): Promise<void> {
  const refused: BatchResultErrorEntry[] = [];
  for (const batch of batches(bodies)) refused.push(...(await sendBatch(client, url, batch, sleep)));
  if (refused.length > 0) throw notTaken(url, refused);
}

/** A call may accept only some messages. Returns those that are refused for good: the sender is at fault. */
async function sendBatch(
  client: Client,
  QueueUrl: string,
  bodies: readonly string[],
  sleep: Sleep,
): Promise<BatchResultErrorEntry[]> {
  const refused: BatchResultErrorEntry[] = [];
  let left = bodies;
  for (const pauseMs of [...pausesMs, undefined]) {
    const Entries = left.map((MessageBody, i) => ({ Id: String(i), MessageBody }));
    const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    refused.push(...Failed.filter(({ SenderFault }) => SenderFault));
    const passing = Failed.filter(({ SenderFault }) => !SenderFault);
    if (passing.length === 0) return refused;
    if (pauseMs === undefined) throw notTaken(QueueUrl, [...passing, ...refused]);
    left = passing.map(({ Id }) => left[Number(Id)]!);
    await sleep(pauseMs);
  }
  return refused;
}

const notTaken = (url: string, [first, ...others]: readonly BatchResultErrorEntry[]) =>
  new Error(
    `${url} did not take ${others.length === 0 ? 'a message' : `${others.length + 1} messages`}: ${first!.Code} ${first!.Message ?? ''}`.trim(),
  );

/** Approximate numbers of messages in a queue. */
export interface MessageCounts {
  readonly waiting: number;
  readonly inFlight: number;
  readonly delayed: number;
}

export async function messageCounts(client: Client, QueueUrl: string): Promise<MessageCounts> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return {
    waiting: Number(Attributes['ApproximateNumberOfMessages'] ?? 0),
    inFlight: Number(Attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0),
    delayed: Number(Attributes['ApproximateNumberOfMessagesDelayed'] ?? 0),
  };
}

function* batches(bodies: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for (const body of bodies) {
    const size = Buffer.byteLength(body);
    if (batch.length === maxEntries || (batch.length > 0 && bytes + size > maxBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(body);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
