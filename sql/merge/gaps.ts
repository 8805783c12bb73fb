import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ResolvedPipeline } from '../resolve';

/** The landing view's name in a checkpoint before the first merge. */
export const beginning = 'beginning';

/**
 * Writes the first checkpoint, together with the first landing view. From then on, whatever is not read within the
 * stream's retention is a gap, even if nothing was ever merged. Changes nothing if there is a checkpoint.
 */
export function firstCheckpointStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { checkpoints } = pipeline.tables;
  return `insert into ${checkpoints} (landing, identity_version, merged_at)
select ${quoteLiteral(beginning)}, ${quoteLiteral(pipeline.identity.version)}, getdate()
where not exists (select 1 from ${checkpoints} where ${pipeline.ofIdentity})`;
}

/**
 * Reports records that the stream may have dropped before they were read. That is so if the merged refresh before, of
 * this landing view or of an earlier one, began longer before this run's refresh than the stream's retention, or if the
 * stream was recreated. The statement runs in the merge, before the checkpoint is written, so that each gap is reported
 * once. Records that arrived before `from_time` are merged; records that arrived after `to_time` were still in the
 * stream. A shard without records in the day before is not named. One row without a shard stands for a stream without
 * any records. Placeholder: `started`, as in the merge.
 */
export function gapStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { gaps, checkpoints } = pipeline.tables;
  const { retentionHours, recreatedAt } = pipeline.definition.stream;
  const expired = `dateadd(hour, ${-retentionHours}, {{started}}::timestamp)`;
  const late = `from_time < ${expired} and read_until < ${expired}`;
  const began = recreatedAt && timestampLiteral(recreatedAt);
  return `insert into ${gaps} (shard_id, after_sequence, from_time, to_time, detected_at)
with latest as (
  select
    max(refresh_time) as refresh_time, max(coalesce(read_until, merged_at)) as read_until,
    max(coalesce(merged_until, read_until, merged_at)) as from_time,
    count(case when landing = ${quoteLiteral(pipeline.landing.table)} then 1 end) as merges
  from ${checkpoints}
  where ${pipeline.ofIdentity}
),
gap as (
  select 1 as gap, refresh_time, from_time, ${began ? `case when ${began} > ${expired} then ${began} else ${expired} end` : expired} as to_time
  from latest
  where ${began ? `(${late}) or (merges = 0 and from_time < ${began})` : late}
),
shards as (
  select 1 as gap, shard_id, ltrim(max(lpad(sequence_number, 128, '0')), '0') as after_sequence
  from ${pipeline.landing.name}
  where refresh_time <= (select refresh_time from gap) and refresh_time > (select dateadd(day, -1, refresh_time) from gap)
  group by shard_id
)
select s.shard_id, s.after_sequence, g.from_time, g.to_time, getdate()
from gap g
left join shards s on s.gap = g.gap`;
}

/** A deployment takes at most this many hours until its new landing view exists. */
const deploymentHours = 1;

/**
 * Returns a row if a landing view created now would begin after the merged records: the time up to which everything
 * is merged, how many hours ago that is, how many hours the stream keeps records, and how many gaps are open. For a
 * recreated stream the time counts from its recreation, since no landing view can read what the old stream held.
 */
export function unreadQuery(pipeline: ResolvedPipeline): StatementTemplate {
  const { gaps, checkpoints } = pipeline.tables;
  const { retentionHours, recreatedAt } = pipeline.definition.stream;
  const began = recreatedAt && timestampLiteral(recreatedAt);
  return `with latest as (
  select max(coalesce(merged_until, merged_at)) as merged
  from ${checkpoints}
  where ${pipeline.ofIdentity}
),
known as (
  select ${began ? `case when ${began} > merged then ${began} else merged end` : 'merged'} as until
  from latest
)
select
  to_char(until, 'YYYY-MM-DD HH24:MI') as last_merge, datediff(hour, until, getdate()) as hours_since, ${retentionHours} as hours_kept,
  (select count(*) from ${gaps}) as open_gaps
from known
where until < dateadd(hour, ${deploymentHours - retentionHours}, getdate())`;
}

const timestampLiteral = (iso: string) => `${quoteLiteral(iso.slice(0, -1).replace('T', ' '))}::timestamp`;

/** The gaps that no backfill has closed. */
export function gapsQuery(pipeline: ResolvedPipeline): StatementTemplate {
  return `select shard_id, after_sequence, from_time, to_time
from ${pipeline.tables.gaps}
order by from_time, shard_id`;
}
