import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { RecordShape } from '../../pipelines/definition';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { arrivalStatements, arrivalTables, arrivedQuery } from './arrived';
import { completeRowsStatements } from './complete-rows';
import { conversionsStatements } from './conversions';
import { expiredReasons, isDroppedRecord, isReject } from './expired';
import { forgottenStatements } from './forgotten';
import { formsOf, isEncoded } from './forms';
import { beginning, gapStatement } from './gaps';
import { givesWay } from './gives-way';
import { incomingStatements, incomingTables, recordKind, type Source } from './incoming';
import { placeSkippedStatements } from './skipped';
import { filteredCount } from './source-filter';
import { unwrapOf } from './unwrap';
import { heldBack, isWaiting } from './waiting';

/**
 * The first statement of every transaction that merges. A LOCK takes no snapshot, so the statements after it see what
 * the previous holder committed.
 */
export function lockStatement(pipeline: ResolvedPipeline): StatementTemplate {
  return `lock ${pipeline.tables.checkpoints}`;
}

/**
 * One transaction that moves the new rows of the landing view, each to exactly one place: events, duplicates or
 * rejects. Positions that were merged before are not changed, so a landing view may read the stream again.
 * Placeholders: `run_id`; `started`, a time of the warehouse before the run's refresh.
 */
export function mergeStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { incoming, copies, place, run, drop } = mergeSteps(pipeline, 'stream', ofStream(pipeline));
  return [
    lockStatement(pipeline),
    ...incoming,
    ...copies,
    ...place,
    run,
    gapStatement(pipeline),
    ...checkpointStatements(pipeline),
    drop,
  ];
}

/**
 * The last merge of a landing view, before it is dropped. No refresh preceded it, so it proves nothing about how far
 * the stream is merged. The checkpoint keeps its earlier time: the next landing view may not have seen the rows that
 * this one merged last. If that view begins too late, a gap begins where this one ended. Placeholder: `run_id`.
 */
export function lastMergeStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { checkpoints } = pipeline.tables;
  const { ofLanding } = pipeline;
  const { incoming, copies, place, run, drop } = mergeSteps(pipeline, 'stream', ofStream(pipeline));
  return [
    lockStatement(pipeline),
    ...incoming,
    ...copies,
    ...place,
    run,
    `delete from ${checkpoints}
where ${ofLanding} and merged_until is null`,
    `update ${checkpoints}
set merged_at = merged_until
where ${ofLanding}`,
    drop,
  ];
}

/** The options of a merge of the landing view. */
const ofStream = ({ definition: { stream } }: ResolvedPipeline): MergeOptions =>
  stream.records ? { records: stream.records } : {};

interface MergeOptions {
  /** SQL for the object that the rows came from. Null if it is not known. */
  readonly objectKey?: string;
  /** SQL for a count of rejects that are not in the temporary table. */
  readonly extraRejects?: string;
  /** SQL for a count of rejects that those replace. */
  readonly replacedRejects?: string;
  /** SQL for the id of a run that these rows are about to replace. The merge ignores the rows of that run. */
  readonly replaced?: string;
  /** SQL condition: the run is written only if it holds. */
  readonly runIf?: string;
  /** Where a record holds its events. @default - a record is an event */
  readonly records?: RecordShape;
}

/** The parts of a merge, for transactions that do more around them. */
interface MergeSteps {
  /** Make the temporary tables. */
  readonly incoming: readonly StatementTemplate[];
  /** Find the duplicates among the rows. */
  readonly copies: readonly StatementTemplate[];
  /** Move their rows to events, duplicates and rejects. */
  readonly place: readonly StatementTemplate[];
  /** Writes the run's counts. */
  readonly run: StatementTemplate;
  /** Drops the temporary tables. */
  readonly drop: StatementTemplate;
}

export function mergeSteps(pipeline: ResolvedPipeline, source: Source, options: MergeOptions = {}): MergeSteps {
  const { shared, copies, recovered } = pipeline.temporary;
  const hasPositions = source !== 'history';
  const { replaced } = options;
  const records = unwrapOf(options.records);
  return {
    incoming: [
      ...completeRowsStatements(pipeline),
      ...arrivalStatements(pipeline, source, { replaced, records: options.records }),
      ...incomingStatements(pipeline, arrivedQuery(pipeline, source, records), [], undefined, {
        ...recordKind(source, options.records),
        expired: expiredReasons(pipeline),
      }),
      ...forgottenStatements(pipeline),
    ],
    copies: copiesStatements(pipeline, [], '', replaced),
    place: [
      ...(source === 'history' ? [] : recoverStatements(pipeline, source, options)),
      ...placeStatements(pipeline, source, options),
    ],
    run: runStatement(pipeline, source, options),
    drop: `drop table ${[...arrivalTables(pipeline, source, records), ...incomingTables(pipeline), shared, copies, ...(hasPositions ? [recovered] : [])].join(', ')}`,
  };
}

/**
 * Finds duplicates: rows whose id is already in `events`, and all but the earliest of rows that share an id. Only
 * those few are sorted.
 * @param more columns of the rows to be kept
 * @param order sort keys before the arrival time
 * @param replaced SQL for a run whose events are ignored
 */
export function copiesStatements(
  pipeline: ResolvedPipeline,
  more: readonly string[] = [],
  order = '',
  replaced?: string,
): StatementTemplate[] {
  const { events } = pipeline.tables;
  const { incoming, shared, copies } = pipeline.temporary;
  const kept = [
    ...pipeline.columns.map(({ sql }) => sql.name),
    ...placeColumns,
    'payload',
    'event_id',
    'source',
    ...more,
  ];
  return [
    `create temp table ${shared} as
with stored as (
  select distinct i.event_id
  from ${incoming} i
  inner join ${events} e on e.event_id = i.event_id${sameTimes(pipeline, incoming)}${replaced ? ` and e.run_id <> ${replaced}` : ''}
),
repeated as (
  select event_id
  from ${incoming}
  where reason is null
  group by event_id
  having count(*) > 1
),
found as (
  select event_id, 1 as is_stored from stored
  union all
  select event_id, 0 as is_stored from repeated
)
select event_id, max(is_stored) as is_stored
from found
group by event_id`,
    `create temp table ${copies} as
select
  ${kept.map((name) => `i.${name}`).join(', ')}, s.is_stored,
  row_number() over (partition by i.event_id order by ${order}i.arrived_at, i.shard_id, i.sequence_number) as copy_number
from ${incoming} i
inner join ${shared} s on s.event_id = i.event_id`,
  ];
}

/**
 * Where times are part of the id, equal ids have equal times. So the search covers only the part of `events` around
 * the incoming times. The range lets Redshift skip blocks, which it does by constants only; the equality narrows the
 * scan of a hash join.
 */
function sameTimes(pipeline: ResolvedPipeline, incoming: string): string {
  return pipeline.identity.times
    .map(
      ({ name, stored }) => `
    and e.${stored} = i.${name} and e.${stored} between (select min(${name}) from ${incoming}) and (select max(${name}) from ${incoming})`,
    )
    .join('');
}

/**
 * Deletes the outcomes that records of this merge replace: rejects, and records that were skipped under another
 * `where`. They are kept in `recovered` so that the run can count them.
 */
function recoverStatements(
  pipeline: ResolvedPipeline,
  source: 'stream' | 'archive',
  { replaced, runIf = 'true' }: MergeOptions,
): StatementTemplate[] {
  const { rejects, skipped } = pipeline.tables;
  const { incoming, recovered, filtered, read } = pipeline.temporary;
  // Redshift skips the blocks of older rows by these times: docs/scale.md.
  const mergedSince = `merged_at >= (select merged_since from ${read})`;
  const arrivedSince = `arrived_at >= (select oldest from ${read})`;
  const placed = pipeline.where
    ? `(\n  select shard_id, sequence_number from ${incoming} union all select shard_id, sequence_number from ${filtered}\n)`
    : incoming;
  const others = replaced ? ` and r.run_id <> ${replaced}` : '';
  const ofReplaced = replaced ? ` or (run_id = ${replaced} and ${runIf})` : '';
  const positions = (table: string, was: string, condition = '') => `select r.shard_id, r.sequence_number, ${was} as was
from ${table} r
inner join ${placed} i on i.shard_id = r.shard_id and i.sequence_number = r.sequence_number${condition}${others}`;
  const isRecovered = (condition = '') =>
    `shard_id || ' ' || sequence_number in (select shard_id || ' ' || sequence_number from ${recovered}${condition})`;
  return [
    `create temp table ${recovered} as
${positions(rejects, `(case when ${isWaiting('r.')} then 'waiting' else 'reject' end)::varchar(16)`, `\nwhere ${givesWay(source, 'r.')} and r.${mergedSince}`)}
union all
${positions(skipped, "'skipped'::varchar(16)", `\nwhere r.${arrivedSince} and r.arrived_at <= (select newest from ${read})`)}`,
    // The same as below: one statement also deletes the rows of a run that is replaced.
    replaced
      ? `delete from ${rejects}
where (${givesWay(source, '')} and ${mergedSince} and ${isRecovered()})${ofReplaced}`
      : `delete from ${rejects}
using ${recovered}
where ${recovered}.shard_id = ${rejects}.shard_id and ${recovered}.sequence_number = ${rejects}.sequence_number and ${givesWay(source, `${rejects}.`)} and ${rejects}.${mergedSince}`,
    // One statement serves both cases, since the number of statements in a transaction is limited.
    `delete from ${skipped}
where (${arrivedSince} and ${isRecovered(" where was = 'skipped'")})${ofReplaced}`,
  ];
}

/** SQL condition on `incoming`: the record waits to be decoded. Undefined if none does. */
function waitingCondition(source: Source, records: RecordShape | undefined): string | undefined {
  const forms = source === 'stream' ? formsOf(records) : [];
  return forms.length === 0 ? undefined : isEncoded(forms);
}

/** Moves the rows of the temporary tables to rejects, duplicates and events. */
function placeStatements(
  pipeline: ResolvedPipeline,
  source: Source,
  { objectKey, records }: MergeOptions,
): StatementTemplate[] {
  const { rejects } = pipeline.tables;
  const { incoming } = pipeline.temporary;
  const place = placeColumns.join(', ');
  const waiting = waitingCondition(source, records);
  const [names, values] = [
    [...(objectKey ? ['object_key'] : []), ...(waiting ? ['decode_after'] : [])],
    [...(objectKey ? [objectKey] : []), ...(waiting ? [`case when ${waiting} then getdate() end`] : [])],
  ].map((list) => list.map((item) => `, ${item}`).join(''));
  return [
    `insert into ${rejects} (source, ${place}${names}, reason, reasons, payload, unparsed, run_id, merged_at)
select source, ${place}${values}, reason, reasons, payload, unparsed, {{run_id}}, getdate()
from ${incoming}
where ${isReject(pipeline)}`,
    ...acceptStatements(pipeline),
    ...conversionsStatements(pipeline),
    ...placeSkippedStatements(pipeline, objectKey ? { object_key: objectKey } : {}),
  ];
}

/**
 * Moves the valid rows to duplicates and events.
 * @param merged two select items: the run of a row and its merge time. @default - this run, now
 */
export function acceptStatements(
  pipeline: ResolvedPipeline,
  merged: (of: string) => string = () => '{{run_id}}, getdate()',
): StatementTemplate[] {
  const { events, duplicates } = pipeline.tables;
  const { incoming, copies } = pipeline.temporary;
  const typed = pipeline.columns.map((column) => column.sql.name);
  const place = placeColumns.join(', ');
  const event = (of: string) =>
    ['event_id', ...typed, ...placeColumns, 'payload', 'source'].map((name) => `${of}.${name}`);
  const stored = pipeline.columns.map((column) => column.sql.stored);
  return [
    `insert into ${duplicates} (event_id, source, ${place}, run_id, merged_at)
select event_id, source, ${place}, ${merged(copies)}
from ${copies}
where is_stored = 1 or copy_number > 1`,
    `insert into ${events} (event_id, ${stored.join(', ')}, ${place}, payload, source, run_id, merged_at)
select ${event('i').join(', ')}, ${merged('i')}
from ${incoming} i
left join ${copies} c on c.event_id = i.event_id
where i.reason is null and c.event_id is null
union all
select ${event('c').join(', ')}, ${merged('c')}
from ${copies} c
where c.is_stored = 0 and c.copy_number = 1`,
  ];
}

/**
 * Writes the run's counts, minus the outcomes that were replaced. Records that wait to be decoded have no outcome yet, so
 * they are not counted. `extraRejects` counts rejects that are not in the
 * temporary table.
 */
function runStatement(
  pipeline: ResolvedPipeline,
  source: Source,
  { extraRejects = '0', replacedRejects, runIf, records }: MergeOptions,
): StatementTemplate {
  const { incoming, read, copies, recovered } = pipeline.temporary;
  const waiting = waitingCondition(source, records);
  const dropped = isDroppedRecord(pipeline);
  const back = (was: string) =>
    source === 'history' ? '' : ` - (select count(*) from ${recovered} where was = '${was}')`;
  return `insert into ${pipeline.tables.runs} (run_id, source, rows_read, events, duplicates, rejects, skipped, merged_at, definition)
with incoming as (
  select count(*) as records, count(reason) as rejected${waiting ? `, count(case when reason is not null and ${waiting} then 1 end) as waiting` : ''}${dropped ? `, count(case when ${dropped} then 1 end) as expired` : ''}
  from ${incoming}
),
copies as (
  select count(*) as duplicates
  from ${copies}
  where is_stored = 1 or copy_number > 1
),
unread as (
  select records, ${extraRejects} as rejected
  from ${read}
)
select
  {{run_id}}, '${source}', u.records + u.rejected, i.records - i.rejected - c.duplicates, c.duplicates, i.rejected + u.rejected${waiting ? ' - i.waiting' : ''}${dropped ? ' - i.expired' : ''}${back('reject')}${replacedRejects ? ` - ${replacedRejects}` : ''}, ${filteredCount(pipeline)}${dropped ? ' + i.expired' : ''}${back('skipped')}, getdate(),
  ${quoteLiteral(pipeline.typingVersion)}
from incoming i
cross join copies c
cross join unread u${runIf ? `\nwhere ${runIf}` : ''}`;
}

/**
 * Writes the checkpoint. A run may only vouch for its own merge: everything that arrived before its refresh began, at
 * `started`, is merged now. Records may become readable a little after their arrival, so `merged_until` is the time of the
 * merge before, if that is earlier; an idle run may have set it to a later time. Runs may overlap, so the merge before
 * may be later than `started`. A merge that is repeated under the same run id vouches for nothing, because the run's
 * views may be older than it. Records that wait to be decoded hold `merged_until` back.
 */
function checkpointStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { checkpoints, runs } = pipeline.tables;
  const { ofLanding } = pipeline;
  const { ofIdentity } = pipeline;
  const before = 'least(merged_at, {{started}}::timestamp)';
  return [
    `insert into ${checkpoints} (landing, identity_version, refresh_time, merged_at, merged_until, complete_until, skips_until, read_until, run_id)
select
  ${quoteLiteral(pipeline.landing.table)}, ${quoteLiteral(pipeline.identity.version)},
  coalesce(refresh_time, (select max(refresh_time) from ${checkpoints} where ${ofLanding})),
  getdate(),
  ${heldBack(
    pipeline,
    `(select max(case when landing <> ${quoteLiteral(beginning)} then greatest(${before}, coalesce(merged_until, ${before})) else merged_until end) from ${checkpoints} where ${ofIdentity})`,
  )},
  (select max(complete_until) from ${checkpoints} where ${ofIdentity}),
  (select max(skips_until) from ${checkpoints} where ${ofLanding}),
  (select greatest({{started}}::timestamp, coalesce(max(read_until), {{started}}::timestamp)) from ${checkpoints} where ${ofIdentity}),
  (select case when count(*) = 1 then {{run_id}} end from ${runs} where run_id = {{run_id}} and definition is not null)
from ${pipeline.temporary.read}`,
    `delete from ${checkpoints}
where ${ofLanding} and merged_at < (select max(merged_at) from ${checkpoints} where ${ofLanding})`,
  ];
}
