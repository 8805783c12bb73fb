import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createActivity,
  createClock,
  createGateway,
  type ResourceTwin,
  type RunEvent,
  type SecretsPort,
} from 'aws-local-kit';
import {
  answerPath,
  CloudFormation,
  createCustomResources,
  type Deployment,
  loadAssembly,
  openAssets,
  openState,
} from '../../src/cloudformation';
import type { Template } from '../../src/cloudformation/assembly';
import { createMetrics } from '../../src/cloudwatch';
import { createIam } from '../../src/iam';
import { createLambda, type QueuePort } from '../../src/lambda';

const account = '000000000000';
const region = 'eu-west-1';

/** A handler as a custom resource's provider would have it: writes down what it was asked, and does what the properties say. */
const handlerCode = `
const { appendFileSync } = require('node:fs');
const https = require('node:https');
exports.handler = (event) => new Promise((resolve, reject) => {
  appendFileSync(process.env.CALLS, JSON.stringify(event) + '\\n');
  const properties = event.ResourceProperties;
  if (properties.crash === event.RequestType) throw new Error('crashed');
  if (properties.silent === event.RequestType) return resolve();
  const failed = properties.fail === event.RequestType;
  const id = event.RequestType === 'Delete' ? event.PhysicalResourceId : properties.name + '-' + properties.version;
  const body = JSON.stringify({ Status: failed ? 'FAILED' : 'SUCCESS', Reason: failed ? 'no such schema' : undefined, PhysicalResourceId: id,
    StackId: event.StackId, RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId, Data: { Shout: String(properties.name).toUpperCase() } });
  const url = new URL(event.ResponseURL);
  const request = https.request({ hostname: url.hostname, path: url.pathname, method: 'PUT', headers: { 'content-length': Buffer.byteLength(body) } }, (response) => { response.resume(); resolve(); });
  request.on('error', reject);
  request.end(body);
});`;

export interface Call {
  readonly RequestType: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Record<string, unknown>;
  readonly OldResourceProperties?: Record<string, unknown>;
}

/** A data folder and an assembly that can be deployed again and again, with real functions and a real gateway. */
export class Fixture {
  readonly folder: string;
  readonly events: RunEvent[] = [];

  constructor() {
    const build = join(__dirname, '../../../../build');
    mkdirSync(build, { recursive: true });
    this.folder = realpathSync(mkdtempSync(join(build, 'deploy-test-')));
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Everything the function was asked since the last look. */
  calls(): Call[] {
    const file = join(this.folder, 'calls');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    rmSync(file);
    return lines.map((line) => JSON.parse(line));
  }

  async deploy(
    stacks: Readonly<Record<string, Template>>,
    moreTwins: readonly ResourceTwin[] = [],
    secrets?: SecretsPort,
  ): Promise<Deployment> {
    this.writeAssembly(stacks);
    const clock = createClock({ start: Date.UTC(2026, 0, 1), rate: 0 });
    const iam = createIam({ account, region, clock });
    const gateway = await createGateway({ callerOf: iam.callerOf, services: [iam.service] });
    const onRun = (event: RunEvent) => void this.events.push(event);
    const assembly = loadAssembly(this.folder, 'dev');
    const assets = openAssets(join(this.folder, 'data'));
    const lambda = createLambda({
      account,
      region,
      clock,
      authorizer: iam.authorizer,
      sts: iam.sts,
      sqs: {} as QueuePort,
      endpoint: () => gateway.endpoint,
      assetFolder: assets.path,
      dataDir: join(this.folder, 'data'),
      metrics: createMetrics(),
      activity: createActivity(),
      onRun,
    });
    const principal = iam.administrator.principal;
    const customResources = createCustomResources({ region, clock, lambda: lambda.port, principal });
    gateway.addInternal(answerPath, customResources.handler, 'open');
    const timeouts = setInterval(() => {
      // A silent function is given up by the clock.
      const next = clock.nextTimerAt();
      if (this.silent && next !== undefined) clock.advanceTo(next);
    }, 5);
    try {
      const cloud = new CloudFormation({
        twins: [...iam.resources, ...lambda.resources, ...moreTwins],
        customResources,
        secrets: secrets ?? noSecrets,
        principal,
        state: openState(join(this.folder, 'data')),
        account,
        region,
        clock,
        onRun,
      });
      await cloud.open();
      assets.publish(assembly);
      return await cloud.deploy(assembly);
    } finally {
      clearInterval(timeouts);
      clock.dispose();
      await lambda.dispose();
      await gateway.dispose();
    }
  }

  silent = false;

  /** Role and function that the custom resources of a template need, with the function's log of calls. */
  provider(): Template['Resources'] {
    return {
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: {
            Version: '2012-10-17',
            Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
          },
        },
      },
      Provider: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Code: { S3Bucket: 'assets', S3Key: 'abc.zip' },
          Handler: 'index.handler',
          Runtime: 'nodejs24.x',
          Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
          Timeout: 30,
          Environment: { Variables: { CALLS: join(this.folder, 'calls') } },
        },
      },
    };
  }

  /** Writes what `cdk synth` would, with the stage `dev`. */
  writeAssembly(stacks: Readonly<Record<string, Template>>): void {
    const stage = join(this.folder, 'assembly-dev');
    mkdirSync(join(this.folder, 'asset.abc'), { recursive: true });
    mkdirSync(stage, { recursive: true });
    writeFileSync(join(this.folder, 'asset.abc', 'index.js'), handlerCode);
    writeJson(join(this.folder, 'manifest.json'), {
      artifacts: {
        'assembly-dev': {
          type: 'cdk:cloud-assembly',
          properties: { directoryName: 'assembly-dev', displayName: 'dev' },
        },
      },
    });
    const artifacts: Record<string, unknown> = {
      assets: { type: 'cdk:asset-manifest', properties: { file: 'assets.json' } },
    };
    writeJson(join(stage, 'assets.json'), {
      files: {
        abc: { source: { path: '../asset.abc', packaging: 'zip' }, destinations: { one: { objectKey: 'abc.zip' } } },
      },
    });
    for (const [name, template] of Object.entries(stacks)) {
      writeJson(join(stage, `${name}.template.json`), template);
      artifacts[name] = {
        type: 'aws:cloudformation:stack',
        environment: 'aws://unknown-account/unknown-region',
        displayName: `dev/${name}`,
        properties: { stackName: name, templateFile: `${name}.template.json` },
      };
    }
    writeJson(join(stage, 'manifest.json'), { artifacts });
  }
}

const noSecrets: SecretsPort = {
  async getSecretString() {
    throw new Error('there are no secrets');
  },
};

function writeJson(file: string, content: unknown): void {
  writeFileSync(file, JSON.stringify(content));
}
