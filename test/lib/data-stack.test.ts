import { Match } from 'aws-cdk-lib/assertions';
import type { Retention } from '../../pipelines/definition';
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

  test('pauses and resumes on the schedules of the environment, with a role for that alone', () => {
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
  test('replaces the cluster where the environment says serverless', () => {
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

  test('has subnets in three zones, as Redshift Serverless demands', () => {
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

  const users = [
    ['millrace_owner'],
    ['millrace_load_*', 'millrace_reconcile_*'],
    ['millrace_export_*'],
    ['millrace_owner'],
  ];

  test('can be assumed only for the database users with their purpose', () => {
    expect(trusts(templates())).toEqual(
      users.map((names) => ({
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { Service: 'redshift.amazonaws.com' },
        Condition: { StringLike: { 'sts:ExternalId': names.map((user) => arn([`:dbuser:millrace-test/${user}`])) } },
      })),
    );
  });

  test('can be assumed on Serverless by the documented name of the workgroup and by the name that reports show', () => {
    // Both services have the same condition.
    const conditions = new Set(
      trusts(templates({ warehouse: serverless })).map(({ Condition }) => JSON.stringify(Condition)),
    );
    expect([...conditions].map((text) => JSON.parse(text))).toEqual(
      // The owner has two roles.
      users.slice(0, -1).map((names) => ({
        StringLike: {
          'sts:ExternalId': [
            ...names.map((user) => arn([`:dbuser:millrace-test/${user}`])),
            ...names.map((user) => arn([':dbuser:serverless-', { Ref: 'AWS::AccountId' }, `-*/${user}`])),
          ],
        },
      })),
    );
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

test('COPY reads manifests, copies and listings of the work bucket, and nothing else there', () => {
  const [policy] = Object.entries(templates().data.findResources('AWS::IAM::Policy')).flatMap(([id, { Properties }]) =>
    id.startsWith('WarehouseRolesLoad') ? [Properties.PolicyDocument.Statement] : [],
  );
  const read = policy.find(({ Action }: { Action: unknown }) => Action === 's3:GetObject');
  const inWork = read.Resource.map((resource: unknown) => JSON.stringify(resource))
    .filter((text: string) => text.includes('"Work'))
    .map((text: string) => /"(\/[^"]*)"/.exec(text)![1]);
  expect(inWork.sort()).toEqual(['/listings/*', '/manifests/*', '/versions/*']);
});

test('what is in the work bucket expires', () => {
  templates().data.hasResource('AWS::S3::Bucket', {
    Properties: {
      LifecycleConfiguration: { Rules: Match.arrayWith([{ ExpirationInDays: 7, Id: 'expiry', Status: 'Enabled' }]) },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
    },
  });
});

test('objects of the archive expire where a pipeline says so', () => {
  const archiveRules = (retention?: Retention) => {
    const { data } = templates({}, [shopPipeline({ ...(retention && { retention }) })]);
    const [bucket] = Object.entries(data.findResources('AWS::S3::Bucket')).flatMap(([id, { Properties }]) =>
      id.startsWith('Archive') ? [Properties.LifecycleConfiguration.Rules as { Id: string }[]] : [],
    );
    return bucket!.filter(({ Id }) => !['abandoned-uploads', 'old-versions', 'cold'].includes(Id));
  };
  expect(archiveRules()).toEqual([]);
  expect(archiveRules({ rejects: '9 days' })).toEqual([]);
  expect(archiveRules({ archive: '800 days' })).toEqual([
    { Id: 'archive-of-shop', Prefix: 'archive/shop/', ExpirationInDays: 800, Status: 'Enabled' },
    { Id: 'archive-errors-of-shop', Prefix: 'archive-errors/shop/', ExpirationInDays: 800, Status: 'Enabled' },
    { Id: 'forgotten-markers', ExpiredObjectDeleteMarker: true, Status: 'Enabled' },
  ]);
});

describe('network', () => {
  test('has no internet access', () => {
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
  test('notifies the queue of new objects below the literal prefix of the glob', () => {
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

  test('accepts notifications only from buckets of this account and stack', () => {
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

  test('has one notification for globs with a common prefix, and one for each other prefix', () => {
    const source = { format: 'ndjson', compression: 'gzip' } as const;
    const history = [
      { ...source, name: 'logs', globs: ['logs/a/*.gz', 'logs/*/b.gz', 'other/x-*.gz'] },
      { ...source, name: 'more', globs: ['more/*.gz'] },
    ];
    const [bucket] = Object.values(
      templates({}, [shopPipeline({ history })]).data.findResources('AWS::S3::Bucket', {
        Properties: { NotificationConfiguration: Match.anyValue() },
      }),
    );
    const prefixes = bucket!['Properties'].NotificationConfiguration.QueueConfigurations.map(
      ({ Filter }: { Filter: { S3Key: { Rules: { Value: string }[] } } }) => Filter.S3Key.Rules[0]!.Value,
    );
    expect(prefixes).toEqual(['logs/', 'more/', 'other/x-']);
  });

  test('hides a message for longer than six loads may take, and keeps retrying while the warehouse is paused for a night', () => {
    const { data } = templates();
    const working = data.findResources('AWS::SQS::Queue', {
      Properties: {
        VisibilityTimeout: 3600,
        MessageRetentionPeriod: 1_209_600,
        RedrivePolicy: {
          maxReceiveCount: 100,
          deadLetterTargetArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ShopHistoryDeadLetters'), 'Arn'] },
        },
      },
    });
    expect(Object.keys(working)).toHaveLength(2);
    const ids = Object.keys(data.findResources('AWS::SQS::Queue')).map((id) => id.slice(0, -8));
    expect(ids.sort()).toEqual(['ShopHistoryBacklog', 'ShopHistoryDeadLetters', 'ShopHistoryQueue']);
  });

  test('a pipeline without history has a backlog for its archive, and no notifications', () => {
    const { data } = templates({}, [shopPipeline({ history: undefined })]);
    const ids = Object.keys(data.findResources('AWS::SQS::Queue')).map((id) => id.slice(0, -8));
    expect(ids.sort()).toEqual(['ShopHistoryBacklog', 'ShopHistoryDeadLetters']);
    data.resourceCountIs('AWS::SQS::QueuePolicy', 2);
    data.allResourcesProperties('AWS::S3::Bucket', { NotificationConfiguration: Match.absent() });
  });

  test('a pipeline that decodes records is notified of those that a run unloads, below its own prefix', () => {
    const records = { decode: ['gzip'] } as const;
    const pipeline = shopPipeline({ history: undefined });
    const { data, pipelines } = templates({}, [{ ...pipeline, stream: { ...pipeline.stream, records } }]);
    data.hasResourceProperties('AWS::S3::Bucket', {
      NotificationConfiguration: {
        QueueConfigurations: [
          {
            Event: 's3:ObjectCreated:*',
            Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'undecoded/shop/' }] } },
            Queue: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ShopHistoryQueue'), 'Arn'] },
          },
        ],
      },
    });
    const ends = (resource: string) => ({ 'Fn::Join': ['', Match.arrayWith([resource])] });
    data.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
            Resource: Match.arrayWith([ends('/undecoded/*')]),
          }),
        ]),
      },
    });
    pipelines.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectVersionTagging'],
            Resource: Match.arrayWith([ends('/undecoded/shop/*')]),
          }),
        ]),
      },
    });
    pipelines.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
  });

  test('outputs give its queues to the commands', () => {
    const outputs = Object.keys(templates().data.toJSON()['Outputs']);
    for (const name of ['History', 'Archive', 'Exports', 'Work']) expect(outputs).toContain(`${name}BucketName`);
    expect(outputs).toEqual(
      expect.arrayContaining(['WarehouseName', 'WarehouseKind', 'DatabaseName', 'OwnerSecretArn']),
    );
    const ofPipeline = outputs
      .filter((id) => id.startsWith('ShopHistory') && id.includes('Url'))
      .map((id) => id.slice(0, -8));
    expect(ofPipeline.sort()).toEqual(['ShopHistoryBacklogUrl', 'ShopHistoryDeadLettersUrl', 'ShopHistoryQueueUrl']);
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

test('resources with data are retained where the environment retains data, and deleted where it does not', () => {
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

test('the key rotates and serves S3, EventBridge and CloudWatch of this account', () => {
  templates().data.hasResourceProperties('AWS::KMS::Key', {
    EnableKeyRotation: true,
    KeyPolicy: {
      Statement: Match.arrayWith([
        Match.objectLike({
          Principal: { Service: ['cloudwatch.amazonaws.com', 'events.amazonaws.com', 's3.amazonaws.com'] },
          Condition: { StringEqualsIfExists: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        }),
      ]),
    },
  });
});

test.each([
  ['a cluster', {}, 'AWS::Redshift::Cluster'],
  ['a workgroup', { warehouse: serverless }, 'AWS::RedshiftServerless::Namespace'],
] as const)('the secret of the owner is attached to %s', (_, environment, TargetType) => {
  templates(environment).data.hasResourceProperties('AWS::SecretsManager::SecretTargetAttachment', {
    SecretId: { Ref: Match.stringLikeRegexp('^OwnerSecret') },
    TargetId: { Ref: Match.anyValue() },
    TargetType,
  });
});

test('in us-west-1, which has two zones, Serverless has three subnets in them, and each endpoint one in each', () => {
  const { data } = templates({ warehouse: serverless, region: 'us-west-1' });
  const subnets = data.findResources('AWS::EC2::Subnet');
  const zones = Object.values(subnets).map(({ Properties }) => Properties.AvailabilityZone['Fn::Select'][0]);
  expect(zones.sort()).toEqual([0, 0, 1]);
  for (const { Properties } of Object.values(data.findResources('AWS::EC2::VPCEndpoint')))
    if (Properties.VpcEndpointType === 'Interface') {
      const used = Properties.SubnetIds.map(
        ({ Ref }: { Ref: string }) => subnets[Ref]!['Properties'].AvailabilityZone['Fn::Select'][0],
      );
      expect(used.sort()).toEqual([0, 1]);
    }
});

test('the scheduler of Redshift may pause the cluster, whether or not it sends the account that it acts for', () => {
  const pause = { pauseAt: 'cron(0 20 * * ? *)', resumeAt: 'cron(0 6 * * ? *)' };
  const warehouse = {
    kind: 'provisioned',
    nodeType: 'ra3.large',
    nodeCount: 1,
    snapshotRetentionDays: 1,
    pause,
  } as const;
  templates({ warehouse }).data.hasResourceProperties('AWS::IAM::Role', {
    AssumeRolePolicyDocument: {
      Statement: [
        Match.objectLike({
          Principal: { Service: 'scheduler.redshift.amazonaws.com' },
          Condition: { StringEqualsIfExists: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
        }),
      ],
    },
  });
});
