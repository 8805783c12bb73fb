import { Match } from 'aws-cdk-lib/assertions';
import { dev } from '../../environments/dev';
import type { PausePlan } from '../../lambda/pause/contract';
import type { Bundles } from '../../lib/shared/bundles';
import { noBundles, serverless, shopPipeline, stageOf, templates } from './fixtures';

const budget = { monthlyDollars: 500, pauseAt: 110 };

describe('the pause function', () => {
  function planOf(changes: Parameters<typeof stageOf>[0], ...pipelines: Parameters<typeof shopPipeline>[0][]) {
    let plan: PausePlan | undefined;
    const bundles: Bundles = {
      code(handler, owner, given) {
        if (handler === 'pause') plan = given as PausePlan;
        return noBundles.code(handler, owner, given);
      },
    };
    stageOf(changes, pipelines.map(shopPipeline), bundles);
    return plan;
  }

  test('knows the streams, the pipelines with exports and the daily schedule', () => {
    expect(planOf({ warehouse: dev.warehouse }, {}, { name: 'quiet', exports: [], views: [] })).toEqual({
      streams: [
        { name: 'millrace-test-shop', retentionHours: 48, own: true },
        { name: 'millrace-test-quiet', retentionHours: 48, own: true },
      ],
      exporting: ['shop'],
      scheduledActions: ['millrace-test-pause', 'millrace-test-resume'],
      exportsWaitMinutes: 30,
      schedulesEnabled: true,
    });
    expect(planOf({}, { exports: [] })).toMatchObject({ exporting: [], scheduledActions: [], exportsWaitMinutes: 0 });
  });

  const statements = (changes: Parameters<typeof templates>[0]) =>
    Object.values(templates(changes).pipelines.findResources('AWS::IAM::Policy'))
      .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes('PauseHandlerRole'))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as { Action: string | string[] }[])
      .flatMap(({ Action }) => Action)
      .filter((action) => action.startsWith('redshift'));

  test('may pause and resume a cluster, and switch its daily schedule where there is one', () => {
    expect(statements({})).toEqual(['redshift:PauseCluster', 'redshift:ResumeCluster', 'redshift:DescribeClusters']);
    expect(statements({ warehouse: dev.warehouse })).toContain('redshift:ModifyScheduledAction');
  });

  test('may change the capacity of a workgroup', () => {
    expect(statements({ warehouse: serverless })).toEqual([
      'redshift-serverless:GetWorkgroup',
      'redshift-serverless:UpdateWorkgroup',
    ]);
  });
});

describe('a budget', () => {
  test('is not there unless the environment has one', () => {
    templates().pipelines.resourceCountIs('AWS::Budgets::Budget', 0);
    expect(JSON.stringify(templates().data.toJSON())).not.toContain('budgets.amazonaws.com');
  });

  test('counts what has the cost tag of the environment, and warns at 80 percent', () => {
    const { pipelines } = templates({ budget: { monthlyDollars: 500 } });
    pipelines.hasResourceProperties('AWS::Budgets::Budget', {
      Budget: {
        BudgetName: 'millrace-test',
        BudgetType: 'COST',
        TimeUnit: 'MONTHLY',
        BudgetLimit: { Amount: 500, Unit: 'USD' },
        CostFilters: { TagKeyValue: ['user:millrace:environment$test'] },
      },
      NotificationsWithSubscribers: [
        {
          Notification: { Threshold: 80, ThresholdType: 'PERCENTAGE', NotificationType: 'ACTUAL' },
          Subscribers: [{ SubscriptionType: 'SNS', Address: { Ref: Match.stringLikeRegexp('^Alarms') } }],
        },
      ],
    });
    pipelines.resourceCountIs('AWS::SNS::Topic', 1);
  });

  test('pauses through a topic of its own: alarms pause nothing', () => {
    const { pipelines } = templates({ budget, alarmEmail: 'a@example.com' });
    pipelines.hasResourceProperties('AWS::Budgets::Budget', {
      NotificationsWithSubscribers: Match.arrayWith([
        Match.objectLike({
          Notification: Match.objectLike({ Threshold: 110 }),
          Subscribers: [{ SubscriptionType: 'SNS', Address: { Ref: Match.stringLikeRegexp('^SpendingSpent') } }],
        }),
      ]),
    });
    const subscriptions = Object.values(pipelines.findResources('AWS::SNS::Subscription')).map(
      ({ Properties: { Protocol, TopicArn } }) => `${Protocol} ${TopicArn.Ref.replace(/[0-9A-F]{8}$/, '')}`,
    );
    expect(subscriptions.sort()).toEqual(['email Alarms', 'email SpendingSpent', 'lambda SpendingSpent']);
    pipelines.hasResourceProperties('AWS::Lambda::Permission', {
      Principal: 'sns.amazonaws.com',
      SourceArn: { Ref: Match.stringLikeRegexp('^SpendingSpent') },
    });
  });

  test('may publish to both topics and use their key, for this account alone', () => {
    const { pipelines, data } = templates({ budget });
    const publishes = Match.objectLike({
      Principal: { Service: 'budgets.amazonaws.com' },
      Action: 'sns:Publish',
      Condition: {
        StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
        ArnLike: Match.anyValue(),
      },
    });
    pipelines.resourcePropertiesCountIs(
      'AWS::SNS::TopicPolicy',
      { PolicyDocument: { Statement: Match.arrayWith([publishes]) } },
      2,
    );
    data.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Principal: { Service: Match.arrayWith(['budgets.amazonaws.com']) },
            Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
          }),
        ]),
      },
    });
  });
});

test('everything that costs money has the cost tag', () => {
  const { data, pipelines } = templates({ budget });
  const tagsOf = ({ Properties }: { Properties: { Tags?: unknown } }) => JSON.stringify(Properties.Tags ?? []);
  for (const [template, types] of [
    [data, ['AWS::Redshift::Cluster', 'AWS::Kinesis::Stream', 'AWS::S3::Bucket', 'AWS::KMS::Key', 'AWS::SQS::Queue']],
    [pipelines, ['AWS::Lambda::Function', 'AWS::SNS::Topic', 'AWS::CloudWatch::Alarm', 'AWS::SecretsManager::Secret']],
  ] as const)
    for (const type of types) {
      const found = Object.values(template.findResources(type)) as { Properties: { Tags?: unknown } }[];
      expect(found.length).toBeGreaterThan(0);
      for (const one of found) expect(tagsOf(one)).toContain('millrace:environment');
    }
});
