import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ResolvedPipeline } from '../resolve';

/** The objects that the placeholder `objects` lists, as rows. */
export const givenQuery = `  select
    o."bucket"::varchar(63) as bucket,
    o."key"::varchar(1024) as object_key,
    o."etag"::varchar(128) as etag,
    o."versionId"::varchar(1024) as version_id,
    o."size"::bigint as size
  from (select json_parse({{objects}}) as list) as batch, batch.list as o`;

/**
 * The files that the placeholder `files` lists, as rows: the URL in the manifest, and the etag that the file must
 * have had.
 */
export const filesQuery = `  select f."url"::varchar(1200) as url, f."etag"::varchar(128) as etag
  from (select json_parse({{files}}) as list) as batch, batch.list as f`;

/** SQL condition: rows of two relations are about the same object. */
export const sameObject = (one: string, other: string) =>
  `${one}.bucket = ${other}.bucket and ${one}.object_key = ${other}.object_key and ${one}.etag = ${other}.etag`;

export function loadedQuery(pipeline: ResolvedPipeline): StatementTemplate {
  const { ledger, rewrites } = pipeline.tables;
  const hasClaims = pipeline.subject.length > 0;
  return `with given as (
${givenQuery}
)
select g.object_key, g.etag${hasClaims ? ', null::varchar(128) as before, null::varchar(64) as rewrite_id' : ''}
from given g
inner join ${ledger} l on ${sameObject('l', 'g')}${
    hasClaims
      ? `
union all
select g.object_key, g.etag, r.etag as before, r.rewrite_id
from given g
inner join ${rewrites} r on r.bucket = g.bucket and r.object_key = g.object_key`
      : ''
  }`;
}

export function runObjectsQuery(pipeline: ResolvedPipeline): StatementTemplate {
  return `select bucket, object_key, etag, version_id, size
from ${pipeline.tables.ledger}
where run_id = {{run_id}}
order by bucket, object_key, etag`;
}

export function overwrittenQuery(pipeline: ResolvedPipeline): StatementTemplate {
  return `with given as (
${givenQuery}
)
select g.object_key
from given g
inner join ${pipeline.tables.ledger} l on l.bucket = g.bucket and l.object_key = g.object_key
group by g.object_key, g.etag
having count(case when l.etag = g.etag then 1 end) = 0`;
}

export function parkedQuery(pipeline: ResolvedPipeline): StatementTemplate {
  return `with given as (
${givenQuery}
)
select g.object_key
from given g
inner join ${pipeline.tables.parked} p on ${sameObject('p', 'g')}`;
}

export function parkStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { parked } = pipeline.tables;
  return `insert into ${parked} (bucket, object_key, etag, reason, parked_at)
with given as (
${givenQuery}
)
select g.bucket, g.object_key, g.etag, {{reason}}::varchar(2048), getdate()
from given g
left join ${parked} p on ${sameObject('p', 'g')}
where p.etag is null`;
}

export function unparkStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const object = (of: string) =>
    `${of}etag || ${quoteLiteral(' ')} || ${of}bucket || ${quoteLiteral('/')} || ${of}object_key`;
  return `delete from ${pipeline.tables.parked}
where ${object('')} in (
  select ${object('given.')}
  from (
${givenQuery}
  ) as given
)`;
}
