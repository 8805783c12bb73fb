import {
  type Authorizer,
  AwsError,
  anyProtocolService,
  integerOf,
  invalid,
  listOf,
  NotModelledError,
  objectOf,
  oneOf,
  type Principal,
  type Properties,
  pageAfter,
  requiredText,
  type Service,
  textOf,
} from 'aws-local-kit';
import type { Alarms } from './alarms';
import type { Metrics } from './metrics';
import { asStatistics, type Statistic, statisticOf, statistics, timeSeries } from './statistics';

export interface CloudWatchServiceOptions {
  readonly authorizer: Authorizer;
  readonly alarms: Alarms;
  readonly metrics: Metrics;
}

/** Limits of GetMetricData and of one page of alarms. */
const maxQueries = 500;
const maxAlarms = 100;

/** The CloudWatch API over the declared alarms and the metrics that functions logged since the runtime started. */
export function cloudWatchService({ authorizer, alarms, metrics }: CloudWatchServiceOptions): Service {
  const allow = (principal: Principal, operation: string) =>
    authorizer.authorize({ principal, action: `cloudwatch:${operation}`, resource: '*' });

  return anyProtocolService(
    {
      signingName: 'monitoring',
      shapeName: 'GraniteServiceVersion20100801',
      namespace: 'http://monitoring.amazonaws.com/doc/2010-08-01/',
    },
    {
      DescribeAlarms(input: unknown, principal) {
        allow(principal, 'DescribeAlarms');
        return describeAlarms(alarms, input);
      },
      ListMetrics(input: unknown, principal) {
        allow(principal, 'ListMetrics');
        return listMetrics(metrics, input);
      },
      GetMetricData(input: unknown, principal) {
        allow(principal, 'GetMetricData');
        return getMetricData(metrics, input);
      },
      GetMetricStatistics(input: unknown, principal) {
        allow(principal, 'GetMetricStatistics');
        return getMetricStatistics(metrics, input);
      },
    },
  );
}

function describeAlarms(alarms: Alarms, raw: unknown) {
  const allowed = ['AlarmNames', 'AlarmNamePrefix', 'AlarmTypes', 'StateValue', 'MaxRecords', 'NextToken'];
  const input = objectOf(raw, allowed, 'DescribeAlarms') ?? {};
  const names = listOf(input['AlarmNames'], 'AlarmNames');
  const prefix = textOf(input['AlarmNamePrefix'], 'AlarmNamePrefix') ?? '';
  const types = listOf(input['AlarmTypes'], 'AlarmTypes');
  const state = textOf(input['StateValue'], 'StateValue');
  const wanted = alarms
    .list()
    .filter(
      (alarm) =>
        (names.length === 0 || names.includes(alarm.name)) &&
        alarm.name.startsWith(prefix) &&
        (types.length === 0 ? ['MetricAlarm'] : types).includes(alarm.type) &&
        (state === undefined || state === alarm.shown['StateValue']),
    );
  const page = pageAfter(wanted, ({ name }) => name, {
    size: integerOf(input['MaxRecords'], 'MaxRecords', 1, maxAlarms) ?? 50,
    token: textOf(input['NextToken'], 'NextToken'),
  });
  const ofType = (type: string) => page.items.filter((alarm) => alarm.type === type).map(({ shown }) => shown);
  return {
    MetricAlarms: ofType('MetricAlarm'),
    CompositeAlarms: ofType('CompositeAlarm'),
    NextToken: page.nextToken,
  };
}

function listMetrics(metrics: Metrics, raw: unknown) {
  const input = objectOf(raw, ['Namespace', 'MetricName', 'Dimensions', 'NextToken'], 'ListMetrics') ?? {};
  const [namespace, name] = [textOf(input['Namespace'], 'Namespace'), textOf(input['MetricName'], 'MetricName')];
  if (namespace !== undefined) checkNamespace(namespace);
  const filters = listOf(input['Dimensions'], 'Dimensions').map((item) => {
    const filter = objectOf(item, ['Name', 'Value'], 'Dimensions') ?? {};
    return [requiredText(filter['Name'], 'Dimensions.Name'), textOf(filter['Value'], 'Dimensions.Value')] as const;
  });
  const found = new Map<string, object>();
  for (const value of metrics.all()) {
    if ((namespace ?? value.namespace) !== value.namespace || (name ?? value.name) !== value.name) continue;
    const holds = ([dimension, wanted]: readonly [string, string | undefined]) =>
      Object.hasOwn(value.dimensions, dimension) &&
      (wanted ?? value.dimensions[dimension]) === value.dimensions[dimension];
    if (!filters.every(holds)) continue;
    const Dimensions = Object.entries(value.dimensions).map(([Name, Value]) => ({ Name, Value }));
    const shown = { Namespace: value.namespace, MetricName: value.name, Dimensions };
    found.set(JSON.stringify(shown), shown);
  }
  const page = pageAfter([...found], ([key]) => key, { size: 500, token: textOf(input['NextToken'], 'NextToken') });
  return { Metrics: page.items.map(([, shown]) => shown), NextToken: page.nextToken };
}

function getMetricData(metrics: Metrics, raw: unknown) {
  const allowed = ['MetricDataQueries', 'StartTime', 'EndTime', 'ScanBy'];
  const input = objectOf(raw, allowed, 'GetMetricData') ?? {};
  const queries = listOf(input['MetricDataQueries'], 'MetricDataQueries');
  if (queries.length === 0 || queries.length > maxQueries)
    throw new AwsError(
      'ValidationError',
      `MetricDataQueries must have 1 to ${maxQueries} members, got ${queries.length}`,
    );
  const [from, to] = windowOf(input);
  const scan = oneOf(input['ScanBy'], ['TimestampDescending', 'TimestampAscending'] as const, 'ScanBy');
  const results = queries.map((item, i) => {
    const where = `MetricDataQueries[${i}]`;
    const query = objectOf(item, ['Id', 'MetricStat', 'Label', 'ReturnData', 'Expression', 'Period'], where) ?? {};
    if (query['Expression'] !== undefined) throw new NotModelledError(`${where}.Expression`);
    const stat = objectOf(query['MetricStat'], ['Metric', 'Period', 'Stat', 'Unit'], `${where}.MetricStat`) ?? {};
    if (stat['Unit'] !== undefined) throw new NotModelledError(`${where}.MetricStat.Unit`);
    const metric = metricOf(metrics, stat['Metric'], `${where}.MetricStat.Metric`);
    const statistic = statisticNamed(stat['Stat'], `${where}.MetricStat.Stat`);
    checkStatistic(metrics, metric, statistic);
    const periodMs = periodOf(stat['Period'], `${where}.MetricStat.Period`);
    const points = timeSeries(metrics.find(metric.namespace, metric.name), metric.dimensions, { from, to, periodMs });
    if (scan !== 'TimestampAscending') points.reverse();
    return {
      returned: String(query['ReturnData'] ?? true) === 'true',
      shown: {
        Id: requiredText(query['Id'], `${where}.Id`),
        Label: textOf(query['Label'], `${where}.Label`) ?? metric.name,
        Timestamps: points.map(({ at }) => new Date(at)),
        Values: points.map(({ values }) => statisticOf(statistic, values)),
        StatusCode: 'Complete',
      },
    };
  });
  return { MetricDataResults: results.filter(({ returned }) => returned).map(({ shown }) => shown), Messages: [] };
}

function getMetricStatistics(metrics: Metrics, raw: unknown) {
  const allowed = ['Namespace', 'MetricName', 'Dimensions', 'StartTime', 'EndTime', 'Period', 'Statistics'];
  const { StartTime, EndTime, Period, Statistics, ...named } = objectOf(raw, allowed, 'GetMetricStatistics') ?? {};
  const metric = metricOf(metrics, named, 'GetMetricStatistics');
  const [from, to] = windowOf({ StartTime, EndTime });
  const wanted = listOf(Statistics, 'Statistics').map((name) => statisticNamed(name, 'Statistics'));
  if (wanted.length === 0) throw new AwsError('MissingParameter', 'Statistics must be given');
  for (const statistic of wanted) checkStatistic(metrics, metric, statistic);
  const periodMs = periodOf(Period, 'Period');
  const points = timeSeries(metrics.find(metric.namespace, metric.name), metric.dimensions, { from, to, periodMs });
  return {
    Label: metric.name,
    Datapoints: points.map(({ at, values }) => ({
      Timestamp: new Date(at),
      ...asStatistics(wanted, values),
      Unit: 'None',
    })),
  };
}

function metricOf(metrics: Metrics, raw: unknown, where: string) {
  const metric = objectOf(raw, ['Namespace', 'MetricName', 'Dimensions'], where) ?? {};
  const namespace = requiredText(metric['Namespace'], `${where}.Namespace`);
  const name = requiredText(metric['MetricName'], `${where}.MetricName`);
  if (!metrics.isOwn(namespace, name)) checkNamespace(namespace);
  const dimensions = listOf(metric['Dimensions'], `${where}.Dimensions`).map((item): [string, string] => {
    const dimension = objectOf(item, ['Name', 'Value'], `${where}.Dimensions`) ?? {};
    const text = (member: string) => requiredText(dimension[member], `${where}.Dimensions.${member}`);
    return [text('Name'), text('Value')];
  });
  return { namespace, name, dimensions: Object.fromEntries(dimensions) };
}

/** Throws for AWS's own namespaces. Local services report few of their metrics, so an empty answer would be misleading. */
function checkNamespace(namespace: string): void {
  if (namespace.startsWith('AWS/')) throw new NotModelledError(`the metrics of namespace ${namespace}`);
}

function checkStatistic(
  metrics: Metrics,
  { namespace, name }: { namespace: string; name: string },
  statistic: Statistic,
) {
  if (statistic !== 'Sum' && metrics.isOwn(namespace, name))
    throw new NotModelledError(`the statistic ${statistic} of ${namespace} ${name}`);
}

function statisticNamed(value: unknown, where: string): Statistic {
  return oneOf(requiredText(value, where), statistics, where)!;
}

function periodOf(value: unknown, where: string): number {
  const seconds = integerOf(value, where, 1, 86_400 * 365);
  if (seconds === undefined || (seconds >= 60 ? seconds % 60 !== 0 : ![1, 5, 10, 20, 30].includes(seconds)))
    throw invalid(where, value, '1, 5, 10, 20, 30 or a multiple of 60');
  return seconds * 1000;
}

function windowOf(input: Properties): [from: number, to: number] {
  const [from, to] = [momentOf(input['StartTime'], 'StartTime'), momentOf(input['EndTime'], 'EndTime')];
  if (from >= to)
    throw new AwsError('ValidationError', 'The parameter StartTime must be less than the parameter EndTime.');
  return [from, to];
}

/** Epoch milliseconds of a timestamp in any protocol's form. */
function momentOf(value: unknown, where: string): number {
  const at = typeof value === 'number' ? value * 1000 : new Date(value as string | Date).getTime();
  if (value === undefined || value === null || Number.isNaN(at)) throw invalid(where, value, 'a moment');
  return at;
}
