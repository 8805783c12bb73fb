import { AwsError, type Principal } from 'aws-local-kit';
import type { LambdaOptions, QueuePort } from '../../src/lambda';
import { createEventSourceMappings, failedItems } from '../../src/lambda/event-source-mapping';
import type { Functions } from '../../src/lambda/functions';
import type { InvocationResult } from '../../src/lambda/runner';
import { base, create, turns } from '../fakes';

const queueArn = 'arn:aws:sqs:eu-west-1:000000000000:history';
const role: Principal = { kind: 'role', arn: 'role/session', roleArn: 'role', account: '000000000000' };

/** Messages that are handed out once, until they are deleted or made visible again. */
function fakeQueue(bodies: readonly string[]) {
  const hidden = new Set<string>();
  const deleted: string[] = [];
  const listeners: (() => void)[] = [];
  const all = [...bodies];
  const port: QueuePort = {
    async send() {},
    async receive(principal, _arn, max) {
      if (principal !== role) throw new Error('received by somebody else');
      const visible = all.filter((body) => !hidden.has(body) && !deleted.includes(body)).slice(0, max);
      for (const body of visible) hidden.add(body);
      return visible.map((body) => ({
        messageId: `id-${body}`,
        receiptHandle: `handle-${body}`,
        body,
        attributes: { ApproximateReceiveCount: '1' },
      }));
    },
    async delete(_principal, _arn, handle) {
      deleted.push(handle.replace('handle-', ''));
    },
    depth: () => all.length - deleted.length,
    onAvailable(_arn, callback) {
      listeners.push(callback);
      return () => {};
    },
  };
  return {
    port,
    deleted,
    send(body: string) {
      all.push(body);
      for (const listener of listeners) listener();
    },
    makeVisible() {
      hidden.clear();
      for (const listener of listeners) listener();
    },
  };
}

type Records = { Records: { messageId: string; body: string; eventSource: string; eventSourceARN: string }[] };

function mappingOver(
  bodies: readonly string[],
  answer: (bodies: string[]) => InvocationResult,
  properties: Record<string, unknown> = {},
  changes: Partial<LambdaOptions> = {},
) {
  const batches: string[][] = [];
  const events: Records['Records'][] = [];
  const functions = {
    get: () => ({ name: 'load', arn: 'arn:load', principal: role, concurrency: 2 }),
    async run(_arn: string, payload: Records) {
      events.push(payload.Records);
      const batch = payload.Records.map(({ body }) => body);
      batches.push(batch);
      return answer(batch);
    },
  } as unknown as Functions;
  const options = base();
  const queue = fakeQueue(bodies);
  const mappings = createEventSourceMappings(
    { ...options, sqs: queue.port, ...changes } as unknown as LambdaOptions,
    functions,
  );
  const made = () =>
    create(mappings.resources, 'AWS::Lambda::EventSourceMapping', {
      EventSourceArn: queueArn,
      FunctionName: 'load',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ...properties,
    });
  return { ...options, queue, mappings, batches, records: events, made };
}

const ok = (failures: string[] = []): InvocationResult => ({
  payload: { batchItemFailures: failures.map((body) => ({ itemIdentifier: `id-${body}` })) },
});

test('hands batches over and deletes what succeeded', async () => {
  const { queue, mappings, batches, records, made } = mappingOver(['a', 'b', 'c'], () => ok(), { BatchSize: 2 });
  made();
  mappings.start();
  await turns();
  expect(batches).toEqual([['a', 'b'], ['c']]);
  expect(queue.deleted.sort()).toEqual(['a', 'b', 'c']);
  expect(records[0]![0]).toMatchObject({ messageId: 'id-a', eventSource: 'aws:sqs', eventSourceARN: queueArn });
});

test('keeps the items that the function reports as failed, and tries them again when they are visible', async () => {
  let first = true;
  const { queue, mappings, batches, made } = mappingOver(['a', 'b'], () => {
    const answer = first ? ok(['b']) : ok();
    first = false;
    return answer;
  });
  made();
  mappings.start();
  await turns();
  expect(queue.deleted).toEqual(['a']);
  queue.makeVisible();
  await turns();
  expect(batches).toEqual([['a', 'b'], ['b']]);
  expect(queue.deleted).toEqual(['a', 'b']);
});

test('keeps the whole batch when the function fails', async () => {
  const { queue, mappings, made } = mappingOver(['a', 'b'], () => ({
    payload: null,
    error: { errorType: 'Error', errorMessage: 'no' },
  }));
  made();
  mappings.start();
  await turns();
  expect(queue.deleted).toEqual([]);
});

test('waits for the batching window by the clock, or for a full batch', async () => {
  const { clock, queue, mappings, batches, made } = mappingOver(['a'], () => ok(), {
    BatchSize: 3,
    MaximumBatchingWindowInSeconds: 20,
  });
  made();
  mappings.start();
  await turns();
  queue.send('b');
  await turns();
  expect(batches).toEqual([]);
  clock.advanceTo(clock.now() + 20_000);
  await turns();
  expect(batches).toEqual([['a', 'b']]);
  for (const body of ['c', 'd', 'e']) queue.send(body);
  await turns();
  expect(batches[1]).toEqual(['c', 'd', 'e']);
});

test('a role that may not read the queue fails the creation of the mapping', () => {
  const authorizer = {
    authorize({ action }: { action: string }) {
      if (action === 'sqs:DeleteMessage')
        throw new AwsError('AccessDeniedException', `not authorized to perform: ${action}`);
    },
  };
  const { made } = mappingOver([], () => ok(), {}, { authorizer });
  expect(made).toThrow('not authorized to perform: sqs:DeleteMessage');
});

test.each<[string, unknown, string[]]>([
  ['nothing', null, []],
  ['no list', {}, []],
  ['an empty list', { batchItemFailures: [] }, []],
  ['one item', { batchItemFailures: [{ itemIdentifier: 'a' }] }, ['a']],
  // What Lambda cannot read fails the batch.
  ['an unknown item', { batchItemFailures: [{ itemIdentifier: 'x' }] }, ['a', 'b']],
  ['an empty identifier', { batchItemFailures: [{ itemIdentifier: '' }] }, ['a', 'b']],
  ['a wrong key', { batchItemFailures: [{ id: 'a' }] }, ['a', 'b']],
  ['no list at all', { batchItemFailures: 'a' }, ['a', 'b']],
])('an answer with %s', (_name, answer, expected) => {
  expect([...failedItems(answer, [{ messageId: 'a' }, { messageId: 'b' }])]).toEqual(expected);
});

test('does not overlook a message that comes just when a poll is ending', async () => {
  for (let later = 0; later < 30; later++) {
    const { queue, mappings, batches, made } = mappingOver([], () => ok());
    made();
    mappings.start();
    for (let turn = 0; turn < later; turn++) await Promise.resolve();
    queue.send('a');
    await turns();
    expect([later, batches]).toEqual([later, [['a']]]);
  }
});
