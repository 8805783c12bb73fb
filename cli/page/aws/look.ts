import {
  CloudWatchClient,
  GetMetricDataCommand,
  type MetricAlarm,
  paginateDescribeAlarms,
  paginateListMetrics,
} from '@aws-sdk/client-cloudwatch';
import { clientSettings } from '../../../lambda/shared/client-settings';
import { functionMetrics, shownMetrics } from '../../../lib/monitoring/alarms';
import type { Alarm } from '../../../ui/api';
import { NAMESPACE, partsOf } from '../alarms';
import { functionMetric } from '../function-metric';
import type { AbsenceAlarm, MetricPoint, MetricQuery, Reach } from '../ports';

/** Limit of GetMetricData. */
const MOST_QUERIES = 500;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** How far back the last run of a function is looked for. */
export const RECENT_MS = DAY_MS;
/** CloudWatch keeps hours, and so days, for 455 days. */
const KEPT_MS = 455 * DAY_MS;
/** CloudWatch answers in seconds, or not at all. */
const ANSWER_MS = 20_000;

/** What the functions write when they end well, and when they fail. */
const endings = [
  functionMetrics.refreshCompleted,
  functionMetrics.refreshFailed,
  shownMetrics.loadedFiles,
  functionMetrics.loadFailed,
  functionMetrics.exportedWindows,
  functionMetrics.exportFailed,
  functionMetrics.reconcileCompleted,
] as const;

/** A part of the page that could not be read, and why. */
export interface PartProblem {
  readonly part: string;
  readonly problem: string;
}

/** What CloudWatch said at one moment. */
export interface Look {
  readonly at: number;
  readonly alarms: readonly Alarm[];
  readonly absence: readonly AbsenceAlarm[];
  /** Epoch milliseconds of the last value, by `<pipeline> <metric>`. */
  readonly written: ReadonlyMap<string, number>;
  /** Records that the streams have accepted, by stream. */
  readonly accepted: ReadonlyMap<string, number>;
  readonly problems: readonly PartProblem[];
}

/** Reads metrics and alarms of an environment. */
export class AwsMetrics {
  private readonly client: CloudWatchClient;
  /** Metrics that were asked for so far. Each costs. */
  asked = 0;

  constructor(reach: Reach) {
    this.client = new CloudWatchClient({ ...clientSettings({ answerMs: ANSWER_MS }), ...reach });
  }

  dispose(): void {
    this.client.destroy();
  }

  async metrics(queries: readonly MetricQuery[]): Promise<(readonly MetricPoint[])[]> {
    const answers: (readonly MetricPoint[])[] = queries.map(() => []);
    const windows = new Map<string, number[]>();
    for (const [n, { from, to }] of queries.entries()) {
      const numbers = windows.get(`${from} ${to}`) ?? [];
      windows.set(`${from} ${to}`, [...numbers, n]);
    }
    for (const numbers of windows.values())
      for (let first = 0; first < numbers.length; first += MOST_QUERIES) {
        const part = numbers.slice(first, first + MOST_QUERIES);
        const found = await this.metricData(part.map((n) => queries[n]!));
        for (const [i, n] of part.entries()) answers[n] = found[i]!;
      }
    return answers;
  }

  /** @param queries of the same window */
  private async metricData(queries: readonly MetricQuery[]): Promise<MetricPoint[][]> {
    const points: MetricPoint[][] = queries.map(() => []);
    this.asked += queries.length;
    const input = {
      StartTime: new Date(queries[0]!.from),
      EndTime: new Date(queries[0]!.to),
      ScanBy: 'TimestampAscending' as const,
      MetricDataQueries: queries.map(({ namespace, name, dimensions, statistic, periodMs }, n) => ({
        Id: `m${n}`,
        MetricStat: {
          Metric: {
            Namespace: namespace,
            MetricName: name,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period: periodMs / 1000,
          Stat: statistic,
        },
      })),
    };
    let NextToken: string | undefined;
    do {
      const answer = await this.client.send(new GetMetricDataCommand({ ...input, NextToken }));
      for (const { Id, Timestamps = [], Values = [] } of answer.MetricDataResults ?? [])
        for (const [i, at] of Timestamps.entries())
          points[Number(Id!.slice(1))]!.push({ at: at.getTime(), value: Values[i]! });
      NextToken = answer.NextToken;
    } while (NextToken !== undefined);
    return points;
  }

  /** Values of a dimension that a metric has had lately, beside the given ones. */
  async dimensionValues(metric: string, given: Readonly<Record<string, string>>, wanted: string): Promise<string[]> {
    const Dimensions = [...Object.entries(given).map(([Name, Value]) => ({ Name, Value })), { Name: wanted }];
    const values: string[] = [];
    const pages = paginateListMetrics(
      { client: this.client },
      { Namespace: NAMESPACE, MetricName: metric, Dimensions },
    );
    for await (const { Metrics = [] } of pages)
      for (const found of Metrics)
        values.push(...(found.Dimensions ?? []).filter(({ Name }) => Name === wanted).map(({ Value }) => Value!));
    return values;
  }

  /** @param streams names of the streams by pipeline */
  async look(
    environment: string,
    streams: ReadonlyMap<string, string>,
    now: number,
    explain: (error: unknown) => string,
  ): Promise<Look> {
    const problems: PartProblem[] = [];
    const part = async <T>(name: string, read: () => Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await read();
      } catch (error) {
        problems.push({ part: name, problem: explain(error) });
        return otherwise;
      }
    };
    const alarms = await part('alarms', () => this.alarms(environment), []);
    const written = await part('runs', () => this.written(environment, [...streams.keys()], now), new Map());
    const accepted = await part('streams', () => this.accepted([...new Set(streams.values())], now), new Map());
    return { at: now, alarms: alarms.flatMap(firing), absence: alarms.flatMap(absent), written, accepted, problems };
  }

  private async alarms(environment: string): Promise<MetricAlarm[]> {
    const all: MetricAlarm[] = [];
    const pages = paginateDescribeAlarms({ client: this.client }, { AlarmNamePrefix: `millrace ${environment} ` });
    for await (const { MetricAlarms = [] } of pages) all.push(...MetricAlarms);
    return all;
  }

  private async written(environment: string, pipelines: readonly string[], now: number): Promise<Map<string, number>> {
    const named = pipelines.flatMap((pipeline) => endings.map((name) => ({ pipeline, name })));
    const from = Math.floor((now - RECENT_MS) / MINUTE_MS) * MINUTE_MS;
    const found = await this.metrics(
      named.map(({ pipeline, name }) => ({
        ...functionMetric(environment, pipeline, name, 'Sum'),
        periodMs: MINUTE_MS,
        from,
        to: now + 1,
      })),
    );
    return new Map(
      named.flatMap(({ pipeline, name }, n) => {
        const last = found[n]!.findLast(({ value }) => value > 0);
        return last === undefined ? [] : [[`${pipeline} ${name}`, last.at]];
      }),
    );
  }

  private async accepted(streams: readonly string[], now: number): Promise<Map<string, number>> {
    const from = Math.floor((now - KEPT_MS) / DAY_MS) * DAY_MS;
    const found = await this.metrics(
      streams.map((stream) => ({ ...incomingRecords(stream), periodMs: DAY_MS, from, to: now + 1 })),
    );
    return new Map(streams.map((stream, n) => [stream, found[n]!.reduce((sum, { value }) => sum + value, 0)] as const));
  }
}

/** What Kinesis reports for a stream without extra cost. */
export const incomingRecords = (stream: string) =>
  ({
    namespace: 'AWS/Kinesis',
    name: 'IncomingRecords',
    dimensions: { StreamName: stream },
    statistic: 'Sum',
  }) as const;

function firing({ StateValue, AlarmName = '', AlarmDescription = '', StateReason = '' }: MetricAlarm): Alarm[] {
  if (StateValue !== 'ALARM') return [];
  const [impact = ''] = AlarmDescription.replace(/^Impact: /, '').split('. What to do:');
  return [{ ...partsOf(AlarmName), impact, what: StateReason.replace(/\.$/, '') }];
}

function absent(alarm: MetricAlarm): AbsenceAlarm[] {
  const { Namespace, ComparisonOperator = '', AlarmName = '', MetricName = '', EvaluationPeriods, Period } = alarm;
  if (Namespace !== NAMESPACE || !ComparisonOperator.startsWith('LessThan')) return [];
  return [{ name: AlarmName, metric: MetricName, hours: ((EvaluationPeriods ?? 0) * (Period ?? 0)) / 3600 }];
}
