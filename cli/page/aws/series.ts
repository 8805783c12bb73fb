import { mergedForgotten, shownMetrics } from '../../../lib/monitoring/alarms';
import { charts as titles } from '../../../lib/monitoring/charts';
import type { Pipeline } from '../../../pipelines/definition';
import type { Series } from '../../../ui/api';
import type { Calls } from '../../../ui/server';
import type { AwsPorts } from '../aws-ports';
import { chartAlarms } from '../chart-alarms';
import { type AskedMetric, functionMetric } from '../function-metric';
import { incomingRecords } from './look';

type Chart = Series['charts'][number];
type Line = Chart['lines'][number];

/** Periods that CloudWatch has for as long as the widest span. The smallest with at most 360 values is used. */
const WIDTHS_MINUTES = [1, 5, 15, 60, 360];
const MOST_VALUES = 360;
const MINUTE_MS = 60_000;

const merged = [
  shownMetrics.mergedEvents,
  shownMetrics.mergedDuplicates,
  shownMetrics.mergedRejects,
  shownMetrics.mergedSkipped,
];

interface Axis {
  readonly times: readonly number[];
  readonly widthMs: number;
}

/** The charts of an environment in AWS. All of it is from CloudWatch, so that they cost the warehouse nothing. */
export function awsSeriesCalls(ports: AwsPorts, pipelines: readonly Pipeline[]): Pick<Calls, '/api/series'> {
  return {
    async '/api/series'({ minutes }) {
      const width = WIDTHS_MINUTES.find((candidate) => minutes / candidate <= MOST_VALUES) ?? WIDTHS_MINUTES.at(-1)!;
      const widthMs = width * MINUTE_MS;
      const now = ports.now();
      const times: number[] = [];
      for (let at = Math.floor((now - minutes * MINUTE_MS) / widthMs) * widthMs; at <= now; at += widthMs)
        times.push(at);
      const deployed = pipelines.filter(({ name }) => ports.isDeployed(name));
      return { times, charts: await chartsOf(ports, deployed, { times, widthMs }) };
    },
  };
}

async function chartsOf(ports: AwsPorts, pipelines: readonly Pipeline[], axis: Axis): Promise<Chart[]> {
  const names = pipelines.map(({ name }) => name);
  const { freshnessSeconds, runSeconds, exportAgeMinutes } = shownMetrics;
  const streams = pipelines.map(({ name }) => ({ ...incomingRecords(ports.streamOf(name)) }));
  const sent = await valuesOf(ports, axis, streams);
  const forgets = pipelines.some(({ subject }) => subject);
  const throughput = await Promise.all(
    [...merged, ...(forgets ? [mergedForgotten] : [])].map((metric) =>
      valuesOf(
        ports,
        axis,
        names.map((name) => functionMetric(ports.environment.name, name, metric, 'Sum')),
      ),
    ),
  );
  const longest = async (metric: string, scale = 1) => {
    const found = await valuesOf(
      ports,
      axis,
      names.map((name) => functionMetric(ports.environment.name, name, metric, 'Maximum')),
    );
    return linesOf(
      names,
      found.map((values) => values.map((value) => (value === null ? null : Math.round(value * scale * 100) / 100))),
    );
  };
  const counted = (values: readonly (readonly (number | null)[])[]) =>
    values.map((list) => list.map((value) => value ?? 0));
  const sums = names.map((_, n) =>
    axis.times.map((_, at) => throughput.reduce((sum, values) => sum + (values[n]![at] ?? 0), 0)),
  );
  const alarms = chartAlarms(ports, pipelines);
  return [
    {
      ...titles.throughput,
      unit: 'records of the stream',
      legend: 'sum',
      lines: linesOf(names, sums),
      alarms: alarms.throughput,
    },
    { title: 'Sent to the streams', unit: 'records', legend: 'sum', lines: linesOf(names, counted(sent)), alarms: [] },
    { ...titles.freshness, legend: 'last', lines: await longest(freshnessSeconds), alarms: alarms.freshness },
    { ...titles.rejects, legend: 'sum', lines: await rejects(ports, names, axis), alarms: alarms.rejects },
    { ...titles.duration, legend: 'last', lines: await longest(runSeconds), alarms: alarms.duration },
    {
      ...titles.exportAge,
      legend: 'last',
      lines: await longest(exportAgeMinutes, 1 / 60),
      alarms: alarms.exportAge,
    },
  ];
}

const linesOf = (names: readonly string[], values: readonly (readonly (number | null)[])[]): Line[] =>
  names.map((name, n) => ({ name, values: values[n]! }));

/** Values of metrics by the times of the axis. A time without a value has null. */
async function valuesOf(ports: AwsPorts, { times, widthMs }: Axis, asked: readonly AskedMetric[]) {
  if (asked.length === 0) return [];
  const window = { periodMs: widthMs, from: times[0]!, to: times.at(-1)! + widthMs };
  const found = await ports.metrics(asked.map((query) => ({ ...query, ...window })));
  return found.map((points) => {
    const values = times.map((): number | null => null);
    for (const { at, value } of points) {
      const index = Math.floor((at - times[0]!) / widthMs);
      if (index >= 0 && index < values.length) values[index] = value;
    }
    return values;
  });
}

async function rejects(ports: AwsPorts, names: readonly string[], axis: Axis): Promise<Line[]> {
  const metric = shownMetrics.rejectedRecords;
  const lines: { readonly name: string; readonly asked: AskedMetric }[] = [];
  for (const name of names) {
    const given = { Environment: ports.environment.name, Pipeline: name };
    for (const reason of await ports.cloudWatch.dimensionValues(metric, given, 'Reason'))
      lines.push({
        name: `${name}: ${reason}`,
        asked: functionMetric(ports.environment.name, name, metric, 'Sum', { Reason: reason }),
      });
  }
  const values = await valuesOf(
    ports,
    axis,
    lines.map(({ asked }) => asked),
  );
  return lines
    .map(({ name }, n) => ({ name, values: values[n]!.map((value) => value ?? 0) }))
    .filter((line) => line.values.some((value) => value > 0));
}
