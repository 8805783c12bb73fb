import type { OriginsPlan } from '../../lambda/load/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { lockStatement } from '../merge/merge';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { givenQuery, sameObject } from './ledger';

/**
 * Makes the statements that find the origin of rejects. COPY reports neither the object nor the line of a row, so the
 * load function searches the objects afterwards. The statements list what to search for and store the result.
 */
export function originsPlan(pipeline: ResolvedPipeline): OriginsPlan {
  return {
    missing: missingQuery(pipeline),
    objects: objectsQuery(pipeline),
    place: placeStatements(pipeline),
  };
}

/** A longer payload cannot be returned as a text. */
const maxPayloadBytes = 60_000;

/** Most rejects of one search. More of them have one cause, and these are enough samples of it. */
const maxRejects = 1000;

const shortText = `case when json_size(payload) <= ${maxPayloadBytes} then json_serialize(payload) end`;

/** The runs that loaded the given objects. */
const runsQuery = (pipeline: ResolvedPipeline) => `given as (
${givenQuery}
),
loads as (
  select distinct l.run_id
  from given g
  inner join ${pipeline.tables.ledger} l on ${sameObject('l', 'g')}
)`;

/** Equal payloads of one run share one row, since nothing tells them apart. */
function missingQuery(pipeline: ResolvedPipeline): StatementTemplate {
  const { rejects } = pipeline.tables;
  return `with ${runsQuery(pipeline)},
typed as (
  select r.run_id, ${shortText} as payload
  from ${rejects} r
  inner join loads l on l.run_id = r.run_id
  where r.source = 'history' and r.line is null and r.payload is not null
)
select run_id, sha2(payload, 256) as digest, count(*) as copies, min(payload) as payload
from typed
where payload is not null
group by run_id, payload
limit ${maxRejects}`;
}

function objectsQuery(pipeline: ResolvedPipeline): StatementTemplate {
  return `with ${runsQuery(pipeline)}
select o.run_id, o.bucket, o.object_key, o.etag, o.version_id, o.size
from ${pipeline.tables.ledger} o
inner join loads l on l.run_id = o.run_id
order by o.bucket, o.object_key, o.etag`;
}

/** Equal rejects are told apart only by their number, so they are deleted and inserted instead of updated. */
function placeStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { rejects } = pipeline.tables;
  const placed = `${pipeline.name}_placed`;
  const kept = ['source', ...placeColumns, 'reason', 'reasons', 'payload', 'unparsed', 'run_id', 'merged_at'];
  const ofRun = "run_id = {{run_id}} and source = 'history' and line is null and payload is not null";
  return [
    lockStatement(pipeline),
    `create temp table ${placed} as
with places as (
  select p."digest"::varchar(64) as digest, p."copy"::bigint as copy_number, p."url"::varchar(1024) as url, p."line"::bigint as line
  from (select json_parse({{places}}) as list) as batch, batch.list as p
),
texts as (
  select *, sha2(${shortText}, 256) as digest
  from ${rejects}
  where ${ofRun}
),
numbered as (
  select ${kept.join(', ')}, object_key, digest, row_number() over (partition by digest order by merged_at) as copy_number
  from texts
  where digest in (select digest from places)
)
select ${kept.map((name) => `n.${name}`).join(', ')}, coalesce(p.url, n.object_key) as object_key, p.line, n.digest
from numbered n
left join places p on p.digest = n.digest and p.copy_number = n.copy_number`,
    `delete from ${rejects}
where ${ofRun} and sha2(${shortText}, 256) in (select digest from ${placed})`,
    `insert into ${rejects} (${kept.join(', ')}, object_key, line)
select ${kept.join(', ')}, object_key, line
from ${placed}`,
    `drop table ${placed}`,
  ];
}
