import { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts';
import type { Credentials } from 'aws-local-kit';
import { account, allow, type Services, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
});
afterEach(() => services.stop());

const partnerArn = 'arn:aws:iam::111111111111:role/Partner';
const roleArn = `arn:aws:iam::${account}:role/PartnerRead`;
const client = (credentials?: Credentials) => new STSClient(services.client(credentials));
const partner = () => client(services.iam.outsider(partnerArn).credentials);
const assume = (sts: STSClient, rest: object = {}) =>
  sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'reading', ExternalId: 'secret-id', ...rest }));

async function partnerRole(condition: object = { StringEquals: { 'sts:ExternalId': 'secret-id' } }): Promise<void> {
  const statement = { Effect: 'Allow', Principal: { AWS: partnerArn }, Action: 'sts:AssumeRole', Condition: condition };
  await services.create('AWS::IAM::Role', 'PartnerRead', {
    RoleName: 'PartnerRead',
    AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [statement] },
  });
}

test('a partner role opens with its external id alone', async () => {
  await partnerRole();
  await expect(assume(partner(), { ExternalId: undefined })).rejects.toMatchObject({ name: 'AccessDenied' });
  await expect(assume(partner(), { ExternalId: 'other-id' })).rejects.toMatchObject({ name: 'AccessDenied' });
  const { Credentials: session, AssumedRoleUser } = await assume(partner());
  expect(AssumedRoleUser!.Arn).toBe(`arn:aws:sts::${account}:assumed-role/PartnerRead/reading`);
  const credentials = {
    accessKeyId: session!.AccessKeyId!,
    secretAccessKey: session!.SecretAccessKey!,
    sessionToken: session!.SessionToken!,
  };
  const identity = await client(credentials).send(new GetCallerIdentityCommand({}));
  expect(identity).toMatchObject({
    Arn: AssumedRoleUser!.Arn,
    UserId: AssumedRoleUser!.AssumedRoleId,
    Account: account,
  });
});

test('nobody else opens it, the administrator of the account included', async () => {
  await partnerRole();
  await expect(assume(client())).rejects.toMatchObject({
    name: 'AccessDenied',
    message: expect.stringContaining('trust policy'),
  });
  const stranger = client(services.iam.outsider('arn:aws:iam::222222222222:role/Partner').credentials);
  await expect(assume(stranger)).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('a role that does not exist is refused like one that does not trust', async () => {
  await expect(assume(partner())).rejects.toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
});

test('a session ends in real time, however far the clock jumps', async () => {
  await partnerRole();
  const { Credentials: session } = await assume(partner(), { DurationSeconds: 900 });
  const credentials = {
    accessKeyId: session!.AccessKeyId!,
    secretAccessKey: session!.SecretAccessKey!,
    sessionToken: session!.SessionToken!,
  };
  services.clock.advanceTo(services.clock.now() + 900_000);
  expect(await client(credentials).send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: account });
  services.real.now += 900_000;
  await expect(client(credentials).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
    name: 'ExpiredTokenException',
  });
  services.real.now += 3_600_001;
  await assume(partner(), { DurationSeconds: 900 });
  await expect(client(credentials).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
    name: 'InvalidClientTokenId',
  });
  await expect(assume(partner(), { DurationSeconds: 3601 })).rejects.toMatchObject({ name: 'ValidationError' });
});

test('a key without its session token is not known', async () => {
  const { credentials } = await services.role('Some', []);
  const stolen = { ...credentials, sessionToken: 'guess' };
  await expect(client(stolen).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
    name: 'InvalidClientTokenId',
  });
});

test('services pass context that a trust policy may pin', async () => {
  await partnerRole();
  const trust = (source: string) => ({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'scheduler.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'aws:SourceAccount': source } },
      },
    ],
  });
  const scheduler = { kind: 'service', arn: 'scheduler.amazonaws.com', account } as const;
  const assumeAs = async (source: string) => {
    const { attributes } = await services.create('AWS::IAM::Role', 'Scheduled', {
      RoleName: 'Scheduled',
      AssumeRolePolicyDocument: trust(source),
    });
    const context = { 'aws:SourceAccount': account };
    return services.iam.sts.assumeRole(scheduler, { roleArn: String(attributes['Arn']), sessionName: 'tick', context });
  };
  await expect(assumeAs(account)).resolves.toMatchObject({ principal: { kind: 'role' } });
  await expect(assumeAs('999999999999')).rejects.toThrow(/not authorized to perform: sts:AssumeRole/);
});

test('policies attached to a role count, whichever way', async () => {
  const resource = 'arn:aws:s3:::b/*';
  const may = (principal: Parameters<typeof services.iam.authorizer.authorize>[0]['principal'], action: string) => () =>
    services.iam.authorizer.authorize({ principal, action, resource: 'arn:aws:s3:::b/k' });
  const { principal } = await services.role('Worker', []);
  expect(may(principal, 's3:GetObject')).toThrow(/no identity-based policy/);
  const document = (action: string) => ({ Version: '2012-10-17', Statement: [allow(action, resource)] });
  await services.create('AWS::IAM::Policy', 'Default', {
    PolicyName: 'Default',
    PolicyDocument: document('s3:GetObject'),
    Roles: ['Worker'],
  });
  await services.create('AWS::IAM::ManagedPolicy', 'Shared', {
    PolicyDocument: document('s3:PutObject'),
    Roles: ['Worker'],
  });
  expect(may(principal, 's3:GetObject')).not.toThrow();
  expect(may(principal, 's3:PutObject')).not.toThrow();
});

test('managed policies of AWS are known or refused by name', async () => {
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  const create = (name: string) =>
    services.create('AWS::IAM::Role', 'R', {
      AssumeRolePolicyDocument: trust,
      ManagedPolicyArns: [`arn:aws:iam::aws:policy/${name}`],
    });
  await expect(create('service-role/AWSLambdaBasicExecutionRole')).resolves.toBeDefined();
  await expect(create('AdministratorAccess')).rejects.toThrow(/AdministratorAccess is not modelled/);
});

test('other operations are named', async () => {
  await expect(client().send(new GetSessionTokenCommand({}))).rejects.toThrow(/sts:GetSessionToken is not modelled/);
});
