import type { StatementTemplate } from '../../lambda/shared/plan';
import type { RecordShape } from '../../pipelines/definition';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { indent } from '../text/indent';
import { givesWay } from './gives-way';
import type { Source } from './incoming';
import { parsedExpression, textArchive, unparsedArchive } from './parsing';
import { finalSkip } from './skipped';
import { filterStatements, filterTables, isWanted } from './source-filter';
import { isText, textPayload } from './text';
import { envelopeProblem, type Unwrap, unwrapOf, unwrappedRows } from './unwrap';

/**
 * Statements that bring rows into a merge, in this order:
 * 1. `arrived`: the new rows of a source, unchanged. No expression of this statement can raise.
 * 2. Rows whose position has an outcome are deleted from `arrived`, so a position that is in `rejects` is never
 * parsed or typed again.
 * 3. `parsed`: each record is parsed, once. If records wrap events, they are parsed into `wrapped` first, and `parsed`
 * has a row for each event.
 * 4. `filtered`: the parsed rows that are meant for another pipeline.
 * Rows of history have no position and are parsed by COPY, so the merge reads them from the staged table.
 */
export function arrivalStatements(
  pipeline: ResolvedPipeline,
  source: Source,
  { replaced, records }: { readonly replaced?: string; readonly records?: RecordShape } = {},
): StatementTemplate[] {
  if (source === 'history') {
    const unwrap = unwrapOf(records);
    return [
      readStatement(pipeline, source),
      ...filterStatements(pipeline, filtered(historyRows(pipeline.tables.staged, unwrap), unwrap)),
    ];
  }
  return [...untouchedStatements(pipeline, source, { replaced }), ...parsedStatements(pipeline, source, records)];
}

/** Makes `parsed` and `filtered` from `arrived`: see `arrivalStatements`. */
export function parsedStatements(
  pipeline: ResolvedPipeline,
  source: 'stream' | 'archive',
  records?: RecordShape,
): StatementTemplate[] {
  const { arrived, parsed, wrapped } = pipeline.temporary;
  const rows = parsedRows(source, arrived, records);
  const unwrap = unwrapOf(records);
  return [
    ...(unwrap
      ? [
          `create temp table ${wrapped} as\n${rows}`,
          `create temp table ${parsed} as\n${unwrappedRows(unwrap, wrapped)}`,
        ]
      : [`create temp table ${parsed} as\n${rows}`]),
    ...filterStatements(pipeline, unwrap ? filtered(`select *\nfrom ${parsed}`, unwrap) : parsed),
  ];
}

/** The rows to which `where` is applied. A record without an event is left out, because it becomes a reject. */
const filtered = (rows: string, records: Unwrap | undefined) =>
  `(\n${indent(records ? `select *\nfrom (\n${indent(rows)}\n) as unwrapped\nwhere ${envelopeProblem} is null` : rows, 4)}\n  ) as events`;

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
export function arrivalTables(pipeline: ResolvedPipeline, source: Source, records?: Unwrap): string[] {
  const { arrived, read, merged, parsed, wrapped } = pipeline.temporary;
  const tables = source === 'history' ? [read] : [arrived, read, merged, parsed, ...(records ? [wrapped] : [])];
  return [...tables, ...filterTables(pipeline)];
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

/** The clocks of Kinesis and of the warehouse differ by less than these hours. */
const clockHours = 1;

/**
 * Makes `read`: how many rows arrived, up to which refresh, and between which times. Archive and stream may write the
 * milliseconds of one arrival time differently, so the range has a second to spare on both sides. A record has no outcome
 * that was merged before `merged_since`, because it is merged after it arrived.
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
  dateadd(second, -1, min(arrived_at)) as oldest, dateadd(second, 1, max(arrived_at)) as newest,
  case when count(arrived_at) = count(*) then dateadd(hour, -${clockHours}, min(arrived_at)) else '1970-01-02'::timestamp end as merged_since
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
  const final = finalSkip(pipeline);
  if (final !== undefined)
    positions.push(`select shard_id, sequence_number
from ${pipeline.tables.skipped}
where arrived_at >= (select oldest from ${read}) and arrived_at <= (select newest from ${read}) and ${final}${replaced ? ` and run_id <> ${replaced}` : ''}`);
  return [
    `create temp table ${merged} as
${positions.join('\nunion all\n')}`,
    `delete from ${arrived}
using ${merged}
where ${merged}.shard_id = ${arrived}.shard_id and ${merged}.sequence_number = ${arrived}.sequence_number`,
  ];
}

/**
 * Parses the rows of a relation of unchanged rows. `payload` is the result of JSON_PARSE or the object with the text, `unparsed` the bytes of a
 * record that is neither.
 */
function parsedRows(source: 'stream' | 'archive', arrived: string, records: RecordShape | undefined): string {
  const place = `source, ${placeColumns.join(', ')}, refresh_time`;
  if (source === 'archive') return isText(records) ? textArchive(place, arrived) : unparsedArchive(place, arrived);
  return `select ${place}, payload, case when payload is null then kinesis_data end as unparsed
from (
  select *, ${isText(records) ? textPayload('kinesis_data') : parsedExpression('kinesis_data')} as payload
  from ${arrived}
) as records`;
}

/** The relation `arrived`, ready to be typed. It has the same columns for every source. */
export function arrivedQuery(pipeline: ResolvedPipeline, source: Source, records?: Unwrap): string {
  if (source === 'history') return historyQuery(pipeline, pipeline.tables.staged, records);
  const wanted = isWantedEvent(pipeline, records);
  return `arrived as (
  select *
  from ${pipeline.temporary.parsed}${wanted ? `\n  where ${wanted}` : ''}
)`;
}

/** The same parsed relation for unchanged rows of stream or archive that are in no table. */
export function parsedQuery(
  pipeline: ResolvedPipeline,
  source: 'stream' | 'archive',
  untouched: string,
  records?: RecordShape,
): string {
  const rows = parsedRows(source, untouched, records);
  const unwrap = unwrapOf(records);
  return wantedQuery(pipeline, unwrap ? unwrappedRows(unwrap, inParentheses(rows)) : rows, unwrap);
}

/** The same relation for rows of history, from any relation with a `payload`. */
export const historyQuery = (pipeline: ResolvedPipeline, rows: string, records?: Unwrap): string =>
  wantedQuery(pipeline, historyRows(rows, records), records);

function wantedQuery(pipeline: ResolvedPipeline, rows: string, records: Unwrap | undefined): string {
  const wanted = isWantedEvent(pipeline, records);
  const query = wanted ? `select *\nfrom (\n${indent(rows)}\n) as parsed_rows\nwhere ${wanted}` : rows;
  return `arrived as (\n${indent(query)}\n)`;
}

function isWantedEvent(pipeline: ResolvedPipeline, records: Unwrap | undefined): string | undefined {
  const wanted = isWanted(pipeline);
  return wanted && records ? `(${envelopeProblem} is not null or ${wanted})` : wanted;
}

const inParentheses = (query: string) => `(\n${indent(query)}\n)`;

function historyRows(rows: string, records?: Unwrap): string {
  const query = `select
  'history'::varchar(16) as source, null::varchar(20) as shard_id, null::varchar(128) as sequence_number, null::varchar(256) as partition_key,
  null::timestamp as arrived_at, null::timestamp as refresh_time, payload, null::varbyte as unparsed
from ${rows}`;
  return records ? unwrappedRows(records, inParentheses(query)) : query;
}
