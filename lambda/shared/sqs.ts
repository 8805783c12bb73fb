import { GetQueueAttributesCommand, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Queues } from './queue';

/** SQS limits of SendMessageBatch. */
const maxEntries = 10;
const maxBytes = 262_144;
/** Before each further attempt at what a batch did not take; the SDK itself repeats whole calls. */
const pausesMs = [200, 400, 800, 1600, 3200];

const sleepMs = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export function sqsQueues(client: Pick<SQSClient, 'send'>, sleep: (ms: number) => Promise<void> = sleepMs): Queues {
  /** A batch may succeed in part: only what failed is sent again. */
  const sendBatch = async (QueueUrl: string, bodies: readonly string[]) => {
    let left = bodies;
    for (const pauseMs of [...pausesMs, undefined]) {
      const Entries = left.map((MessageBody, i) => ({ Id: String(i), MessageBody }));
      const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      if (Failed.length === 0) return;
      const refused = Failed.find(({ SenderFault }) => SenderFault) ?? (pauseMs === undefined ? Failed[0] : undefined);
      if (refused)
        throw new Error(`${QueueUrl} did not take ${Failed.length} messages: ${refused.Code} ${refused.Message ?? ''}`);
      left = Failed.map(({ Id }) => left[Number(Id)]!);
      await sleep(pauseMs!);
    }
  };

  return {
    async send(url, bodies) {
      for (const batch of batches(bodies)) await sendBatch(url, batch);
    },

    async depth(QueueUrl) {
      const AttributeNames = [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ] as const;
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
      );
      return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
    },
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
