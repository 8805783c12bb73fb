import type { Partner } from '../../environments/environment';
import { templates } from './fixtures';

const partner = (changes: Partial<Partner> = {}): Partner => ({
  name: 'reader',
  who: { kind: 'aws', principal: 'arn:aws:iam::111122223333:role/reader' },
  access: { mode: 'read', exports: ['shop.visits'] },
  externalId: { kind: 'given', values: ['reader-5f3c1a9e7b2d4680'] },
  ...changes,
});

function role(changes: Partial<Partner> = {}) {
  const { pipelines, data } = templates({ partners: [partner(changes)] });
  const of = (type: string) =>
    Object.entries(pipelines.findResources(type)).find(([id]) => id.startsWith('Partner'))![1]['Properties'];
  return {
    template: pipelines,
    data,
    trust: of('AWS::IAM::Role').AssumeRolePolicyDocument.Statement,
    statements: of('AWS::IAM::Policy').PolicyDocument.Statement,
  };
}

const roleArn = {
  'Fn::Join': [
    '',
    ['arn:', { Ref: 'AWS::Partition' }, ':iam::', { Ref: 'AWS::AccountId' }, ':role/millrace-test-reader'],
  ],
};
const bucketArn = { 'Fn::ImportValue': expect.stringMatching(/^millrace-test-data:.*Exports/) };
const below = (path: string) => ({ 'Fn::Join': ['', [bucketArn, path]] });

describe('trust', () => {
  test('demands the external id that the partner generated', () => {
    expect(role().trust).toEqual([
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { AWS: 'arn:aws:iam::111122223333:role/reader' },
        Condition: { StringEquals: { 'sts:ExternalId': 'reader-5f3c1a9e7b2d4680' } },
      },
    ]);
  });

  test('demands the external id that Millrace generated, which is nowhere in the template', () => {
    const { trust, template } = role({ externalId: { kind: 'generated' } });
    template.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: { ExcludePunctuation: true, PasswordLength: 40 },
    });
    expect(trust).toHaveLength(1);
    expect(JSON.stringify(trust[0].Condition)).toMatch(
      /^\{"StringEquals":\{"sts:ExternalId":\{"Fn::Join":\["",\["\{\{resolve:secretsmanager:",\{"Ref":"PartnerReader\w+"\},":SecretString:::\}\}"\]\]\}\}\}$/,
    );
  });

  test.each<[string, Partial<Partner>]>([
    ['external id', { externalId: { kind: 'awaited' } }],
    ['user', { who: { kind: 'snowflake' }, externalId: { kind: 'generated' } }],
  ])('denies everybody while the %s is awaited', (_, changes) => {
    expect(role(changes).trust).toEqual([
      { Sid: 'ExternalIdAwaited', Effect: 'Deny', Action: 'sts:AssumeRole', Principal: { AWS: '*' } },
    ]);
  });

  test('accepts the old and the new external id during a rotation', () => {
    const values = ['reader-5f3c1a9e7b2d4680', 'reader-91e0d4c2a7f35b68'];
    expect(role({ externalId: { kind: 'given', values } }).trust[0].Condition).toEqual({
      StringEquals: { 'sts:ExternalId': values },
    });
    const { trust, template } = role({ externalId: { kind: 'generated', generations: [1, 2] } });
    expect(trust[0].Condition.StringEquals['sts:ExternalId']).toHaveLength(2);
    const ids = Object.keys(template.findResources('AWS::SecretsManager::Secret')).filter((id) => /Partner/.test(id));
    expect(ids).toEqual([
      expect.stringMatching(/ExternalId[0-9A-F]{8}$/),
      expect.stringMatching(/ExternalId2[0-9A-F]{8}$/),
    ]);
  });

  test('ends on the day that was agreed, and so does what was granted', () => {
    const { trust, statements } = role({ until: '2027-04-01' });
    for (const { Condition } of [...trust, ...statements])
      expect(Condition.DateLessThan).toEqual({ 'aws:CurrentTime': '2027-04-01T00:00:00Z' });
  });

  test('lets the role of Databricks assume itself, by name', () => {
    const { trust, statements } = role({
      who: { kind: 'databricks' },
      externalId: { kind: 'given', values: ['0d26daa6-5e44-4c97-a497-ef015f91254a'] },
    });
    expect(trust.map(({ Principal }: { Principal: { AWS: unknown } }) => Principal.AWS)).toEqual([
      'arn:aws:iam::414351767826:role/unity-catalog-prod-UCMasterRole-14S5ZJVKOTYTL',
      { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::', { Ref: 'AWS::AccountId' }, ':root']] },
    ]);
    expect(trust[1].Condition.ArnEquals).toEqual({ 'aws:PrincipalArn': roleArn });
    expect(statements).toContainEqual({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roleArn });
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

describe('the policies of the buckets and the key', () => {
  const denies = (type: string, policy: string, id: RegExp) => {
    const found = Object.entries(role().data.findResources(type)).find(([name]) => id.test(name))!;
    return found[1]['Properties'][policy].Statement.filter(
      ({ Effect, Condition }: { Effect: string; Condition: object }) =>
        Effect === 'Deny' && JSON.stringify(Condition).includes('aws:PrincipalArn'),
    );
  };
  const isReader = { ArnEquals: { 'aws:PrincipalArn': roleArn } };
  const own = (path: string) => ({
    'Fn::Join': ['', [{ 'Fn::GetAtt': [expect.stringMatching(/^Exports/), 'Arn'] }, path]],
  });

  test('the exports bucket denies the role everything outside its prefixes and everything but reading', () => {
    expect(denies('AWS::S3::BucketPolicy', 'PolicyDocument', /^ExportsPolicy/)).toMatchObject([
      {
        Action: 's3:*',
        NotResource: [{ 'Fn::GetAtt': expect.anything() }, own('/exports/shop/visits/*')],
        Condition: isReader,
      },
      {
        Action: 's3:ListBucket',
        Condition: { ...isReader, StringNotLike: { 's3:prefix': ['exports/shop/visits/*'] } },
      },
      { NotAction: ['s3:ListBucket', 's3:GetObject'], Condition: isReader },
    ]);
  });

  test.each(['History', 'Archive', 'Work', 'Logs'])('the bucket %s denies it everything', (bucket) => {
    expect(denies('AWS::S3::BucketPolicy', 'PolicyDocument', new RegExp(`^${bucket}Policy`))).toMatchObject([
      { Action: 's3:*', Condition: { ArnEquals: { 'aws:PrincipalArn': [roleArn] } } },
    ]);
  });

  test('the key denies it everything that does not come through S3', () => {
    expect(denies('AWS::KMS::Key', 'KeyPolicy', /^Key/)).toMatchObject([
      { Action: 'kms:*', Condition: { StringNotEquals: { 'kms:ViaService': expect.anything() } } },
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

test('fails when the policy of the exports bucket would be larger than S3 takes', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) =>
      partner({ name: `reader-${n}`, externalId: { kind: 'given', values: [`reader-${n}-5f3c1a9e7b2d4680`] } }),
    );
  expect(() => templates({ partners: many(12) })).not.toThrow();
  expect(() => templates({ partners: many(30) })).toThrow(
    /environments\.test\.partners must leave the policy of the exports bucket below 20480 bytes, got 30 partners/,
  );
});
