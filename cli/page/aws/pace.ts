import { warehouseKind } from '../../../environments/declaration';
import type { Environment } from '../../../environments/environment';
import type { Prices } from '../../cost/prices';
import { plural } from '../../terminal';

/** CloudWatch is asked so often while a page is open. Its metrics are a minute old at best. */
export const METRICS_MS = 60_000;
/** The warehouse is asked at most so often, and only after a function has written something. */
export const WAREHOUSE_MS = 5 * 60_000;
/** GetMetricData, for each metric: aws.amazon.com/cloudwatch/pricing. */
const METRIC_DOLLARS = 0.01 / 1000;
/** Redshift Serverless bills at least this time for each use. */
const LEAST_SECONDS = 60;

/** What looking costs, in one sentence. Prices are those of us-east-1. */
export function costText(environment: Pick<Environment, 'warehouse'>, metrics: number, prices: Prices): string {
  const { warehouse } = environment;
  const hour = ((METRIC_DOLLARS * metrics * 3_600_000) / METRICS_MS).toFixed(2);
  const cloudWatch = `${plural(metrics, 'metric')} a minute, $${hour} an hour`;
  if (warehouseKind(environment) === 'provisioned')
    return `The cluster costs the same with and without a look. CloudWatch: ${cloudWatch}.`;
  if (warehouse.kind !== 'serverless')
    return `A look at the warehouse costs at least ${LEAST_SECONDS} seconds of its RPUs, unless it is awake anyway. CloudWatch: ${cloudWatch}.`;
  const rpus = warehouse.baseCapacityRpus;
  const look = (rpus * prices['RPU-hour'].dollars * LEAST_SECONDS) / 3600;
  return `A look at the warehouse costs at least ${LEAST_SECONDS} seconds of ${rpus} RPUs, $${look.toFixed(2)}, unless it is awake anyway. CloudWatch: ${cloudWatch}.`;
}
