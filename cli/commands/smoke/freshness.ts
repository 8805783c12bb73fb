import type { Pipeline } from '../../../pipelines/definition';
import { ofIdentity, publicTables } from '../../../sql';
import { type Context, queryRows, warehouseTime } from '../context';
import { type CheckResult, checkResult } from './check-result';

/** A refresh that fails once is made up for by the next; three in a row are an alarm. */
const MISSED_REFRESHES = 3;
const SLACK_MINUTES = 5;

/** How long ago the youngest record arrived of which all views know, and how the last runs of a day ended. */
export async function freshness(context: Context, pipeline: Pipeline): Promise<CheckResult[]> {
  const { checkpoints, runs } = publicTables(pipeline);
  const [row] = await queryRows(
    context,
    'smoke-freshness',
    `select getdate() as now, (select max(complete_until) from ${checkpoints} where ${ofIdentity(pipeline)}) as complete_until,
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
      `views know all until ${most} min ago`,
      complete ? `until ${Math.max(lag, 0).toFixed(1)} min ago` : 'no refresh has ended yet',
      lag <= most,
    ),
    // A run is a merge that brought rows: a quiet stream has none.
    checkResult(`${pipeline.name}: merges with rows`, 'any', lastRun, true),
  ];
}
