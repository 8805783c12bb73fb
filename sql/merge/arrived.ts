import type { StatementTemplate } from '../../lambda/shared/plan';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { indent } from '../text/indent';
import { givesWay } from './gives-way';
import type { Source } from './incoming';
import { parsedExpression, unparsedArchive } from './parsing';
import { filterStatements, filterTables, isFinalSkip, isWanted } from './source-filter';

/**
 * Statements that bring rows into a merge, in this order:
 * 1. `arrived`: the new rows of a source, unchanged. No expression of this statement can raise.
 * 2. Rows whose position has an outcome are deleted from `arrived`, so a position that is in `rejects` is never
 * parsed or typed again.
 * 3. `parsed`: each record is parsed, once.
 * 4. `filtered`: those that are meant for another pipeline.
 * Rows of history have no position and are parsed by COPY, so the merge reads them from the staged table.
 */
export function arrivalStatements(pipeline: ResolvedPipeline, source: Source, replaced?: string): StatementTemplate[] {
  if (source === 'history')
    return [
      readStatement(pipeline, source),
      ...filterStatements(pipeline, `(\n${indent(historyRows(pipeline.tables.staged), 4)}\n  ) as history`),
    ];
  const { parsed } = pipeline.temporary;
  return [
    ...untouchedStatements(pipeline, source, { replaced }),
    parsedStatement(pipeline, source),
    ...filterStatements(pipeline, parsed),
  ];
}

interface UntouchedOptions {
  /** SQL for the id of a run whose rows are about to be replaced: see `MergeOptions`. */
  readonly replaced?: string;
  /** The table with the lines of the archive. @default - the table that loads fill */
  readonly archive?: string;
}

/** Makes `arrived` without the rows whose position has an outcome: see `arrivalStatements`. */
export function untouchedStatements(
  pipeline: ResolvedPipeline,
  source: 'stream' | 'archive',
  { replaced, archive = pipeline.tables.staged_archive }: UntouchedOptions = {},
): StatementTemplate[] {
  return [
    arrivedStatement(pipeline, source, archive),
    readStatement(pipeline, source),
    ...removeMergedStatements(pipeline, source, replaced),
  ];
}

/** The temporary tables of `arrivalStatements`. */
export function arrivalTables(pipeline: ResolvedPipeline, source: Source): string[] {
  const { arrived, read, merged, parsed } = pipeline.temporary;
  return [...(source === 'history' ? [read] : [arrived, read, merged, parsed]), ...filterTables(pipeline)];
}

/** SQL for the arrival time of an archived line, which stores it as text. */
export const archivedTime = `case
    when approximate_arrival_timestamp ~ '^[0-9]{4}-' and approximate_arrival_timestamp between '1970-01-02' and '9999-12-31'
      then try_cast(replace(approximate_arrival_timestamp, 'T', ' ') as timestamp)
  end`;

function arrivedStatement(
  pipeline: ResolvedPipeline,
  source: 'stream' | 'archive',
  archive: string,
): StatementTemplate {
  const { checkpoints } = pipeline.tables;
  const { arrived } = pipeline.temporary;
  if (source === 'archive')
    return `create temp table ${arrived} as
select
  'archive'::varchar(16) as source, shard_id, sequence_number, partition_key,
  ${archivedTime} as arrived_at,
  null::timestamp as refresh_time, payload, unparsed
from (
  select *, row_number() over (partition by shard_id, sequence_number order by approximate_arrival_timestamp) as copy_number
  from ${archive}
) as lines
where copy_number = 1 or shard_id is null or sequence_number is null`;
  return `create temp table ${arrived} as
with checkpoint as (
  select coalesce(max(refresh_time), '1970-01-01'::timestamp) as refresh_time
  from ${checkpoints}
  where ${pipeline.ofLanding}
)
select
  'stream'::varchar(16) as source, shard_id::varchar(20) as shard_id, sequence_number, partition_key,
  approximate_arrival_timestamp as arrived_at, refresh_time, kinesis_data
from ${pipeline.landing.name}
where refresh_time > (select refresh_time from checkpoint)`;
}

/**
 * Makes `read`: how many rows arrived, up to which refresh, and between which times. Archive and stream may write the
 * milliseconds of one arrival time differently, so the range has a second to spare on both sides.
 */
function readStatement(pipeline: ResolvedPipeline, source: Source): StatementTemplate {
  const { arrived, read } = pipeline.temporary;
  if (source === 'history')
    return `create temp table ${read} as
select count(*) as records
from ${pipeline.tables.staged}`;
  return `create temp table ${read} as
select
  count(*) as records, max(refresh_time) as refresh_time,
  dateadd(second, -1, min(arrived_at)) as oldest, dateadd(second, 1, max(arrived_at)) as newest
from ${arrived}`;
}

/**
 * Deletes arrived rows whose position already has an outcome. An outcome is final, except rejects that give way:
 * see `givesWay`. A record keeps its arrival time when it is read again, so only rows of that time range are searched.
 */
function removeMergedStatements(
  pipeline: ResolvedPipeline,
  source: 'stream' | 'archive',
  replaced?: string,
): StatementTemplate[] {
  const { events, duplicates, rejects } = pipeline.tables;
  const { arrived, read, merged } = pipeline.temporary;
  const positions = [events, duplicates, rejects].map(
    (table) => `select shard_id, sequence_number
from ${table}
where arrived_at >= (select oldest from ${read}) and arrived_at <= (select newest from ${read})${table === rejects ? ` and not ${givesWay(source)}` : ''}${replaced ? ` and run_id <> ${replaced}` : ''}`,
  );
  if (pipeline.where !== undefined)
    positions.push(`select shard_id, sequence_number
from ${pipeline.tables.skipped}
where arrived_at >= (select oldest from ${read}) and arrived_at <= (select newest from ${read}) and ${isFinalSkip(pipeline)}${replaced ? ` and run_id <> ${replaced}` : ''}`);
  return [
    `create temp table ${merged} as
${positions.join('\nunion all\n')}`,
    `delete from ${arrived}
using ${merged}
where ${merged}.shard_id = ${arrived}.shard_id and ${merged}.sequence_number = ${arrived}.sequence_number`,
  ];
}

/** Makes `parsed`: `payload` is the result of JSON_PARSE, `unparsed` the bytes of a record that cannot be parsed. */
function parsedStatement(pipeline: ResolvedPipeline, source: 'stream' | 'archive'): StatementTemplate {
  const { arrived, parsed } = pipeline.temporary;
  return `create temp table ${parsed} as\n${parsedRows(source, arrived)}`;
}

/** Parses the rows of a relation of unchanged rows. */
export function parsedRows(source: 'stream' | 'archive', arrived: string): string {
  const place = `source, ${placeColumns.join(', ')}, refresh_time`;
  if (source === 'archive') return unparsedArchive(place, arrived);
  return `select ${place}, payload, case when payload is null then kinesis_data end as unparsed
from (
  select *, ${parsedExpression('kinesis_data')} as payload
  from ${arrived}
) as records`;
}

/** The relation `arrived`, ready to be typed. It has the same columns for every source. */
export function arrivedQuery(pipeline: ResolvedPipeline, source: Source): string {
  const wanted = isWanted(pipeline);
  if (source !== 'history')
    return `arrived as (
  select *
  from ${pipeline.temporary.parsed}${wanted ? `\n  where ${wanted}` : ''}
)`;
  return historyQuery(pipeline.tables.staged, wanted);
}

/** The same relation for rows of history, from any relation with a `payload`. */
export const historyQuery = (rows: string, wanted?: string) => `arrived as (
${indent(historyRows(rows))}${wanted ? `\n  where ${wanted}` : ''}
)`;

const historyRows = (rows: string) => `select
  'history'::varchar(16) as source, null::varchar(20) as shard_id, null::varchar(128) as sequence_number, null::varchar(256) as partition_key,
  null::timestamp as arrived_at, null::timestamp as refresh_time, payload, null::varbyte as unparsed
from ${rows}`;
