import type { LoadPlan } from '../lambda/load/contract';
import type { StatementTemplate } from '../lambda/shared/plan';
import type { HistoryDefinition, Pipeline } from '../pipelines/definition';
import { incomingStatement, incomingTable, lockStatement, placeStatements, runStatement } from './merge';
import { pipelineTables } from './names';

/** What the load function carries. Throws for a pipeline without history. */
export function loadPlan(pipeline: Pipeline): LoadPlan {
  const { history, name } = pipeline;
  if (!history) throw new Error(`pipelines.${name}.history is not declared, so there is nothing to load`);
  return { pipeline: name, glob: history.glob, load: loadStatements(pipeline, history), loaded: loadedQuery(pipeline) };
}

/**
 * One transaction: the objects of the batch are copied, merged and entered in the ledger, all or none. If any of them is in the ledger
 * already, the whole batch changes nothing: ask `loaded` what is in and submit the rest again.
 */
function loadStatements(pipeline: Pipeline, history: HistoryDefinition): StatementTemplate[] {
  const tables = pipelineTables(pipeline);
  const { objects, malformed } = temporaryTables(pipeline);
  return [
    lockStatement(pipeline),
    `create temp table ${objects} as
with given as (
${givenQuery}
)
select bucket, object_key, version, size
from given
where (
  select count(*)
  from given g
  inner join ${tables.ledger} l on l.bucket = g.bucket and l.object_key = g.object_key and l.version = g.version
) = 0`,
    `copy ${tables.staged} from {{manifest}} iam_role {{load_role}} manifest
format json 'noshred' ${history.compression === 'gzip' ? 'gzip ' : ''}maxerror 100000 compupdate off statupdate off`,
    // Lines that COPY could not read. A line has one reject however many errors it raised.
    `create temp table ${malformed} as
select trim(file_name)::varchar(1024) as object_key, line_number as line, min(trim(error_message))::varchar(480) as message
from sys_load_error_detail
where query_id = pg_last_copy_id()
group by 1, 2`,
    `delete from ${tables.staged} where (select count(*) from ${objects}) = 0`,
    `delete from ${malformed} where (select count(*) from ${objects}) = 0`,
    incomingStatement(pipeline, 'history'),
    ...placeStatements(pipeline, 'history'),
    `insert into ${tables.rejects} (source, object_key, line, reason, run_id, merged_at)
select 'history', object_key, line, 'payload: ' || message, {{run_id}}, getdate()
from ${malformed}`,
    runStatement(pipeline, 'history', `(select count(*) from ${malformed})`),
    `insert into ${tables.ledger} (bucket, object_key, version, size, run_id, loaded_at)
select bucket, object_key, version, size, {{run_id}}, getdate()
from ${objects}`,
    `delete from ${tables.staged}`,
    ...[incomingTable(pipeline), malformed, objects].map((table) => `drop table ${table}`),
  ];
}

function temporaryTables(pipeline: Pipeline) {
  return { objects: `${pipeline.name}_objects`, malformed: `${pipeline.name}_malformed` };
}

/** The batch as rows. An object of an unversioned bucket has the version ''. */
const givenQuery = `  select
    o."bucket"::varchar(63) as bucket,
    o."key"::varchar(1024) as object_key,
    coalesce(o."version"::varchar(1024), '') as version,
    o."size"::bigint as size
  from (select json_parse({{objects}}) as list) as batch, batch.list as o`;

function loadedQuery(pipeline: Pipeline): StatementTemplate {
  return `with given as (
${givenQuery}
)
select g.object_key, g.version
from given g
inner join ${pipelineTables(pipeline).ledger} l on l.bucket = g.bucket and l.object_key = g.object_key and l.version = g.version`;
}
