import fs from 'node:fs';
import path from 'node:path';
import {
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { generateSecretString } from '../../src/secrets/generate';
import { allow, deny, type Services, startServices } from '../services';

let services: Services;
beforeEach(async () => {
  services = await startServices();
});
afterEach(() => services.stop());

const template = {
  SecretStringTemplate: '{"username":"owner"}',
  GenerateStringKey: 'password',
  ExcludePunctuation: true,
  PasswordLength: '40',
};
const create = (properties: object = {}) =>
  services.create('AWS::SecretsManager::Secret', 'Owner', { GenerateSecretString: template, ...properties });
const read = async (SecretId: string, client = new SecretsManagerClient(services.client())) =>
  (await client.send(new GetSecretValueCommand({ SecretId }))).SecretString!;

test('a generated secret is read by ARN, by name, and by the ARN without its suffix', async () => {
  const { ref } = await create({ Name: 'owner' });
  expect(ref).toMatch(/^arn:aws:secretsmanager:eu-west-1:000000000000:secret:owner-[A-Za-z0-9]{6}$/);
  const value = JSON.parse(await read(ref));
  expect(value).toEqual({ username: 'owner', password: expect.stringMatching(/^[A-Za-z0-9]{40}$/) });
  expect(JSON.parse(await read('owner'))).toEqual(value);
  expect(JSON.parse(await read(ref.slice(0, -7)))).toEqual(value);
  expect(services.secrets.port.resolve(ref, 'password')).toBe(value.password);
  expect(() => services.secrets.port.resolve(ref, 'missing')).toThrow(/owner has no key missing/);
});

test('a generated value outlives a restart and its file is closed to others', async () => {
  const before = await read((await create()).ref);
  await services.stop();
  services = await startServices({ dataDir: services.dataDir });
  expect(await read((await create()).ref)).toBe(before);
  expect(fs.statSync(path.join(services.dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
});

test('a managed secret keeps its first value', async () => {
  const first = services.secrets.port.createManagedSecret('redshift!admin', '{"password":"1"}');
  const second = services.secrets.port.createManagedSecret('redshift!admin', '{"password":"2"}');
  expect([second.arn, second.value]).toEqual([first.arn, '{"password":"1"}']);
  const described = await new SecretsManagerClient(services.client()).send(
    new DescribeSecretCommand({ SecretId: first.arn }),
  );
  expect(described.OwningService).toBe('redshift');
});

test('reading needs the permission, and the key of a secret with a customer key', async () => {
  const key = await services.create('AWS::KMS::Key', 'Key', {});
  const { ref } = await create({ KmsKeyId: key.ref });
  const reads = allow('secretsmanager:GetSecretValue', ref);
  const none = await services.role('None', []);
  const keyless = await services.role('Keyless', [reads]);
  const reader = await services.role('Reader', [reads, allow('kms:Decrypt', String(key.attributes['Arn']))]);
  const clientOf = ({ credentials }: typeof none) => new SecretsManagerClient(services.client(credentials));
  await expect(read(ref, clientOf(none))).rejects.toMatchObject({
    name: 'AccessDeniedException',
    message: expect.stringContaining('secretsmanager:GetSecretValue'),
  });
  await expect(read(ref, clientOf(keyless))).rejects.toMatchObject({
    name: 'AccessDeniedException',
    message: expect.stringContaining('kms:Decrypt'),
  });
  await expect(read(ref, clientOf(reader))).resolves.toContain('owner');
});

test('a resource policy denies', async () => {
  const { ref } = await create();
  const statement = { ...deny('secretsmanager:GetSecretValue', '*'), Principal: '*' };
  const policy = { Version: '2012-10-17', Statement: [statement] };
  await services.create('AWS::SecretsManager::ResourcePolicy', 'Policy', { SecretId: ref, ResourcePolicy: policy });
  await expect(read(ref)).rejects.toMatchObject({ name: 'AccessDeniedException' });
});

test('unknown secrets and operations are named', async () => {
  const client = new SecretsManagerClient(services.client());
  await expect(read('none')).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: expect.stringContaining('none'),
  });
  await expect(client.send(new GetRandomPasswordCommand({}))).rejects.toThrow(
    /secretsmanager:GetRandomPassword is not modelled/,
  );
});

test.each([
  [{ PasswordLength: 8, ExcludeLowercase: true, ExcludeUppercase: true, ExcludePunctuation: true }, /^[0-9]{8}$/],
  [{ PasswordLength: 64, ExcludeCharacters: '"@/\\', ExcludeNumbers: true }, /^[^"@/\\0-9 ]{64}$/],
  [{ PasswordLength: 4 }, /^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[^a-zA-Z0-9]).{4}$/],
  [{}, /^.{32}$/],
])('generates what %j asks for', (options, pattern) => {
  for (let i = 0; i < 50; i++) expect(generateSecretString(options, 'GenerateSecretString')).toMatch(pattern);
});

test.each([
  [{ PasswordLength: 3 }, /PasswordLength must be at least 4/],
  [{ PasswordLength: 0 }, /PasswordLength must be an integer between 1 and 4096, got 0/],
  [{ GenerateStringKey: 'x' }, /SecretStringTemplate and GenerateStringKey must be given together/],
  [{ Length: 3 }, /GenerateSecretString.Length is not modelled/],
])('refuses %j', (options, message) => {
  expect(() => generateSecretString(options, 'GenerateSecretString')).toThrow(message);
});
