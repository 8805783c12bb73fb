import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pace } from '../../cli/page/aws';
import type { AwsPorts } from '../../cli/page/aws-ports';
import { type AwsPageOptions, connectPage, openAwsPage } from '../../cli/page/open-aws-page';
import type { Page } from '../../ui/server';
import type { PageWorld } from './world';

/** An environment in AWS whose services are the twins of a running local environment. */
export interface AwsWorld {
  readonly options: AwsPageOptions;
  /** The ports, as a role that has the permissions of the printed policy and no others. */
  readonly ports: AwsPorts;
  open(pace?: Pace): Promise<Page>;
  dispose(): void;
}

/** Credentials of a new role of the account. */
export function roleWith({ runtime }: PageWorld, name: string, policy: object) {
  const { iam, account, region } = runtime;
  const twin = iam.resources.find(({ type }) => type === 'AWS::IAM::Role')!;
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: `arn:aws:iam::${account}:root` } }],
  };
  twin.create(
    {
      RoleName: name,
      AssumeRolePolicyDocument: trust,
      Policies: [{ PolicyName: 'page', PolicyDocument: policy }],
    } as never,
    { stackName: 'test', logicalId: name, account, region, generatedName: name },
  );
  const { credentials } = iam.sts.assumeRole(iam.administrator.principal, {
    roleArn: `arn:aws:iam::${account}:role/${name}`,
    sessionName: 'page',
  });
  return credentials;
}

export function awsWorld(world: PageWorld): AwsWorld {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-aws-page-'));
  const outputs = join(folder, 'outputs.json');
  writeFileSync(outputs, JSON.stringify(world.runtime.deployment.outputs));
  const { endpoint, region } = world.runtime;
  const options = { environment: 'dev', outputs, data: folder, now: () => world.demo.now() };
  const administrator = connectPage({ ...options, reach: { endpoint, region, credentials: world.demo.credentials } });
  const credentials = roleWith(world, 'page-reader', administrator.policy());
  administrator.ports.dispose();
  const asReader = { ...options, reach: { endpoint, region, credentials } };
  const { ports } = connectPage(asReader);
  return {
    options: asReader,
    ports,
    open: (pace) => openAwsPage(pace === undefined ? asReader : { ...asReader, pace }),
    dispose() {
      ports.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
