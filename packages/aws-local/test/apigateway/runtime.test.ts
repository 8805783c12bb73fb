import { createServer } from 'node:net';
import { join } from 'node:path';
import type { RunEvent } from 'aws-local-kit';
import type { Template } from '../../src/cloudformation/assembly';
import { type Runtime, startRuntime } from '../../src/runtime';
import { Fixture } from '../cloudformation/fixture';

let fixture: Fixture;
let runtime: Runtime | undefined;
const events: RunEvent[] = [];
let started: (() => void) | undefined;
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(async () => {
  await runtime?.dispose();
  fixture.dispose();
});

/** A request for `/wait` ends only with the function's timeout. */
const code = `exports.handler = ({ rawPath }) =>
  rawPath === '/wait' ? new Promise((resolve) => setTimeout(resolve, 60000)) : { statusCode: 200, body: rawPath };`;

function template(
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation replaces it
  sourceArn: unknown = { 'Fn::Sub': 'arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*' },
): Template {
  const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
  const api = { Ref: 'Api' };
  return {
    Resources: {
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [trust] } },
      },
      Function: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Code: { ZipFile: code },
          FunctionName: 'answers',
          Handler: 'index.handler',
          ReservedConcurrentExecutions: 1,
          Runtime: 'nodejs24.x',
          Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
        },
      },
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'api', ProtocolType: 'HTTP' } },
      Permission: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: { Ref: 'Function' },
          Principal: 'apigateway.amazonaws.com',
          SourceArn: sourceArn,
        },
      },
      Integration: {
        Type: 'AWS::ApiGatewayV2::Integration',
        Properties: {
          ApiId: api,
          IntegrationType: 'AWS_PROXY',
          IntegrationUri: { 'Fn::GetAtt': ['Function', 'Arn'] },
          PayloadFormatVersion: '2.0',
        },
      },
      Route: {
        Type: 'AWS::ApiGatewayV2::Route',
        Properties: {
          ApiId: api,
          RouteKey: 'GET /{path}',
          Target: { 'Fn::Join': ['/', ['integrations', { Ref: 'Integration' }]] },
        },
      },
      Stage: { Type: 'AWS::ApiGatewayV2::Stage', Properties: { ApiId: api, StageName: '$default', AutoDeploy: true } },
    },
    Outputs: { Url: { Value: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } } },
  } as Template;
}

async function start(content: Template): Promise<string> {
  fixture.writeAssembly({ pipelines: content });
  runtime = await startRuntime({
    assemblyDir: fixture.folder,
    stageName: 'dev',
    dataDir: join(fixture.folder, 'data'),
    clock: { rate: 0 },
    onRun(event) {
      events.push(event);
      if (event.kind === 'function' && event.phase === 'started') started?.();
    },
  });
  return String(runtime.ofType('AWS::ApiGatewayV2::Api')[0]!.attributes['ApiEndpoint']);
}

test('a real function answers, at the same address after a restart and after a deployment', async () => {
  const endpoint = await start(template());
  expect(await (await fetch(`${endpoint}/a`)).text()).toBe('/a');
  await runtime!.dispose();
  expect(await start(template())).toBe(endpoint);
  expect(await (await fetch(`${endpoint}/b`)).text()).toBe('/b');
  const changed = template();
  (changed.Resources!['Route'] as { Properties: Record<string, unknown> }).Properties['RouteKey'] = 'GET /other/{path}';
  fixture.writeAssembly({ pipelines: changed });
  await runtime!.deploy(fixture.folder);
  expect([(await fetch(`${endpoint}/a`)).status, (await fetch(`${endpoint}/other/a`)).status]).toEqual([404, 200]);
});

test('if another program has its port after a restart, the address and the outputs have another one', async () => {
  const endpoint = await start(template());
  await runtime!.dispose();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(Number(new URL(endpoint).port), '127.0.0.1', resolve));
  try {
    const moved = await start(template());
    expect(moved).not.toBe(endpoint);
    expect(Object.values(runtime!.deployment.outputs)).toEqual([{ Url: moved }]);
    expect(await (await fetch(`${moved}/a`)).text()).toBe('/a');
  } finally {
    other.close();
  }
});

test('an invocation over the reserved concurrency is refused with 503', async () => {
  const endpoint = await start(template());
  const runs = new Promise<void>((resolve) => {
    started = resolve;
  });
  const waiting = fetch(`${endpoint}/wait`).then(({ status }) => status);
  await runs;
  expect((await fetch(`${endpoint}/a`)).status).toBe(503);
  // The function's timeout, three seconds by default, ends it.
  expect(await waiting).toBe(500);
  expect((await fetch(`${endpoint}/a`)).status).toBe(200);
});

test('an API that the function does not permit gets no answer from it', async () => {
  const endpoint = await start(template('arn:aws:execute-api:eu-west-1:000000000000:other/*/*'));
  expect((await fetch(`${endpoint}/a`)).status).toBe(500);
  expect(events).toContainEqual(
    expect.objectContaining({ kind: 'trouble', message: expect.stringContaining('lambda:InvokeFunction') }),
  );
});
