import type { LambdaOptions } from '../../src/lambda';
import { createAsyncQueue } from '../../src/lambda/async-queue';
import type { Functions } from '../../src/lambda/functions';
import { tooOld } from '../../src/lambda/runner';
import { base, create, turns } from '../fakes';

/** @param waits what an event waits for before the function is free */
function queueOf(failures: number, config?: Record<string, unknown>, waits?: () => Promise<void>) {
  const options = base(0);
  const runs: number[] = [];
  const sent: { queueArn: string; body: unknown }[] = [];
  const functions = {
    get: () => ({ name: 'refresh', arn: 'arn:refresh', principal: { arn: 'role' } }),
    async run(_arn: string, _payload: unknown, { isStale }: { isStale: () => boolean }) {
      await waits?.();
      if (isStale()) return { payload: null, error: tooOld };
      runs.push(options.clock.now());
      return runs.length <= failures
        ? { payload: null, error: { errorType: 'Error', errorMessage: 'no luck' } }
        : { payload: null };
    },
  } as unknown as Functions;
  const sqs = {
    send: async (_principal: unknown, queueArn: string, body: string) =>
      void sent.push({ queueArn, body: JSON.parse(body) }),
  };
  const queue = createAsyncQueue({ ...options, sqs } as unknown as LambdaOptions, functions);
  if (config)
    create(queue.resources, 'AWS::Lambda::EventInvokeConfig', {
      FunctionName: 'refresh',
      Qualifier: '$LATEST',
      ...config,
    });
  const advance = async (ms: number) => {
    options.clock.advanceTo(options.clock.now() + ms);
    await turns();
  };
  return { ...options, queue, runs, sent, advance };
}

test('is retried twice, after one and then two minutes', async () => {
  const { queue, runs, events, advance } = queueOf(2);
  queue.add('arn:refresh', {});
  await turns();
  await advance(60_000);
  await advance(120_000);
  expect(runs).toEqual([0, 60_000, 180_000]);
  expect(events).toEqual([]);
});

test('is told as lost when the retries are used up', async () => {
  const { queue, runs, events, advance } = queueOf(9);
  queue.add('arn:refresh', {});
  await turns();
  await advance(60_000);
  await advance(120_000);
  await advance(3_600_000);
  expect(runs).toHaveLength(3);
  expect(events).toMatchObject([
    { kind: 'trouble', name: 'refresh', message: 'the event was lost after 3 attempts: Error: no luck' },
  ]);
});

test('MaximumRetryAttempts 0 is honoured, and the failure destination gets the event', async () => {
  const { queue, runs, sent, advance } = queueOf(9, {
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:eu-west-1:0:dead' } },
  });
  queue.add('arn:refresh', { kind: 'start' });
  await turns();
  await advance(3_600_000);
  expect(runs).toEqual([0]);
  expect(sent).toMatchObject([
    {
      queueArn: 'arn:aws:sqs:eu-west-1:0:dead',
      body: { requestPayload: { kind: 'start' }, responsePayload: { errorMessage: 'no luck' } },
    },
  ]);
});

test('an event older than MaximumEventAgeInSeconds is not retried', async () => {
  const { queue, runs, advance } = queueOf(9, { MaximumEventAgeInSeconds: 60 });
  queue.add('arn:refresh', {});
  await turns();
  await advance(60_000);
  await advance(120_000);
  expect(runs).toEqual([0, 60_000]);
});

test('an event that waits longer than its maximum age for its turn never reaches the function', async () => {
  const destination = { DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:eu-west-1:0:dead' } } };
  const free: (() => void)[] = [];
  const { queue, runs, sent, advance } = queueOf(
    0,
    { MaximumEventAgeInSeconds: 300, ...destination },
    () => new Promise((resolve) => free.push(resolve)),
  );
  queue.add('arn:refresh', { nth: 1 });
  queue.add('arn:refresh', { nth: 2 });
  await advance(300_000);
  free.shift()!();
  await advance(0);
  await advance(1);
  free.shift()!();
  await advance(0);
  expect(runs).toEqual([300_000]);
  expect(sent).toMatchObject([
    {
      body: {
        requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 0 },
        requestPayload: { nth: 2 },
      },
    },
  ]);
});

test('the failure destination says why there was no retry', async () => {
  const destination = { DestinationConfig: { OnFailure: { Destination: 'arn:aws:sqs:eu-west-1:0:dead' } } };
  const { queue, sent, advance } = queueOf(9, { MaximumEventAgeInSeconds: 60, ...destination });
  queue.add('arn:refresh', {});
  await turns();
  await advance(60_000);
  await advance(120_000);
  expect(sent).toMatchObject([
    { body: { requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 2 } } },
  ]);
});
