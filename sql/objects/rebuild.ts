import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { BatchSearch, RebuildSpec } from '../../lambda/warehouse-object/contract';
import { beginning } from '../merge/gaps';
import { incomingTables } from '../merge/incoming';
import { acceptStatements, copiesStatements, lockStatement } from '../merge/merge';
import type { ResolvedPipeline } from '../resolve';
import {
  catalogType,
  duplicateColumns,
  gapColumns,
  ledgerColumns,
  placeColumns,
  rejectColumns,
  type TableColumn,
} from '../tables/columns';
import { identityParts } from '../tables/identity';
import type { IdentityTableName } from '../tables/names';
import { indent } from '../text/indent';
import { batchPiece, batchSearch, raisedQuery, searchTables } from '../typing/raising-rows';
import { typedRows } from '../typing/typed-rows';
import { batchRows, caughtUpMinutes } from './fills';
import {
  absentValues,
  keptName,
  raisedReasonName,
  reasonExpression,
  typedStatements,
  wholePayload,
} from './rebuild-typing';

/** A merge takes at most this many days from its first row to its last. */
const mergeDays = 1;

/** Tables of an identity whose rows have a run. Gaps have none. */
const tablesWithRuns = ['events', 'duplicates', 'rejects', 'ledger'] as const;

/** A table under the previous identity, which only the deployment knows. */
const previous = ({ name }: ResolvedPipeline, table: IdentityTableName) => `${name}.{{previous_${table}:identifier}}`;

/** Fills the tables of a new identity from those of the previous one, once all of them exist. */
export function rebuildSpec(pipeline: ResolvedPipeline): RebuildSpec {
  const batch = batchStatements(pipeline);
  return {
    table: pipeline.tables.fills,
    landing: pipeline.landing.table,
    parts: identityParts(pipeline.definition),
    mayReject: pipeline.definition.identity.mayReject ?? false,
    columns: pipeline.identity.otherColumns.map((column) => ({
      name: column.name,
      stored: column.stored,
      type: catalogType(column.redshiftType),
      ...(column.fill ? { replaces: column.replaced } : {}),
    })),
    progress: progressQuery(pipeline),
    batch,
    search: rebuildSearch(pipeline, batch),
  };
}

/** Resets checkpoints and fills, so that the rebuild starts over. */
export function resetStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { checkpoints, fills } = pipeline.tables;
  return [
    lockStatement(pipeline),
    `delete from ${checkpoints} where ${pipeline.ofIdentity}`,
    `delete from ${fills} where definition in (${quoteLiteral(pipeline.identity.version)}, ${quoteLiteral(pipeline.fillVersion)})`,
  ];
}

const ofRebuild = (pipeline: ResolvedPipeline) =>
  `definition = ${quoteLiteral(pipeline.identity.version)} and column_name = {{previous_events}}`;

function progressQuery(pipeline: ResolvedPipeline): StatementTemplate {
  const { fills } = pipeline.tables;
  return `select
  max(filled_until) as filled_until, sum(row_count) as row_count, sum(missing) as missing, sum(misfits) as misfits, min(misfit_id) as misfit_id,
  max(case when filled_until >= dateadd(minute, -${caughtUpMinutes}, getdate()) then 1 else 0 end) as caught_up
from ${fills}
where ${ofRebuild(pipeline)}
having count(*) > 0`;
}

/** Temporary tables besides those of a merge. */
function helpers({ name }: ResolvedPipeline) {
  return {
    /** The merge times between which the batch lies. */
    bounds: `${name}_rebuild_bounds`,
    /** The runs that the batch copies. */
    runs: `${name}_rebuild_runs`,
    /** Previous and new ids of events that the batch's duplicates repeat. */
    ids: `${name}_rebuild_ids`,
  };
}

/**
 * One transaction that copies the next runs into the new tables and records the result. It determines its own start
 * and holds the merge's lock, so it can be repeated and killed at any time. Placeholders: `previous_<table>`;
 * `previous_identity`; `kept_<name>`, for columns whose values stay: the stored column that has them, or `<name>
 * absent`; `judged_again`, `yes` if duplicates may have become events; `raised`, events that become rejects without
 * being typed; those of `BatchSearch`.
 */
function batchStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { bounds, runs, ids } = helpers(pipeline);
  const { incoming, shared, copies } = pipeline.temporary;
  const { rejects } = pipeline.tables;
  const place = placeColumns.join(', ');
  return [
    lockStatement(pipeline),
    boundsStatement(pipeline),
    ...clearStatements(pipeline),
    runsStatement(pipeline),
    gatherStatement(pipeline),
    ...typedStatements(pipeline),
    ...copiesStatements(pipeline, ['run_id', 'merged_at'], 'i.merged_at, '),
    `insert into ${rejects} (source, ${place}, reason, payload, run_id, merged_at)
select source, ${place}, reason, payload, run_id, merged_at
from ${incoming}
where reason is not null`,
    ...acceptStatements(pipeline, (of) => `${of}.run_id, ${of}.merged_at`),
    copyStatement(pipeline, 'rejects', rejectColumns, 'merged_at'),
    copyStatement(pipeline, 'ledger', ledgerColumns, 'loaded_at'),
    idsStatement(pipeline),
    duplicatesStatement(pipeline),
    ...gapsStatements(pipeline),
    ...accountStatements(pipeline),
    `drop table ${[ids, copies, shared, ...incomingTables(pipeline), searchTables(pipeline).searched, runs, bounds].join(', ')}`,
  ];
}

/** Selects the next batch: runs after the rebuild's position, until `batchRows` events or the newest run. */
function boundsStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { fills, runs } = pipeline.tables;
  const { bounds } = helpers(pipeline);
  return `create temp table ${bounds} as
with progress as (
  select max(filled_until) as reached, coalesce(max(filled_until), '1970-01-02'::timestamp) as low
  from ${fills}
  where ${ofRebuild(pipeline)}
),
paced as (
  select merged_at, sum(events) over (order by merged_at, run_id rows unbounded preceding) as events
  from ${runs}
  where merged_at > (select low from progress)
)
select
  reached, low, dateadd(day, -${mergeDays}, low) as since,
  coalesce((select min(merged_at) from paced where events >= ${batchRows}), getdate()) as high
from progress`;
}

/** Deletes the rows of an earlier attempt whose position is not recorded. */
function clearStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const tables = pipeline.tables;
  const { bounds } = helpers(pipeline);
  return tablesWithRuns.map((table) => `delete from ${tables[table]} where (select count(reached) from ${bounds}) = 0`);
}

/**
 * Runs are copied as a whole, by the time at which they ended, since the rows of a run have different times. The
 * range includes both ends: times are whole seconds, so a run in the last second of the previous batch may be copied
 * or not.
 */
function runsStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const tables = pipeline.tables;
  const { bounds, runs } = helpers(pipeline);
  const within = (time: string) =>
    `${time} >= (select since from ${bounds}) and ${time} <= (select high from ${bounds})`;
  const ofTables = (named: (table: IdentityTableName) => string) =>
    tablesWithRuns
      .map((table) => {
        const time = table === 'ledger' ? 'loaded_at' : 'merged_at';
        return `  select run_id, ${time} as merged_at from ${named(table)} where ${within(time)}`;
      })
      .join('\n  union all\n');
  return `create temp table ${runs} as
with written as (
${ofTables((table) => previous(pipeline, table))}
),
taken as (
${ofTables((table) => tables[table])}
),
ended as (
  select run_id, max(merged_at) as ended_at
  from ${tables.runs}
  where merged_at >= (select since from ${bounds})
  group by run_id
)
select w.run_id
from written w
left join ended e on e.run_id = w.run_id
left join (select distinct run_id from taken) t on t.run_id = w.run_id
where t.run_id is null
group by w.run_id
having max(coalesce(e.ended_at, w.merged_at)) >= (select low from ${bounds})
  and max(coalesce(e.ended_at, w.merged_at)) <= (select high from ${bounds})`;
}

/** The rows of a previous table that the batch copies. */
function copiedRows(pipeline: ResolvedPipeline, table: IdentityTableName, time: string): string {
  const { bounds, runs } = helpers(pipeline);
  return `from ${previous(pipeline, table)} o
inner join ${runs} r on r.run_id = o.run_id
where o.${time} >= (select since from ${bounds})`;
}

/** The events that the batch types: those of its runs, and in a second piece those that its duplicates repeat. */
function gatherStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { bounds, runs } = helpers(pipeline);
  const keptValues = pipeline.identity.otherColumns.map(
    (column) => `,\n  o.{{kept_${column.name}:identifier}} as ${keptName(column)}`,
  );
  return `create temp table ${searchTables(pipeline).searched} as
with before as (
  select *${absentValues(pipeline)}
  from ${previous(pipeline, 'events')}
),
chosen as (
  select b.*, 0::bigint as ${batchPiece}
  from before b
  inner join ${runs} r on r.run_id = b.run_id
  where b.merged_at >= (select since from ${bounds})
  union all
  select *, 1::bigint as ${batchPiece}
  from before
  where event_id in (
    select o.event_id
${indent(copiedRows(pipeline, 'duplicates', 'merged_at'), 4)}
  )
)
select
  o.event_id as row_key, o.${batchPiece}, o.event_id as previous_id, o.source, ${placeColumns.map((name) => `o.${name}`).join(', ')}, o.run_id, o.merged_at,
  case when x.row_key is null then o.payload end as payload, o.payload as ${wholePayload}, x.reason as ${raisedReasonName}${keptValues.join('')}
from chosen o
left join (
  ${raisedQuery}
) as x on x.row_key = o.event_id`;
}

/** Finds the events that make the typing of a batch fail, by their previous ids. */
function rebuildSearch(pipeline: ResolvedPipeline, batch: readonly StatementTemplate[]): BatchSearch {
  const { searched } = searchTables(pipeline);
  const numberOf = (statement: StatementTemplate) => batch.indexOf(statement);
  return batchSearch(pipeline, {
    batch,
    gather: [boundsStatement(pipeline), runsStatement(pipeline), gatherStatement(pipeline)].map(numberOf),
    probe: typedStatements(pipeline).map(numberOf),
    tables: incomingTables(pipeline),
    reference: [
      `delete from ${searched}`,
      `insert into ${searched} (row_key, ${batchPiece}, payload) select 'none', 0, json_parse('{}')`,
    ],
  });
}

function copyStatement(
  pipeline: ResolvedPipeline,
  table: 'rejects' | 'ledger',
  columns: readonly TableColumn[],
  time: string,
): StatementTemplate {
  const names = columns.map(({ name }) => name);
  return `insert into ${pipeline.tables[table]} (${names.join(', ')})
select ${names.map((name) => `o.${name}`).join(', ')}
${copiedRows(pipeline, table, time)}`;
}

function idsStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { ids } = helpers(pipeline);
  const rows = `select previous_id, shard_id, sequence_number, payload
from ${searchTables(pipeline).searched}
where ${batchPiece} = 1`;
  return `create temp table ${ids} as
select previous_id, case when ${reasonExpression(pipeline)} is null then ${pipeline.identity.expression} end as event_id
from (
${indent(typedRows(pipeline.identity.columns, rows))}
) as typed`;
}

/**
 * Only the position of a duplicate is kept. If it may have become an event and the landing view holds its record, it
 * is left out: to the new tables the record is new, and the first merge judges it. All others stay duplicates.
 */
function duplicatesStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { ids } = helpers(pipeline);
  const names = duplicateColumns.map(({ name }) => name).filter((name) => name !== 'event_id');
  return `insert into ${pipeline.tables.duplicates} (event_id, ${names.join(', ')})
select coalesce(i.event_id, d.event_id), ${names.map((name) => `d.${name}`).join(', ')}
from (
  select o.*
${indent(copiedRows(pipeline, 'duplicates', 'merged_at'))}
) as d
left join ${ids} i on i.previous_id = d.event_id
left join (
  select distinct shard_id::varchar(20) as shard_id, sequence_number
  from ${pipeline.landing.name}
  where {{judged_again}} = 'yes'
) as l on l.shard_id = d.shard_id and l.sequence_number = d.sequence_number
where l.sequence_number is null`;
}

/** A backfill may have closed gaps since the last batch, so all are copied again. */
function gapsStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { gaps } = pipeline.tables;
  const names = gapColumns.map(({ name }) => name).join(', ');
  return [`delete from ${gaps}`, `insert into ${gaps} (${names})\nselect ${names}\nfrom ${previous(pipeline, 'gaps')}`];
}

/** Records the batch's result and how far the new tables are merged: as far as the previous ones. */
function accountStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { fills, checkpoints } = pipeline.tables;
  const { bounds } = helpers(pipeline);
  const { incoming, copies } = pipeline.temporary;
  const version = quoteLiteral(pipeline.identity.version);
  const isMissing = "(reason like '%: missing' or reason like 'identity:%')";
  return [
    `insert into ${fills} (
  definition, typing, column_name, filled_from, filled_until, row_count, filled, missing, misfits, misfit_id, lost, lost_id, filled_at
)
with taken as (
  select
    count(*) as row_count, count(case when ${isMissing} then 1 end) as missing, count(reason) as rejected,
    min(case when reason is not null then previous_id end) as misfit_id
  from ${incoming}
),
merged as (
  select count(*) as lost, min(event_id) as lost_id
  from ${copies}
  where is_stored = 1 or copy_number > 1
)
select
  ${version}, ${quoteLiteral(pipeline.typingVersion)}, {{previous_events}}, (select low from ${bounds}), (select high from ${bounds}),
  r.row_count, r.row_count - r.rejected - m.lost, r.missing, r.rejected - r.missing, r.misfit_id, m.lost, m.lost_id, getdate()
from taken r
cross join merged m`,
    `delete from ${checkpoints}
where landing = ${quoteLiteral(beginning)} and ${pipeline.ofIdentity}`,
    `insert into ${checkpoints} (landing, identity_version, refresh_time, merged_at, merged_until, complete_until, read_until)
select ${quoteLiteral(beginning)}, ${version}, max(refresh_time), max(merged_at), max(merged_until), max(complete_until), max(read_until)
from ${checkpoints}
where identity_version = {{previous_identity}}
having count(*) > 0`,
  ];
}
