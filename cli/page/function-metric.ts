import { NAMESPACE } from './alarms';
import type { MetricQuery } from './ports';

/** A metric as a query names it, without its time. */
export type AskedMetric = Omit<MetricQuery, 'periodMs' | 'from' | 'to'>;

/** A metric that the functions of a pipeline write. @param more dimensions beside environment and pipeline */
export const functionMetric = (
  environment: string,
  pipeline: string,
  name: string,
  statistic: MetricQuery['statistic'],
  more: Readonly<Record<string, string>> = {},
): AskedMetric => ({
  namespace: NAMESPACE,
  name,
  statistic,
  dimensions: { Environment: environment, Pipeline: pipeline, ...more },
});
