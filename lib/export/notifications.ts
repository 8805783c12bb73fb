import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Environment, ExportNotification } from '../../environments/environment';
import { publishedEvent } from '../../lambda/export/contract';
import { grant } from '../shared/grant';
import { allowRule } from '../shared/rule-to-queue';

export interface ExportNotificationsProps {
  readonly environment: Environment;
  readonly notifications: readonly ExportNotification[];
  readonly key: IKey;
}

/**
 * Sends an event for each publication to queues and topics. EventBridge retries a delivery for a day; the dead-letter queue then keeps it for two weeks.
 */
export class ExportNotifications extends Construct {
  constructor(scope: Construct, id: string, { environment, notifications, key }: ExportNotificationsProps) {
    super(scope, id);
    const undelivered = new Queue(this, 'Undelivered', {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      enforceSSL: true,
      removalPolicy: environment.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    notifications.forEach((notification, index) => {
      allowRule(undelivered, this.rule(environment, notification, `${index + 1}`, undelivered));
    });
  }

  private rule(
    environment: Environment,
    { export: name, to }: ExportNotification,
    id: string,
    undelivered: Queue,
  ): CfnRule {
    const [pipeline, exportName] = name.split('.') as [string, string];
    const event = publishedEvent(environment.name, pipeline);
    const stack = Stack.of(this);
    const [, , service, , account] = to.split(':') as [string, string, string, string, string];
    return new CfnRule(this, `Rule${id}`, {
      description: `Publications of ${name} for ${to}`,
      eventPattern: {
        account: [stack.account],
        source: [event.source],
        'detail-type': [event.detailType],
        detail: { environment: [environment.name], pipeline: [pipeline], export: [exportName] },
      },
      state: 'ENABLED',
      targets: [
        {
          id: 'Target',
          arn: to,
          // A target of another account needs a role (EventBridge guide, "Sending events to an AWS service in another account"); for one of
          // this account the target's policy is enough, and with encryption a role may fail ("Using resource-based policies").
          ...(account === environment.account ? {} : { roleArn: this.deliveryRole(id, service, to).roleArn }),
          deadLetterConfig: { arn: undelivered.queueArn },
          retryPolicy: { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 185 },
        },
      ],
    });
  }

  private deliveryRole(id: string, service: string, to: string): Role {
    const role = new Role(this, `Role${id}`, {
      description: `Lets EventBridge send to ${to}`,
      assumedBy: new ServicePrincipal('events.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    grant(
      role,
      new PolicyStatement({ actions: [service === 'sqs' ? 'sqs:SendMessage' : 'sns:Publish'], resources: [to] }),
    );
    return role;
  }
}
