import type { RefreshStep } from '../../lambda/refresh/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { expiredItems, isOldEvent } from '../merge/expired';
import { lockStatement } from '../merge/merge';
import { isWaiting } from '../merge/waiting';
import type { ResolvedPipeline } from '../resolve';
import { expiryTime } from '../tables/retention';

/** SQL for the id of the run that counts what a run of the refresh function deleted. */
export const expiryRun = "{{run_id}} || '-expired'";

/**
 * A run deletes the oldest minutes whose rows add up to about this many events and this many rejects. A minute is
 * deleted as a whole.
 */
const batchRows = 200_000;
/** A run deletes at most this part of the time, so that it need not count all old rows. */
const batchDays = 1;

/** What a row of `skipped` was before. */
export const expiredNames = {
  event: 'expired event',
  duplicate: 'expired duplicate',
  reject: 'expired reject',
} as const;

/**
 * The step that deletes the oldest rows past the retention, a bounded number in each run. It comes before the views
 * are refreshed, so that the same run takes the rows out of them.
 */
export function expireSteps(pipeline: ResolvedPipeline): RefreshStep[] {
  if (!pipeline.retention) return [];
  return [{ name: 'expire', mode: 'transaction', statements: expireStatements(pipeline), mayFail: true }];
}

/**
 * One transaction that moves old events with their duplicates, and old rejects, to `skipped`, without their payloads.
 * Their positions stay known, so a record that is read again changes nothing. They also keep their runs, so a reload
 * of a run counts them. Another run counts what went, as negative events, duplicates and rejects. While the tables of
 * another identity exist, nothing is deleted: a rebuild has to find every row in one place.
 */
function expireStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { events, duplicates, rejects, skipped, runs } = pipeline.tables;
  const version = quoteLiteral(pipeline.retention!.version);
  const { bounds, expiring } = tables(pipeline);
  const kept = expiredItems.join(', ');
  const count = (name: string) => `count(case when name = ${quoteLiteral(name)} then 1 end)`;
  const old = [oldEvents(pipeline), oldRejects(pipeline)];
  return [
    lockStatement(pipeline),
    boundsStatement(pipeline, old),
    expiringStatement(pipeline, old),
    `insert into ${skipped} (${kept}, object_key, name, filter, run_id, merged_at)
select ${kept}, object_key, name, ${version}, run_id, getdate()
from ${expiring}`,
    ...(old[0]
      ? [
          `delete from ${events} where ${withinBounds(pipeline, old[0])}`,
          `delete from ${duplicates}
using ${expiring}
where ${expiring}.event_id = ${duplicates}.event_id`,
        ]
      : []),
    ...(old[1] ? [`delete from ${rejects} where ${withinBounds(pipeline, old[1])}`] : []),
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, skipped, merged_at, definition)
select
  ${expiryRun}, 'retention', 0, -${count(expiredNames.event)}, -${count(expiredNames.duplicate)}, -${count(expiredNames.reject)}, count(*), getdate(),
  ${quoteLiteral(pipeline.typingVersion)}
from ${expiring}
having count(*) > 0`,
    `drop table ${expiring}, ${bounds}`,
  ];
}

const tables = ({ name }: ResolvedPipeline) => ({
  /** One row: the times before which the run deletes events and rejects. */
  bounds: `${name}_expiry`,
  /** The rows that the run deletes. */
  expiring: `${name}_expiring`,
});

/** Rows of a table that are past the retention. */
interface OldRows {
  readonly table: string;
  /** The column with the time that counts. */
  readonly time: string;
  /** SQL condition on the table. */
  readonly isOld: string;
  /** The column of the bounds. */
  readonly until: string;
}

function oldEvents(pipeline: ResolvedPipeline): OldRows | undefined {
  const isOld = isOldEvent(pipeline);
  const time = pipeline.retention?.events?.stored;
  return isOld === undefined || time === undefined
    ? undefined
    : { table: pipeline.tables.events, time, isOld, until: 'events_until' };
}

/** A record that waits to be decoded has no outcome yet, so it does not expire. */
function oldRejects({ retention, tables: { rejects } }: ResolvedPipeline): OldRows | undefined {
  const days = retention?.rejectDays;
  if (days === undefined) return undefined;
  const isOld = `merged_at < ${expiryTime(days)} and not (${isWaiting()})`;
  return { table: rejects, time: 'merged_at', isOld, until: 'rejects_until' };
}

const withinBounds = (pipeline: ResolvedPipeline, { time, isOld, until }: OldRows) =>
  `${isOld} and ${time} < (select ${until} from ${tables(pipeline).bounds})`;

function boundsStatement(pipeline: ResolvedPipeline, old: readonly (OldRows | undefined)[]): StatementTemplate {
  const { checkpoints } = pipeline.tables;
  const given = old.filter((rows) => rows !== undefined);
  const paced = given.map(
    ({ table, time, isOld }, index) => `oldest_${index} as (
  select min(${time}) as at
  from ${table}
  where ${isOld} and (select count(distinct identity_version) from ${checkpoints}) = 1
),
minutes_${index} as (
  select date_trunc('minute', ${time}) as minute, count(*) as row_count
  from ${table}
  where ${isOld} and ${time} < (select dateadd(day, ${batchDays}, at) from oldest_${index})
  group by 1
),
paced_${index} as (
  select minute, sum(row_count) over (order by minute rows unbounded preceding) as row_count
  from minutes_${index}
)`,
  );
  const items = given.map(
    ({ until }, index) =>
      `dateadd(minute, 1, coalesce((select min(minute) from paced_${index} where row_count >= ${batchRows}), (select max(minute) from paced_${index}))) as ${until}`,
  );
  return `create temp table ${tables(pipeline).bounds} as
with ${paced.join(',\n')}
select
  ${items.join(',\n  ')}`;
}

/** Duplicates go with their events. */
function expiringStatement(
  pipeline: ResolvedPipeline,
  [events, rejects]: readonly (OldRows | undefined)[],
): StatementTemplate {
  const items = (of = '') => expiredItems.map((name) => `${of}${name}`).join(', ');
  const name = (text: string) => `${quoteLiteral(text)}::varchar(512) as name`;
  const noKey = 'null::varchar(1024) as object_key';
  const gone = events
    ? `with gone as (
  select event_id, ${items()}, run_id
  from ${events.table}
  where ${withinBounds(pipeline, events)}
)
`
    : '';
  const queries = [
    ...(events
      ? [
          `select ${name(expiredNames.event)}, event_id, ${noKey}, ${items()}, run_id
from gone`,
          `select ${name(expiredNames.duplicate)}, d.event_id, ${noKey}, ${items('d.')}, d.run_id
from ${pipeline.tables.duplicates} d
inner join gone g on g.event_id = d.event_id`,
        ]
      : []),
    ...(rejects
      ? [
          `select ${name(expiredNames.reject)}, null::varchar(64) as event_id, object_key, ${items()}, run_id
from ${rejects.table}
where ${withinBounds(pipeline, rejects)}`,
        ]
      : []),
  ];
  return `create temp table ${tables(pipeline).expiring} as
${gone}${queries.join('\nunion all\n')}`;
}
