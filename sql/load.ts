import type { FileShape, LoadPlan, LoadSource } from '../lambda/load/contract';
import type { StatementTemplate } from '../lambda/shared/plan';
import { quoteLiteral } from '../lambda/shared/quote';
import type { HistorySource, Pipeline } from '../pipelines/definition';
import {
  filesQuery,
  givenQuery,
  loadedQuery,
  overwrittenQuery,
  parkedQuery,
  parkStatement,
  sameObject,
  unparkStatement,
} from './batch';
import { columnarStatements, isColumnar, pathOf, recordsTable, spellingOf } from './files';
import { lockStatement, mergeSteps } from './merge';
import { pipelineTables } from './names';
import { originsPlan } from './origins';
import type { Source } from './record';

/** What the load function carries. Every pipeline has one: what Firehose archives can be loaded even where there is no history. */
export function loadPlan(pipeline: Pipeline): LoadPlan {
  return {
    pipeline: pipeline.name,
    sources: [
      ...(pipeline.history ?? []).map(
        (source): LoadSource => ({
          name: source.name,
          bucket: 'history',
          globs: source.globs,
          overwritten: source.overwritten ?? 'load-again',
          shape: shapeOf(pipeline, source),
          load: loadStatements(pipeline, source),
        }),
      ),
      {
        name: archiveSource,
        bucket: 'archive',
        globs: [archiveGlob(pipeline)],
        // Firehose never writes an object twice.
        overwritten: 'load-again',
        shape: { format: 'firehose', compression: 'gzip' },
        load: loadStatements(pipeline, { name: archiveSource, format: 'firehose', compression: 'gzip' }),
      },
    ],
    loaded: loadedQuery(pipeline),
    overwritten: overwrittenQuery(pipeline),
    parked: parkedQuery(pipeline),
    park: parkStatement(pipeline),
    unpark: unparkStatement(pipeline),
    origins: originsPlan(pipeline),
  };
}

/** The source that every pipeline has: what Firehose wrote of its stream. */
export const archiveSource = 'archive';

/** Keys of the archive bucket that are the pipeline's. */
export const archiveGlob = (pipeline: Pick<Pipeline, 'name'>) => `archive/${pipeline.name}/**`;

type Format = Pick<HistorySource, 'name' | 'format' | 'compression' | 'columns' | 'delimiter'>;

/** What the load function knows of the files itself. */
function shapeOf(pipeline: Pipeline, source: Format): FileShape {
  const { compression } = source;
  if (source.format === 'ndjson' || source.format === 'firehose') return { format: source.format, compression };
  if (!isColumnar(source)) throw new Error(`history source ${source.name} must name the columns of its files`);
  const columns = source.columns.map((column) => ({
    name: column.name,
    path: pathOf(column),
    spelling: spellingOf(pipeline, column),
  }));
  return { format: source.format, compression, delimiter: source.delimiter ?? ',', columns };
}

/**
 * One transaction: the objects of the batch are copied, merged and entered in the ledger, all or none. If one of them is in the ledger
 * already, or was not read as the bytes that its etag stands for, the whole batch changes nothing: ask `loaded` what is in.
 */
function loadStatements(pipeline: Pipeline, source: Format): StatementTemplate[] {
  const { rejects } = pipelineTables(pipeline);
  const { scanned, malformed, objects } = temporaryTables(pipeline);
  const merged: Source = source.format === 'firehose' ? 'archive' : 'history';
  const staged = stagedTable(pipeline, source);
  const { incoming, place, run, drop } = mergeSteps(pipeline, merged, {
    objectKey: onlyUrl(objects),
    extraRejects: `(select count(*) from ${malformed})`,
  });
  return [
    lockStatement(pipeline),
    ...(isColumnar(source) ? columnarStatements(pipeline, source) : [copyStatement(staged, source)]),
    ...scanStatements(pipeline),
    objectsStatement(pipeline),
    `delete from ${staged} where (select count(*) from ${objects}) = 0`,
    `delete from ${malformed} where (select count(*) from ${objects}) = 0`,
    ...incoming,
    ...place,
    `insert into ${rejects} (source, object_key, line, reason, run_id, merged_at)
select ${quoteLiteral(merged)}, coalesce(${onlyUrl(objects)}, object_key), line, 'payload: ' || message, {{run_id}}, getdate()
from ${malformed}`,
    run,
    ledgerStatement(pipeline, source),
    `delete from ${staged}`,
    ...drop,
    ...[...(isColumnar(source) ? [recordsTable(pipeline)] : []), scanned, malformed, objects].map(
      (table) => `drop table ${table}`,
    ),
  ];
}

function temporaryTables({ name }: Pipeline) {
  return { objects: `${name}_objects`, malformed: `${name}_malformed`, scanned: `${name}_scanned` };
}

function stagedTable(pipeline: Pipeline, { format }: Format): string {
  const tables = pipelineTables(pipeline);
  return format === 'firehose' ? tables.staged_archive : tables.staged;
}

function copyStatement(staged: string, { format, compression }: Format): StatementTemplate {
  const json = format === 'firehose' ? 'auto' : 'noshred';
  return `copy ${staged} from {{manifest}} iam_role {{load_role}} manifest
format json '${json}' ${compression === 'none' ? '' : `${compression} `}maxerror 100000 compupdate off statupdate off`;
}

/**
 * What COPY says of itself: the files with the bytes that it read, and the lines that it could not read. A line has one reject however many
 * errors it raised. Names end after 256 characters (SYS_LOAD_DETAIL and SYS_LOAD_ERROR_DETAIL in the Redshift database developer guide),
 * which does not say whether the etag has its quotes.
 */
function scanStatements(pipeline: Pipeline): StatementTemplate[] {
  const { scanned, malformed } = temporaryTables(pipeline);
  return [
    `create temp table ${scanned} as
select trim(file_name)::varchar(1024) as file_name, trim(both '"' from trim(file_etag))::varchar(256) as etag, sum(lines_scanned)::bigint as lines
from sys_load_detail
where query_id = pg_last_copy_id()
group by 1, 2`,
    `create temp table ${malformed} as
select trim(file_name)::varchar(1024) as object_key, line_number as line, min(trim(error_message))::varchar(480) as message
from sys_load_error_detail
where query_id = pg_last_copy_id()
group by 1, 2`,
  ];
}

/** The objects of the batch if all of them may be loaded, or none. */
function objectsStatement(pipeline: Pipeline): StatementTemplate {
  const { objects, scanned } = temporaryTables(pipeline);
  return `create temp table ${objects} as
with given as (
${givenQuery}
),
files as (
${filesQuery}
)
select bucket, object_key, etag, version_id, size, 's3://' || bucket || '/' || object_key as url
from given
where (
  select count(*)
  from given g
  inner join ${pipelineTables(pipeline).ledger} l on ${sameObject('l', 'g')}
) = 0 and (
  select count(*)
  from files f
  left join ${scanned} s on s.file_name = left(f.url, ${nameLength})
  where f.etag <> '' and (s.etag is null or s.etag <> f.etag)
) = 0`;
}

const nameLength = 256;

/** The object's URL if the batch has one object only: COPY does not say which object a row came from. */
const onlyUrl = (objects: string) => `(select case when count(*) = 1 then min(url) end from ${objects})`;

function ledgerStatement(pipeline: Pipeline, { name }: Format): StatementTemplate {
  const { objects, scanned } = temporaryTables(pipeline);
  return `insert into ${pipelineTables(pipeline).ledger} (bucket, object_key, etag, version_id, source, size, row_count, run_id, loaded_at)
select
  o.bucket, o.object_key, o.etag, o.version_id, ${quoteLiteral(name)}, o.size,
  case
    when (select count(*) from ${objects}) = 1 then (select sum(lines)::bigint from ${scanned})
    when len(o.url) <= ${nameLength} then s.lines
  end,
  {{run_id}}, getdate()
from ${objects} o
left join ${scanned} s on s.file_name = o.url and s.etag = o.etag`;
}
