import type { Environment } from '../../environments/environment';
import { longestMinutes } from '../../lambda/export/contract';
import type { ExportDefinition, Pipeline } from '../../pipelines/definition';
import { windowOf } from '../../sql';

/** Thresholds of alarms that follow from a pipeline, for its alarms and for the lines in charts. */

/** CloudWatch evaluates at most a week, in periods of an hour or more (PutMetricAlarm). */
const longestHours = 7 * 24;
/** So many runs in a row must be missing. */
export const missingRuns = 3;
/** Hours that an object may wait for its load. */
export const historyAgeHours = 6;

/** A consumer of the stream may be behind by half of the retention. */
export const streamLagHours = ({ stream }: Pick<Pipeline, 'stream'>) => stream.retentionHours / 2;

/** Hours without a published window: two windows of the shortest export. Undefined: no export, or its windows are too long for an alarm. */
export function exportAgeHours({ exports }: Pick<Pipeline, 'exports'>): number | undefined {
  const [shortest] = exports.map(twoWindowsHours).sort((one, other) => one - other);
  return shortest === undefined || shortest > longestHours ? undefined : shortest;
}

/** Whether a missing run is a fault: only where schedules are enabled and the warehouse never pauses. */
export function runsAlways({ schedulesEnabled, warehouse }: Pick<Environment, 'schedulesEnabled' | 'warehouse'>) {
  return schedulesEnabled && !(warehouse.kind === 'provisioned' && warehouse.pause);
}

/** Length of two windows and their lateness, in hours, rounded up. */
function twoWindowsHours({ content }: ExportDefinition): number {
  const lateness = content.kind === 'incremental' ? (content.latenessMinutes ?? 0) : 0;
  return Math.ceil((2 * longestMinutes(windowOf(content)) + lateness) / 60);
}
