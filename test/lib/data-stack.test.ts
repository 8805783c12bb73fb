import { Match } from 'aws-cdk-lib/assertions';
import { serverless, shopPipeline, templates } from './fixtures';

const provisioned = { kind: 'provisioned', nodeType: 'ra3.large', nodeCount: 2, snapshotRetentionDays: 3 } as const;

describe('cluster', () => {
  test('is encrypted with the customer key, off the internet, and keeps its snapshots', () => {
    templates().data.hasResourceProperties('AWS::Redshift::Cluster', {
      ClusterIdentifier: 'millrace-test',
      Encrypted: true,
      KmsKeyId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Key'), 'Arn'] },
      PubliclyAccessible: false,
      EnhancedVpcRouting: true,
      AutomatedSnapshotRetentionPeriod: 3,
      ManageMasterPassword: true,
    });
  });

  test('takes TLS connections only and keeps the case of payload attributes', () => {
    const parameter = (ParameterName: string) => Match.objectLike({ ParameterName, ParameterValue: 'true' });
    templates().data.hasResourceProperties('AWS::Redshift::ClusterParameterGroup', {
      Parameters: Match.arrayWith([parameter('require_ssl'), parameter('enable_case_sensitive_identifier')]),
    });
  });

  test.each([
    [1, { ClusterType: 'single-node', NumberOfNodes: Match.absent(), AvailabilityZoneRelocation: Match.absent() }],
    [2, { ClusterType: 'multi-node', NumberOfNodes: 2, AvailabilityZoneRelocation: true }],
  ])('of %i nodes', (nodeCount, expected) => {
    templates({ warehouse: { ...provisioned, nodeCount } }).data.hasResourceProperties(
      'AWS::Redshift::Cluster',
      expected,
    );
  });

  test.each([
    ['goes', { retainData: false, deletionProtection: false }, 'Delete', 'Delete'],
    ['leaves a snapshot', { retainData: true, deletionProtection: false }, 'Snapshot', 'Snapshot'],
    ['stays', { retainData: true, deletionProtection: true }, 'Retain', 'Snapshot'],
  ])('%s with its stack as the environment says', (_, environment, DeletionPolicy, UpdateReplacePolicy) => {
    templates(environment).data.hasResource('AWS::Redshift::Cluster', { DeletionPolicy, UpdateReplacePolicy });
  });

  test('sleeps and wakes by the schedules of the environment, with a role for just that', () => {
    const pause = { pauseAt: 'cron(0 20 * * ? *)', resumeAt: 'cron(0 6 * * ? *)' };
    const { data } = templates({ warehouse: { ...provisioned, pause } });
    data.hasResourceProperties('AWS::Redshift::ScheduledAction', {
      Schedule: pause.pauseAt,
      TargetAction: { PauseCluster: { ClusterIdentifier: 'millrace-test' } },
    });
    data.hasResourceProperties('AWS::Redshift::ScheduledAction', {
      Schedule: pause.resumeAt,
      TargetAction: { ResumeCluster: { ClusterIdentifier: 'millrace-test' } },
    });
    data.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: { Statement: [{ Action: ['redshift:PauseCluster', 'redshift:ResumeCluster'] }] },
    });
  });
});

describe('serverless', () => {
  test('takes the place of the cluster by one word', () => {
    const { data, pipelines } = templates({ warehouse: serverless });
    data.resourceCountIs('AWS::Redshift::Cluster', 0);
    data.hasResourceProperties('AWS::RedshiftServerless::Workgroup', {
      WorkgroupName: 'millrace-test',
      BaseCapacity: 8,
      MaxCapacity: 32,
      PubliclyAccessible: false,
      EnhancedVpcRouting: true,
    });
    pipelines.allResourcesProperties(
      'AWS::Lambda::Function',
      Match.not(Match.objectLike({ Environment: { Variables: { WAREHOUSE_KIND: 'provisioned' } } })),
    );
    pipelines.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: Match.objectLike({
          WAREHOUSE_KIND: 'serverless',
          WAREHOUSE_NAME: 'millrace-test',
          PIPELINE: 'shop',
        }),
      },
    });
  });

  test('has subnets in three zones, as it demands', () => {
    templates({ warehouse: serverless }).data.resourceCountIs('AWS::EC2::Subnet', 3);
  });

  test('leaves a snapshot where data is retained', () => {
    templates({ warehouse: serverless }).data.hasResourceProperties('AWS::RedshiftServerless::Namespace', {
      FinalSnapshotName: 'millrace-test-final',
    });
    templates({ warehouse: serverless, retainData: false }).data.hasResourceProperties(
      'AWS::RedshiftServerless::Namespace',
      {
        FinalSnapshotName: Match.absent(),
      },
    );
  });
});

describe('warehouse roles', () => {
  const arn = (user: unknown[]) => ({
    'Fn::Join': [
      '',
      [
        'arn:',
        { Ref: 'AWS::Partition' },
        ':redshift:',
        { Ref: 'AWS::Region' },
        ':',
        { Ref: 'AWS::AccountId' },
        ...user,
      ],
    ],
  });
  const trusts = ({ data }: ReturnType<typeof templates>) =>
    Object.entries(data.findResources('AWS::IAM::Role'))
      .filter(([id]) => id.startsWith('WarehouseRoles'))
      .flatMap(([, role]) => role['Properties'].AssumeRolePolicyDocument.Statement);

  test('open for the owner of the warehouse objects alone', () => {
    const found = trusts(templates());
    expect(found).toHaveLength(3);
    for (const statement of found) {
      expect(statement).toEqual({
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { Service: 'redshift.amazonaws.com' },
        Condition: { StringEquals: { 'sts:ExternalId': arn([':dbuser:millrace-test/millrace_owner']) } },
      });
    }
  });

  test('open for the owner in any workgroup of the account on Serverless, whose id is not known before', () => {
    for (const { Condition } of trusts(templates({ warehouse: serverless }))) {
      expect(Condition).toEqual({
        StringLike: { 'sts:ExternalId': arn([':dbuser:serverless-', { Ref: 'AWS::AccountId' }, '-*/millrace_owner']) },
      });
    }
  });

  test('read the streams and no others', () => {
    templates().data.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: Match.arrayWith(['kinesis:GetRecords', 'kinesis:ListShards']),
            Resource: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ShopStream'), 'Arn'] },
          }),
        ]),
      },
    });
  });

  test('write below the prefix of exports alone', () => {
    templates().data.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
            Resource: {
              'Fn::Join': ['', [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^Exports'), 'Arn'] }, '/exports/*']],
            },
          }),
        ]),
      },
    });
  });
});

describe('network', () => {
  test('has no way out', () => {
    const { data } = templates();
    for (const type of ['AWS::EC2::NatGateway', 'AWS::EC2::InternetGateway', 'AWS::EC2::Route'])
      data.resourceCountIs(type, 0);
    data.allResourcesProperties('AWS::EC2::Subnet', { MapPublicIpOnLaunch: false });
  });

  test('reaches Kinesis, STS and S3 through endpoints', () => {
    const services = Object.values(templates().data.findResources('AWS::EC2::VPCEndpoint')).map(({ Properties }) =>
      Properties.ServiceName['Fn::Join'][1].at(-1),
    );
    expect(services.sort()).toEqual(['.kinesis-streams', '.s3', '.sts']);
  });
});

describe('stream', () => {
  test('is encrypted with the customer key and keeps records for the time of the pipeline', () => {
    templates().data.hasResourceProperties('AWS::Kinesis::Stream', {
      Name: 'millrace-test-shop',
      RetentionPeriodHours: 48,
      StreamModeDetails: { StreamMode: 'ON_DEMAND' },
      StreamEncryption: { EncryptionType: 'KMS', KeyId: { 'Fn::GetAtt': [Match.stringLikeRegexp('^Key'), 'Arn'] } },
    });
  });

  test('has the shards that a provisioned pipeline asks for', () => {
    const pipeline = shopPipeline({ stream: { capacity: { mode: 'provisioned', shards: 3 }, retentionHours: 24 } });
    templates({}, [pipeline]).data.hasResourceProperties('AWS::Kinesis::Stream', {
      ShardCount: 3,
      StreamModeDetails: { StreamMode: 'PROVISIONED' },
    });
  });

  test('is named without underscores', () => {
    templates({}, [shopPipeline({ name: 'page_views', views: [], exports: [] })]).data.hasResourceProperties(
      'AWS::Kinesis::Stream',
      { Name: 'millrace-test-page-views' },
    );
  });
});

describe('history', () => {
  test('tells the queue of new objects below the literal part of the glob', () => {
    templates().data.hasResourceProperties('AWS::S3::Bucket', {
      NotificationConfiguration: {
        QueueConfigurations: [
          {
            Event: 's3:ObjectCreated:*',
            Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'shop-logs/' }] } },
            Queue: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ShopHistoryQueue'), 'Arn'] },
          },
        ],
      },
    });
  });

  test('may be told of by buckets of this account and stack alone', () => {
    templates().data.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sqs:SendMessage',
            Principal: { Service: 's3.amazonaws.com' },
            Condition: {
              StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
              ArnLike: {
                'aws:SourceArn': { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':s3:::millrace-test-data*']] },
              },
            },
          }),
        ]),
      },
    });
  });

  test('gives up on a message after five attempts, each longer than six loads may take', () => {
    templates().data.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 3600,
      RedrivePolicy: {
        maxReceiveCount: 5,
        deadLetterTargetArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ShopHistoryDeadLetters'), 'Arn'] },
      },
    });
  });

  test('has no queue where no pipeline has history', () => {
    const { data } = templates({}, [shopPipeline({ history: undefined })]);
    data.resourceCountIs('AWS::SQS::Queue', 0);
    data.allResourcesProperties('AWS::S3::Bucket', { NotificationConfiguration: Match.absent() });
  });
});

describe('buckets', () => {
  test('are closed to the public and encrypted', () => {
    templates().data.allResourcesProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: Match.anyValue(),
    });
  });

  test('refuse everything that does not come over TLS', () => {
    templates().data.allResourcesProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 's3:*',
            Principal: { AWS: '*' },
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      },
    });
  });
});

test('what holds data stays where data is retained, and goes where it is not', () => {
  for (const [retainData, policy] of [
    [true, 'Retain'],
    [false, 'Delete'],
  ] as const) {
    const { data } = templates({ retainData });
    for (const type of [
      'AWS::S3::Bucket',
      'AWS::Kinesis::Stream',
      'AWS::KMS::Key',
      'AWS::SQS::Queue',
      'AWS::SecretsManager::Secret',
    ]) {
      data.allResources(type, { DeletionPolicy: policy, UpdateReplacePolicy: policy });
    }
    data.resourceCountIs('Custom::S3AutoDeleteObjects', retainData ? 0 : 5);
  }
});

test('only the stateful stack refuses to be deleted, and only where the environment says so', () => {
  for (const deletionProtection of [true, false]) {
    const { stage } = templates({ deletionProtection });
    expect([stage.data.terminationProtection, stage.pipelines.terminationProtection]).toEqual([
      deletionProtection,
      false,
    ]);
  }
});

test('the key rotates and serves S3 and CloudWatch of this account', () => {
  templates().data.hasResourceProperties('AWS::KMS::Key', {
    EnableKeyRotation: true,
    KeyPolicy: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Principal: { Service: ['cloudwatch.amazonaws.com', 's3.amazonaws.com'] },
          Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        }),
      ]),
    },
  });
});
