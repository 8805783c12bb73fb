import { type Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct, type IConstruct } from 'constructs';
import type { StartRun } from '../../lambda/refresh/contract';

export interface ScheduleProps {
  readonly description: string;
  /** Whole minutes. */
  readonly every: Duration;
  readonly enabled: boolean;
  readonly target: LambdaFunction;
  /** What the function gets. @default - a StartRun */
  readonly input?: unknown;
  /** Resources that have to exist before the first run. */
  readonly after: IConstruct;
}

/** EventBridge Scheduler puts the time of the tick here, ISO 8601. */
export const scheduledTime = '<aws.scheduler.scheduled-time>';
const startRun: StartRun = { kind: 'start', scheduledTime };

/** Invokes a function on a schedule. Its role may only invoke that function. */
export class Schedule extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { description, every, enabled, target, after, input = startRun }: ScheduleProps,
  ) {
    super(scope, id);
    const stack = Stack.of(this);
    const role = new Role(this, 'Role', {
      description,
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: {
          StringEquals: {
            'aws:SourceAccount': stack.account,
            // The scheduler names the schedule's group, not the schedule (Scheduler guide, "Confused deputy prevention").
            'aws:SourceArn': stack.formatArn({
              service: 'scheduler',
              resource: 'schedule-group',
              resourceName: 'default',
            }),
          },
        },
      }),
    });
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [target.functionArn] }));
    const minutes = every.toMinutes();
    const schedule = new CfnSchedule(this, 'Schedule', {
      description,
      scheduleExpression: `rate(${minutes} minute${minutes === 1 ? '' : 's'})`,
      state: enabled ? 'ENABLED' : 'DISABLED',
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: target.functionArn,
        roleArn: role.roleArn,
        input: JSON.stringify(input),
        // The next tick supersedes one that is late by its interval.
        retryPolicy: { maximumEventAgeInSeconds: Math.max(60, every.toSeconds()), maximumRetryAttempts: 2 },
      },
    });
    schedule.node.addDependency(role, after);
  }
}
