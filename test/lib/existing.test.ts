import { Match } from 'aws-cdk-lib/assertions';
import { costOf, type Resources } from '../../cli/cost/cost';
import type { Environment, ExistingStream } from '../../environments/environment';
import { ownerGrants } from '../../lib/existing/owner-grants';
import { validateConfiguration } from '../../lib/rules';
import { shopPipeline, templates, testEnvironment } from './fixtures';

const [account, other, region] = ['555566667777', '888899990000', 'eu-west-1'];
const arn = (owner: string, name = 'clicks') => `arn:aws:kinesis:${region}:${owner}:stream/${name}`;
const key = `arn:aws:kms:${region}:${account}:key/1234`;
const role = `arn:aws:iam::${other}:role/reads`;
const own: ExistingStream = { existing: arn(account), key };
const foreign: ExistingStream = { existing: arn(other), role };
const using = (stream: unknown, changes: Partial<Environment> = {}): Partial<Environment> => ({
  account,
  region,
  pipelines: { shop: { stream: stream as ExistingStream } },
  ...changes,
});
const problems = (changes: Partial<Environment>) =>
  validateConfiguration([shopPipeline()], [testEnvironment(changes)], Date.parse('2026-11-29T00:00:00Z'));

describe('an existing stream is refused', () => {
  test.each<[string, Partial<Environment>, string]>([
    [
      'without an ARN',
      using({ existing: 'clicks' }),
      'stream.existing must be the ARN of a Kinesis stream, as in arn:aws:kinesis:eu-west-1:123456789012:stream/clicks, got "clicks"',
    ],
    [
      'with an alias for a key',
      using({ ...own, key: 'alias/k' }),
      'stream.key must be the ARN of a KMS key, not of an alias, got "alias/k"',
    ],
    [
      'with two roles',
      using({ ...foreign, role: `${role},${role}` }),
      'stream.role must be the ARN of a role without a comma, got',
    ],
    [
      'in another region',
      using({ existing: arn(account).replace(region, 'us-east-1') }),
      'stream.existing must be in the region of the environment, eu-west-1, got "arn:aws:kinesis:us-east-1',
    ],
    [
      'of another account without a role',
      using({ existing: arn(other) }),
      `stream.role must be given, a role of the account ${other} that reads the stream: the environment is in ${account}, got nothing`,
    ],
    [
      'with a role of a third account',
      using({ ...foreign, role: role.replace(other, '111111111111') }),
      `stream.role must be in the account of the stream, ${other}, got`,
    ],
    [
      'with a role in its own account',
      using({ ...own, role: role.replace(other, account) }),
      "stream.role must be left out for a stream of the environment's own account, got",
    ],
  ])('%s', (_, changes, message) => {
    expect(problems(changes)).toEqual([expect.stringContaining(`environments.test.pipelines.shop.${message}`)]);
  });

  test('without an account, for a pipeline that there is not, with another field', () => {
    expect(problems(using(own, { account: undefined }))).toEqual([
      'environments.test.account must be given, since environments.test.pipelines.shop.stream exists already',
    ]);
    expect(problems(using(own, { pipelines: { shopp: { stream: own } } }))).toEqual([
      'environments.test.pipelines must name pipelines (shop), got "shopp"',
    ]);
    expect(problems(using({ ...own, name: 'x' }))).toEqual([expect.stringContaining('stream.name is unknown')]);
    expect(problems(using(own))).toEqual([]);
    expect(problems(using(foreign))).toEqual([]);
  });
});

describe('an existing history bucket', () => {
  const keyOf = `arn:aws:kms:${region}:${account}:key/5678`;
  const inBucket = (bucket: unknown): Partial<Environment> => ({
    account,
    region,
    history: { bucket } as Environment['history'],
  });

  test.each<[string, unknown, string]>([
    ['a URL', { existing: 's3://logs' }, 'history.bucket.existing must be the name of a bucket, got "s3://logs"'],
    ['an address', { existing: '10.0.0.1' }, 'history.bucket.existing must be the name of a bucket, got "10.0.0.1"'],
    [
      'a key id',
      { existing: 'logs', key: '1' },
      'history.bucket.key must be the ARN of a KMS key, not of an alias, got "1"',
    ],
    ['nothing', undefined, 'history.bucket must be an object with existing, key, got nothing'],
  ])('is refused: %s', (_, bucket, message) => {
    expect(problems(inBucket(bucket))).toEqual([`environments.test.${message}`]);
  });

  test('needs the account and the region', () => {
    expect(problems({ history: { bucket: { existing: 'logs' } } })).toEqual(
      ['account', 'region'].map(
        (name) => `environments.test.${name} must be given, since environments.test.history.bucket exists already`,
      ),
    );
  });

  test('is no resource; EventBridge brings its new objects to the queue of the pipeline', () => {
    const { data, pipelines } = templates(inBucket({ existing: 'logs', key: keyOf }));
    const buckets = Object.keys(data.findResources('AWS::S3::Bucket'));
    expect(buckets.filter((id) => id.startsWith('History'))).toEqual([]);
    expect(JSON.stringify(data.findResources('AWS::S3::BucketPolicy')).includes('"logs"')).toBe(false);
    data.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        account: [account],
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: { bucket: { name: ['logs'] }, object: { key: [{ prefix: 'shop-logs/' }] } },
      },
      Targets: [
        { Id: 'Queue', Arn: Match.objectLike({ 'Fn::GetAtt': [Match.stringLikeRegexp('^ShopHistoryQueue'), 'Arn'] }) },
      ],
    });
    data.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 'sqs:SendMessage',
            Principal: { Service: 'events.amazonaws.com' },
            Condition: { ArnEquals: { 'aws:SourceArn': Match.objectLike({ 'Fn::GetAtt': Match.anyValue() }) } },
          }),
        ]),
      },
    });
    const decrypting = [data, pipelines].flatMap((template) =>
      Object.entries(template.findResources('AWS::IAM::Policy')).flatMap(([id, { Properties }]) =>
        JSON.stringify(Properties).includes(keyOf) ? [id.replace(/DefaultPolicy.*/, '')] : [],
      ),
    );
    expect(decrypting.map((id) => id.replace(/[0-9A-F]{8}$/, ''))).toEqual([
      'WarehouseRolesLoad',
      'ShopLoadHandlerRole',
    ]);
    const load = Object.entries(data.findResources('AWS::IAM::Policy')).find(([id]) => /RolesLoad/.test(id))![1];
    const text = JSON.stringify(load['Properties']);
    expect([text.includes(':s3:::logs/shop-logs/*'), text.includes(':s3:::logs/*')]).toEqual([true, false]);
    data.hasOutput('HistoryBucketName', { Value: 'logs' });
  });

  test('its owner switches EventBridge on, and lets the key decrypt', () => {
    const grants = ownerGrants(testEnvironment(inBucket({ existing: 'logs', key: keyOf })), [shopPipeline()], account);
    expect(grants.map(({ kind, resource }) => [kind, resource])).toEqual([
      ['notification configuration', 'arn:aws:s3:::logs'],
      ['key policy', keyOf],
    ]);
    expect(grants[0]!.add).toEqual({ EventBridgeConfiguration: {} });
  });
});

describe('templates', () => {
  test('a stream of the account is read by its ARN and decrypted with its key, and is no resource', () => {
    const { data, pipelines } = templates(using(own));
    data.resourceCountIs('AWS::Kinesis::Stream', 0);
    data.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Action: Match.arrayWith(['kinesis:GetRecords']), Resource: arn(account) }),
          Match.objectLike({
            Action: 'kms:Decrypt',
            Resource: key,
            Condition: { StringEquals: { 'kms:ViaService': Match.anyValue() } },
          }),
        ]),
      },
    });
    pipelines.hasResourceProperties('AWS::KinesisFirehose::DeliveryStream', {
      KinesisStreamSourceConfiguration: { KinesisStreamARN: arn(account) },
    });
    pipelines.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'GetRecords.IteratorAgeMilliseconds',
      Dimensions: [{ Name: 'StreamName', Value: 'clicks' }],
    });
    data.hasOutput('*', { Value: 'clicks', Description: 'Producers of shop write here' });
  });

  test('a stream of another account is read through its role, and not archived', () => {
    const { data, pipelines } = templates(using(foreign));
    const streamRead = Object.entries(data.findResources('AWS::IAM::Policy')).find(([id]) => /StreamRead/.test(id))![1];
    expect(streamRead['Properties'].PolicyDocument.Statement).toEqual([
      { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: role },
    ]);
    pipelines.resourceCountIs('AWS::KinesisFirehose::DeliveryStream', 0);
    expect(JSON.stringify(pipelines.toJSON()).includes(`,${role}'`)).toBe(true);
    const watched = Object.values(pipelines.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties.MetricName,
    );
    expect(watched).not.toContain('GetRecords.IteratorAgeMilliseconds');
    expect(watched).not.toContain('KinesisMillisBehindLatest');
  });

  test('cost has no line for what is not of the environment', () => {
    const { data, pipelines } = templates(using(foreign));
    const resources = { ...data.toJSON()['Resources'], ...pipelines.toJSON()['Resources'] } as Resources;
    expect(costOf(resources).filter(({ group }) => group === 'Kinesis' || group === 'Firehose')).toEqual([]);
  });
});

test('the policies to hand over can be added before the roles exist', () => {
  const grantsOf = (stream: ExistingStream) =>
    ownerGrants(testEnvironment(using(stream)), [shopPipeline()], account).map(({ owner, resource, kind, add }) => ({
      owner,
      resource,
      kind,
      add,
    }));
  const Condition = { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${account}:role/millrace-test-*` } };
  expect(grantsOf({ existing: arn(account) })).toEqual([]);
  expect(grantsOf(own)).toEqual([
    {
      owner: account,
      resource: key,
      kind: 'key policy',
      add: expect.objectContaining({
        Statement: [
          expect.objectContaining({ Action: ['kms:Decrypt'], Condition: expect.objectContaining(Condition) }),
        ],
      }),
    },
  ]);
  expect(grantsOf(foreign)).toEqual([
    {
      owner: other,
      resource: role,
      kind: 'trust policy',
      add: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: `arn:aws:iam::${account}:root` },
            Action: ['sts:AssumeRole'],
            Condition,
          },
        ],
      },
    },
    expect.objectContaining({ owner: other, resource: role, kind: 'permissions of the role' }),
  ]);
});
