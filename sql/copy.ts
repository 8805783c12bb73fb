import type { StatementTemplate } from '../lambda/shared/plan';
import { quoteLiteral } from '../lambda/shared/quote';
import type { HistorySource, Pipeline } from '../pipelines/definition';
import { columnarStatements, isColumnar, recordsTable } from './files';
import { pipelineTables } from './names';
import type { Source } from './record';

/** What the statements have to know of the files. */
export type Format = Pick<HistorySource, 'name' | 'format' | 'compression' | 'columns' | 'delimiter'>;

/** Whose rows they are. */
export const sourceOf = ({ format }: Format): Source => (format === 'firehose' ? 'archive' : 'history');

const nameLength = 256;

/** Temporary tables of a load, besides those of its merge. */
export function loadTables({ name }: Pipeline) {
  return {
    objects: `${name}_objects`,
    malformed: `${name}_malformed`,
    scanned: `${name}_scanned`,
    /** Of a run that is loaded again: whether that may be. */
    found: `${name}_found`,
  };
}

export function stagedTable(pipeline: Pipeline, { format }: Format): string {
  const tables = pipelineTables(pipeline);
  return format === 'firehose' ? tables.staged_archive : tables.staged;
}

/** Copies the files of the manifest into the staged rows. */
export const copyStatements = (pipeline: Pipeline, source: Format): StatementTemplate[] =>
  isColumnar(source) ? columnarStatements(pipeline, source) : [copyStatement(stagedTable(pipeline, source), source)];

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
export function scanStatements(pipeline: Pipeline): StatementTemplate[] {
  const { scanned, malformed } = loadTables(pipeline);
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

/** A count of the files that COPY did not read as the bytes that their etags stand for, from `filesQuery` as `files`. */
export const changedFiles = (pipeline: Pipeline) => `select count(*)
  from files f
  left join ${loadTables(pipeline).scanned} s on s.file_name = left(f.url, ${nameLength})
  where f.etag <> '' and (s.etag is null or s.etag <> f.etag)`;

/** Lines that COPY could not read. */
export function malformedStatement(pipeline: Pipeline, source: Format): StatementTemplate {
  const { malformed, objects } = loadTables(pipeline);
  return `insert into ${pipelineTables(pipeline).rejects} (source, object_key, line, reason, run_id, merged_at)
select ${quoteLiteral(sourceOf(source))}, coalesce(${onlyUrl(objects)}, object_key), line, 'payload: ' || message, {{run_id}}, getdate()
from ${malformed}`;
}

/** Drops the temporary tables of a load. */
export function dropStatement(pipeline: Pipeline, source: Format): StatementTemplate {
  const { scanned, malformed, objects } = loadTables(pipeline);
  return `drop table ${[...(isColumnar(source) ? [recordsTable(pipeline)] : []), scanned, malformed, objects].join(', ')}`;
}

/** The object's URL if the batch has one object only: COPY does not say which object a row came from. */
export const onlyUrl = (objects: string) => `(select case when count(*) = 1 then min(url) end from ${objects})`;

export function ledgerStatement(pipeline: Pipeline, { name }: Format): StatementTemplate {
  const { objects, scanned } = loadTables(pipeline);
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
