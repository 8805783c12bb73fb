import { join } from 'node:path';
import { CloudFormationClient, ListStackResourcesCommand, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
} from '@aws-sdk/client-cloudwatch';
import { EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListSecretsCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { decodeCbor, encodeCbor } from 'aws-local-kit';
import { signedFetch } from 'aws-local-kit/testing';
import { type Runtime, startRuntime } from '../src/runtime';
import { Fixture } from './cloudformation/fixture';

const start = Date.UTC(2026, 2, 4, 5, 0);
const minute = 60_000;
let fixture: Fixture;
let runtime: Runtime;

const role = {
  Type: 'AWS::IAM::Role',
  Properties: {
    RoleName: 'worker',
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    },
  },
};
const worker = (name: string) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { ZipFile: 'exports.handler = async () => 1;' },
    FunctionName: name,
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    MemorySize: 256,
    Environment: { Variables: { PIPELINE: 'estore' } },
    Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
  },
});
const alarm = (name: string, rest: object = {}) => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: {
    AlarmName: name,
    Namespace: 'Millrace',
    MetricName: 'Lag',
    Statistic: 'Maximum',
    Period: '60',
    EvaluationPeriods: 1,
    Threshold: '300',
    ComparisonOperator: 'GreaterThanThreshold',
    ...rest,
  },
});
const rule = (name: string, State: string) => ({
  Type: 'AWS::Events::Rule',
  Properties: {
    Name: name,
    State,
    EventPattern: { source: ['shop'] },
    Targets: [{ Id: 'Worker', Arn: { 'Fn::GetAtt': ['B', 'Arn'] } }],
  },
});

beforeAll(async () => {
  fixture = new Fixture();
  fixture.writeAssembly({
    one: {
      Resources: {
        Role: role,
        A: worker('worker-a'),
        B: worker('worker-b'),
        Arrivals: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'arrivals' } },
        Letters: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'letters' } },
        Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { Name: 'owner', SecretString: 'never shown' } },
        On: rule('on', 'ENABLED'),
        Off: rule('off', 'DISABLED'),
        Lag: alarm('lag'),
        Gap: alarm('gap', { Namespace: 'Other' }),
        Any: {
          Type: 'AWS::CloudWatch::CompositeAlarm',
          Properties: { AlarmName: 'any', AlarmRule: 'ALARM(lag) OR ALARM(gap)' },
        },
      } as never,
    },
  });
  runtime = await startRuntime({
    assemblyDir: fixture.folder,
    stageName: 'dev',
    dataDir: join(fixture.folder, 'data'),
    clock: { rate: 0, start },
  });
  const record = (value: number, at: number, dimensions: Record<string, string> = { Pipeline: 'estore' }) =>
    runtime.metrics.record({ namespace: 'Millrace', name: 'Lag', dimensions, value, at });
  record(10, start + 1_000);
  record(30, start + 59_000);
  record(50, start + minute);
  record(70, start + 2 * minute);
  record(90, start + minute, { Pipeline: 'pageviews' });
});
afterAll(async () => {
  await runtime.dispose();
  fixture.dispose();
});

const settings = () => ({
  endpoint: runtime.endpoint,
  region: runtime.region,
  credentials: {
    accessKeyId: runtime.administrator.credentials.accessKeyId,
    secretAccessKey: runtime.administrator.credentials.secretAccessKey,
  },
  maxAttempts: 1,
});

test('functions, in pages', async () => {
  const lambda = new LambdaClient(settings());
  const first = await lambda.send(new ListFunctionsCommand({ MaxItems: 1 }));
  expect(first.Functions).toMatchObject([
    {
      FunctionName: 'worker-a',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      MemorySize: 256,
      Timeout: 3,
      Environment: { Variables: { PIPELINE: 'estore' } },
    },
  ]);
  const second = await lambda.send(new ListFunctionsCommand({ MaxItems: 1, Marker: first.NextMarker }));
  expect([second.Functions!.map(({ FunctionName }) => FunctionName), second.NextMarker]).toEqual([
    ['worker-b'],
    undefined,
  ]);
});

test('queues, by prefix and in pages', async () => {
  const sqs = new SQSClient(settings());
  const names = async (input: object) => {
    const { QueueUrls = [], NextToken } = await sqs.send(new ListQueuesCommand(input));
    return { names: QueueUrls.map((url) => url.slice(url.lastIndexOf('/') + 1)), NextToken };
  };
  expect(await names({})).toEqual({ names: ['arrivals', 'letters'], NextToken: undefined });
  expect(await names({ QueueNamePrefix: 'let' })).toMatchObject({ names: ['letters'] });
  const { NextToken } = await names({ MaxResults: 1 });
  expect(await names({ MaxResults: 1, NextToken })).toEqual({ names: ['letters'], NextToken: undefined });
  await expect(names({ MaxResults: 1, NextToken: '!' })).rejects.toThrow('the token of the next page');
});

test('secrets, without their values', async () => {
  const { SecretList } = await new SecretsManagerClient(settings()).send(new ListSecretsCommand({}));
  expect(SecretList!.map(({ Name }) => Name)).toEqual(['owner']);
  expect(JSON.stringify(SecretList)).not.toContain('never shown');
});

test('rules with their targets, disabled ones too', async () => {
  const events = new EventBridgeClient(settings());
  const { Rules } = await events.send(new ListRulesCommand({}));
  expect(Rules).toMatchObject([
    { Name: 'off', State: 'DISABLED', EventPattern: '{"source":["shop"]}' },
    { Name: 'on', State: 'ENABLED' },
  ]);
  const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: 'on' }));
  expect(Targets).toEqual([{ Id: 'Worker', Arn: expect.stringMatching(/:function:worker-b$/) }]);
  await expect(events.send(new ListTargetsByRuleCommand({ Rule: 'none' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('stacks and their resources', async () => {
  const cloudFormation = new CloudFormationClient(settings());
  const { StackSummaries } = await cloudFormation.send(
    new ListStacksCommand({ StackStatusFilter: ['CREATE_COMPLETE'] }),
  );
  expect(StackSummaries).toMatchObject([{ StackStatus: 'CREATE_COMPLETE' }]);
  const none = await cloudFormation.send(new ListStacksCommand({ StackStatusFilter: ['DELETE_COMPLETE'] }));
  expect(none.StackSummaries ?? []).toEqual([]);
  const { StackName } = StackSummaries![0]!;
  const { StackResourceSummaries } = await cloudFormation.send(new ListStackResourcesCommand({ StackName }));
  expect(StackResourceSummaries).toContainEqual(
    expect.objectContaining({
      LogicalResourceId: 'A',
      PhysicalResourceId: 'worker-a',
      ResourceType: 'AWS::Lambda::Function',
    }),
  );
});

describe('CloudWatch', () => {
  const cloudWatch = () => new CloudWatchClient(settings());
  const query = (Stat: string, rest: object = {}) => ({
    Id: 'lag',
    MetricStat: {
      Metric: {
        Namespace: 'Millrace',
        MetricName: 'Lag',
        Dimensions: [{ Name: 'Pipeline', Value: 'estore' }],
        ...rest,
      },
      Period: 60,
      Stat,
    },
  });
  const data = (MetricDataQueries: object[], rest: object = {}) =>
    cloudWatch().send(
      new GetMetricDataCommand({
        MetricDataQueries: MetricDataQueries as never,
        StartTime: new Date(start + 30_000),
        EndTime: new Date(start + 2 * minute),
        ...rest,
      }),
    );

  test('alarms as they are declared, not evaluated', async () => {
    const { MetricAlarms, CompositeAlarms } = await cloudWatch().send(new DescribeAlarmsCommand({}));
    expect(MetricAlarms!.map(({ AlarmName }) => AlarmName)).toEqual(['gap', 'lag']);
    expect(MetricAlarms![1]).toMatchObject({
      AlarmArn: 'arn:aws:cloudwatch:eu-west-1:000000000000:alarm:lag',
      Threshold: 300,
      Period: 60,
      ActionsEnabled: true,
      StateValue: 'INSUFFICIENT_DATA',
      StateReason: 'The local runtime does not evaluate alarms',
      StateUpdatedTimestamp: new Date(start),
    });
    expect(CompositeAlarms ?? []).toEqual([]);
    const composite = await cloudWatch().send(new DescribeAlarmsCommand({ AlarmTypes: ['CompositeAlarm'] }));
    expect(composite.CompositeAlarms).toMatchObject([{ AlarmName: 'any', AlarmRule: 'ALARM(lag) OR ALARM(gap)' }]);
    const one = await cloudWatch().send(new DescribeAlarmsCommand({ AlarmNamePrefix: 'l', MaxRecords: 1 }));
    expect(one.MetricAlarms!.map(({ AlarmName }) => AlarmName)).toEqual(['lag']);
  });

  test('values by period, the newest first; the first period is whole', async () => {
    const { MetricDataResults } = await data([query('Sum'), { ...query('Average'), Id: 'a', ReturnData: false }]);
    expect(MetricDataResults).toMatchObject([
      {
        Id: 'lag',
        Label: 'Lag',
        Timestamps: [new Date(start + minute), new Date(start)],
        Values: [50, 40],
        StatusCode: 'Complete',
      },
    ]);
    const ascending = await data([query('Maximum')], { ScanBy: 'TimestampAscending' });
    expect(ascending.MetricDataResults![0]!.Values).toEqual([30, 50]);
    const other = await data([query('Sum', { Dimensions: [] })]);
    expect(other.MetricDataResults![0]!.Values ?? []).toEqual([]);
    const { Datapoints } = await cloudWatch().send(
      new GetMetricStatisticsCommand({
        Namespace: 'Millrace',
        MetricName: 'Lag',
        Dimensions: [{ Name: 'Pipeline', Value: 'estore' }],
        StartTime: new Date(start),
        EndTime: new Date(start + minute),
        Period: 60,
        Statistics: ['Average', 'SampleCount'],
      }),
    );
    expect(Datapoints).toMatchObject([{ Timestamp: new Date(start), Average: 20, SampleCount: 2 }]);
  });

  test('metrics with their dimensions', async () => {
    const { Metrics } = await cloudWatch().send(new ListMetricsCommand({ Dimensions: [{ Name: 'Pipeline' }] }));
    expect(Metrics).toEqual(
      ['estore', 'pageviews'].map((Value) => ({
        Namespace: 'Millrace',
        MetricName: 'Lag',
        Dimensions: [{ Name: 'Pipeline', Value }],
      })),
    );
  });

  test.each([
    ['a service of AWS', [query('Sum', { Namespace: 'AWS/Lambda' })], /namespace AWS\/Lambda is not modelled/],
    [
      'the age of iterators, which no stream reports here',
      [query('Sum', { Namespace: 'AWS/Kinesis', MetricName: 'GetRecords.IteratorAgeMilliseconds' })],
      /namespace AWS\/Kinesis is not modelled/,
    ],
    [
      'another statistic than the sum of what a stream accepted',
      [query('Average', { Namespace: 'AWS/Kinesis', MetricName: 'IncomingRecords' })],
      /the statistic Average of AWS\/Kinesis IncomingRecords is not modelled/,
    ],
    ['an expression', [{ Id: 'e', Expression: 'm1 / m2' }], /Expression is not modelled/],
    ['an unusual percentile', [query('p42')], /Stat "p42" is not modelled/],
    ['no query', [], /1 to 500 members, got 0/],
  ])('refuses %s', async (_, queries, message) => {
    await expect(data(queries)).rejects.toThrow(message);
  });

  test('refuses a window that ends before it begins, and a period that CloudWatch does not have', async () => {
    await expect(data([query('Sum')], { EndTime: new Date(start) })).rejects.toThrow(/StartTime must be less/);
    const odd = query('Sum');
    odd.MetricStat.Period = 61;
    await expect(data([odd])).rejects.toThrow(/1, 5, 10, 20, 30 or a multiple of 60/);
  });

  const signed = (body: Buffer | string, path: string, headers: Record<string, string>) =>
    signedFetch(
      `${runtime.endpoint}${path}`,
      { method: 'POST', body: Buffer.from(body), headers },
      { service: 'monitoring', ...settings().credentials },
    );
  const times = { StartTime: new Date(start), EndTime: new Date(start + minute) };

  test('speaks CBOR, as boto3 does', async () => {
    const call = async (operation: string, input: object) => {
      const answer = await signed(encodeCbor(input), `/service/GraniteServiceVersion20100801/operation/${operation}`, {
        'smithy-protocol': 'rpc-v2-cbor',
        'content-type': 'application/cbor',
      });
      return { status: answer.status, output: decodeCbor(Buffer.from(await answer.arrayBuffer())) as never };
    };
    expect(await call('GetMetricData', { MetricDataQueries: [query('Sum')], ...times })).toMatchObject({
      status: 200,
      output: { MetricDataResults: [{ Values: [40], Timestamps: [new Date(start)] }] },
    });
    expect(await call('DeleteAlarms', {})).toMatchObject({ status: 501, output: { __type: 'NotModelled' } });
  });

  test('speaks the query protocol, as older clients do', async () => {
    const form = new URLSearchParams({
      Action: 'GetMetricData',
      Version: '2010-08-01',
      StartTime: times.StartTime.toISOString(),
      EndTime: times.EndTime.toISOString(),
      'MetricDataQueries.member.1.Id': 'lag',
      'MetricDataQueries.member.1.MetricStat.Metric.Namespace': 'Millrace',
      'MetricDataQueries.member.1.MetricStat.Metric.MetricName': 'Lag',
      'MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name': 'Pipeline',
      'MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value': 'estore',
      'MetricDataQueries.member.1.MetricStat.Period': '60',
      'MetricDataQueries.member.1.MetricStat.Stat': 'Sum',
    });
    const answer = await signed(form.toString(), '/', { 'content-type': 'application/x-www-form-urlencoded' });
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text).toContain('<Values><member>40</member></Values>');
    expect(text).toContain('<Timestamps><member>2026-03-04T05:00:00.000Z</member></Timestamps>');
  });
});
