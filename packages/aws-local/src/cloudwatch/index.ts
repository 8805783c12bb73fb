import type { ResourceTwin } from 'aws-local-kit';
import { createMetrics, type Metrics } from './metrics';

export { createMetrics, type Metrics };

/** Alarms, dashboards and topics are recorded, not evaluated: nothing is notified locally. */
export function createCloudWatch({ account, region }: { account: string; region: string }): {
  resources: readonly ResourceTwin[];
} {
  const named = (
    type: string,
    nameProperty: string,
    properties: string[],
    arnOf: (name: string) => string,
  ): ResourceTwin => ({
    type,
    properties,
    attributes: ['Arn'],
    create(values: Record<string, string>, context) {
      const name = values[nameProperty] ?? context.generatedName;
      return { ref: name, attributes: { Arn: arnOf(name) } };
    },
    replacedBy: [nameProperty],
    delete: () => undefined,
  });
  const alarmArn = (name: string) => `arn:aws:cloudwatch:${region}:${account}:alarm:${name}`;
  return {
    resources: [
      named('AWS::CloudWatch::Alarm', 'AlarmName', alarmProperties, alarmArn),
      named('AWS::CloudWatch::CompositeAlarm', 'AlarmName', compositeAlarmProperties, alarmArn),
      named(
        'AWS::CloudWatch::Dashboard',
        'DashboardName',
        ['DashboardBody', 'DashboardName'],
        (name) => `arn:aws:cloudwatch::${account}:dashboard/${name}`,
      ),
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
