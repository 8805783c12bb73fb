import { createEventBus } from '../../src/events';
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

describe('PutEvents', () => {
  const put = (bus: ReturnType<typeof busWith>['bus'], ...Entries: object[]) =>
    bus.service.handle({
      principal: { kind: 'role', arn: 'arn:aws:iam::000000000000:role/x', account: '000000000000' } as never,
      method: 'POST',
      path: '/',
      query: new URLSearchParams(),
      headers: { 'x-amz-target': 'AWSEvents.PutEvents' },
      body: Buffer.from(JSON.stringify({ Entries })),
    });
  const entry = { Source: 'millrace', DetailType: 'Told', Detail: '{"n":1}' };

  test('an event reaches a queue of the account as EventBridge, and none of another', async () => {
    const targets = ['000000000000', '111122223333'].map((account, i) => ({
      Arn: `arn:aws:sqs:eu-west-1:${account}:told`,
      Id: `t${i}`,
    }));
    const { bus, sent } = busWith(fakeLambda(), { EventPattern: { source: ['millrace'] }, Targets: targets });
    const answer = await put(bus, entry);
    await turns();
    expect(JSON.parse(String(answer.body))).toEqual({
      FailedEntryCount: 0,
      Entries: [{ EventId: expect.any(String) }],
    });
    expect(sent).toEqual([['events.amazonaws.com', 'arn:aws:sqs:eu-west-1:000000000000:told', { n: 1 }]]);
  });

  test('an entry that is wrong is refused by itself', async () => {
    const { bus } = busWith();
    const answer = await put(bus, entry, { ...entry, Detail: '[1]' }, { ...entry, Source: 'aws.s3' }, { Source: 'x' });
    const { FailedEntryCount, Entries } = JSON.parse(String(answer.body));
    expect(FailedEntryCount).toBe(3);
    expect(Entries.map(({ ErrorCode }: { ErrorCode?: string }) => ErrorCode)).toEqual([
      undefined,
      'MalformedDetail',
      'NotAuthorizedForSourceException',
      'InvalidArgument',
    ]);
  });

  test('more entries than EventBridge takes are refused', async () => {
    await expect(put(busWith().bus, ...Array.from({ length: 11 }, () => entry))).rejects.toThrow(
      '1 to 10 members, got 11',
    );
  });
});
