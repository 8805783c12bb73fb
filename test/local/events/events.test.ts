import { createEventBus } from '../../../local/events';
import { base, create, fakeLambda, turns } from '../fakes';

const functionArn = 'arn:aws:lambda:eu-west-1:000000000000:function:refresh';
const event = {
  source: 'aws.redshift-data',
  'detail-type': 'Redshift Data Statement Status Change',
  resources: [],
  detail: { state: 'FINISHED' },
};

function busWith(lambda = fakeLambda(), properties: Record<string, unknown> = {}) {
  const options = base();
  const sent: unknown[] = [];
  const sqs = {
    send: async (principal: { arn: string }, arn: string, body: string) =>
      void sent.push([principal.arn, arn, JSON.parse(body).detail]),
  } as never;
  const bus = createEventBus({ ...options, lambda: () => lambda, sqs: () => sqs });
  create(bus.resources, 'AWS::Events::Rule', {
    EventPattern: { source: ['aws.redshift-data'] },
    State: 'ENABLED',
    Targets: [{ Arn: functionArn, Id: 'Target0', DeadLetterConfig: { Arn: 'arn:dead' } }],
    ...properties,
  });
  return { ...options, bus, lambda, sent };
}

test('a matching event reaches the function as EventBridge, with the rule as its source', async () => {
  const { bus, lambda } = busWith();
  bus.port.publish(event);
  bus.port.publish({ ...event, source: 'other' });
  await turns();
  expect(lambda.invocations).toMatchObject([
    {
      functionArn,
      principal: { kind: 'service', arn: 'events.amazonaws.com' },
      sourceArn: 'arn:aws:events:eu-west-1:000000000000:rule/stack-One',
      payload: { ...event, version: '0', account: '000000000000', region: 'eu-west-1', time: '2026-03-04T05:00:30Z' },
    },
  ]);
});

test('an event that the function may not be given goes to the dead-letter queue and is told', async () => {
  const refusing = fakeLambda(() => {
    throw new Error('not authorized');
  });
  const { bus, sent, events } = busWith(refusing);
  bus.port.publish(event);
  await turns();
  expect(sent).toEqual([['events.amazonaws.com', 'arn:dead', event.detail]]);
  expect(events).toMatchObject([
    { kind: 'trouble', name: 'stack-One', message: `an event was not delivered to ${functionArn}: not authorized` },
  ]);
});

test('a disabled rule delivers nothing, other targets are refused', async () => {
  const { bus, lambda } = busWith(fakeLambda(), { State: 'DISABLED' });
  bus.port.publish(event);
  await turns();
  expect(lambda.invocations).toEqual([]);
  expect(() => busWith(fakeLambda(), { Targets: [{ Arn: 'arn:aws:states:x', Id: 'a' }] })).toThrow(
    'rule stack-One.Targets.Arn arn:aws:states:x is not modelled',
  );
  expect(() => busWith(fakeLambda(), { Targets: [{ Arn: functionArn, Id: 'a', InputPath: '$' }] })).toThrow(
    'rule stack-One.Targets.InputPath is not modelled',
  );
});
