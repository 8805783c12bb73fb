import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  type Credentials,
  createClock,
  createGateway,
  type EventBusPort,
  type Gateway,
  type Principal,
  type ResourceState,
  type ResourceTwin,
  type RuntimeClock,
} from 'aws-local-kit';
import { createIam, type Iam } from '../src/iam';
import { createKinesis } from '../src/kinesis';
import { createKms } from '../src/kms';
import { createS3 } from '../src/s3';
import { createSecrets } from '../src/secrets';
import { createSqs } from '../src/sqs';

export const account = '000000000000';
export const region = 'eu-west-1';
/** 2026-03-01T00:00:00Z */
export const start = Date.UTC(2026, 2, 1);

export interface Services {
  readonly dataDir: string;
  readonly clock: RuntimeClock;
  /** The time in which clients live. */
  readonly real: { now: number };
  readonly iam: Iam;
  readonly gateway: Gateway;
  readonly kms: ReturnType<typeof createKms>;
  readonly sqs: ReturnType<typeof createSqs>;
  readonly s3: ReturnType<typeof createS3>;
  readonly kinesis: ReturnType<typeof createKinesis>;
  readonly secrets: ReturnType<typeof createSecrets>;
  readonly faults: unknown[];
  readonly troubles: string[];
  /** Creates a resource through its twin. */
  create(type: string, logicalId: string, properties: object, previous?: ResourceState): Promise<ResourceState>;
  /** A role that the administrator and the given service may assume, with these statements, and a session of it. */
  role(name: string, statements: object[]): Promise<{ principal: Principal; credentials: Credentials }>;
  /** Settings of an SDK client that calls as the given credentials, by default the administrator's. */
  client(credentials?: Credentials): {
    endpoint: string;
    region: string;
    credentials: Credentials;
    maxAttempts: number;
  };
  /** Ends everything, keeps the data folder. */
  stop(): Promise<void>;
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

/** All services behind one gateway over a data folder of their own, with a clock that stands still. */
export async function startServices(
  options: { dataDir?: string; throttle?: boolean; now?: number; bus?: EventBusPort } = {},
): Promise<Services> {
  const dataDir = options.dataDir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-services-'));
  folders.push(dataDir);
  const clock = createClock({ start: options.now ?? start, rate: 0 });
  const real = { now: start };
  const iam = createIam({ account, region, clock, realNow: () => real.now });
  const faults: unknown[] = [];
  const troubles: string[] = [];
  const gateway = await createGateway({
    callerOf: iam.callerOf,
    services: [iam.service],
    region,
    onFault: (error) => faults.push(error),
  });
  const common = { dataDir, account, region, clock, authorizer: iam.authorizer };
  const kms = createKms(common);
  const sqs = createSqs({ ...common, kms: kms.port, endpoint: gateway.endpoint });
  const s3 = createS3({
    ...common,
    kms: kms.port,
    sqs: sqs.port,
    ...(options.bus && { bus: () => options.bus! }),
    onTrouble: (message) => troubles.push(message),
  });
  const kinesis = createKinesis({ ...common, kms: kms.port, throttle: options.throttle, realNow: () => real.now });
  const secrets = createSecrets({ ...common, kms: kms.port });
  gateway.add(sqs.service, s3.service, kinesis.service, secrets.service);
  const twins: ResourceTwin[] = [iam, kms, sqs, s3, kinesis, secrets].flatMap(({ resources }) => resources);

  const services: Services = {
    ...{ dataDir, clock, real, iam, gateway, kms, sqs, s3, kinesis, secrets, faults, troubles },
    async create(type, logicalId, properties, previous) {
      const twin = twins.find((candidate) => candidate.type === type);
      if (!twin) throw new Error(`no twin of ${type}`);
      const generatedName = `test-${logicalId}-abcdefghijkl`;
      return twin.create(properties, { stackName: 'test', logicalId, account, region, generatedName, previous });
    },
    async role(name, statements) {
      const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
      const { attributes } = await services.create('AWS::IAM::Role', name, {
        RoleName: name,
        AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [trust] },
        Policies:
          statements.length === 0
            ? []
            : [{ PolicyName: 'inline', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
      });
      const lambda: Principal = { kind: 'service', arn: 'lambda.amazonaws.com', account };
      return iam.sts.assumeRole(lambda, { roleArn: String(attributes['Arn']), sessionName: 'test' });
    },
    client: (credentials = iam.administrator.credentials) => ({
      endpoint: gateway.endpoint,
      region,
      credentials: { ...credentials, sessionToken: credentials.sessionToken || (undefined as unknown as string) },
      maxAttempts: 1,
    }),
    async stop() {
      await gateway.dispose();
      await Promise.all([sqs.port.dispose(), s3.port.dispose(), kinesis.port.dispose()]);
      clock.dispose();
    },
  };
  return services;
}

export function allow(action: string | string[], resource: string | string[], rest: object = {}): object {
  return { Effect: 'Allow', Action: action, Resource: resource, ...rest };
}

export function deny(action: string | string[], resource: string | string[], rest: object = {}): object {
  return { Effect: 'Deny', Action: action, Resource: resource, ...rest };
}
