import type { ScanPlan } from '../../lambda/load/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { HistorySource } from '../../pipelines/definition';
import type { Source } from '../merge/incoming';
import { decodedArchive, unparsedArchive, unparsedReason } from '../merge/parsing';
import type { ResolvedPipeline } from '../resolve';
import { indent } from '../text/indent';
import { columnarStatements, isColumnar, recordsStatements, recordsTable } from './columnar-files';

/** What the statements need to know about the files. */
export type Format = Pick<HistorySource, 'name' | 'format' | 'compression' | 'columns' | 'delimiter' | 'records'>;

/**
 * What COPY reads: the objects `in place`, or `exact` files that the load function wrote and nobody changes. Only
 * objects in place have to be compared with their etags, and only there COPY may pass over lines that it cannot read.
 */
export type Reading = 'in place' | 'exact';

/** The source of the rows, for the merge. */
export const sourceOf = ({ format }: Format): Source => (format === 'firehose' ? 'archive' : 'history');

const nameLength = 256;

/** Temporary tables of a load, besides those of its merge. */
export function loadTables({ name }: ResolvedPipeline) {
  return {
    objects: `${name}_objects`,
    malformed: `${name}_malformed`,
    scanned: `${name}_scanned`,
    /** Records that the load function left out of the files that it wrote. */
    refused: `${name}_refused`,
    /** One row: the result of the check, and whether the files may be loaded. */
    found: `${name}_found`,
  };
}

export function stagedTable(pipeline: ResolvedPipeline, { format }: Format): string {
  const tables = pipeline.tables;
  return format === 'firehose' ? tables.staged_archive : tables.staged;
}

/**
 * Whether COPY passes over lines that it cannot read and reports them. Only for JSON is it certain that each scanned
 * line is a row or an error: it is not documented whether the scanned lines of a CSV include its header. A COPY
 * without MAXERROR fails at the first error, so nothing has to be counted.
 */
const isLenient = ({ format }: Format, reading: Reading) =>
  reading === 'in place' && (format === 'ndjson' || format === 'firehose');

/** The option that makes COPY pass over lines that it cannot read. */
const lenient = 'maxerror 100000 ';

/** Copies the files of the manifest into the staged table, or into a table like it. */
export const copyStatements = (
  pipeline: ResolvedPipeline,
  source: Format,
  reading: Reading,
  staged = stagedTable(pipeline, source),
): StatementTemplate[] =>
  isColumnar(source)
    ? columnarStatements(pipeline, source, staged)
    : [copyStatement(staged, source, isLenient(source, reading))];

function copyStatement(staged: string, { format, compression }: Format, passesOver: boolean): StatementTemplate {
  const json = format === 'firehose' ? 'auto' : 'noshred';
  return `copy ${staged} from {{manifest}} iam_role {{load_role}} manifest
format json '${json}' ${compression === 'none' ? '' : `${compression} `}${passesOver ? lenient : ''}compupdate off statupdate off`;
}

/**
 * Finds the lines of exact files that COPY cannot read. One transaction copies the readable lines into temporary
 * tables and keeps nothing. Afterwards the errors of its COPY can be queried.
 */
export function scanPlan(pipeline: ResolvedPipeline, source: Format): ScanPlan {
  const scratch = `${pipeline.name}_scratch`;
  const table = isColumnar(source) ? recordsTable(pipeline) : scratch;
  const statements = isColumnar(source)
    ? recordsStatements(pipeline, source, source.format === 'csv' ? lenient : '')
    : [`create temp table ${scratch} (like ${stagedTable(pipeline, source)})`, copyStatement(scratch, source, true)];
  return {
    statements: [
      ...statements,
      `select pg_last_copy_id() as query_id, count(*) as copied from ${table}`,
      `drop table ${table}`,
    ],
    answer: statements.length,
    lines: `with errors as (
  select trim(file_name) as url, line_number as line, min(trim(error_message)) as message
  from sys_load_error_detail
  where query_id = {{query_id}}::bigint
  group by 1, 2
)
select url, line, message, (select sum(lines_scanned) from sys_load_detail where query_id = {{query_id}}::bigint) as scanned
from errors`,
  };
}

/** The table that COPY fills, with one row for each record. */
const copiedTable = (pipeline: ResolvedPipeline, source: Format) =>
  isColumnar(source) ? recordsTable(pipeline) : stagedTable(pipeline, source);

/**
 * Makes the tables of scanned files and of records that become rejects before the merge. For objects in place COPY
 * reports both; a line gets one reject however many errors it raised. Names end after 256 characters (SYS_LOAD_DETAIL
 * and SYS_LOAD_ERROR_DETAIL in the Redshift database developer guide). The guide does not say whether the etag has its
 * quotes. For exact files the load function has written the other records to a file beside them.
 */
export function scanStatements(pipeline: ResolvedPipeline, source: Format, reading: Reading): StatementTemplate[] {
  if (reading === 'exact') return refusedStatements(pipeline, source);
  const { scanned, malformed } = loadTables(pipeline);
  return [
    `create temp table ${scanned} as
select trim(file_name)::varchar(1024) as file_name, trim(both '"' from trim(file_etag))::varchar(256) as etag, sum(lines_scanned)::bigint as lines
from sys_load_detail
where query_id = pg_last_copy_id()
group by 1, 2`,
    isLenient(source, reading)
      ? `create temp table ${malformed} as
select
  trim(file_name)::varchar(1024) as object_key, line_number as line, min('payload: ' || trim(error_message))::varchar(512) as reason,
  null::super as payload, null::varbyte as unparsed
from sys_load_error_detail
where query_id = pg_last_copy_id()
group by 1, 2`
      : `create temp table ${malformed} (object_key varchar(1024), line bigint, reason varchar(512), payload super, unparsed varbyte)`,
  ];
}

/**
 * Reads the records that the load function left out of its files. The warehouse parses JSON records among them as it
 * parses a record of the stream. A record that it can parse is staged. Any other record becomes a reject for the same
 * reason as on the stream.
 */
function refusedStatements(pipeline: ResolvedPipeline, source: Format): StatementTemplate[] {
  const { refused, malformed } = loadTables(pipeline);
  const place = ['object_key', 'line', 'message'].join(', ');
  const asked = source.format === 'ndjson';
  // The load function always writes at least one line, since the docs do not say how COPY reads an empty file.
  const given = `(select ${place}, null::super as payload, bytes as unparsed from ${refused} where object_key is not null) as given`;
  const reason = asked ? `case when unparsed is not null then ${unparsedReason()} end` : "'payload: ' || message";
  return [
    `create temp table ${refused} (object_key varchar(1024), line bigint, message varchar(480), bytes super)`,
    `copy ${refused} from {{refused}} iam_role {{load_role}} manifest
format json 'auto' gzip compupdate off statupdate off`,
    `create temp table ${malformed} as
select object_key, line, (${reason})::varchar(512) as reason, payload, unparsed
from (
${indent(asked ? unparsedArchive(place, given) : decodedArchive(place, given))}
) as decoded`,
    ...(asked
      ? [
          `insert into ${stagedTable(pipeline, source)} (payload)
select payload
from ${malformed}
where reason is null`,
          `delete from ${malformed} where reason is null`,
        ]
      : []),
  ];
}

/**
 * Counts of files that COPY does not report, and of files whose bytes differ from their etags. Both read `filesQuery`
 * as `files`.
 */
export function comparedFiles(pipeline: ResolvedPipeline): { readonly unseen: string; readonly changed: string } {
  const compared = `select count(*)
    from files f
    left join ${loadTables(pipeline).scanned} s on s.file_name = left(f.url, ${nameLength})`;
  return {
    unseen: `${compared}
    where f.etag <> '' and s.etag is null`,
    changed: `${compared}
    where f.etag <> '' and s.etag <> f.etag`,
  };
}

/**
 * Select items of `found` that every load has: rows staged, lines refused, and rows expected from what COPY scanned.
 */
export function countedItems(pipeline: ResolvedPipeline, source: Format, reading: Reading): string {
  const { scanned, malformed, refused } = loadTables(pipeline);
  const staged = `(select count(*) from ${copiedTable(pipeline, source)})`;
  const ofRefused = `(select count(object_key) from ${refused}) - (select count(*) from ${malformed})`;
  const read =
    reading === 'exact'
      ? `case when {{records}}::bigint < 0 then ${staged} else {{records}}::bigint + ${ofRefused} end`
      : isLenient(source, reading)
        ? `(select coalesce(sum(lines), 0) from ${scanned}) - {{may_refuse}}::bigint * (select count(*) from ${malformed})`
        : staged;
  return `    ${staged} as staged,
    (select count(*) from ${malformed}) as refused,
    ${read} as expected`;
}

/** Makes rejects of the records in `malformed`, if the batch may be loaded. */
export function malformedStatement(pipeline: ResolvedPipeline, source: Format): StatementTemplate {
  const { malformed, objects } = loadTables(pipeline);
  return `insert into ${pipeline.tables.rejects} (source, object_key, line, reason, payload, unparsed, run_id, merged_at)
select ${quoteLiteral(sourceOf(source))}, coalesce(${onlyUrl(objects)}, object_key), line, reason, payload, unparsed, {{run_id}}, getdate()
from ${malformed}
where (select count(*) from ${objects}) > 0`;
}

/** The temporary tables of a load. */
export function loadedTables(pipeline: ResolvedPipeline, source: Format, reading: Reading): string {
  const { scanned, refused, malformed, objects, found } = loadTables(pipeline);
  const records = isColumnar(source) ? [recordsTable(pipeline)] : [];
  return [...records, reading === 'in place' ? scanned : refused, malformed, objects, found].join(', ');
}

/** The object's URL if the batch has only one object: COPY does not report which object a row came from. */
export const onlyUrl = (objects: string) => `(select case when count(*) = 1 then min(url) end from ${objects})`;

/** Adds the objects to the ledger. If there are several, their line counts are known for objects in place only. */
export function ledgerStatement(pipeline: ResolvedPipeline, { name }: Format, reading: Reading): StatementTemplate {
  const { objects, scanned, found } = loadTables(pipeline);
  const inPlace = reading === 'in place';
  return `insert into ${pipeline.tables.ledger} (bucket, object_key, etag, version_id, source, size, row_count, run_id, loaded_at)
select
  o.bucket, o.object_key, o.etag, o.version_id, ${quoteLiteral(name)}, o.size,
  case
    when (select count(*) from ${objects}) = 1 then (select staged + refused from ${found})${
      inPlace
        ? `
    when len(o.url) <= ${nameLength} then s.lines`
        : ''
    }
  end,
  {{run_id}}, getdate()
from ${objects} o${
    inPlace
      ? `
left join ${scanned} s on s.file_name = o.url and s.etag = o.etag`
      : ''
  }`;
}
