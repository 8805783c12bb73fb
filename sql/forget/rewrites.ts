import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { lockStatement } from '../merge/merge';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import { replacedSource } from '../tables/forgotten';

/**
 * Objects that `npx millrace forget` replaces, because they hold records of forgotten subjects. An object is claimed before
 * it is written, with a random id, which the new object has in its metadata. S3 notifies the load function of the new
 * object: by the claim and the metadata it knows that the object has the lines of the one before. Whoever comes first,
 * the command or the load function, swaps the object in the ledger.
 */

/** The objects that the placeholder `objects` lists, as rows. */
const claimedQuery = `  select
    o."bucket"::varchar(63) as bucket,
    o."key"::varchar(1024) as object_key,
    o."etag"::varchar(128) as etag,
    o."rewriteId"::varchar(64) as rewrite_id
  from (select json_parse({{objects}}) as list) as batch, batch.list as o`;

/** Claims objects, each with an id of its own. It can be repeated. Placeholder: `objects` (JSON text: `[{bucket,key,etag,rewriteId}]`). */
export function claimStatements(definition: Pipeline): StatementTemplate[] {
  const { rewrites } = resolvePipeline(definition).tables;
  return [
    `insert into ${rewrites} (bucket, object_key, etag, rewrite_id, claimed_at)
with given as (
${claimedQuery}
)
select g.bucket, g.object_key, g.etag, g.rewrite_id, getdate()
from given g
left join ${rewrites} r on r.rewrite_id = g.rewrite_id
where r.rewrite_id is null`,
  ];
}

/** Deletes claims whose object was not written. Placeholder: `objects`, as for the claim. */
export function withdrawStatements(definition: Pipeline): StatementTemplate[] {
  const { rewrites } = resolvePipeline(definition).tables;
  return [
    `delete from ${rewrites}
where rewrite_id in (
  select rewrite_id
  from (
${claimedQuery}
  ) as given
)`,
  ];
}

/** Rows `bucket, object_key, etag, rewrite_id, claimed_at`: the claims of objects that may not be swapped yet. */
export const claimsQuery = (definition: Pipeline): StatementTemplate =>
  `select bucket, object_key, etag, rewrite_id, claimed_at
from ${resolvePipeline(definition).publicTables.rewrites}
order by bucket, object_key, claimed_at`;

/**
 * One transaction that gives the rows of the ledger the objects that have taken the place of theirs, and deletes the claims.
 * The ledger keeps the object before as another row, with the source `replaced` and without a run's rows: a notification
 * of it may still come, and its lines are in. It can be repeated. It does nothing about an object that the ledger does
 * not have: such an object is still to be loaded.
 *
 * While the tables of another identity exist, the claim stays, because the ledger of that identity needs the swap too.
 * Placeholder: `objects` (JSON text: `[{bucket,key,etag,newEtag,newVersionId,newSize}]`).
 */
export const swapStatements = (definition: Pipeline): StatementTemplate[] => swaps(resolvePipeline(definition));

export function swaps(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { ledger, rewrites, checkpoints } = pipeline.tables;
  const swapped = `${pipeline.name}_swapped`;
  const sameObject = (of: string) =>
    `${of}.bucket = ${swapped}.bucket and ${of}.object_key = ${swapped}.object_key and ${of}.etag = ${swapped}.etag`;
  const source = quoteLiteral(replacedSource);
  return [
    lockStatement(pipeline),
    `create temp table ${swapped} as
select
  o."bucket"::varchar(63) as bucket, o."key"::varchar(1024) as object_key, o."etag"::varchar(128) as etag,
  o."newEtag"::varchar(128) as new_etag, o."newVersionId"::varchar(1024) as new_version_id, o."newSize"::bigint as new_size
from (select json_parse({{objects}}) as list) as batch, batch.list as o`,
    `insert into ${ledger} (bucket, object_key, etag, version_id, source, size, row_count, run_id, loaded_at)
select l.bucket, l.object_key, l.etag, l.version_id, ${source}, l.size, null::bigint, l.run_id || ${quoteLiteral(`-${replacedSource}`)}, getdate()
from ${ledger} l
inner join ${swapped} on ${sameObject('l')} and ${swapped}.new_etag <> ${swapped}.etag
left join ${ledger} kept on ${sameObject('kept')} and kept.source = ${source}
where l.source <> ${source} and kept.etag is null`,
    `update ${ledger} as l
set etag = ${swapped}.new_etag, version_id = ${swapped}.new_version_id, size = ${swapped}.new_size
from ${swapped}
where ${sameObject('l')} and l.source <> ${source}`,
    `delete from ${rewrites}
using ${swapped}
where ${sameObject(rewrites)} and (select count(distinct identity_version) from ${checkpoints}) = 1`,
    `drop table ${swapped}`,
  ];
}
