import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { lockStatement } from '../merge/merge';
import { isSkip, skipPrefix } from '../merge/skip-reason';
import type { ResolvedPipeline } from '../resolve';

/**
 * The system views show a refresh after a delay that is not documented. For this many hours its errors are searched
 * again at every run; after that it is compared with them. Redshift keeps logs for seven days.
 */
export const settledHours = 25;
/** A record's arrival time differs from the time in its error by at most this many hours. */
const arrivalHours = 1;

function tables({ name }: ResolvedPipeline) {
  return {
    /** A row for each record that a refresh skipped and that has no outcome. */
    skipped: `${name}_skipped`,
    /** Positions that have an outcome. */
    placed: `${name}_skipped_placed`,
  };
}

/**
 * One transaction that makes a reject of each record that refreshes of the landing view skipped, and a gap where a
 * refresh skipped more records than it named. It can be repeated: a position is looked up before it is rejected, and
 * a refresh is compared with its errors once. The landing view lacks these records, so the merge cannot see them.
 * Placeholder: `run_id`.
 * https://docs.aws.amazon.com/redshift/latest/dg/r_SYS_STREAM_SCAN_ERRORS.html
 */
export function skipStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { rejects, runs, checkpoints } = pipeline.tables;
  const { skipped: found, placed } = tables(pipeline);
  const runId = "{{run_id}} || '-skipped'";
  return [
    lockStatement(pipeline),
    skippedStatement(pipeline),
    ...removePlacedStatements(pipeline),
    `insert into ${rejects} (source, shard_id, sequence_number, arrived_at, reason, run_id, merged_at)
select 'stream', shard_id, sequence_number, arrived_at, reason, ${runId}, getdate()
from ${found}`,
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, merged_at, definition)
select ${runId}, 'stream', count(*), 0, 0, count(*), getdate(), ${quoteLiteral(pipeline.typingVersion)}
from ${found}
having count(*) > 0`,
    unnamedStatement(pipeline),
    `update ${checkpoints}
set skips_until = dateadd(hour, -${settledHours}, getdate())
where ${pipeline.ofLanding}`,
    `drop table ${found}`,
    `drop table ${placed}`,
  ];
}

/** SQL condition: rows of a system view that belong to the landing view. Their texts are CHAR, padded with blanks. */
export const ofView = (pipeline: ResolvedPipeline) =>
  `trim(mv_name) = ${quoteLiteral(pipeline.landing.table)} and trim(external_schema_name) = ${quoteLiteral(pipeline.landing.streamSchema)}`;

/**
 * SQL for the time up to which refreshes were compared with their errors. A new landing view or identity starts over.
 */
const lookedUntil = (pipeline: ResolvedPipeline) => `(
    select coalesce(max(skips_until), '1970-01-02'::timestamp)
    from ${pipeline.tables.checkpoints}
    where ${pipeline.ofLanding}
  )`;

function skippedStatement(pipeline: ResolvedPipeline): StatementTemplate {
  return `create temp table ${tables(pipeline).skipped} as
select
  trim(partition_id)::varchar(20) as shard_id, trim(position)::varchar(128) as sequence_number, min(stream_timestamp) as arrived_at,
  min(${quoteLiteral(skipPrefix)} || coalesce(error_code::varchar(16), 'no code') || '): ' || coalesce(trim(error_reason), 'no reason'))::varchar(512) as reason
from sys_stream_scan_errors
where ${ofView(pipeline)}
  and record_time >= ${lookedUntil(pipeline)}
group by 1, 2`;
}

/**
 * Deletes skipped records that have an outcome, because the archive brought them. An outcome is merged after its record
 * arrived, so Redshift skips the blocks of older rejects: docs/scale.md. An error may lack its record's time.
 */
function removePlacedStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { events, duplicates, rejects, skipped } = pipeline.tables;
  const { skipped: found, placed } = tables(pipeline);
  const around = (hours: number, edge: string) => `(select dateadd(hour, ${hours}, ${edge}(arrived_at)) from ${found})`;
  const arrivals = [events, duplicates, skipped].map(
    (table) => `select shard_id, sequence_number
from ${table}
where arrived_at >= ${around(-arrivalHours, 'min')} and arrived_at <= ${around(arrivalHours, 'max')}`,
  );
  return [
    `create temp table ${placed} as
${arrivals.join('\nunion all\n')}
union all
select shard_id, sequence_number
from ${rejects}
where shard_id is not null and merged_at >= (
  select case when count(arrived_at) = count(*) then dateadd(hour, -${2 * arrivalHours}, min(arrived_at)) else '1970-01-02'::timestamp end
  from ${found}
)`,
    `delete from ${found}
using ${placed}
where ${placed}.shard_id = ${found}.shard_id and ${placed}.sequence_number = ${found}.sequence_number`,
  ];
}

/**
 * A gap where a refresh counts more skipped records of a shard than the errors name: some are missing, and no log
 * says which.
 */
function unnamedStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { gaps } = pipeline.tables;
  return `insert into ${gaps} (shard_id, from_time, to_time, detected_at)
with counted as (
  select
    query_id, trim(partition_id)::varchar(20) as shard_id, sum(skipped_rows) as records,
    coalesce(min(stream_record_time_min), dateadd(hour, -${pipeline.definition.stream.retentionHours}, min(record_time))) as from_time,
    coalesce(max(stream_record_time_max), max(record_time)) as to_time
  from sys_stream_scan_states
  where ${ofView(pipeline)}
    and record_time >= ${lookedUntil(pipeline)}
    and record_time < dateadd(hour, -${settledHours}, getdate())
  group by 1, 2
),
named as (
  select query_id, trim(partition_id)::varchar(20) as shard_id, count(distinct position) as records
  from sys_stream_scan_errors
  where ${ofView(pipeline)}
  group by 1, 2
)
select c.shard_id, c.from_time, c.to_time, getdate()
from counted c
left join named n on n.query_id = c.query_id and n.shard_id = c.shard_id
where c.records > coalesce(n.records, 0)`;
}

/** Hours for which a skipped record is reported after it became a reject. */
const reportedHours = 1;

/** The records that became skip rejects lately, by shard and reason. */
export function skippedQuery(pipeline: ResolvedPipeline): StatementTemplate {
  return `select
  shard_id, reason, count(*) as records, min(sequence_number) as first_sequence, min(arrived_at) as from_time, max(arrived_at) as to_time
from ${pipeline.tables.rejects}
where merged_at > dateadd(hour, -${reportedHours}, getdate()) and ${isSkip()}
group by shard_id, reason
order by shard_id, reason`;
}
