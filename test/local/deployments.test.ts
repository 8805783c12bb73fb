import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { type DeployProgress, deployPath } from 'aws-local/internal-api';
import { Fixture } from 'aws-local/testing';
import type { Template } from 'aws-local/twins';
import type { RunEvent } from 'aws-local-kit';
import { Command } from 'commander';
import { addDeploy } from '../../cli/commands/deploy';
import { writeRuntimeFile } from '../../cli/commands/runtime-file';
import { type Runtime, startRuntime } from '../../local/runtime';
import { documented, same } from '../cli/documented';

let fixture: Fixture;
let runtime: Runtime;
let events: RunEvent[];
beforeEach(async () => {
  fixture = new Fixture();
  events = [];
  runtime = await start(template());
  events.length = 0;
  fixture.calls();
});
afterEach(async () => {
  await runtime.dispose();
  fixture.dispose();
});

const data = () => join(fixture.folder, 'data');
function start(content: Template): Promise<Runtime> {
  fixture.writeAssembly({ pipelines: content });
  return startRuntime({
    assemblyDir: fixture.folder,
    stageName: 'dev',
    dataDir: data(),
    clock: { start: Date.UTC(2026, 2, 4, 5, 0, 30), rate: 0 },
    onRun: (event) => events.push(event),
  });
}
const deploy = (content: Template) => {
  fixture.writeAssembly({ pipelines: content });
  return runtime.deploy(fixture.folder);
};

interface Edit {
  readonly version?: number;
  readonly every?: string;
  readonly view?: Record<string, unknown>;
  readonly more?: Template['Resources'];
}

/** A function that takes half a second and says its version, a schedule that invokes it, and a view. */
function template({ version = 1, every = '1 minute', view = { version: 1 }, more = {} }: Edit = {}): Template {
  const code = `exports.handler = async () => { await new Promise((resolve) => setTimeout(resolve, 500)); return ${version}; };`;
  return {
    Resources: {
      ...fixture.provider(),
      View: {
        Type: 'Custom::WarehouseObject',
        Properties: { ServiceToken: { 'Fn::GetAtt': ['Provider', 'Arn'] }, name: 'view', ...view },
      },
      Refresh: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Code: { ZipFile: code },
          FunctionName: 'refresh',
          Handler: 'index.handler',
          Runtime: 'nodejs24.x',
          Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
        },
      },
      ScheduleRole: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: {
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Principal: { Service: 'scheduler.amazonaws.com' }, Action: 'sts:AssumeRole' },
            ],
          },
        },
      },
      SchedulePolicy: {
        Type: 'AWS::IAM::Policy',
        Properties: {
          PolicyName: 'p',
          Roles: [{ Ref: 'ScheduleRole' }],
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: { 'Fn::GetAtt': ['Refresh', 'Arn'] } },
            ],
          },
        },
      },
      Schedule: {
        Type: 'AWS::Scheduler::Schedule',
        DependsOn: ['SchedulePolicy'],
        Properties: {
          FlexibleTimeWindow: { Mode: 'OFF' },
          ScheduleExpression: `rate(${every})`,
          Target: { Arn: { 'Fn::GetAtt': ['Refresh', 'Arn'] }, RoleArn: { 'Fn::GetAtt': ['ScheduleRole', 'Arn'] } },
        },
      },
      ...more,
    },
  };
}

async function invoke(): Promise<string> {
  const client = new LambdaClient({
    endpoint: runtime.endpoint,
    region: runtime.region,
    credentials: runtime.administrator.credentials,
  });
  try {
    const { Payload } = await client.send(new InvokeCommand({ FunctionName: 'refresh' }));
    return Buffer.from(Payload!).toString();
  } finally {
    client.destroy();
  }
}
const started = () => events.filter((event) => event.kind === 'function' && event.phase === 'started').length;

test('new code is for later invocations; what runs ends with the old', async () => {
  const before = invoke();
  while (started() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await deploy(template({ version: 2 }));
  expect(await Promise.all([before, invoke()])).toEqual(['1', '2']);
});

test('a schedule follows its edit, and ends with its removal', async () => {
  await runtime.step();
  expect([new Date(runtime.clock.now()).toISOString().slice(11, 16), started()]).toEqual(['05:01', 1]);
  await deploy(template({ every: '10 minutes' }));
  await runtime.step();
  expect([new Date(runtime.clock.now()).toISOString().slice(11, 16), started()]).toEqual(['05:10', 2]);
  const { Schedule: _, ...resources } = template().Resources;
  await deploy({ Resources: resources });
  expect(await runtime.step()).toBe(false);
});

test('a policy that loses its statement no longer lets anything through, and one that gets it back does', async () => {
  const content = template();
  const policy = content.Resources['SchedulePolicy']!;
  await deploy({
    Resources: {
      ...content.Resources,
      SchedulePolicy: {
        ...policy,
        Properties: {
          ...policy.Properties,
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [{ Effect: 'Allow', Action: 'lambda:GetFunction', Resource: '*' }],
          },
        },
      },
    },
  });
  events.length = 0;
  await runtime.step();
  expect(started()).toBe(0);
  await deploy(template());
  await runtime.step();
  expect(started()).toBeGreaterThan(0);
});

test('an unchanged template asks nobody for anything', async () => {
  await deploy(template());
  expect(fixture.calls()).toEqual([]);
  expect(events.map(({ kind }) => kind)).toEqual(['stack', 'stack']);
});

test('a deployment that fails leaves what ran before, its code too', async () => {
  const bad: Template['Resources'][string] = {
    Type: 'Custom::WarehouseObject',
    DependsOn: ['Refresh', 'View'],
    Properties: { ServiceToken: { 'Fn::GetAtt': ['Provider', 'Arn'] }, name: 'bad', version: 1, fail: 'Create' },
  };
  const failing = deploy(template({ version: 2, every: '10 minutes', view: { version: 2 }, more: { Bad: bad } }));
  await expect(failing).rejects.toMatchObject({ name: 'DeploymentError', status: 'UPDATE_ROLLBACK_COMPLETE' });
  expect(runtime.deployment.statuses).toEqual({ pipelines: 'UPDATE_ROLLBACK_COMPLETE' });
  expect(await invoke()).toBe('1');
  expect(runtime.ofType('Custom::WarehouseObject')).toMatchObject([{ logicalId: 'View', ref: 'view-1' }]);
  await runtime.step();
  expect(new Date(runtime.clock.now()).toISOString().slice(11, 16)).toBe('05:01');
});

test('a start that fails over existing data takes its part back, and a start of the old tree goes on', async () => {
  await runtime.dispose();
  await expect(start(template({ version: 2, view: { version: 2, fail: 'Update' } }))).rejects.toMatchObject({
    name: 'DeploymentError',
    status: 'UPDATE_ROLLBACK_COMPLETE',
  });
  fixture.calls();
  runtime = await start(template());
  expect(fixture.calls()).toEqual([]);
  expect(await invoke()).toBe('1');
});

test('an end in the middle of a deployment is taken back by the next start', async () => {
  const slow = template({ version: 2, view: { version: 2, silent: 'Update' } });
  fixture.writeAssembly({ pipelines: slow });
  const deploying = runtime.deploy(fixture.folder);
  deploying.catch(() => undefined);
  while (!events.some((event) => event.kind === 'resource' && event.type === 'Custom::WarehouseObject'))
    await new Promise((resolve) => setTimeout(resolve, 5));
  await runtime.dispose();
  fixture.calls();
  // The function never answered, so the request is repeated, and this time there is an answer: that of another version of the template.
  runtime = await start(template({ view: { version: 3 } }));
  expect(fixture.calls().map(({ RequestType, PhysicalResourceId }) => [RequestType, PhysicalResourceId])).toEqual([
    ['Update', 'view-1'],
    ['Update', 'view-1'],
    ['Update', 'view-1'],
    ['Delete', 'view-1'],
  ]);
  expect(await invoke()).toBe('1');
}, 60_000);

test('the code of functions that are gone is forgotten with the next start', async () => {
  const count = () => readdirSync(join(data(), 'assets')).length;
  expect(count()).toBe(1);
  await runtime.dispose();
  runtime = await start({ Resources: {} });
  expect(count()).toBe(0);
});

describe('the endpoint', () => {
  const ask = (method: string, secret: string | undefined, body?: string) =>
    fetch(`${runtime.endpoint}${deployPath}`, {
      method,
      headers: secret === undefined ? {} : { authorization: `Bearer ${secret}` },
      body,
    });

  test('serves nobody without the token, and takes nothing but an assembly', async () => {
    const token = runtime.controlToken;
    expect((await ask('GET', undefined)).status).toBe(401);
    expect((await ask('POST', 'wrong', '{}')).status).toBe(401);
    for (const body of ['', 'no', '{}', '{"assemblyDir":7}', '{"assemblyDir":""}'])
      expect((await ask('POST', token, body)).status).toBe(400);
    expect((await ask('DELETE', token)).status).toBe(405);
  });

  test('a second deployment is refused while one is under way', async () => {
    const token = runtime.controlToken;
    fixture.writeAssembly({ pipelines: template({ view: { version: 2 } }) });
    const body = JSON.stringify({ assemblyDir: fixture.folder });
    expect((await ask('POST', token, body)).status).toBe(202);
    const second = await ask('POST', token, body);
    expect([second.status, await second.text()]).toEqual([409, 'a deployment is under way: wait for its end']);
    await expect(runtime.deploy(fixture.folder)).rejects.toThrow('a deployment is under way');
    const look = async () => (await (await ask('GET', token)).json()) as DeployProgress;
    let progress = await look();
    while (!progress.result) progress = await look();
    expect(progress.result).toEqual({ statuses: { pipelines: 'UPDATE_COMPLETE' }, failures: [] });
  });
});

describe('npx millrace deploy', () => {
  async function cli(content: Template | Error, ...args: string[]) {
    const { endpoint, region } = runtime;
    const { credentials } = runtime.administrator;
    const warehouse = { Database: 'millrace' };
    const outputs = { outputs: {}, pipelineOutputs: {} };
    writeRuntimeFile(data(), { pid: process.pid, endpoint, region, credentials, warehouse, ...outputs });
    const written = { stdout: [] as string[], stderr: [] as string[] };
    const io = {
      stdout: { write: (text: string) => written.stdout.push(text) },
      stderr: { write: (text: string) => written.stderr.push(text) },
      env: {},
    };
    const exit = { code: 0 };
    const program = new Command('millrace').exitOverride();
    addDeploy(program, io, exit, async () => {
      if (content instanceof Error) throw content;
      fixture.writeAssembly({ pipelines: content });
      return fixture.folder;
    });
    await program.parseAsync(['deploy', '--data', data(), ...args], { from: 'user' });
    return { stdout: written.stdout.join(''), stderr: written.stderr.join(''), code: exit.code };
  }

  test('tells of each resource, and of the result', async () => {
    const { code, stdout, stderr } = await cli(template({ version: 2, view: { version: 2 } }));
    expect(code).toBe(0);
    expect(stdout).toBe('deployed: 2 resources updated, 1 resource deleted\n');
    expect(stderr.split('\n').map((line) => line.replace(/ {2}\d+\.\d s$/, ''))).toEqual([
      '✔ synth     the dev environment',
      '  UPDATE_IN_PROGRESS pipelines',
      expect.stringMatching(/^ {4}✔ updated (View|Refresh) /),
      expect.stringMatching(/^ {4}✔ updated (View|Refresh) /),
      '  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS pipelines',
      '    ✔ deleted View Custom::WarehouseObject',
      '  UPDATE_COMPLETE pipelines',
      '✔ deploy    ',
      '',
    ]);
    expect((await cli(template({ version: 2, view: { version: 2 } }))).stdout).toBe(
      'nothing to change: the running environment equals the tree\n',
    );
    expect(existsSync(join(data(), `deploy-${process.pid}`))).toBe(false);
  });

  test('a rollback is told with its reason, exit code 1', async () => {
    const { code, stdout } = await cli(template({ view: { version: 2, fail: 'Update' } }));
    expect([code, stdout]).toEqual([
      1,
      'failed and rolled back: the environment runs as before\n  dev/pipelines/View (Custom::WarehouseObject): no such schema\n',
    ]);
  });

  test('what is refused before anything is done, as JSON', async () => {
    const { code, stdout } = await cli(template({ more: { Odd: { Type: 'AWS::Test::Odd' } } }), '--json');
    // Stacks are called otherwise elsewhere.
    same({ ...JSON.parse(stdout), statuses: null }, documented.get('deploy'), 'deploy');
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      {
        statuses: { pipelines: 'CREATE_COMPLETE' },
        failures: ['dev/pipelines: Odd (AWS::Test::Odd): resource type is not modelled'],
        changes: { create: 0, update: 0, delete: 0 },
      },
    ]);
  });

  test('a synthesis that fails deploys nothing; a runtime that is gone is told', async () => {
    await expect(cli(new Error('no such column'))).rejects.toThrow('no such column');
    await runtime.dispose();
    await expect(cli(template())).rejects.toThrow(/does not answer; if it has ended, start it again/);
  });
});
