import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import type { PipelineQueue } from '../history/history-queue';
import { streamName } from '../shared/names';
import { functionMetrics } from './alarms';

type Named = Pick<Pipeline, 'name'>;

/** Metrics by which alarms and the dashboard watch a pipeline, five minutes each. All of them refer to names, so that any stack can use them. */
const period = Duration.minutes(5);

/** A metric that Kinesis reports for a pipeline's stream. @default - its maximum */
export const streamMetric = (
  environment: Pick<Environment, 'name' | 'pipelines'>,
  pipeline: Named,
  metricName: string,
  options: MetricOptions = {},
) =>
  new Metric({
    namespace: 'AWS/Kinesis',
    metricName,
    dimensionsMap: { StreamName: streamName(environment, pipeline.name) },
    statistic: Stats.MAXIMUM,
    period,
    ...options,
  });

/** A metric that SQS reports for a queue: its maximum. */
export const queueMetric = ({ name }: PipelineQueue, metricName: string, options: MetricOptions = {}) =>
  new Metric({
    namespace: 'AWS/SQS',
    metricName,
    dimensionsMap: { QueueName: name },
    statistic: Stats.MAXIMUM,
    period,
    ...options,
  });

/** A metric that the functions of a pipeline write: its sum, unless `options` say otherwise. */
export const functionMetric = (
  environment: Pick<Environment, 'name'>,
  pipeline: Named,
  metricName: string,
  options: MetricOptions = {},
  dimensions: Readonly<Record<string, string>> = {},
) =>
  new Metric({
    namespace: functionMetrics.namespace,
    metricName,
    dimensionsMap: { Environment: environment.name, Pipeline: pipeline.name, ...dimensions },
    statistic: Stats.SUM,
    period,
    ...options,
  });
