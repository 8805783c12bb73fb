import { createScheduler, expandContext } from '../../src/scheduler';
import { base, create, fakeLambda, turns } from '../fakes';

const functionArn = 'arn:aws:lambda:eu-west-1:000000000000:function:refresh';
const minute = 60_000;

function schedulerWith(lambda = fakeLambda(), properties: Record<string, unknown> = {}) {
  const options = base(Date.UTC(2026, 2, 4, 5, 0, 30));
  const sent: string[] = [];
  const sqs = { send: async (_principal: unknown, _arn: string, body: string) => void sent.push(body) } as never;
  const scheduler = createScheduler({ ...options, lambda, sqs });
  create(scheduler.resources, 'AWS::Scheduler::Schedule', {
    FlexibleTimeWindow: { Mode: 'OFF' },
    ScheduleExpression: 'rate(1 minute)',
    State: 'ENABLED',
    Target: {
      Arn: functionArn,
      RoleArn: 'arn:role',
      Input: '{"kind":"start","scheduledTime":"<aws.scheduler.scheduled-time>"}',
      DeadLetterConfig: { Arn: 'arn:dead' },
      RetryPolicy: { MaximumRetryAttempts: 1 },
    },
    ...properties,
  });
  const advance = async (ms: number) => {
    options.clock.advanceTo(options.clock.now() + ms);
    await turns();
  };
  return { ...options, scheduler, lambda, sent, advance };
}

test('invokes as the role, once a minute, with the scheduled time in the input', async () => {
  const { scheduler, lambda, sts, advance } = schedulerWith();
  await advance(minute);
  expect(lambda.invocations).toEqual([]);
  scheduler.start();
  await advance(minute);
  await advance(minute);
  expect(lambda.invocations).toMatchObject([
    {
      functionArn,
      payload: { kind: 'start', scheduledTime: '2026-03-04T05:02:00Z' },
      principal: { roleArn: 'arn:role' },
    },
    { payload: { scheduledTime: '2026-03-04T05:03:00Z' } },
  ]);
  expect(sts.asked[0]).toMatchObject({
    caller: { kind: 'service', arn: 'scheduler.amazonaws.com' },
    input: {
      context: {
        'aws:SourceArn': 'arn:aws:scheduler:eu-west-1:000000000000:schedule-group/default',
        'aws:SourceAccount': '000000000000',
      },
    },
  });
});

test('retries as often as the policy allows, then the dead-letter queue gets the input', async () => {
  const failing = fakeLambda(() => {
    throw new Error('not authorized');
  });
  const { scheduler, sent, events, advance } = schedulerWith(failing);
  scheduler.start();
  await advance(30_000);
  await advance(5_000);
  await advance(5_000);
  expect(failing.invocations).toHaveLength(2);
  expect(sent).toEqual(['{"kind":"start","scheduledTime":"2026-03-04T05:01:00Z"}']);
  expect(events.map((event) => event.kind === 'trouble' && event.message)).toEqual([
    'not authorized',
    'the invocation was lost: not authorized',
  ]);
});

test('a disabled schedule does not fire', async () => {
  const { scheduler, lambda, advance } = schedulerWith(fakeLambda(), { State: 'DISABLED' });
  scheduler.start();
  await advance(10 * minute);
  expect(lambda.invocations).toEqual([]);
});

test('refuses what is not modelled', () => {
  expect(() => schedulerWith(fakeLambda(), { FlexibleTimeWindow: { Mode: 'FLEXIBLE' } })).toThrow(
    'schedule stack-One.FlexibleTimeWindow.Mode "FLEXIBLE" is not modelled',
  );
  expect(() => schedulerWith(fakeLambda(), { Target: { Arn: 'arn:aws:sqs:x', RoleArn: 'r' } })).toThrow(
    'schedule stack-One.Target.Arn arn:aws:sqs:x is not modelled',
  );
});

test('fills in the context attributes and refuses unknown ones', () => {
  expect(expandContext('<aws.scheduler.execution-id> <aws.scheduler.attempt-number>', 'arn', 0, 'id', 2)).toBe('id 2');
  expect(() => expandContext('<aws.scheduler.moon>', 'arn', 0, 'id', 1)).toThrow(
    'context attribute <aws.scheduler.moon> of EventBridge Scheduler is not modelled',
  );
});
