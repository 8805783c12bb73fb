import { account, allow, type Services, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
});
afterEach(() => services.stop());

const root = `arn:aws:iam::${account}:root`;
const keyPolicy = (...Statement: object[]) => ({ KeyPolicy: { Version: '2012-10-17', Statement } });

test('a key policy that delegates to the account leaves the decision to the role', async () => {
  const { ref, attributes } = await services.create(
    'AWS::KMS::Key',
    'Key',
    keyPolicy({ ...allow('kms:*', '*'), Principal: { AWS: root } }),
  );
  const may = await services.role('May', [allow('kms:Decrypt', String(attributes['Arn']))]);
  const mayNot = await services.role('MayNot', []);
  expect(() => services.kms.port.authorizeUse(may.principal, ref, 'Decrypt')).not.toThrow();
  expect(() => services.kms.port.authorizeUse(may.principal, ref, 'GenerateDataKey')).toThrow(/kms:GenerateDataKey/);
  expect(() => services.kms.port.authorizeUse(mayNot.principal, ref, 'Decrypt')).toThrow(/kms:Decrypt/);
});

test('a service uses a key only through its policy, with the conditions it names', async () => {
  const s3 = { kind: 'service', arn: 's3.amazonaws.com', account } as const;
  const condition = { Condition: { StringEquals: { 'aws:SourceAccount': account } } };
  const { ref } = await services.create(
    'AWS::KMS::Key',
    'Key',
    keyPolicy({
      ...allow(['kms:GenerateDataKey*', 'kms:Decrypt'], '*', condition),
      Principal: { Service: 's3.amazonaws.com' },
    }),
  );
  expect(() => services.kms.port.authorizeUse(s3, ref, 'Decrypt', { 'aws:SourceAccount': account })).not.toThrow();
  expect(() => services.kms.port.authorizeUse(s3, ref, 'Decrypt', { 'aws:SourceAccount': '111111111111' })).toThrow(
    /not authorized/,
  );
});

test('everyone of the account through one service, by kms:ViaService and kms:CallerAccount', async () => {
  const condition = {
    Condition: {
      StringEquals: { 'kms:CallerAccount': account, 'kms:ViaService': 'secretsmanager.eu-west-1.amazonaws.com' },
    },
  };
  const { ref } = await services.create(
    'AWS::KMS::Key',
    'Key',
    keyPolicy({ ...allow('kms:Decrypt', '*', condition), Principal: { AWS: '*' } }),
  );
  const { principal } = await services.role('Any', []);
  const use = (via: string) => () =>
    services.kms.port.authorizeUse(principal, ref, 'Decrypt', { 'kms:ViaService': `${via}.eu-west-1.amazonaws.com` });
  expect(use('secretsmanager')).not.toThrow();
  expect(use('s3')).toThrow(/not authorized/);
});

test('a key is found by id, ARN and alias, is the same after a restart, and is named when missing or disabled', async () => {
  const { ref, attributes } = await services.create('AWS::KMS::Key', 'Key', {});
  await services.create('AWS::KMS::Alias', 'Alias', { AliasName: 'alias/data', TargetKeyId: ref });
  const names = [ref, String(attributes['Arn']), 'alias/data', `arn:aws:kms:eu-west-1:${account}:alias/data`];
  expect(names.map((name) => services.kms.port.keyArn(name))).toEqual(names.map(() => attributes['Arn']));
  expect(services.kms.port.keyArn('alias/aws/s3')).toBe(`arn:aws:kms:eu-west-1:${account}:alias/aws/s3`);
  expect(() => services.kms.port.keyArn('alias/none')).toThrow(/alias\/none does not exist/);
  const again = await services.create('AWS::KMS::Key', 'Key', { Enabled: 'false' }, { ref, attributes });
  expect(again.ref).toBe(ref);
  const { principal } = services.iam.administrator;
  expect(() => services.kms.port.authorizeUse(principal, ref, 'Decrypt')).toThrow(/is disabled/);
});

test.each([
  [{ KeySpec: 'RSA_2048' }, /KeySpec "RSA_2048" is not modelled/],
  [{ MultiRegion: true }, /MultiRegion true is not modelled/],
  [{ PendingWindowInDays: 3 }, /PendingWindowInDays must be an integer between 7 and 30, got 3/],
])('refuses %j', async (properties, message) => {
  await expect(services.create('AWS::KMS::Key', 'Key', properties)).rejects.toThrow(message);
});
