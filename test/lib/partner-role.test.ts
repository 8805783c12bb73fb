import type { Partner } from '../../environments/environment';
import { templates } from './fixtures';

const partner = (changes: Partial<Partner> = {}): Partner => ({
  name: 'reader',
  principal: 'arn:aws:iam::111122223333:role/reader',
  access: { mode: 'read', exports: ['shop.visits'] },
  externalId: { kind: 'given', value: 'mz_1234_u1' },
  ...changes,
});

function role(changes: Partial<Partner> = {}) {
  const { pipelines } = templates({ partners: [partner(changes)] });
  const of = (type: string) =>
    Object.entries(pipelines.findResources(type)).find(([id]) => id.startsWith('Partner'))![1]['Properties'];
  return {
    template: pipelines,
    trust: of('AWS::IAM::Role').AssumeRolePolicyDocument.Statement,
    statements: of('AWS::IAM::Policy').PolicyDocument.Statement,
  };
}

const bucketArn = { 'Fn::ImportValue': expect.stringMatching(/^millrace-test-data:.*Exports/) };
const below = (path: string) => ({ 'Fn::Join': ['', [bucketArn, path]] });

describe('trust', () => {
  test('demands the external id that the partner made', () => {
    expect(role().trust).toEqual([
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { AWS: 'arn:aws:iam::111122223333:role/reader' },
        Condition: { StringEquals: { 'sts:ExternalId': 'mz_1234_u1' } },
      },
    ]);
  });

  test('demands the external id that Millrace made, which is nowhere in the template', () => {
    const { trust, template } = role({ externalId: { kind: 'generated' } });
    template.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: { ExcludePunctuation: true, PasswordLength: 40 },
    });
    expect(trust).toHaveLength(1);
    expect(JSON.stringify(trust[0].Condition)).toMatch(
      /^\{"StringEquals":\{"sts:ExternalId":\{"Fn::Join":\["",\["\{\{resolve:secretsmanager:",\{"Ref":"PartnerReader\w+"\},":SecretString:::\}\}"\]\]\}\}\}$/,
    );
  });

  test('denies everybody while the external id is awaited', () => {
    expect(role({ externalId: { kind: 'awaited' } }).trust).toEqual([
      { Sid: 'ExternalIdAwaited', Effect: 'Deny', Action: 'sts:AssumeRole', Principal: { AWS: '*' } },
    ]);
  });
});

describe('a reader', () => {
  test('reads and lists the exports it was granted, and nothing else', () => {
    expect(role().statements).toEqual([
      { Effect: 'Allow', Action: 's3:GetObject', Resource: below('/exports/shop/visits/*') },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: bucketArn,
        Condition: { StringLike: { 's3:prefix': ['exports/shop/visits/*'] } },
      },
      {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: expect.anything(),
        Condition: { StringEquals: { 'kms:ViaService': expect.anything() } },
      },
    ]);
  });
});

describe('a writer', () => {
  test('has what COPY TO of Materialize needs below its own prefix, and nothing else', () => {
    expect(role({ name: 'materialize', access: { mode: 'write' } }).statements).toEqual([
      { Effect: 'Allow', Action: ['s3:DeleteObject', 's3:PutObject'], Resource: below('/partners/materialize/*') },
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: bucketArn,
        Condition: { StringLike: { 's3:prefix': ['partners/materialize/*'] } },
      },
      {
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
        Resource: expect.anything(),
        Condition: { StringEquals: { 'kms:ViaService': expect.anything() } },
      },
    ]);
  });
});

test('people find the role and its external id in the outputs', () => {
  const { template } = role({ externalId: { kind: 'generated' } });
  const outputs = Object.keys(template.toJSON().Outputs);
  expect(outputs).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^PartnerReader.*RoleArn/),
      expect.stringMatching(/^PartnerReader.*ExternalIdSecretArn/),
    ]),
  );
});
