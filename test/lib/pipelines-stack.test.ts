import { Match } from 'aws-cdk-lib/assertions';
import type { ExportDefinition, WindowLength } from '../../pipelines/definition';
import { shopPipeline, templates } from './fixtures';

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

type Template = ReturnType<typeof templates>['pipelines'];

/** Statements of the policies whose logical id begins with the given text. */
function statements(template: Template, idPrefix: string): Statement[] {
  return Object.entries(template.findResources('AWS::IAM::Policy'))
    .filter(([id]) => id.startsWith(idPrefix))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
}

const actions = (statement: Statement) => [statement.Action].flat();

describe('functions', () => {
  test('no function has a wildcard action', () => {
    const all = statements(templates().pipelines, '').flatMap(actions);
    expect(all).toContain('redshift-data:ExecuteStatement');
    expect(all.filter((action) => action.includes('*'))).toEqual([]);
  });

  test('no role has a managed policy', () => {
    templates().pipelines.allResourcesProperties('AWS::IAM::Role', { ManagedPolicyArns: Match.absent() });
  });

  test('every function may write the log group that it is given', () => {
    const { pipelines } = templates();
    const policies = Object.values(pipelines.findResources('AWS::IAM::Policy'));
    const functions = Object.values(pipelines.findResources('AWS::Lambda::Function'));
    expect(functions.length).toBeGreaterThan(5);
    for (const { Properties } of functions) {
      const logGroup = { 'Fn::GetAtt': [Properties.LoggingConfig.LogGroup.Ref, 'Arn'] };
      const role = Properties.Role['Fn::GetAtt'][0];
      const allowed = policies
        .filter((policy) => policy['Properties'].Roles.some(({ Ref }: { Ref: string }) => Ref === role))
        .flatMap((policy) => policy['Properties'].PolicyDocument.Statement as Statement[])
        .filter((statement) => actions(statement).includes('logs:PutLogEvents'))
        .flatMap(({ Resource }) => Resource);
      expect(allowed).toContainEqual(logGroup);
    }
  });

  test('a refresh runs statements on this warehouse alone and sees only its own', () => {
    const found = statements(templates().pipelines, 'ShopRefreshHandler');
    const of = (action: string) => found.find((statement) => actions(statement).includes(action))!;
    expect(JSON.stringify(of('redshift-data:ExecuteStatement').Resource)).toContain('cluster:millrace-test');
    expect(of('redshift-data:DescribeStatement').Condition).toEqual({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy variable of IAM
      StringEquals: { 'redshift-data:statement-owner-iam-userid': '${aws:userid}' },
    });
  });

  test('only the functions of the warehouse objects read the admin secret', () => {
    const { pipelines } = templates();
    const reads = (idPrefix: string) =>
      statements(pipelines, idPrefix)
        .filter((statement) => actions(statement).includes('secretsmanager:GetSecretValue'))
        .flatMap(({ Resource }) => JSON.stringify(Resource));
    expect(reads('WarehouseObjectsRole').join()).toContain('MasterPasswordSecretArn');
    expect(reads('Shop')).toHaveLength(4);
    expect(reads('Shop').join()).not.toContain('MasterPasswordSecretArn');
  });

  /** What a function may do with a service, as `<action> <resource>[ under <prefixes>]`, resources without the names of their stacks. */
  const allowed = (idPrefix: string, service: string) =>
    statements(templates().pipelines, idPrefix)
      .filter((statement) => actions(statement).some((action) => action.startsWith(`${service}:`)))
      .flatMap((statement) => {
        const resources = [statement.Resource].flat().map((resource) =>
          JSON.stringify(resource)
            .replace(
              /.*?Fn(?:GetAtt|Ref)?(?:Shop)?(History(?:Queue|Backlog|DeadLetters)|[A-Z][a-z]+)[0-9A-F]{8}.*?Arn[0-9A-F]*"\}?/,
              '$1',
            )
            .replace(/[",\]}]/g, ''),
        );
        const condition = statement.Condition as { StringLike?: { 's3:prefix': string[] } } | undefined;
        const under = condition?.StringLike ? ` under ${condition.StringLike['s3:prefix']}` : '';
        return actions(statement).flatMap((action) => resources.map((resource) => `${action} ${resource}${under}`));
      })
      .sort();

  test('a load writes manifests and copies of its own pipeline and reads the objects of its globs', () => {
    expect(allowed('ShopLoadHandler', 's3')).toEqual([
      's3:GetObject Archive/archive/shop/*',
      's3:GetObject History/shop-logs/*',
      's3:GetObject Work/versions/shop/*',
      's3:GetObjectVersion Archive/archive/shop/*',
      's3:GetObjectVersion History/shop-logs/*',
      's3:GetObjectVersionTagging Archive/archive/shop/*',
      's3:GetObjectVersionTagging History/shop-logs/*',
      's3:ListBucketVersions Archive under archive/shop/*',
      's3:ListBucketVersions History under shop-logs/*',
      's3:PutObject Work/manifests/shop/*',
      's3:PutObject Work/versions/shop/*',
      's3:PutObjectTagging Work/versions/shop/*',
    ]);
  });

  test('a load reads its two queues and writes to the dead letters alone', () => {
    const found = allowed('ShopLoadHandler', 'sqs');
    expect(found.filter((text) => text.startsWith('sqs:SendMessage '))).toEqual(['sqs:SendMessage HistoryDeadLetters']);
    expect(found.filter((text) => text.startsWith('sqs:ReceiveMessage '))).toEqual([
      'sqs:ReceiveMessage HistoryBacklog',
      'sqs:ReceiveMessage HistoryQueue',
    ]);
  });

  test('a reconcile lists its own prefixes, writes its listings and fills the backlog', () => {
    expect([...allowed('ShopReconcileHandler', 's3'), ...allowed('ShopReconcileHandler', 'sqs')]).toEqual([
      's3:DeleteObject Work/listings/shop/*',
      's3:GetObject Work/listings/shop/*',
      's3:ListBucket History under shop-logs/*',
      's3:ListBucket Work under listings/shop/*',
      's3:PutObject Work/listings/shop/*',
      'sqs:GetQueueAttributes HistoryBacklog',
      'sqs:SendMessage HistoryBacklog',
    ]);
  });

  test('no function reserves concurrency, which a new account may refuse', () => {
    for (const { Properties } of Object.values(templates().pipelines.findResources('AWS::Lambda::Function')))
      expect(Properties.ReservedConcurrentExecutions).toBeUndefined();
  });

  test('exports send events about publications under their own name only', () => {
    expect(
      statements(templates().pipelines, 'ShopExportsHandler').filter((statement) =>
        actions(statement).includes('events:PutEvents'),
      ),
    ).toEqual([
      expect.objectContaining({
        Condition: {
          StringEquals: { 'events:source': 'millrace.test.shop', 'events:detail-type': 'Millrace Export Published' },
        },
      }),
    ]);
  });

  test('only the refresh works as the owner; every other function has a database user of its own', () => {
    const { pipelines } = templates();
    const functions = Object.entries(pipelines.findResources('AWS::Lambda::Function'));
    const secretOf = (handler: string) =>
      JSON.stringify(functions.find(([id]) => id.startsWith(handler))![1].Properties.Environment.Variables.SECRET_ARN);
    expect(secretOf('ShopRefreshHandler')).toContain('OwnerSecret');
    for (const [handler, secret] of [
      ['ShopLoadHandler', 'ShopUsersLoadSecret'],
      ['ShopReconcileHandler', 'ShopUsersReconcileSecret'],
      ['ShopExportsHandler', 'ShopUsersExportSecret'],
    ] as const) {
      expect(secretOf(handler)).toContain(secret);
      expect(
        statements(pipelines, handler)
          .filter((statement) => actions(statement).includes('secretsmanager:GetSecretValue'))
          .map(({ Resource }) => JSON.stringify(Resource)),
      ).toEqual([expect.stringContaining(secret)]);
    }
    pipelines.hasResourceProperties('AWS::SecretsManager::ResourcePolicy', {
      ResourcePolicy: {
        Statement: [
          Match.objectLike({
            Action: 'secretsmanager:GetSecretValue',
            Principal: { AWS: { 'Fn::GetAtt': [Match.stringLikeRegexp('^WarehouseObjectsRole'), 'Arn'] } },
          }),
        ],
      },
      SecretId: { Ref: Match.stringLikeRegexp('^ShopUsersLoadSecret') },
    });
  });

  test('the key opens through the services that hold the data', () => {
    const uses = statements(templates().pipelines, '').filter((statement) =>
      actions(statement).some((action) => action.startsWith('kms:')),
    );
    expect(uses.length).toBeGreaterThan(5);
    for (const { Condition } of uses)
      expect(Condition).toEqual({ StringEquals: { 'kms:ViaService': expect.anything() } });
  });

  test('a refresh shows its statements to reviewers', () => {
    templates().pipelines.hasResource('AWS::Lambda::Function', {
      Metadata: {
        Statements: Match.arrayWith([
          Match.stringLikeRegexp('^-- refresh[.]steps[.]merge[.]'),
          'lock shop.checkpoints;',
        ]),
      },
      Properties: {
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Environment: { Variables: Match.objectLike({ PIPELINE: 'shop' }) },
      },
    });
  });

  test('a pipeline without history and exports loads only its archive, on demand', () => {
    const { pipelines } = templates({}, [shopPipeline({ history: undefined, exports: [] })]);
    const variables = Object.values(pipelines.findResources('AWS::Lambda::Function')).flatMap(({ Properties }) =>
      Object.keys(Properties.Environment?.Variables ?? {}),
    );
    expect(variables).toContain('LOAD_ROLE_ARN');
    expect(variables).not.toContain('BACKLOG_URL');
    expect(variables).not.toContain('EXPORT_BUCKET');
    pipelines.resourceCountIs('AWS::Lambda::EventSourceMapping', 1);
  });
});

describe('triggers', () => {
  test('the schedule tells the function when it was due', () => {
    templates().pipelines.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
      Target: Match.objectLike({ Input: '{"kind":"start","scheduledTime":"<aws.scheduler.scheduled-time>"}' }),
    });
  });

  test('are deployed disabled where schedules are', () => {
    templates({ schedulesEnabled: false }).pipelines.allResourcesProperties('AWS::Scheduler::Schedule', {
      State: 'DISABLED',
    });
  });

  test('a schedule can be used by the scheduler of this account alone', () => {
    templates().pipelines.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          Match.objectLike({
            Principal: { Service: 'scheduler.amazonaws.com' },
            Condition: {
              StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' }, 'aws:SourceArn': Match.anyValue() },
            },
          }),
        ],
      },
    });
  });

  test('the event of an ended statement reaches the function that submitted it', () => {
    for (const purpose of ['refresh', 'export']) {
      templates().pipelines.hasResourceProperties('AWS::Events::Rule', {
        EventPattern: {
          source: ['aws.redshift-data'],
          'detail-type': ['Redshift Data Statement Status Change'],
          detail: { statementName: [{ prefix: `millrace/test/shop/${purpose}/` }] },
        },
      });
    }
  });

  test('each queue delivers as many messages as a transaction takes, retries single messages, and has its own invocations', () => {
    const { pipelines } = templates();
    pipelines.resourceCountIs('AWS::Lambda::EventSourceMapping', 2);
    pipelines.allResourcesProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 250,
      MaximumBatchingWindowInSeconds: 5,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  test('the reconcile runs as often as the environment says', () => {
    templates({ reconcileEveryMinutes: 45 }).pipelines.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(45 minutes)',
      Description: 'Reconciles history of shop in test',
    });
  });

  test('wait for the warehouse objects', () => {
    const { pipelines } = templates();
    // The pause function uses no object of the warehouse.
    for (const type of ['AWS::Scheduler::Schedule', 'AWS::Lambda::EventSourceMapping'])
      for (const [id, { DependsOn }] of Object.entries(pipelines.findResources(type)))
        if (!id.startsWith('PauseSchedule'))
          expect(DependsOn).toContainEqual(expect.stringMatching(/^ShopObjectsLanding/));
  });

  test.each([
    ['as often as a window closes', windowOf({ minutes: 10 }), 'rate(10 minutes)'],
    ['every quarter of an hour for longer windows', windowOf('day'), 'rate(15 minutes)'],
    ['as often as the export says', { ...windowOf('hour'), everyMinutes: 1 }, 'rate(1 minute)'],
  ])('exports are looked at %s', (_, item, ScheduleExpression) => {
    const exports = [{ ...shopPipeline().exports[0]!, ...item }];
    templates({}, [shopPipeline({ refreshEveryMinutes: 7, exports })]).pipelines.hasResourceProperties(
      'AWS::Scheduler::Schedule',
      { ScheduleExpression },
    );
  });
});

describe('warehouse objects', () => {
  test('are created after what they depend on, the owner first', () => {
    const { pipelines } = templates();
    pipelines.hasResource('Custom::WarehouseObject', {
      Properties: { name: 'shop.identity_tables_51d923f4', kind: 'group' },
      DependsOn: Match.arrayWith([
        Match.stringLikeRegexp('^ShopObjectsBookkeeping'),
        Match.stringLikeRegexp('^WarehouseObjectsOwner'),
      ]),
    });
    pipelines.hasResource('Custom::WarehouseObject', {
      Properties: { kind: 'landing-view' },
      DependsOn: Match.arrayWith([
        Match.stringLikeRegexp('^ShopObjectsBookkeeping'),
        Match.stringLikeRegexp('^ShopObjectsIdentityTables'),
      ]),
    });
  });

  test('with data are retained where the environment retains data; views are deleted', () => {
    const policies = (retainData: boolean) =>
      Object.values(templates({ retainData }).pipelines.findResources('Custom::WarehouseObject')).map(
        ({ Properties, DeletionPolicy }) => [Properties.kind, DeletionPolicy] as const,
      );
    for (const kind of ['group', 'landing-view']) expect(policies(true)).toContainEqual([kind, 'Retain']);
    for (const kind of ['materialized-view', 'public-view']) expect(policies(true)).toContainEqual([kind, 'Delete']);
    expect(policies(false).filter(([, policy]) => policy !== 'Delete')).toEqual([]);
  });

  test('are deleted with the pipelines that dropData names, and so are their stream and queues', () => {
    const visits = shopPipeline({ name: 'visits', history: [], views: [], exports: [] });
    const { data, pipelines } = templates({ retainData: true, dropData: ['visits'] }, [shopPipeline(), visits]);
    const holdsData = ({ kind, name }: { kind: string; name: string }) => kind === 'group' && !name.endsWith('.users');
    const policies = (name: string) => {
      const of = Object.values(pipelines.findResources('Custom::WarehouseObject', { Properties: { pipeline: name } }));
      // What CloudFormation does on removal, and what the registry records.
      for (const { Properties, DeletionPolicy } of of)
        expect(Properties.onRemoval).toBe(DeletionPolicy === 'Retain' ? 'keep' : 'drop');
      const streams = data.findResources('AWS::Kinesis::Stream', { Properties: { Name: `millrace-test-${name}` } });
      return new Set(
        // The users of functions go in any case. They hold no data.
        [...of.filter(({ Properties }) => holdsData(Properties)), ...Object.values(streams)].map(
          ({ DeletionPolicy }) => DeletionPolicy,
        ),
      );
    };
    expect(policies('visits')).toEqual(new Set(['Delete']));
    expect(policies('shop')).toEqual(new Set(['Retain']));
    const queues = Object.entries(data.findResources('AWS::SQS::Queue'));
    expect(queues.map(([id, { DeletionPolicy }]) => [id.startsWith('Visits'), DeletionPolicy])).toEqual(
      queues.map(([id]) => [id.startsWith('Visits'), id.startsWith('Visits') ? 'Delete' : 'Retain']),
    );
  });

  test('of a replaced version are deleted in any case', () => {
    templates({ retainData: true }).pipelines.allResources('Custom::WarehouseObject', {
      UpdateReplacePolicy: 'Delete',
    });
  });

  test('name the role of the stream, which the other stack exports', () => {
    const [schema] = Object.values(templates().pipelines.findResources('Custom::WarehouseObject')).flatMap(
      ({ Properties }) =>
        Object.values((Properties.members ?? {}) as Record<string, { kind: string; create: unknown }>).filter(
          ({ kind }) => kind === 'external-schema',
        ),
    );
    expect(JSON.stringify(schema!.create)).toMatch(
      /iam_role '",\{"Fn::ImportValue":"millrace-test-data:[^"]*StreamRead/,
    );
  });
});

test('the archive is compressed, by hour, and wrapped by the transform', () => {
  templates().pipelines.hasResourceProperties('AWS::KinesisFirehose::DeliveryStream', {
    ExtendedS3DestinationConfiguration: {
      Prefix: 'archive/shop/!{timestamp:yyyy/MM/dd/HH}/',
      ErrorOutputPrefix: 'archive-errors/shop/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/',
      CompressionFormat: 'GZIP',
      ProcessingConfiguration: { Enabled: true, Processors: [Match.objectLike({ Type: 'Lambda' })] },
    },
  });
});

function windowOf(window: WindowLength): Pick<ExportDefinition, 'content'> {
  return { content: { kind: 'incremental', timeColumn: 'happened_at', window } };
}
