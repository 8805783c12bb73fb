import { AwsError, type Principal } from 'aws-local-kit';
import { cloudFormationService } from '../../src/cloudformation';
import type { StoredStack } from '../../src/cloudformation/state';

const principal: Principal = { kind: 'administrator', arn: 'arn:aws:iam::000000000000:root', account: '000000000000' };
const stack: StoredStack = {
  account: '000000000000',
  region: 'eu-west-1',
  createdAt: Date.UTC(2026, 2, 1),
  status: 'CREATE_COMPLETE',
  resources: {
    Stream: {
      type: 'AWS::Kinesis::Stream',
      ref: 'millrace-dev-estore',
      attributes: {},
      deletionPolicy: 'Delete',
      updateReplacePolicy: 'Delete',
      dependsOn: [],
      generation: 0,
    },
  },
  leftovers: [],
  outputs: { StreamName: 'millrace-dev-estore' },
  exports: { 'data:Stream': 'millrace-dev-estore' },
  imports: [],
};
const asked: string[] = [];
const service = cloudFormationService(
  { stacks: { 'millrace-dev-data': stack } },
  { authorize: ({ action, resource }) => void asked.push(`${action} ${resource}`) },
);
const ask = async (parameters: Record<string, string>) => {
  const body = Buffer.from(new URLSearchParams(parameters).toString());
  const { body: answer } = await service.handle({
    principal,
    method: 'POST',
    path: '/',
    query: new URLSearchParams(),
    headers: {},
    body,
  });
  return String(answer);
};
beforeEach(() => {
  asked.length = 0;
});

test('DescribeStacks answers what is deployed, with outputs', async () => {
  const answer = await ask({ Action: 'DescribeStacks', Version: '2010-05-15' });
  expect(answer).toContain('<StackName>millrace-dev-data</StackName>');
  expect(answer).toContain('<CreationTime>2026-03-01T00:00:00.000Z</CreationTime>');
  expect(answer).toContain(
    '<Outputs><member><OutputKey>StreamName</OutputKey><OutputValue>millrace-dev-estore</OutputValue><ExportName>data:Stream</ExportName></member></Outputs>',
  );
  expect(asked).toEqual(['cloudformation:DescribeStacks *']);
});

test('DescribeStackResources answers the resources of one stack', async () => {
  const answer = await ask({ Action: 'DescribeStackResources', StackName: 'millrace-dev-data' });
  expect(answer).toContain('<PhysicalResourceId>millrace-dev-estore</PhysicalResourceId>');
  expect(asked).toEqual([
    'cloudformation:DescribeStackResources arn:aws:cloudformation:eu-west-1:000000000000:stack/millrace-dev-data/00000000-0000-0000-0000-000000000000',
  ]);
});

test('a stack that is not there, and what is not modelled', async () => {
  await expect(ask({ Action: 'DescribeStacks', StackName: 'other' })).rejects.toThrow(
    new AwsError('ValidationError', 'Stack with id other does not exist'),
  );
  await expect(ask({ Action: 'DeleteStack', StackName: 'x' })).rejects.toThrow(/operation cloudformation:DeleteStack/);
});
