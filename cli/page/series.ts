import { charts as titles } from '../../lib/monitoring/charts';
import type { Pipeline } from '../../pipelines/definition';
import { isUnmerged, landingName, publicTables } from '../../sql/names';
import type { Series } from '../../ui/api';
import type { Calls } from '../../ui/server';
import { warehouseText } from '../commands/context';
import { chartAlarms } from './chart-alarms';
import { functionMetric } from './function-metric';
import type { PagePorts } from './ports';

type Chart = Series['charts'][number];
type Line = Chart['lines'][number];

/** Possible widths of a bucket, in minutes. The smallest is used that gives a chart at most about 120 buckets. */
const WIDTHS = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720];
const BUCKETS = 120;
const MOST_REASONS = 6;
const MOST_KINDS = 6;

/** Answers the page's calls for time series. All times are times of the runtime's clock. */
export function seriesCalls(ports: PagePorts, pipelines: readonly Pipeline[]): Pick<Calls, '/api/series'> {
  return {
    async '/api/series'({ minutes }) {
      const width = (WIDTHS.find((candidate) => minutes / candidate <= BUCKETS) ?? WIDTHS.at(-1)!) * 60_000;
      const now = ports.now();
      const first = Math.floor((now - minutes * 60_000) / width) * width;
      const times: number[] = [];
      for (let time = first; time <= now; time += width) times.push(time);
      const axis = new Axis(times, width, ports);
      const deployed = pipelines.filter(({ name }) => ports.isDeployed(name));
      return { times, charts: await charts(axis, deployed, ports) };
    },
  };
}

async function charts(axis: Axis, pipelines: readonly Pipeline[], ports: PagePorts): Promise<Chart[]> {
  const each = (lineOf: (pipeline: Pipeline) => Promise<Line['values']>) => linesOf(pipelines, lineOf);
  const alarms = chartAlarms(ports, pipelines);
  return [
    {
      ...titles.throughput,
      legend: 'sum',
      lines: await each((pipeline) => axis.throughput(pipeline)),
      alarms: alarms.throughput,
    },
    {
      ...titles.freshness,
      legend: 'last',
      lines: await each((pipeline) => axis.freshness(pipeline)),
      alarms: alarms.freshness,
    },
    {
      ...titles.pending,
      legend: 'last',
      lines: await each((pipeline) => axis.pending(pipeline)),
      alarms: alarms.pending,
    },
    { ...titles.rejects, legend: 'sum', lines: await axis.rejects(pipelines), alarms: alarms.rejects },
    { ...titles.statements, legend: 'last', lines: await axis.statements(), alarms: alarms.statements },
    {
      ...titles.duration,
      legend: 'last',
      lines: await each(({ name }) => axis.metric('RunSeconds', name)),
      alarms: alarms.duration,
    },
    {
      ...titles.exportAge,
      legend: 'last',
      lines: await each((pipeline) => axis.exportAge(pipeline)),
      alarms: alarms.exportAge,
    },
  ];
}

async function linesOf(pipelines: readonly Pipeline[], lineOf: (pipeline: Pipeline) => Promise<Line['values']>) {
  const lines: Line[] = [];
  for (const pipeline of pipelines) lines.push({ name: pipeline.name, values: await lineOf(pipeline) });
  return lines;
}

/** The buckets of an answer, and the queries that fill them. */
class Axis {
  private readonly from: string;

  constructor(
    private readonly times: readonly number[],
    private readonly widthMs: number,
    private readonly ports: PagePorts,
  ) {
    this.from = `'${warehouseText(times[0]!)}'::timestamp`;
  }

  /** SQL for the index of a time's bucket. */
  private bucket(column: string): string {
    return `floor((extract(epoch from ${column}) - ${Math.round(this.times[0]! / 1000)}) / ${this.widthMs / 1000})`;
  }

  private async filled(sql: string, empty: number | null): Promise<(number | null)[]> {
    const values = this.times.map((): number | null => empty);
    for (const [bucket, value] of (await this.ports.query(sql)).rows) {
      const index = Number(bucket);
      if (value !== null && index >= 0 && index < values.length) values[index] = Number(value);
    }
    return values;
  }

  throughput(pipeline: Pipeline) {
    const { runs } = publicTables(pipeline);
    return this.filled(
      `select ${this.bucket('merged_at')} as bucket, sum(rows_read) from ${runs} where merged_at >= ${this.from} group by 1`,
      0,
    );
  }

  freshness(pipeline: Pipeline) {
    return this.filled(
      `select ${this.bucket('merged_at')} as bucket, max(extract(epoch from merged_at) - extract(epoch from arrived_at)) from ${publicTables(pipeline).events}
where merged_at >= ${this.from} and source = 'stream' group by 1`,
      null,
    );
  }

  /**
   * Returns the records that had arrived but were not merged at each bucket's end, as a running sum of arrivals minus
   * merges. Only the last value includes records that are still on the stream and objects that are not loaded, because
   * no table has those.
   */
  async pending(pipeline: Pipeline) {
    const { events, duplicates, rejects } = publicTables(pipeline);
    const merged = [events, duplicates, rejects].map(
      (table) => `select arrived_at, merged_at from ${table} where source = 'stream' and arrived_at is not null`,
    );
    const landed = `select approximate_arrival_timestamp, cast(null as timestamp) from ${landingName(pipeline)} where ${isUnmerged(pipeline)}`;
    const all = `(${[...merged, landed].join(' union all ')}) as records`;
    const columns = await this.ports.query(
      `select count(*) from ${all} where arrived_at < ${this.from} and (merged_at is null or merged_at >= ${this.from})`,
    );
    const arrived = await this.filled(
      `select ${this.bucket('arrived_at')} as bucket, count(*) from ${all} where arrived_at >= ${this.from} group by 1`,
      0,
    );
    const gone = await this.filled(
      `select ${this.bucket('merged_at')} as bucket, count(*) from ${all} where merged_at >= ${this.from} group by 1`,
      0,
    );
    let pending = Number(columns.rows[0]![0]);
    const values = this.times.map((_, n) => {
      pending += arrived[n]! - gone[n]!;
      return pending;
    });
    const counts = await this.ports.counts(pipeline);
    return [...values.slice(0, -1), counts.pending];
  }

  async rejects(pipelines: readonly Pipeline[]): Promise<Line[]> {
    const lines = new Map<string, (number | null)[]>();
    for (const pipeline of pipelines) {
      const { rows } = await this.ports.query(
        `select reason, ${this.bucket('merged_at')} as bucket, count(*) from ${publicTables(pipeline).rejects} where merged_at >= ${this.from} group by 1, 2 order by 3 desc`,
      );
      for (const [reason, bucket, records] of rows) {
        const known = `${pipeline.name}: ${reason}`;
        const name = lines.has(known) || lines.size < MOST_REASONS ? known : 'other reasons';
        const values = lines.get(name) ?? this.times.map((): number | null => 0);
        values[Number(bucket)] = (values[Number(bucket)] ?? 0) + Number(records);
        lines.set(name, values);
      }
    }
    return [...lines].map(([name, values]) => ({ name, values }));
  }

  /** The longest statement of each kind. Redshift keeps its history for seven days, the local warehouse the last thousand statements. */
  async statements(): Promise<Line[]> {
    const { rows } = await this.ports.query(
      `select trim(query_type), ${this.bucket('start_time')} as bucket, max(elapsed_time) / 1000000.0 from sys_query_history
where start_time >= ${this.from} group by 1, 2 order by 3 desc`,
    );
    const lines = new Map<string, (number | null)[]>();
    for (const [kind, bucket, seconds] of rows) {
      const known = String(kind).toLowerCase();
      const name = lines.has(known) || lines.size < MOST_KINDS ? known : 'others';
      const values = lines.get(name) ?? this.times.map((): number | null => null);
      values[Number(bucket)] = Math.max(values[Number(bucket)] ?? 0, Number(seconds));
      lines.set(name, values);
    }
    return [...lines].map(([name, values]) => ({ name, values }));
  }

  async exportAge(pipeline: Pipeline) {
    const { rows } = await this.ports.query(
      `select published_at, window_end from ${publicTables(pipeline).exports} order by 1`,
    );
    const published = rows.map((row) => row.map((value) => Date.parse(`${String(value).replace(' ', 'T')}Z`)));
    return this.times.map((time) => {
      const end = Math.min(time + this.widthMs, this.ports.now());
      const ends = published.flatMap(([at, windowEnd]) => (at! <= end ? [windowEnd!] : []));
      return ends.length === 0 ? null : Math.round(((end - Math.max(...ends)) / 3_600_000) * 100) / 100;
    });
  }

  /** Returns a metric's largest value per bucket. The local runtime keeps metrics in memory, so they begin with its start. */
  async metric(name: string, pipeline: string): Promise<(number | null)[]> {
    const values = this.times.map((): number | null => null);
    const [points] = await this.ports.metrics([
      {
        ...functionMetric(this.ports.environment.name, pipeline, name, 'Maximum'),
        periodMs: this.widthMs,
        from: this.times[0]!,
        to: this.times.at(-1)! + this.widthMs,
      },
    ]);
    for (const { at, value } of points!) {
      const index = Math.floor((at - this.times[0]!) / this.widthMs);
      if (index >= 0 && index < values.length) values[index] = Math.max(values[index] ?? 0, value);
    }
    return values;
  }
}
