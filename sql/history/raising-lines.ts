import type { CheckedTransaction, RaisingPlan } from '../../lambda/load/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { archivedTime, historyQuery, parsedQuery, untouchedStatements } from '../merge/arrived';
import { givesWay, replacedRejects } from '../merge/gives-way';
import { incomingStatements, recordKind } from '../merge/incoming';
import { maxPayloadBytes } from '../merge/raised';
import { unwrapOf } from '../merge/unwrap';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns, stagedArchiveColumns, stagedColumns } from '../tables/columns';
import { indent } from '../text/indent';
import { positionKey, raisedQuery, searchPlan, searchTables } from '../typing/raising-rows';
import { copyStatements, type Format, loadTables, onlyUrl, type Reading, sourceOf, stagedTable } from './copy';

/**
 * SQL for the key of a line. Equal payloads of history share one key and one outcome. A key with a question mark is
 * not unique to a payload: such a line is blamed only if no other line has its key.
 */
const keyOf = (source: Format) =>
  sourceOf(source) === 'archive'
    ? `coalesce(${positionKey}, '?no position')`
    : `coalesce(case when json_size(payload) <= ${maxPayloadBytes} then sha2(json_serialize(payload), 256) else '?size ' || json_size(payload)::varchar end, '?null')`;

const untouchedArchive = ['source', ...placeColumns, 'refresh_time', 'payload', 'unparsed'];

/**
 * Finds the lines that make the load of an object fail. COPY reads the object into a table of the search, so that the
 * staged table and the ledger do not change.
 */
export function loadRaising(
  pipeline: ResolvedPipeline,
  source: Format,
  reading: Reading,
  load: (pipeline: ResolvedPipeline, source: Format, reading: Reading, raised: RaisedLines) => CheckedTransaction,
): RaisingPlan {
  const copied = `${pipeline.name}_copied`;
  const { searched } = searchTables(pipeline);
  const isArchive = sourceOf(source) === 'archive';
  const columns = isArchive ? stagedArchiveColumns : stagedColumns;
  const rows = isArchive ? pipeline.temporary.arrived : copied;
  const kept = isArchive ? untouchedArchive : ['payload'];
  const key = keyOf(source);
  return {
    search: searchPlan(pipeline, {
      gather: [
        `create temp table ${copied} (${columns.map(({ name, type }) => `${name} ${type}`).join(', ')})`,
        ...copyStatements(pipeline, source, reading, copied),
        ...(isArchive ? untouchedStatements(pipeline, 'archive', { archive: copied }) : []),
        `create temp table ${searched} as
with raised as (
  ${raisedQuery}
)
select k.*
from (
  select ${key} as row_key, ${kept.join(', ')}
  from ${rows}
) as k
left join raised r on r.row_key = k.row_key
where r.row_key is null`,
      ],
      reference: [referenceStatement(searched, isArchive)],
      columns: kept,
      typed(tables, from) {
        const given = `(\n${indent(from)}\n) as untouched`;
        const arrived = isArchive
          ? parsedQuery(pipeline, 'archive', given, source.records)
          : historyQuery(pipeline, given, unwrapOf(source.records));
        return incomingStatements(pipeline, arrived, [], tables, recordKind(sourceOf(source), source.records));
      },
    }),
    load: load(pipeline, source, reading, raisedLines(pipeline, source)),
  };
}

/** A record without attributes, which can be typed even if no line can. */
const referenceStatement = (
  searched: string,
  isArchive: boolean,
): StatementTemplate => `create temp table ${searched} as
select 'none' as row_key, ${isArchive ? `'archive'::varchar(16) as source, null::varchar(20) as shard_id, null::varchar(128) as sequence_number, null::varchar(256) as partition_key, null::timestamp as arrived_at, null::timestamp as refresh_time, json_parse('{}') as payload, null::super as unparsed` : "json_parse('{}') as payload"}`;

/** What a load that leaves out lines does in addition. */
export interface RaisedLines {
  /** Remove the lines from the staged table. */
  readonly take: readonly StatementTemplate[];
  /** Makes rejects of them. */
  readonly reject: StatementTemplate;
  /** SQL for their count. */
  readonly count: string;
  /** SQL for the count of rejects that the lines replace. */
  readonly replaced: string;
  /** Deletes the rejects that the lines replace. It comes after the run, which counts them. */
  readonly replace: readonly StatementTemplate[];
  /** The temporary tables. */
  readonly tables: string;
}

function raisedLines(pipeline: ResolvedPipeline, source: Format): RaisedLines {
  const { rejects } = pipeline.tables;
  const staged = stagedTable(pipeline, source);
  const raised = `${pipeline.name}_raised`;
  const key = keyOf(source);
  const place = placeColumns.join(', ');
  const object = onlyUrl(loadTables(pipeline).objects);
  const isArchive = sourceOf(source) === 'archive';
  const kept = isArchive
    ? `shard_id, sequence_number, partition_key, ${archivedTime} as arrived_at, case when payload is null then unparsed else payload end as payload`
    : 'null::varchar(20) as shard_id, null::varchar(128) as sequence_number, null::varchar(256) as partition_key, null::timestamp as arrived_at, payload';
  const copies = isArchive
    ? 'row_number() over (partition by shard_id, sequence_number order by approximate_arrival_timestamp)'
    : '1';
  return {
    take: [
      `create temp table ${raised} as
with raised as (
  ${raisedQuery}
),
lines as (
  select *, ${key} as row_key, ${copies} as copy_number
  from ${staged}
),
found as (
  select l.*, r.reason
  from lines l
  inner join raised r on r.row_key = l.row_key
  where copy_number = 1
)${isArchive ? `,\nplaced as (\n${placedPositions(pipeline)}\n)` : ''}
select ${kept}, reason
from found${isArchive ? `\nleft join placed on place = ${position('')}\nwhere place is null` : ''}`,
      `delete from ${staged} where ${key} in (select row_key from (${raisedQuery}) as given_keys)`,
    ],
    reject: `insert into ${rejects} (source, ${place}, object_key, reason, payload, run_id, merged_at)
select '${sourceOf(source)}', ${place}, ${object}, reason, payload, {{run_id}}, getdate()
from ${raised}`,
    count: `(select count(*) from ${raised})`,
    ...(isArchive ? replacedRejects(pipeline, 'archive', raised) : { replaced: '0', replace: [] }),
    tables: raised,
  };
}

const position = (of: string) => `${of}shard_id || ' ' || ${of}sequence_number`;

/**
 * SQL for the positions of found lines that have an outcome, so that they are not rejected again. A reject that gives way
 * is none: the line replaces it.
 */
function placedPositions(pipeline: ResolvedPipeline): string {
  const { events, duplicates, rejects, skipped } = pipeline.tables;
  return [events, duplicates, rejects, skipped]
    .map(
      (table) => `  select ${position('f.')} as place
  from found f
  inner join ${table} t on t.shard_id = f.shard_id and t.sequence_number = f.sequence_number${table === rejects ? ` and not ${givesWay('archive', 't.')}` : ''}`,
    )
    .join('\n  union\n');
}
