import type { Authorizer, Clock, ResourceTwin, Service } from 'aws-local-kit';
import { type Alarm, createAlarms, shownAlarm } from './alarms';
import { createMetrics, type Metrics } from './metrics';
import { cloudWatchService } from './service';

export { createMetrics, type Metrics };

export interface CloudWatchOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly metrics: Metrics;
}

/**
 * CloudWatch, SNS and AWS Budgets twins. Alarms, dashboards, topics and budgets are recorded, not evaluated: no notification is sent locally.
 */
export function createCloudWatch({ account, region, clock, authorizer, metrics }: CloudWatchOptions): {
  service: Service;
  resources: readonly ResourceTwin[];
} {
  const alarms = createAlarms();
  const alarmTwin = (type: Alarm['type'], cloudFormationType: string, properties: string[]): ResourceTwin => ({
    type: cloudFormationType,
    properties,
    attributes: ['Arn'],
    create(values: Record<string, string>, context) {
      const name = values['AlarmName'] ?? context.generatedName;
      const arn = `arn:aws:cloudwatch:${region}:${account}:alarm:${name}`;
      alarms.set({ name, type, shown: shownAlarm(values, { name, arn, now: clock.now() }) });
      return { ref: name, attributes: { Arn: arn } };
    },
    replacedBy: ['AlarmName'],
    delete: ({ ref }) => alarms.delete(ref),
  });
  return {
    service: cloudWatchService({ authorizer, alarms, metrics }),
    resources: [
      alarmTwin('MetricAlarm', 'AWS::CloudWatch::Alarm', alarmProperties),
      alarmTwin('CompositeAlarm', 'AWS::CloudWatch::CompositeAlarm', compositeAlarmProperties),
      {
        type: 'AWS::CloudWatch::Dashboard',
        properties: ['DashboardBody', 'DashboardName', 'Tags'],
        attributes: ['Arn'],
        create(values: Record<string, string>, context) {
          const name = values['DashboardName'] ?? context.generatedName;
          return { ref: name, attributes: { Arn: `arn:aws:cloudwatch::${account}:dashboard/${name}` } };
        },
        replacedBy: ['DashboardName'],
        delete: () => undefined,
      },
      {
        type: 'AWS::SNS::Topic',
        properties: ['DisplayName', 'KmsMasterKeyId', 'Subscription', 'Tags', 'TopicName'],
        attributes: ['TopicArn', 'TopicName'],
        create(values: { TopicName?: string }, context) {
          const name = values.TopicName ?? context.generatedName;
          const arn = `arn:aws:sns:${region}:${account}:${name}`;
          return { ref: arn, attributes: { TopicArn: arn, TopicName: name } };
        },
        replacedBy: ['TopicName'],
        delete: () => undefined,
      },
      // Nothing costs anything here, so no budget is ever spent.
      recorded('AWS::Budgets::Budget', ['Budget', 'NotificationsWithSubscribers', 'ResourceTags'], ['Budget']),
      recorded('AWS::SNS::TopicPolicy', ['PolicyDocument', 'Topics']),
      recorded('AWS::SNS::Subscription', ['Endpoint', 'Protocol', 'TopicArn'], ['Endpoint', 'Protocol', 'TopicArn']),
    ],
  };
}

const recorded = (type: string, properties: string[], replacedBy: string[] = []): ResourceTwin => ({
  type,
  properties,
  replacedBy,
  attributes: [],
  delete: () => undefined,
  create: (_values, context) => ({ ref: context.generatedName, attributes: {} }),
});

const compositeAlarmProperties = [
  'ActionsEnabled',
  'ActionsSuppressor',
  'ActionsSuppressorExtensionPeriod',
  'ActionsSuppressorWaitPeriod',
  'AlarmActions',
  'AlarmDescription',
  'AlarmName',
  'AlarmRule',
  'InsufficientDataActions',
  'OKActions',
  'Tags',
];
const alarmProperties = [
  'ActionsEnabled',
  'AlarmActions',
  'AlarmDescription',
  'AlarmName',
  'ComparisonOperator',
  'DatapointsToAlarm',
  'Dimensions',
  'EvaluateLowSampleCountPercentile',
  'EvaluationPeriods',
  'ExtendedStatistic',
  'InsufficientDataActions',
  'MetricName',
  'Metrics',
  'Namespace',
  'OKActions',
  'Period',
  'Statistic',
  'Tags',
  'Threshold',
  'ThresholdMetricId',
  'TreatMissingData',
  'Unit',
];
