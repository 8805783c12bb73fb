import {
  AwsError,
  integerOf,
  invalid,
  type JsonOperations,
  listOf,
  NotModelledError,
  objectOf,
  type Principal,
  pageAfter,
  requiredText,
  textOf,
} from 'aws-local-kit';
import type { Queue } from './queue';
import { md5, type Sqs, systemAttributes } from './sqs';

type Input = Readonly<Record<string, unknown>>;

/** The SQS API, JSON 1.0: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference. */
export function sqsOperations(sqs: Sqs): JsonOperations {
  const queueOf = (input: Input) => sqs.queueAt(requiredText(input['QueueUrl'], 'QueueUrl'));
  const deleteOne = (queue: Queue, input: Input) => queue.delete(requiredText(input['ReceiptHandle'], 'ReceiptHandle'));
  const hideOne = (queue: Queue, input: Input) =>
    queue.changeVisibility(
      requiredText(input['ReceiptHandle'], 'ReceiptHandle'),
      integerOf(input['VisibilityTimeout'], 'VisibilityTimeout', 0, 43_200) ?? 0,
    );
  return {
    SendMessage(input: Input, principal) {
      known(input, ['QueueUrl', 'MessageBody', 'DelaySeconds']);
      return sendOne(sqs, queueOf(input), input, principal);
    },
    SendMessageBatch: (input: Input, principal) =>
      batch(input, ['MessageBody', 'DelaySeconds'], (entry) => sendOne(sqs, queueOf(input), entry, principal)),
    ReceiveMessage: (input: Input, principal) => receive(sqs, queueOf(input), input, principal),
    DeleteMessage(input: Input, principal) {
      known(input, ['QueueUrl', 'ReceiptHandle']);
      sqs.authorize(principal, 'sqs:DeleteMessage', queueOf(input));
      deleteOne(queueOf(input), input);
    },
    DeleteMessageBatch(input: Input, principal) {
      sqs.authorize(principal, 'sqs:DeleteMessage', queueOf(input));
      return batch(input, ['ReceiptHandle'], (entry) => deleteOne(queueOf(input), entry));
    },
    ChangeMessageVisibility(input: Input, principal) {
      known(input, ['QueueUrl', 'ReceiptHandle', 'VisibilityTimeout']);
      sqs.authorize(principal, 'sqs:ChangeMessageVisibility', queueOf(input));
      hideOne(queueOf(input), input);
    },
    GetQueueAttributes(input: Input, principal) {
      known(input, ['QueueUrl', 'AttributeNames']);
      sqs.authorize(principal, 'sqs:GetQueueAttributes', queueOf(input));
      return { Attributes: attributes(queueOf(input), listOf(input['AttributeNames'], 'AttributeNames')) };
    },
    GetQueueUrl(input: Input, principal) {
      known(input, ['QueueName', 'QueueOwnerAWSAccountId']);
      const queue = sqs.queueAt(requiredText(input['QueueName'], 'QueueName'));
      sqs.authorize(principal, 'sqs:GetQueueUrl', queue);
      return { QueueUrl: sqs.urlOf(queue) };
    },
    ListQueues(input: Input, principal) {
      known(input, ['QueueNamePrefix', 'MaxResults', 'NextToken']);
      const { authorizer } = sqs.options;
      authorizer.authorize({ principal, action: 'sqs:ListQueues', resource: '*' });
      const prefix = textOf(input['QueueNamePrefix'], 'QueueNamePrefix') ?? '';
      const queues = sqs.list().filter(({ name }) => name.startsWith(prefix));
      const size = integerOf(input['MaxResults'], 'MaxResults', 1, 1000);
      const page = pageAfter(queues, ({ name }) => name, {
        size: size ?? 1000,
        token: textOf(input['NextToken'], 'NextToken'),
      });
      // Without MaxResults, the response has no token (API reference, ListQueues).
      return { QueueUrls: page.items.map((queue) => sqs.urlOf(queue)), NextToken: size && page.nextToken };
    },
    PurgeQueue(input: Input, principal) {
      known(input, ['QueueUrl']);
      sqs.authorize(principal, 'sqs:PurgeQueue', queueOf(input));
      queueOf(input).purge();
    },
  };
}

function sendOne(sqs: Sqs, queue: Queue, input: Input, principal: Principal) {
  const delay = integerOf(input['DelaySeconds'], 'DelaySeconds', 0, 900);
  const message = sqs.sendTo(queue, principal, requiredText(input['MessageBody'], 'MessageBody'), delay);
  return { MessageId: message.id, MD5OfMessageBody: md5(message.body) };
}

async function receive(sqs: Sqs, queue: Queue, input: Input, principal: Principal) {
  known(input, [
    'QueueUrl',
    'MaxNumberOfMessages',
    'VisibilityTimeout',
    'WaitTimeSeconds',
    'AttributeNames',
    'MessageSystemAttributeNames',
    'MessageAttributeNames',
  ]);
  const max = integerOf(input['MaxNumberOfMessages'], 'MaxNumberOfMessages', 1, 10) ?? 1;
  const visibility = integerOf(input['VisibilityTimeout'], 'VisibilityTimeout', 0, 43_200);
  const waitSeconds = integerOf(input['WaitTimeSeconds'], 'WaitTimeSeconds', 0, 20) ?? queue.settings.waitSeconds;
  let messages = sqs.receiveFrom(queue, principal, max, visibility);
  if (messages.length === 0 && waitSeconds > 0) {
    await available(sqs, queue, waitSeconds);
    messages = sqs.receiveFrom(queue, principal, max, visibility);
  }
  const names = [
    ...listOf(input['AttributeNames'], 'AttributeNames'),
    ...listOf(input['MessageSystemAttributeNames'], 'MessageSystemAttributeNames'),
  ];
  if (messages.length === 0) return {};
  return {
    Messages: messages.map((message) => ({
      MessageId: message.id,
      ReceiptHandle: message.receipt,
      MD5OfBody: md5(message.body),
      Body: message.body,
      Attributes: chosen(systemAttributes(message), names),
    })),
  };
}

/** Waits by the clock until a message becomes visible. */
function available(sqs: Sqs, queue: Queue, seconds: number): Promise<void> {
  const { clock } = sqs.options;
  return new Promise((resolve) => {
    const done = () => {
      stop();
      timer.cancel();
      resolve();
    };
    const timer = clock.at(clock.now() + seconds * 1000, done);
    const stop = queue.onAvailable(done);
  });
}

/** Runs the entries of a batch. Each entry succeeds or fails on its own. */
function batch(input: Input, members: readonly string[], run: (entry: Input) => unknown) {
  known(input, ['QueueUrl', 'Entries']);
  const entries = listOf(input['Entries'], 'Entries').map(
    (entry, i) => objectOf(entry, ['Id', ...members], `Entries[${i}]`) ?? {},
  );
  if (entries.length === 0 || entries.length > 10)
    throw new AwsError('TooManyEntriesInBatchRequest', `Entries must hold 1 to 10 entries, got ${entries.length}`);
  const ids = entries.map((entry) => requiredText(entry['Id'], 'Entries.Id'));
  if (new Set(ids).size !== ids.length)
    throw new AwsError('BatchEntryIdsNotDistinct', 'Entries must have distinct ids');
  const successful: object[] = [];
  const failed: object[] = [];
  for (const [i, entry] of entries.entries()) {
    try {
      successful.push({ Id: ids[i], ...(run(entry) as object | undefined) });
    } catch (error) {
      if (!(error instanceof AwsError) || error.code === 'AccessDeniedException' || error instanceof NotModelledError)
        throw error;
      failed.push({ Id: ids[i], SenderFault: true, Code: error.code, Message: error.message });
    }
  }
  return { Successful: successful, Failed: failed };
}

function attributes(queue: Queue, names: readonly unknown[]): Record<string, string> {
  const { settings } = queue;
  const counts = queue.counts();
  const all: Record<string, string> = {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(counts.visible),
    ApproximateNumberOfMessagesNotVisible: String(counts.inFlight),
    ApproximateNumberOfMessagesDelayed: String(counts.delayed),
    VisibilityTimeout: String(settings.visibilitySeconds),
    MessageRetentionPeriod: String(settings.retentionSeconds),
    DelaySeconds: String(settings.delaySeconds),
    ReceiveMessageWaitTimeSeconds: String(settings.waitSeconds),
    MaximumMessageSize: String(settings.maximumBytes),
  };
  if (settings.kmsKey) all['KmsMasterKeyId'] = settings.kmsKey;
  if (queue.policy) all['Policy'] = JSON.stringify(queue.policy);
  if (settings.redrive)
    all['RedrivePolicy'] = JSON.stringify({
      deadLetterTargetArn: settings.redrive.queueArn,
      maxReceiveCount: settings.redrive.maxReceiveCount,
    });
  for (const name of names)
    if (
      name !== 'All' &&
      !Object.hasOwn(all, String(name)) &&
      !['KmsMasterKeyId', 'Policy', 'RedrivePolicy'].includes(String(name))
    )
      throw new NotModelledError(`attribute ${name} of sqs:GetQueueAttributes`);
  return chosen(all, names);
}

function chosen(all: Record<string, string>, names: readonly unknown[]): Record<string, string> {
  if (names.includes('All')) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}

function known(input: Input, members: readonly string[]): void {
  if (!objectOf(input, members, 'request')) throw invalid('request', input, 'an object');
}
