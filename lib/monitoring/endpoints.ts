import { Duration } from 'aws-cdk-lib';
import { type IAlarmAction, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Environment } from '../../environments/environment';
import type { Handler } from '../shared/handler';
import { apiAlarms } from './alarms';
import { addAlarm, alarmAction, type WatchedAlarm } from './monitoring';

const period = Duration.minutes(5);
/** Requests that may fail in five minutes. One failed request is no fault that a person could find. */
const toleratedErrors = 5;
const slowMilliseconds = 5_000;

export interface ApiMonitoringProps {
  readonly environment: Environment;
  readonly topic: Topic;
  readonly apiId: string;
}

/** The alarms of the HTTP API. They count what callers got, whether or not the function ran. */
export class ApiMonitoring extends Construct {
  readonly watched: readonly WatchedAlarm[];

  constructor(scope: Construct, id: string, { environment, topic, apiId }: ApiMonitoringProps) {
    super(scope, id);
    const action = alarmAction(topic);
    const ofApi = (metricName: string, statistic: string) =>
      new Metric({ namespace: 'AWS/ApiGateway', metricName, dimensionsMap: { ApiId: apiId }, statistic, period });
    this.watched = [
      addAlarm(this, environment, apiAlarms, {
        kind: 'endpointErrors',
        condition: { metric: ofApi('5xx', Stats.SUM), threshold: toleratedErrors, periods: 3, ofThem: 2 },
        action,
      }),
      addAlarm(this, environment, apiAlarms, {
        kind: 'endpointLatency',
        condition: { metric: ofApi('Latency', Stats.p(95)), threshold: slowMilliseconds, periods: 3, ofThem: 2 },
        action,
      }),
    ];
  }
}

/** The alarm of a function of endpoints. @param stack distinguishes it from those of other stacks */
export function watchEndpointFunction(
  scope: Construct,
  environment: Environment,
  { handler, action, stack }: { readonly handler: Handler; readonly action: IAlarmAction; readonly stack?: string },
): WatchedAlarm {
  return addAlarm(scope, environment, apiAlarms, {
    kind: 'endpointThrottles',
    condition: {
      metric: handler.function.metricThrottles({ period }),
      threshold: toleratedErrors,
      periods: 3,
      ofThem: 2,
    },
    ...(stack === undefined ? {} : { detail: stack }),
    action,
  });
}
