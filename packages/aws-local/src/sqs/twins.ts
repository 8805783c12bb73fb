import {
  booleanOf,
  integerOf,
  listOf,
  NotModelledError,
  objectOf,
  type PolicyDocument,
  type ResourceContext,
  type ResourceState,
  type ResourceTwin,
  requiredText,
  shortened,
  textOf,
} from 'aws-local-kit';
import { parsePolicy } from '../iam/policy';
import type { QueueSettings } from './queue';
import type { Sqs } from './sqs';

type Properties = Readonly<Record<string, unknown>>;

export function sqsTwins(sqs: Sqs): ResourceTwin[] {
  return [
    {
      type: 'AWS::SQS::Queue',
      properties: [
        'DelaySeconds',
        'KmsDataKeyReusePeriodSeconds',
        'KmsMasterKeyId',
        'MaximumMessageSize',
        'MessageRetentionPeriod',
        'QueueName',
        'ReceiveMessageWaitTimeSeconds',
        'RedrivePolicy',
        'SqsManagedSseEnabled',
        'Tags',
        'VisibilityTimeout',
      ],
      attributes: ['Arn', 'QueueName', 'QueueUrl'],
      replacedBy: ['QueueName'],
      create: (properties, context) => createQueue(sqs, properties, context),
      delete: ({ attributes }) => sqs.remove(String(attributes['QueueName'])),
    },
    {
      type: 'AWS::SQS::QueuePolicy',
      properties: ['PolicyDocument', 'Queues'],
      attributes: ['Id'],
      create(properties: Properties, context) {
        const where = `AWS::SQS::QueuePolicy ${context.logicalId}`;
        const policy = properties['PolicyDocument'] as PolicyDocument;
        parsePolicy(policy, 'resource', `${where}.PolicyDocument`);
        for (const url of listOf(properties['Queues'], `${where}.Queues`))
          sqs.queueAt(requiredText(url, `${where}.Queues`)).policy = policy;
        return { ref: context.generatedName, attributes: { Id: context.generatedName } };
      },
      update(properties, context, old) {
        sqs.forgetPolicy(listOf(old.Queues, 'Queues'));
        return this.create(properties, context);
      },
      delete: (_state, _context, { Queues }) => sqs.forgetPolicy(listOf(Queues, 'Queues')),
    },
  ];
}

/** The ranges and defaults are those of CloudFormation's AWS::SQS::Queue reference. */
function createQueue(sqs: Sqs, properties: Properties, context: ResourceContext): ResourceState {
  const where = `AWS::SQS::Queue ${context.logicalId}`;
  const name = textOf(properties['QueueName'], `${where}.QueueName`) ?? shortened(context.generatedName, 80);
  if (!/^[\w-]{1,80}$/.test(name)) throw new NotModelledError(`${where}.QueueName ${name}`);
  booleanOf(properties['SqsManagedSseEnabled'], `${where}.SqsManagedSseEnabled`);
  integerOf(properties['KmsDataKeyReusePeriodSeconds'], `${where}.KmsDataKeyReusePeriodSeconds`, 60, 86_400);
  const redrive = objectOf(
    properties['RedrivePolicy'],
    ['deadLetterTargetArn', 'maxReceiveCount'],
    `${where}.RedrivePolicy`,
  );
  const settings: QueueSettings = {
    visibilitySeconds: integerOf(properties['VisibilityTimeout'], `${where}.VisibilityTimeout`, 0, 43_200) ?? 30,
    retentionSeconds:
      integerOf(properties['MessageRetentionPeriod'], `${where}.MessageRetentionPeriod`, 60, 1_209_600) ?? 345_600,
    delaySeconds: integerOf(properties['DelaySeconds'], `${where}.DelaySeconds`, 0, 900) ?? 0,
    waitSeconds:
      integerOf(properties['ReceiveMessageWaitTimeSeconds'], `${where}.ReceiveMessageWaitTimeSeconds`, 0, 20) ?? 0,
    maximumBytes:
      integerOf(properties['MaximumMessageSize'], `${where}.MaximumMessageSize`, 1024, 1_048_576) ?? 1_048_576,
    kmsKey: textOf(properties['KmsMasterKeyId'], `${where}.KmsMasterKeyId`),
    redrive: redrive && {
      queueArn: requiredText(redrive['deadLetterTargetArn'], `${where}.RedrivePolicy.deadLetterTargetArn`),
      maxReceiveCount: integerOf(redrive['maxReceiveCount'], `${where}.RedrivePolicy.maxReceiveCount`, 1, 1000) ?? 1,
    },
  };
  const queue = sqs.open(name, settings);
  const url = sqs.urlOf(queue);
  return { ref: url, attributes: { Arn: queue.arn, QueueName: name, QueueUrl: url } };
}
