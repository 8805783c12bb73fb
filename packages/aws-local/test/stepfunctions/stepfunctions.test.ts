import type { ServiceRequest } from 'aws-local-kit';
import { createStepFunctions } from '../../src/stepfunctions';
import { base, create, fakeLambda, turns } from '../fakes';

const isComplete = 'arn:aws:lambda:eu-west-1:000000000000:function:isComplete';
const onTimeout = 'arn:aws:lambda:eu-west-1:000000000000:function:onTimeout';

/** What CDK's provider framework makes. */
const waiter = (maxAttempts: number) => ({
  StartAt: 'framework-isComplete-task',
  States: {
    'framework-isComplete-task': {
      End: true,
      Retry: [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 5, MaxAttempts: maxAttempts, BackoffRate: 2 }],
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'framework-onTimeout-task' }],
      Type: 'Task',
      Resource: isComplete,
    },
    'framework-onTimeout-task': { End: true, Type: 'Task', Resource: onTimeout },
  },
});

async function machineOf(lambda: ReturnType<typeof fakeLambda>, definition: unknown) {
  const options = base(0);
  const states = createStepFunctions({ ...options, lambda });
  const { ref } = await create(states.resources, 'AWS::StepFunctions::StateMachine', {
    DefinitionString: JSON.stringify(definition),
    RoleArn: 'arn:role',
  });
  const call = (operation: string, input: unknown) =>
    states.service.handle({
      principal: { kind: 'administrator', arn: 'me', account: '0' },
      method: 'POST',
      path: '/',
      query: new URLSearchParams(),
      headers: { 'x-amz-target': `AWSStepFunctions.${operation}` },
      body: Buffer.from(JSON.stringify(input)),
    } satisfies ServiceRequest);
  const advance = async (ms: number) => {
    options.clock.advanceTo(options.clock.now() + ms);
    await turns();
  };
  return { ...options, states, ref, call, advance };
}

test('retries at growing intervals of the clock until the function is content', async () => {
  const lambda = fakeLambda((_payload, count) => {
    if (count < 3) throw new Error('not yet');
    return 'done';
  });
  const { states, ref, call, advance } = await machineOf(lambda, waiter(10));
  await call('StartExecution', { stateMachineArn: ref, input: '{"x":1}' });
  await turns();
  expect(lambda.invocations).toHaveLength(1);
  await advance(4_999);
  expect(lambda.invocations).toHaveLength(1);
  await advance(1);
  expect(lambda.invocations).toHaveLength(2);
  expect(states.running()).toBe(1);
  await advance(10_000);
  expect(lambda.invocations.map(({ functionArn, payload }) => [functionArn, payload])).toEqual(
    Array(3).fill([isComplete, { x: 1 }]),
  );
  expect(states.running()).toBe(0);
});

test('when the attempts are used up, the catcher gets the error as Error and Cause', async () => {
  const lambda = fakeLambda((payload: { Cause?: string }) => {
    if (!payload.Cause) throw new Error('{"the":"event"}');
  });
  const { ref, call, advance } = await machineOf(lambda, waiter(1));
  await call('StartExecution', { stateMachineArn: ref, input: '{}' });
  await turns();
  await advance(5_000);
  const last = lambda.invocations.at(-1)!;
  expect(last.functionArn).toBe(onTimeout);
  const { Error: error, Cause } = last.payload as { Error: string; Cause: string };
  expect([error, JSON.parse(Cause).errorMessage]).toEqual(['Error', '{"the":"event"}']);
});

test.each([
  [{ StartAt: 'a', States: { a: { Type: 'Wait', Seconds: 5, End: true } } }, 'state a of type Wait is not modelled'],
  [
    { StartAt: 'a', States: { a: { Type: 'Task', Resource: isComplete, End: true, TimeoutSeconds: 5 } } },
    'state a.TimeoutSeconds is not modelled',
  ],
  [
    { StartAt: 'a', States: { a: { Type: 'Task', Resource: 'arn:aws:states:::sns:publish', End: true } } },
    'state a.Resource arn:aws:states:::sns:publish is not modelled',
  ],
  [
    { StartAt: 'a', States: { a: { Type: 'Task', Resource: isComplete, Next: 'b' } } },
    'names states that it does not have: b',
  ],
])('refuses a definition of other things', async (definition, message) => {
  await expect(machineOf(fakeLambda(), definition)).rejects.toThrow(message);
});

test('an unknown state machine and a name used twice are errors', async () => {
  const { ref, call } = await machineOf(fakeLambda(), waiter(1));
  await expect(call('StartExecution', { stateMachineArn: `${ref}x` })).rejects.toThrow('State Machine Does Not Exist');
  await call('StartExecution', { stateMachineArn: ref, name: 'once' });
  await expect(call('StartExecution', { stateMachineArn: ref, name: 'once' })).rejects.toThrow(
    'Execution Already Exists',
  );
});
