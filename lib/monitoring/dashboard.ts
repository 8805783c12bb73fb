import { Aws, Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type GraphWidgetProps,
  type HorizontalAnnotation,
  type IMetric,
  type IWidget,
  MathExpression,
  Metric,
  PeriodOverride,
  SingleValueWidget,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { warehouseKind } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import type { PipelineQueues } from '../history/history-queue';
import { warehouseName } from '../shared/names';
import {
  type AlarmKind,
  alarms,
  apiAlarms,
  endpointMetrics,
  functionMetrics,
  mergedForgotten,
  shownMetrics,
} from './alarms';
import { charts } from './charts';
import { functionMetric, queueMetric, streamMetric } from './metrics';
import type { WatchedAlarm } from './monitoring';

/** A pipeline with what watches it. */
export interface WatchedPipeline {
  readonly pipeline: Pipeline;
  readonly alarms: readonly WatchedAlarm[];
  readonly queues: PipelineQueues;
}

export interface EnvironmentDashboardProps {
  readonly environment: Environment;
  readonly pipelines: readonly WatchedPipeline[];
  /** Alarms of the HTTP API. @default - the environment has none */
  readonly apiAlarms?: readonly WatchedAlarm[];
  /** By what they keep. */
  readonly bucketNames: Readonly<Record<string, string>>;
}

const columns = 24;
const third = columns / 3;

/**
 * One dashboard of an environment: alarms and the equation of each pipeline, its charts, and what costs money. All
 * metrics are referred to by name, so that pipelines of other stacks are on it too.
 */
export class EnvironmentDashboard extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly props: EnvironmentDashboardProps,
  ) {
    super(scope, id);
    const { environment, pipelines } = props;
    const dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: `millrace-${environment.name}`,
      defaultInterval: Duration.hours(3),
      // With the widgets' own periods a sum of five minutes stays one, whatever interval is shown.
      periodOverride: PeriodOverride.INHERIT,
    });
    dashboard.addWidgets(this.heading());
    for (const { pipeline, alarms: watched } of pipelines) dashboard.addWidgets(this.alarmsOf(pipeline.name, watched));
    if (props.apiAlarms?.length) dashboard.addWidgets(this.alarmsOf(apiAlarms, props.apiAlarms));
    for (const watched of pipelines) dashboard.addWidgets(this.equation(watched));
    for (const watched of pipelines) for (const row of this.pipeline(watched)) dashboard.addWidgets(...row);
    dashboard.addWidgets(...this.costs());
  }

  /** Every alarm that can fire here, with its impact. */
  private heading(): IWidget {
    const { environment, pipelines } = this.props;
    const all = [...pipelines.flatMap((watched) => watched.alarms), ...(this.props.apiAlarms ?? [])];
    const kinds = new Set(all.map(({ kind }) => kind));
    const lines = (Object.keys(alarms) as AlarmKind[])
      .filter((kind) => kinds.has(kind))
      .map((kind) => `| ${this.runbook(alarms[kind].heading)} | ${alarms[kind].impact} |`);
    return new TextWidget({
      width: columns,
      height: 6,
      markdown: [
        `# Millrace ${environment.name}`,
        'docs/runbook.md has a section for each alarm.\n',
        '| alarm | impact |\n|---|---|',
        ...lines,
      ].join('\n'),
    });
  }

  private runbook(heading: string): string {
    const { dashboard } = this.props.environment;
    const url = typeof dashboard === 'object' ? dashboard.runbookUrl : undefined;
    return url === undefined ? heading : `[${heading}](${url}#${heading.replaceAll(' ', '-')})`;
  }

  private alarmsOf(of: string, watched: readonly WatchedAlarm[]): IWidget {
    const scope = new Construct(this, of === apiAlarms ? 'ApiAlarms' : `Alarms-${of}`);
    return new AlarmStatusWidget({
      title: `${of}: alarms`,
      width: columns,
      height: 1 + Math.ceil(watched.length / 4),
      alarms: watched.map(({ name }, index) =>
        Alarm.fromAlarmArn(
          scope,
          String(index),
          `arn:${Aws.PARTITION}:cloudwatch:${Stack.of(this).region}:${Stack.of(this).account}:alarm:${name}`,
        ),
      ),
    });
  }

  /** What was sent to the stream, and where it is, over the interval that the dashboard shows. */
  private equation({ pipeline }: WatchedPipeline): IWidget {
    const sent = streamMetric(this.props.environment, pipeline, 'IncomingRecords', {
      statistic: Stats.SUM,
      label: 'sent to the stream',
    });
    return new SingleValueWidget({
      title: `${pipeline.name}: records of the stream`,
      width: columns,
      height: 3,
      setPeriodToTimeRange: true,
      fullPrecision: true,
      metrics: [sent, ...this.merged(pipeline)],
    });
  }

  private pipeline({ pipeline, alarms: watched, queues }: WatchedPipeline): IWidget[][] {
    const { environment } = this.props;
    const of = (metricName: string, label: string, statistic: string = Stats.SUM) =>
      functionMetric(environment, pipeline, metricName, { statistic, label });
    const chart = (name: keyof typeof charts, left: IMetric[], more: Partial<GraphWidgetProps> = {}) =>
      this.graph(`${pipeline.name}: ${charts[name].title}`, left, more);
    const sent = streamMetric(environment, pipeline, 'IncomingRecords', { statistic: Stats.SUM, label: 'sent' });
    const lag = streamMetric(environment, pipeline, 'GetRecords.IteratorAgeMilliseconds', { label: 'stream lag, ms' });
    const waiting = (queue: PipelineQueues['backlog'], label: string) =>
      queueMetric(queue, 'ApproximateNumberOfMessagesVisible', { label });
    const rows = [
      [
        chart('throughput', [sent, ...this.merged(pipeline)]),
        chart('freshness', [of(shownMetrics.freshnessSeconds, 'seconds, longest', Stats.MAXIMUM)]),
        this.graph(`${pipeline.name}: Lag of the stream`, [lag], {
          leftAnnotations: thresholds(watched, 'streamLag'),
        }),
      ],
      [
        chart('rejects', [this.rejects(pipeline)]),
        chart('duration', [
          of(shownMetrics.runSeconds, 'longest', Stats.MAXIMUM),
          of(shownMetrics.runSeconds, 'average', Stats.AVERAGE),
        ]),
        this.graph(`${pipeline.name}: History and archive`, [
          of(shownMetrics.loadedFiles, 'objects loaded'),
          of(functionMetrics.parkedObjects, 'objects parked'),
          ...(queues.queue ? [waiting(queues.queue, 'objects waiting')] : []),
          waiting(queues.backlog, 'backlog'),
          waiting(queues.deadLetters, 'dead letters'),
        ]),
      ],
    ];
    return [
      ...rows,
      ...(pipeline.exports.length === 0 ? [] : [this.exports(pipeline)]),
      ...((pipeline.endpoints ?? []).length === 0 ? [] : [this.endpoints(pipeline)]),
    ];
  }

  private endpoints(pipeline: Pipeline): IWidget[] {
    const of = (metricName: string, label: string, statistic: string = Stats.SUM) =>
      functionMetric(this.props.environment, pipeline, metricName, { statistic, label });
    const { milliseconds } = endpointMetrics;
    return [
      this.graph(`${pipeline.name}: Requests of endpoints`, [
        of(endpointMetrics.requests, 'requests'),
        of(endpointMetrics.cacheHits, 'answered without a statement'),
        of(endpointMetrics.statements, 'statements'),
      ]),
      this.graph(`${pipeline.name}: Latency of endpoints`, [
        of(milliseconds, 'ms, half of the requests', Stats.p(50)),
        of(milliseconds, 'ms, 99 of 100', Stats.p(99)),
      ]),
      this.graph(`${pipeline.name}: Refused requests of endpoints`, [
        of(endpointMetrics.refusals, 'refused'),
        of(endpointMetrics.throttles, 'over a rate'),
        of(endpointMetrics.errors, 'errors'),
      ]),
    ];
  }

  private exports(pipeline: Pipeline): IWidget[] {
    const { environment } = this.props;
    const of = (metricName: string, label: string) => functionMetric(environment, pipeline, metricName, { label });
    return [
      this.graph(
        `${pipeline.name}: ${charts.exportAge.title}`,
        [
          functionMetric(environment, pipeline, shownMetrics.exportAgeMinutes, {
            statistic: Stats.MAXIMUM,
            label: 'minutes, of the oldest export',
          }),
        ],
        { width: 2 * third },
      ),
      this.graph(`${pipeline.name}: Exported windows`, [
        of(functionMetrics.exportedWindows, 'windows published'),
        of(functionMetrics.exportFailed, 'failed'),
        of(functionMetrics.lateRows, 'late rows'),
      ]),
    ];
  }

  private merged(pipeline: Pipeline): Metric[] {
    const of = (metricName: string, label: string) =>
      functionMetric(this.props.environment, pipeline, metricName, { label });
    return [
      of(shownMetrics.mergedEvents, 'events'),
      of(shownMetrics.mergedDuplicates, 'duplicates'),
      of(shownMetrics.mergedRejects, 'rejects'),
      of(shownMetrics.mergedSkipped, 'skipped'),
      ...(pipeline.subject ? [of(mergedForgotten, 'forgotten')] : []),
    ];
  }

  /** The reasons are found when the dashboard is opened. */
  private rejects({ name }: Pipeline): IMetric {
    const of = { Environment: this.props.environment.name, Pipeline: name };
    const dimensions = Object.entries(of).map(([key, value]) => `${key}="${value}"`);
    return new MathExpression({
      expression: `SEARCH('{${functionMetrics.namespace},Environment,Pipeline,Reason} MetricName="${shownMetrics.rejectedRecords}" ${dimensions.join(' ')}', 'Sum', 300)`,
      usingMetrics: {},
      label: '',
      period: Duration.minutes(5),
    });
  }

  /** What the bill depends on. */
  private costs(): IWidget[] {
    const { environment, pipelines, bucketNames } = this.props;
    const everyHour = { statistic: Stats.SUM, period: Duration.hours(1) };
    const bytes = (metricName: string, what: string) =>
      pipelines.map(({ pipeline }) =>
        streamMetric(environment, pipeline, metricName, { ...everyHour, label: `${pipeline.name} ${what}` }),
      );
    return [
      this.graph('Warehouse', this.warehouse()),
      this.graph('Bytes through the streams, each hour', [
        ...bytes('IncomingBytes', 'in'),
        ...bytes('GetRecords.Bytes', 'out'),
      ]),
      this.graph(
        'Bytes kept in S3',
        Object.entries(bucketNames).map(
          ([label, BucketName]) =>
            new Metric({
              namespace: 'AWS/S3',
              metricName: 'BucketSizeBytes',
              dimensionsMap: { BucketName, StorageType: 'StandardStorage' },
              statistic: Stats.AVERAGE,
              // S3 reports it once a day.
              period: Duration.days(1),
              label,
            }),
        ),
      ),
    ];
  }

  private warehouse(): IMetric[] {
    const { environment } = this.props;
    const { warehouse } = environment;
    if (warehouseKind(environment) === 'serverless')
      return [
        // A search by the workgroup's name, whatever the dimensions of the metric are called.
        new MathExpression({
          expression: `SEARCH('Namespace="AWS/Redshift-Serverless" MetricName="ComputeSeconds" "${warehouseName(environment)}"', 'Sum', 3600) / 3600`,
          usingMetrics: {},
          label: 'RPU-hours',
          period: Duration.hours(1),
        }),
      ];
    // Redshift reports the health of a cluster every minute while it is not paused.
    const minutes = new Metric({
      namespace: 'AWS/Redshift',
      metricName: 'HealthStatus',
      dimensionsMap: { ClusterIdentifier: warehouseName(environment) },
      statistic: Stats.SAMPLE_COUNT,
      period: Duration.hours(1),
    });
    // How many nodes an existing cluster has is not known here.
    const nodes = warehouse.kind === 'provisioned' ? warehouse.nodeCount : undefined;
    return [
      new MathExpression({
        expression: nodes === undefined ? 'minutes / 60' : `${nodes} * minutes / 60`,
        usingMetrics: { minutes },
        label: nodes === undefined ? 'hours' : 'node-hours',
        period: Duration.hours(1),
      }),
    ];
  }

  private graph(title: string, left: IMetric[], more: Partial<GraphWidgetProps> = {}): IWidget {
    return new GraphWidget({ title, left, width: third, height: 6, leftYAxis: { min: 0 }, ...more });
  }
}

const thresholds = (watched: readonly WatchedAlarm[], kind: AlarmKind): HorizontalAnnotation[] =>
  watched
    .filter((alarm) => alarm.kind === kind)
    .map(({ threshold }) => ({ value: threshold, label: `alarm: ${alarms[kind].heading}` }));
