import type { Pipeline } from '../../../pipelines/definition';
import { completeUntil, publicTables } from '../../../sql/names';
import { type Context, queryRows, warehouseTime } from '../context';
import { type CheckResult, checkResult } from './check-result';

/** The next refresh makes up for a failed one. Three failures in a row raise an alarm. */
const MISSED_REFRESHES = 3;
const SLACK_MINUTES = 5;

/** Checks the age of the youngest record that all views include, and the runs of the last day. */
export async function freshness(context: Context, pipeline: Pipeline): Promise<CheckResult[]> {
  const { runs } = publicTables(pipeline);
  const [row] = await queryRows(
    context,
    'smoke-freshness',
    `select getdate() as now, ${completeUntil(pipeline)} as complete_until,
  (select count(*) from ${runs} where merged_at > dateadd(day, -1, getdate())) as runs,
  (select max(merged_at) from ${runs}) as last_run`,
  );
  const most = MISSED_REFRESHES * pipeline.refreshEveryMinutes + SLACK_MINUTES;
  const complete = row?.['complete_until'];
  const lag = complete ? (warehouseTime(row['now']) - warehouseTime(complete)) / 60_000 : Number.POSITIVE_INFINITY;
  const lastRun = row?.['last_run'] ? `${row['runs']} in 24 h, the last at ${row['last_run']}` : 'none yet';
  return [
    checkResult(
      `${pipeline.name}: freshness`,
      `views include all until ${most} min ago`,
      complete ? `until ${Math.max(lag, 0).toFixed(1)} min ago` : 'no refresh has ended yet',
      lag <= most,
    ),
    // A run is a merge with rows. A quiet stream has none.
    checkResult(`${pipeline.name}: merges with rows`, 'any', lastRun, true),
  ];
}
