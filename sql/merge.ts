import type { StatementTemplate } from '../lambda/shared/plan';
import { quoteLiteral } from '../lambda/shared/quote';
import type { Pipeline } from '../pipelines/definition';
import { identifier } from './identifier';
import { landingTable, pipelineTables } from './names';
import { type Item, identityExpression, kindItem, problemLines, textItem, valueItem, withArticle } from './typing';

/** Where rows come from: the stream's landing view, or the table that COPY filled. */
export type Source = 'stream' | 'history';

/** The temporary table of one merge. */
export function incomingTable(pipeline: Pipeline): string {
  return `${pipeline.name}_incoming`;
}

/** Taken first by every transaction that merges. A LOCK takes no snapshot, so what follows sees what the previous holder committed. */
export function lockStatement(pipeline: Pipeline): StatementTemplate {
  return `lock ${pipelineTables(pipeline).checkpoints}`;
}

/**
 * One transaction that takes the new rows of the landing view to their one place each. Placeholder: `run_id`.
 * Nothing changes for a position that was merged before, so a landing view that reads the stream again is harmless.
 */
export function mergeStatements(pipeline: Pipeline): StatementTemplate[] {
  const landing = landingTable();
  return [
    lockStatement(pipeline),
    incomingStatement(pipeline, 'stream', landing),
    ...placeStatements(pipeline, 'stream'),
    runStatement(pipeline, 'stream'),
    ...checkpointStatements(pipeline, landing),
    `drop table ${incomingTable(pipeline)}`,
  ];
}

/**
 * The same for a landing view that is about to go. It was not refreshed for this, so it says nothing about how far the stream is merged:
 * its checkpoint goes with it. Placeholder: `run_id`.
 */
export function lastMergeStatements(pipeline: Pipeline): StatementTemplate[] {
  const landing = landingTable();
  return [
    lockStatement(pipeline),
    incomingStatement(pipeline, 'stream', landing),
    ...placeStatements(pipeline, 'stream'),
    runStatement(pipeline, 'stream'),
    `delete from ${pipelineTables(pipeline).checkpoints} where landing = ${quoteLiteral(landing)}`,
    `drop table ${incomingTable(pipeline)}`,
  ];
}

/**
 * Types every row, finds what is wrong with it, gives it its id and decides its outcome:
 * `known` (this position was merged before), `reject`, `duplicate` (an event of that id exists or comes earlier in this batch) or `event`.
 */
export function incomingStatement(pipeline: Pipeline, source: Source, landing = landingTable()): StatementTemplate {
  const { columns } = pipeline;
  const texts = columns.map(textItem).filter((item) => item !== undefined);
  return `create temp table ${incomingTable(pipeline)} as
with ${arrivedQueries(pipeline, source, landing)}
inspected as (
  select *,
    coalesce(json_typeof(payload), 'null') as payload_kind,
    json_size(payload) as payload_bytes,
${items(columns.map(kindItem))}
  from arrived
),
spelled as (
  select *${texts.length > 0 ? `,\n${items(texts)}` : ''}
  from inspected
),
typed as (
  select *,
${items(columns.map(valueItem))}
  from spelled
),
judged as (
  select *,
    case
      when unparsed is not null then 'payload: not JSON'
      when payload_kind = 'null' then 'payload: expected an object, got null'
      when payload_kind <> 'object' then 'payload: expected an object, got ' || ${withArticle('payload_kind')}
${indent(columns.flatMap(problemLines).join('\n'), 6)}
    end as reason
  from typed
),
identified as (
  select *,
    case when reason is null then ${identityExpression(pipeline.identity, columns)} end as event_id
  from judged
),
${source === 'stream' ? knownQueries(pipeline, landing) : historyQuery}
${outcomeQuery(pipeline)}`;
}

function arrivedQueries(pipeline: Pipeline, source: Source, landing: string): string {
  const { staged, checkpoints } = pipelineTables(pipeline);
  if (source === 'history')
    return `arrived as (
  select
    null::varchar(20) as shard_id, null::varchar(128) as sequence_number, null::varchar(256) as partition_key,
    null::timestamp as arrived_at, null::timestamp as refresh_time, payload, null::varbyte as unparsed
  from ${staged}
),`;
  return `checkpoint as (
  select coalesce(max(refresh_time), '1970-01-01'::timestamp) as refresh_time
  from ${checkpoints}
  where landing = ${quoteLiteral(landing)}
),
arrived as (
  select
    shard_id::varchar(20) as shard_id, sequence_number, partition_key,
    approximate_arrival_timestamp as arrived_at, refresh_time, payload, unparsed
  from ${pipeline.name}.${landing}
  where refresh_time > (select refresh_time from checkpoint)
),`;
}

/**
 * A position has one outcome for good: wherever it went, it is not looked at again. A record read again has arrived when it arrived, so
 * older rows need not be searched.
 */
function knownQueries(pipeline: Pipeline, landing: string): string {
  const { events, duplicates, rejects } = pipelineTables(pipeline);
  const positions = [events, duplicates, rejects]
    .map(
      (table) => `  select shard_id, sequence_number
  from ${table}
  where source = 'stream' and arrived_at >= (select arrived_at from oldest)`,
    )
    .join('\n  union all\n');
  return `oldest as (
  select min(approximate_arrival_timestamp) as arrived_at
  from ${pipeline.name}.${landing}
  where refresh_time > (select refresh_time from checkpoint)
),
merged as (
${positions}
),
counted as (
  select i.*, m.sequence_number is not null as known
  from identified i
  left join merged m on m.shard_id = i.shard_id and m.sequence_number = i.sequence_number
),`;
}

/** Rows of history have no position: the ledger keeps an object from being loaded twice. */
const historyQuery = `counted as (
  select *, false as known
  from identified
),`;

function outcomeQuery(pipeline: Pipeline): string {
  const { events } = pipelineTables(pipeline);
  const kept = [...pipeline.columns.map((column) => column.name), 'shard_id', 'sequence_number', 'partition_key']
    .concat('arrived_at', 'refresh_time', 'payload', 'unparsed', 'reason', 'event_id')
    .map((name) => `n.${identifier(name)}`);
  return `numbered as (
  select *, row_number() over (partition by event_id, known order by arrived_at, shard_id, sequence_number) as copy_number
  from counted
)
select
  ${kept.join(', ')},
  case
    when n.known then 'known'
    when n.reason is not null then 'reject'
    when e.event_id is not null or n.copy_number > 1 then 'duplicate'
    else 'event'
  end as outcome
from numbered n
left join ${events} e on e.event_id = n.event_id`;
}

/** Takes the rows of the temporary table to rejects, duplicates and events. */
export function placeStatements(pipeline: Pipeline, source: Source): StatementTemplate[] {
  const { events, duplicates, rejects } = pipelineTables(pipeline);
  const incoming = incomingTable(pipeline);
  const typed = pipeline.columns.map((column) => identifier(column.name));
  const place = 'shard_id, sequence_number, partition_key, arrived_at';
  return [
    `insert into ${rejects} (source, ${place}, reason, payload, unparsed, run_id, merged_at)
select '${source}', ${place}, reason, payload, unparsed, {{run_id}}, getdate()
from ${incoming}
where outcome = 'reject'`,
    `insert into ${duplicates} (event_id, source, ${place}, run_id, merged_at)
select event_id, '${source}', ${place}, {{run_id}}, getdate()
from ${incoming}
where outcome = 'duplicate'`,
    `insert into ${events} (event_id, ${typed.join(', ')}, source, ${place}, run_id, merged_at, payload)
select event_id, ${typed.join(', ')}, '${source}', ${place}, {{run_id}}, getdate(), payload
from ${incoming}
where outcome = 'event'`,
  ];
}

/** What the run did. `extraRejects` is a count of rows that never reached the temporary table. */
export function runStatement(pipeline: Pipeline, source: Source, extraRejects?: string): StatementTemplate {
  const { runs } = pipelineTables(pipeline);
  const count = (outcome: string) => `count(case when outcome = '${outcome}' then 1 end)`;
  const extra = extraRejects ? ` + ${extraRejects}` : '';
  return `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, merged_at)
select {{run_id}}, '${source}', count(*)${extra}, ${count('event')}, ${count('duplicate')}, ${count('reject')}${extra}, getdate()
from ${incomingTable(pipeline)}`;
}

/**
 * The refresh that this merge read began after the previous merge had committed, so whatever arrived before that is merged now:
 * `merged_until` is the time of the previous merge.
 */
function checkpointStatements(pipeline: Pipeline, landing: string): StatementTemplate[] {
  const { checkpoints } = pipelineTables(pipeline);
  const ours = `landing = ${quoteLiteral(landing)}`;
  return [
    `insert into ${checkpoints} (landing, refresh_time, merged_at, merged_until, complete_until)
select
  ${quoteLiteral(landing)},
  coalesce(max(refresh_time), (select max(refresh_time) from ${checkpoints} where ${ours})),
  getdate(),
  (select max(merged_at) from ${checkpoints}),
  (select max(complete_until) from ${checkpoints})
from ${incomingTable(pipeline)}`,
    `delete from ${checkpoints}
where ${ours} and merged_at < (select max(merged_at) from ${checkpoints} where ${ours})`,
  ];
}

/** After the views were refreshed: what is merged is complete, and exports may close their windows by it. */
export function completeStatement(pipeline: Pipeline): StatementTemplate {
  return `update ${pipelineTables(pipeline).checkpoints}
set complete_until = merged_until
where landing = ${quoteLiteral(landingTable())} and merged_until is not null`;
}

function items(list: readonly Item[]): string {
  return list.map(({ name, expression }) => `    ${expression} as ${identifier(name)}`).join(',\n');
}

export function indent(text: string, spaces = 2): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}
