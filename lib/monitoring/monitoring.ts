import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  Metric,
  type MetricOptions,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { CfnDeliveryStream } from 'aws-cdk-lib/aws-kinesisfirehose';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnSubscription, Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { existingStream } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import type { HistorySource, Pipeline } from '../../pipelines/definition';
import type { PipelineQueue, PipelineQueues } from '../history/history-queue';
import type { Handler } from '../shared/handler';
import { type AlarmKind, alarmName, alarms, functionMetrics } from './alarms';
import { functionMetric, queueMetric, streamMetric } from './metrics';
import { exportAgeHours, historyAgeHours, missingRuns, runsAlways, streamLagHours } from './thresholds';

export interface AlarmTopicProps {
  readonly key: IKey;
  /** Address that gets the alarms. @default - no subscription */
  readonly email?: string;
}

/** Where alarms go. */
export class AlarmTopic extends Topic {
  constructor(scope: Construct, id: string, { key, email }: AlarmTopicProps) {
    super(scope, id, { masterKey: key, enforceSSL: true });
    this.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': this.stack.account } },
      }),
    );
    if (email) new CfnSubscription(this, 'Email', { topicArn: this.topicArn, protocol: 'email', endpoint: email });
  }
}

export interface MonitoringProps {
  readonly environment: Environment;
  readonly pipeline: Pipeline;
  readonly topic: Topic;
  /** Writes the archive. Undefined where there is none. */
  readonly delivery: CfnDeliveryStream | undefined;
  /** By the word that distinguishes them in the alarm's name. */
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly queues: PipelineQueues;
}

export interface Condition {
  readonly metric: IMetric;
  readonly threshold: number;
  /** @default 'above' */
  readonly when?: 'above' | 'below';
  /** @default 1 */
  readonly periods?: number;
  /** How many of the periods have to be beyond the threshold. @default - all */
  readonly ofThem?: number;
  /** @default 'fine' */
  readonly silenceIs?: 'fine' | 'alarming';
}

/** An alarm, for a picture of its metric. */
export interface WatchedAlarm {
  readonly kind: AlarmKind;
  readonly name: string;
  /** In the unit of its metric. */
  readonly threshold: number;
}

export const alarmAction = ({ topicArn }: Topic): IAlarmAction => ({ bind: () => ({ alarmActionArn: topicArn }) });

export interface NewAlarm {
  readonly kind: AlarmKind;
  readonly condition: Condition;
  /** What distinguishes it from others of the kind. @default - there is one */
  readonly detail?: string;
  readonly action: IAlarmAction;
}

/** Adds an alarm. @param of the pipeline in its name */
export function addAlarm(
  scope: Construct,
  environment: Pick<Environment, 'name'>,
  of: string,
  { kind, condition, detail, action }: NewAlarm,
): WatchedAlarm {
  const { metric, threshold, when, periods, ofThem, silenceIs } = condition;
  const { heading, impact } = alarms[kind];
  const name = alarmName(environment.name, of, kind, detail);
  new Alarm(
    scope,
    `${kind}${detail ?? ''}`.replace(/^./, (letter) => letter.toUpperCase()),
    {
      alarmName: name,
      alarmDescription: `Impact: ${impact}. What to do: docs/runbook.md, "${heading}"`,
      metric,
      threshold,
      comparisonOperator:
        when === 'below' ? ComparisonOperator.LESS_THAN_THRESHOLD : ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods ?? 1,
      datapointsToAlarm: ofThem,
      treatMissingData: silenceIs === 'alarming' ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    },
  ).addAlarmAction(action);
  return { kind, name, threshold };
}

/** The alarms of one pipeline. */
export class Monitoring extends Construct {
  /** Every alarm of the pipeline. */
  readonly watched: WatchedAlarm[] = [];
  private readonly action: IAlarmAction;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: MonitoringProps,
  ) {
    super(scope, id);
    this.action = alarmAction(props.topic);
    this.ingest();
    this.runs();
    this.objects(props.queues);
    if (props.pipeline.history) this.history(props.pipeline.history);
    for (const [name, handler] of Object.entries(props.handlers)) {
      this.alarm(
        'functionErrors',
        { metric: handler.function.metricErrors({ period: Duration.minutes(5) }), threshold: 0 },
        name,
      );
    }
  }

  private ingest(): void {
    const { environment, delivery, pipeline } = this.props;
    // The metrics of a stream are in its own account.
    if (existingStream(environment, pipeline.name)?.role === undefined) {
      const lag = streamMetric(environment, pipeline, 'GetRecords.IteratorAgeMilliseconds');
      this.alarm('streamLag', {
        metric: lag,
        threshold: Duration.hours(streamLagHours(pipeline)).toMilliseconds(),
        periods: 3,
      });
    }
    if (!delivery) return;
    const archiveLagMs = new Metric({
      namespace: 'AWS/Firehose',
      metricName: 'KinesisMillisBehindLatest',
      dimensionsMap: { DeliveryStreamName: delivery.ref },
      statistic: Stats.MAXIMUM,
      period: Duration.minutes(5),
    });
    this.alarm('archiveLag', { metric: archiveLagMs, threshold: Duration.hours(1).toMilliseconds(), periods: 3 });
  }

  private runs(): void {
    const { environment, pipeline } = this.props;
    const everyFive = { period: Duration.minutes(5) };
    this.alarm('streamGap', { metric: this.counted(functionMetrics.streamGap, everyFive), threshold: 0 });
    this.alarm('recordsRaised', { metric: this.counted(functionMetrics.recordsRaised, everyFive), threshold: 0 });
    this.alarm('recordsSkipped', { metric: this.counted(functionMetrics.skippedRecords, everyFive), threshold: 0 });
    this.alarm('refreshFailed', { metric: this.counted(functionMetrics.refreshFailed, everyFive), threshold: 0 });
    // Each run counts a failing view once, so the period must not be shorter than the interval between runs.
    const everyRun = { period: Duration.minutes(Math.max(5, pipeline.refreshEveryMinutes)) };
    for (const { name } of pipeline.views) {
      const metric = this.counted(functionMetrics.viewFailed, everyRun, { View: name });
      this.alarm('viewFailed', { metric, threshold: 0 }, name);
    }
    if (pipeline.exports.length > 0) {
      this.alarm('exportFailed', { metric: this.counted(functionMetrics.exportFailed, everyFive), threshold: 0 });
      this.alarm('exportLateRows', {
        metric: this.counted(functionMetrics.lateRows, { period: Duration.hours(1) }),
        threshold: 0,
      });
    }
    if (!runsAlways(environment)) return;
    this.alarm('refreshMissing', {
      metric: this.counted(functionMetrics.refreshCompleted, {
        period: Duration.minutes(pipeline.refreshEveryMinutes),
      }),
      threshold: 1,
      when: 'below',
      periods: missingRuns,
      silenceIs: 'alarming',
    });
    const shortest = exportAgeHours(pipeline);
    if (shortest === undefined) return;
    this.alarm('exportAge', {
      metric: this.counted(functionMetrics.exportedWindows, { period: Duration.hours(1) }),
      threshold: 1,
      when: 'below',
      periods: shortest,
      silenceIs: 'alarming',
    });
  }

  private objects({ queue, backlog, deadLetters }: PipelineQueues): void {
    this.alarm('deadLetters', {
      metric: queueMetric(deadLetters, 'ApproximateNumberOfMessagesVisible'),
      threshold: 0,
    });
    this.alarm('objectsParked', {
      metric: this.counted(functionMetrics.parkedObjects, { period: Duration.minutes(5) }),
      threshold: 0,
    });
    // A message returns after an hour, the queue's visibility. One failed load is repaired by that; a second one is not an accident.
    this.alarm('loadFailed', {
      metric: this.counted(functionMetrics.loadFailed, { period: Duration.hours(1) }),
      threshold: 0,
      periods: 3,
      ofThem: 2,
    });
    const age = (of: PipelineQueue, limit: Duration, detail?: string) =>
      this.alarm(
        'historyAge',
        {
          metric: queueMetric(of, 'ApproximateAgeOfOldestMessage'),
          threshold: limit.toSeconds(),
          periods: 3,
        },
        detail,
      );
    if (queue) age(queue, Duration.hours(historyAgeHours));
    age(backlog, Duration.days(3), 'backlog');
  }

  private history(sources: readonly HistorySource[]): void {
    const { environment } = this.props;
    if (sources.some(({ overwritten }) => overwritten === 'alarm')) {
      this.alarm('objectsOverwritten', {
        metric: this.counted(functionMetrics.overwrittenObjects, { period: Duration.minutes(5) }),
        threshold: 0,
      });
    }
    if (!runsAlways(environment)) return;
    this.alarm('reconcileMissing', {
      metric: this.counted(functionMetrics.reconcileCompleted, {
        period: Duration.minutes(environment.reconcileEveryMinutes),
      }),
      threshold: 1,
      when: 'below',
      periods: 3,
      silenceIs: 'alarming',
    });
  }

  private counted(
    metricName: string,
    options: MetricOptions,
    dimensions: Readonly<Record<string, string>> = {},
  ): Metric {
    const { environment, pipeline } = this.props;
    return functionMetric(environment, pipeline, metricName, options, dimensions);
  }

  private alarm(kind: AlarmKind, condition: Condition, detail?: string): void {
    const { environment, pipeline } = this.props;
    this.watched.push(addAlarm(this, environment, pipeline.name, { kind, condition, detail, action: this.action }));
  }
}
