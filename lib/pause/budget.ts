import { Stack } from 'aws-cdk-lib';
import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import { CfnSubscription, Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type Budget, defaultWarnAt } from '../../environments/environment';
import type { Handler } from '../shared/handler';
import { costTag } from '../shared/names';

export interface EnvironmentBudgetProps {
  readonly environment: string;
  readonly budget: Budget;
  /** Where alarms go. */
  readonly alarms: Topic;
  /** Encrypts the topic that pauses the environment. Its policy lets AWS Budgets use it. */
  readonly key: IKey;
  /** Address that gets the alarms. @default - none */
  readonly email?: string;
  /** Pauses the environment. */
  readonly pause: Handler;
}

/**
 * A monthly budget for everything with the environment's cost tag. AWS Budgets sees costs some hours late, and only once the tag is activated for cost
 * allocation (Billing user guide, "Activating user-defined cost allocation tags").
 */
export class EnvironmentBudget extends Construct {
  constructor(scope: Construct, id: string, props: EnvironmentBudgetProps) {
    super(scope, id);
    const { environment, budget, alarms } = props;
    const { monthlyDollars, warnAt = defaultWarnAt, pauseAt } = budget;
    allowBudgets(alarms);
    const notices = [this.notice(warnAt, alarms)];
    if (pauseAt !== undefined) notices.push(this.notice(pauseAt, this.pauseTopic(props)));
    new CfnBudget(this, 'Budget', {
      budget: {
        budgetName: `millrace-${environment}`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        budgetLimit: { amount: monthlyDollars, unit: 'USD' },
        // `user:` marks a tag that a user defined (Billing user guide, "AWS::Budgets::Budget", CostFilters).
        costFilters: { TagKeyValue: [`user:${costTag}$${environment}`] },
      },
      notificationsWithSubscribers: notices,
    });
  }

  private notice(threshold: number, topic: Topic): CfnBudget.NotificationWithSubscribersProperty {
    return {
      notification: {
        notificationType: 'ACTUAL',
        comparisonOperator: 'GREATER_THAN',
        threshold,
        thresholdType: 'PERCENTAGE',
      },
      subscribers: [{ subscriptionType: 'SNS', address: topic.topicArn }],
    };
  }

  /** A topic of its own, because everything that is sent to it pauses the environment. */
  private pauseTopic({ key, email, pause }: EnvironmentBudgetProps): Topic {
    const topic = new Topic(this, 'Spent', { masterKey: key, enforceSSL: true });
    allowBudgets(topic);
    const { functionArn } = pause.function;
    new CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: functionArn,
      principal: 'sns.amazonaws.com',
      sourceArn: topic.topicArn,
    });
    new CfnSubscription(this, 'Pause', { topicArn: topic.topicArn, protocol: 'lambda', endpoint: functionArn });
    if (email) new CfnSubscription(this, 'Email', { topicArn: topic.topicArn, protocol: 'email', endpoint: email });
    return topic;
  }
}

/** Cost Management user guide, "Creating an Amazon SNS topic for budget notifications". */
function allowBudgets(topic: Topic): void {
  const { account, partition } = Stack.of(topic);
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('budgets.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        StringEquals: { 'aws:SourceAccount': account },
        ArnLike: { 'aws:SourceArn': `arn:${partition}:budgets::${account}:*` },
      },
    }),
  );
}
