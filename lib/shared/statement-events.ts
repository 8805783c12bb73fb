import { Stack } from 'aws-cdk-lib';
import { CfnRule } from 'aws-cdk-lib/aws-events';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

export interface StatementEventsProps {
  /** Beginning of the names of the statements. */
  readonly namePrefix: string;
  readonly target: LambdaFunction;
}

/**
 * Invokes a function when one of its statements has ended. Filters by the statement's name, because other fields of the event differ between clusters and
 * Serverless (Redshift management guide, "Monitoring events for the Data API in EventBridge").
 */
export class StatementEvents extends Construct {
  constructor(scope: Construct, id: string, { namePrefix, target }: StatementEventsProps) {
    super(scope, id);
    const rule = new CfnRule(this, 'Rule', {
      description: `Ends of the statements ${namePrefix}*`,
      eventPattern: {
        account: [Stack.of(this).account],
        source: ['aws.redshift-data'],
        'detail-type': ['Redshift Data Statement Status Change'],
        detail: { statementName: [{ prefix: namePrefix }] },
      },
      state: 'ENABLED',
      targets: [{ id: 'Function', arn: target.functionArn }],
    });
    target.addPermission(`${id}Rule`, {
      principal: new ServicePrincipal('events.amazonaws.com'),
      sourceArn: rule.attrArn,
    });
  }
}
