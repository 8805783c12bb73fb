import type { MetricValue } from './metrics';

export const statistics = ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum', 'p50', 'p90', 'p95', 'p99'] as const;
export type Statistic = (typeof statistics)[number];
type Percentile = Extract<Statistic, `p${string}`>;

/** The values of one period. */
export interface Point {
  /** Start of the period, epoch milliseconds. */
  readonly at: number;
  readonly values: readonly number[];
}

/** Values of the metric with exactly these dimensions, grouped by period, earliest first. */
export function timeSeries(
  values: readonly MetricValue[],
  dimensions: Readonly<Record<string, string>>,
  { from, to, periodMs }: { readonly from: number; readonly to: number; readonly periodMs: number },
): Point[] {
  const names = Object.keys(dimensions);
  const periods = new Map<number, number[]>();
  const first = Math.floor(from / periodMs) * periodMs;
  for (const value of values) {
    const same = names.every((name) => value.dimensions[name] === dimensions[name]);
    if (!same || Object.keys(value.dimensions).length !== names.length || value.at < first || value.at >= to) continue;
    const at = Math.floor(value.at / periodMs) * periodMs;
    const known = periods.get(at);
    if (known) known.push(value.value);
    else periods.set(at, [value.value]);
  }
  return [...periods].map(([at, list]) => ({ at, values: list })).sort((one, other) => one.at - other.at);
}

export function statisticOf(statistic: Statistic, values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  switch (statistic) {
    case 'SampleCount':
      return values.length;
    case 'Sum':
      return sum;
    case 'Average':
      return sum / values.length;
    case 'Minimum':
      return Math.min(...values);
    case 'Maximum':
      return Math.max(...values);
    default:
      return percentile(statistic, values);
  }
}

/** The smallest value that so many percent of the values do not exceed. CloudWatch may interpolate between two values. */
function percentile(statistic: Percentile, values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((Number(statistic.slice(1)) / 100) * sorted.length) - 1)]!;
}

export function asStatistics(
  wanted: readonly Statistic[],
  values: readonly number[],
): Partial<Record<Statistic, number>> {
  return Object.fromEntries(wanted.map((statistic) => [statistic, statisticOf(statistic, values)]));
}
