import { join } from 'node:path';
import { GetFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { RunEvent } from 'aws-local-kit';
import type { Template } from '../src/cloudformation/assembly';
import type { Extend } from '../src/extension';
import { type FaultSource, scriptedFaults } from '../src/faults';
import { type Runtime, startRuntime } from '../src/runtime';
import { Fixture } from './cloudformation/fixture';

const start = Date.UTC(2026, 2, 4, 5, 0, 30);
let fixture: Fixture;
let events: RunEvent[];
const running = new Set<Runtime>();
beforeEach(() => {
  fixture = new Fixture();
  events = [];
});
afterEach(async () => {
  for (const runtime of running) await runtime.dispose();
  running.clear();
  fixture.dispose();
});

const trust = (service: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
});
const allow = (action: string, resource: unknown) => [
  {
    PolicyName: 'p',
    PolicyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: resource }] },
  },
];

/** A function every minute, and a custom resource. */
function template(schedulerMay = 'lambda:InvokeFunction'): Template {
  return {
    Resources: {
      ...fixture.provider(),
      Events: {
        Type: 'Custom::WarehouseObject',
        Properties: { ServiceToken: { 'Fn::GetAtt': ['Provider', 'Arn'] }, name: 'events', version: 1 },
      },
      Refresh: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Code: { ZipFile: 'exports.handler = async (event) => ({ got: event });' },
          FunctionName: 'refresh',
          Handler: 'index.handler',
          Runtime: 'nodejs24.x',
          Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
        },
      },
      ScheduleRole: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: trust('scheduler.amazonaws.com'),
          Policies: allow(schedulerMay, { 'Fn::GetAtt': ['Refresh', 'Arn'] }),
        },
      },
      Schedule: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          FlexibleTimeWindow: { Mode: 'OFF' },
          ScheduleExpression: 'rate(1 minute)',
          Target: {
            Arn: { 'Fn::GetAtt': ['Refresh', 'Arn'] },
            RoleArn: { 'Fn::GetAtt': ['ScheduleRole', 'Arn'] },
            Input: '{"at":"<aws.scheduler.scheduled-time>"}',
            RetryPolicy: { MaximumRetryAttempts: 0 },
          },
        },
      },
    },
  };
}

async function runtimeOf(
  content: Template,
  port?: number,
  faults?: FaultSource,
  extensions?: readonly Extend[],
): Promise<Runtime> {
  fixture.writeAssembly({ pipelines: content });
  const runtime = await startRuntime({
    assemblyDir: fixture.folder,
    stageName: 'dev',
    dataDir: join(fixture.folder, 'data'),
    port,
    faults,
    extensions,
    clock: { start, rate: 0 },
    onRun: (event) => events.push(event),
  });
  running.add(runtime);
  return runtime;
}
const stop = async (runtime: Runtime) => {
  running.delete(runtime);
  await runtime.dispose();
};
const finished = () =>
  events.filter((event) => event.kind === 'function' && event.phase === 'finished' && event.name === 'refresh');

test('deploys, then runs what is due, step by step of the clock', async () => {
  const runtime = await runtimeOf(template());
  expect(fixture.calls().map(({ RequestType }) => RequestType)).toEqual(['Create']);
  expect(finished()).toEqual([]);
  await runtime.step();
  await runtime.step();
  expect(runtime.clock.now()).toBe(Date.UTC(2026, 2, 4, 5, 2));
  expect(finished()).toHaveLength(2);
  expect(runtime.idle()).toBe(true);
});

test('a restart goes on: nothing is created twice, the clock does not go back', async () => {
  const first = await runtimeOf(template());
  await first.step();
  const reached = first.clock.now();
  await stop(first);
  fixture.calls();
  const second = await runtimeOf(template());
  expect(fixture.calls()).toEqual([]);
  expect(second.clock.now()).toBe(reached);
  expect(second.ofType('Custom::WarehouseObject')[0]).toMatchObject({
    logicalId: 'Events',
    ref: 'events-1',
    attributes: { Shout: 'EVENTS' },
  });
});

test('a role without the permission is told, and the function is not run', async () => {
  const runtime = await runtimeOf(template('lambda:GetFunction'));
  await runtime.step();
  expect(finished()).toEqual([]);
  expect(events).toContainEqual(
    expect.objectContaining({
      kind: 'trouble',
      message: expect.stringContaining('is not authorized to perform: lambda:InvokeFunction on resource'),
    }),
  );
});

test('an SDK with the environment of the runtime invokes a function', async () => {
  const runtime = await runtimeOf(template());
  const {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  } = runtime.environment;
  const client = new LambdaClient({
    endpoint,
    region,
    credentials: { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! },
  });
  const answer = await client.send(new InvokeCommand({ FunctionName: 'refresh', Payload: Buffer.from('{"x":1}') }));
  expect([answer.StatusCode, answer.FunctionError, Buffer.from(answer.Payload!).toString()]).toEqual([
    200,
    undefined,
    '{"got":{"x":1}}',
  ]);
  await expect(client.send(new InvokeCommand({ FunctionName: 'nobody' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
  client.destroy();
});

test('a second runtime over the folder and a busy port are refused, and leave no lock behind', async () => {
  const first = await runtimeOf(template());
  await expect(runtimeOf(template())).rejects.toMatchObject({ name: 'LockedError', pid: process.pid });
  const port = Number(new URL(first.endpoint).port);
  const other = new Fixture();
  other.writeAssembly({ pipelines: { Resources: {} } });
  const options = {
    assemblyDir: other.folder,
    stageName: 'dev',
    dataDir: join(other.folder, 'data'),
    port,
    clock: { start, rate: 0 },
  };
  await expect(startRuntime(options)).rejects.toThrow(`port ${port} on 127.0.0.1 is in use by another process`);
  await stop(first);
  running.add(await startRuntime(options));
  await stop([...running][0]!);
  other.dispose();
});

test('an unknown stage is answered with those there are', async () => {
  fixture.writeAssembly({ pipelines: { Resources: {} } });
  await expect(
    startRuntime({ assemblyDir: fixture.folder, stageName: 'prod', dataDir: join(fixture.folder, 'data') }),
  ).rejects.toThrow('has no stage prod; it has dev');
});

test('makes go wrong what it is told to: a tick is lost, the next comes twice', async () => {
  const runtime = await runtimeOf(template(), undefined, scriptedFaults({ ticks: [[], [0, 0]] }));
  const started = () =>
    events.filter((event) => event.kind === 'function' && event.phase === 'started' && event.name === 'refresh');
  await runtime.step();
  expect(started()).toHaveLength(0);
  await runtime.step();
  expect(started()).toHaveLength(2);
  await runtime.step();
  expect(started()).toHaveLength(3);
});

test('another process moves the clock, by way of all that is due until then', async () => {
  const runtime = await runtimeOf(template());
  const later = runtime.clock.now() + 600_000;
  const clock = `${runtime.endpoint}/_local/clock`;
  const secret = { authorization: `Bearer ${runtime.controlToken}` };
  const jump = (to: unknown, headers: Record<string, string> = secret) =>
    fetch(clock, { method: 'POST', headers, body: JSON.stringify({ to }) }).then(({ status }) => status);
  const state = async () =>
    (await (await fetch(clock, { headers: secret })).json()) as { now: number; jumpsTo?: number };

  expect(await jump(later, {})).toBe(401);
  expect((await fetch(clock)).status).toBe(401);
  for (const to of [start - 1, 'soon', undefined]) expect(await jump(to)).toBe(400);
  expect(await jump(later)).toBe(202);
  while ((await state()).jumpsTo !== undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await state()).now).toBe(later);
  expect(finished()).toHaveLength(10);
});

test('an extension replaces variables in the processes of the functions that it chooses, and in no other answer', async () => {
  const { Resources } = template();
  const answering = (name: string, peer: string | undefined) => ({
    ...Resources['Refresh']!,
    Properties: {
      ...Resources['Refresh']!.Properties,
      Code: { ZipFile: 'exports.handler = async () => [process.env.PEER, process.env.PEER_PORT, process.env.OWN];' },
      Environment: { Variables: { OWN: 'own', ...(peer && { PEER: peer }) } },
      FunctionName: name,
    },
  });
  const extension: Extend = () => ({
    functionVariables: async (own): Promise<Record<string, string>> =>
      own['PEER'] === undefined ? {} : { PEER: 'localhost', PEER_PORT: String(own['PEER'].length) },
  });
  const content = {
    Resources: { ...Resources, Peer: answering('peer', 'far.away'), Alone: answering('alone', undefined) },
  };
  const runtime = await runtimeOf(content, undefined, undefined, [extension]);
  const { endpoint, region, administrator } = runtime;
  const client = new LambdaClient({ endpoint, region, credentials: administrator.credentials });
  const answer = async (FunctionName: string) => {
    const { Payload } = await client.send(new InvokeCommand({ FunctionName }));
    return JSON.parse(Buffer.from(Payload!).toString());
  };
  expect(await answer('peer')).toEqual(['localhost', '8', 'own']);
  expect(await answer('alone')).toEqual([null, null, 'own']);
  const { Configuration } = await client.send(new GetFunctionCommand({ FunctionName: 'peer' }));
  expect(Configuration!.Environment!.Variables).toEqual({ OWN: 'own', PEER: 'far.away' });
  client.destroy();
});
