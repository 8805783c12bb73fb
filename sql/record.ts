import type { StatementTemplate } from '../lambda/shared/plan';
import type { Column, Pipeline } from '../pipelines/definition';
import { storedName } from './columns';
import { identifier } from './identifier';
import { landingTable, ofLanding, pipelineTables } from './names';
import {
  type Item,
  identityExpression,
  partItem,
  problemLines,
  soundCondition,
  textItem,
  valueItem,
  withArticle,
} from './typing';

/**
 * Where rows come from: the stream's landing view, or a table that COPY filled with lines of the archive or of history. Stream and
 * archive have positions, and the same ones.
 */
export type Source = 'stream' | 'archive' | 'history';

/** The temporary tables of one merge. */
export function temporaryTables({ name }: Pipeline) {
  return {
    /** Every row, typed. */
    incoming: `${name}_incoming`,
    /** How many they were, and the times between which they arrived. */
    read: `${name}_read`,
    /** Positions that may be among them and have an outcome. */
    merged: `${name}_merged`,
    /** Ids that more than one row has, or an event of before. */
    shared: `${name}_shared`,
    /** The rows of those ids. */
    copies: `${name}_copies`,
  };
}

/** Where on the stream a record stood, in every table that keeps it. */
export const placeColumns = ['shard_id', 'sequence_number', 'partition_key', 'arrived_at'];

/** The table of the rows that arrived: types every row, finds what is wrong with it and gives it its id. */
export function incomingStatement(
  pipeline: Pipeline,
  arrived: string,
  more: readonly string[] = [],
): StatementTemplate {
  const { columns } = pipeline;
  const texts = columns.map(textItem).filter((item) => item !== undefined);
  const kept = [
    ...columns.map(({ name }) => identifier(name)),
    'source',
    ...placeColumns,
    'refresh_time',
    'payload',
    'unparsed',
    ...more,
  ];
  return `create temp table ${temporaryTables(pipeline).incoming} as
with ${arrived},
inspected as (
  select *,
${items(columns.map(partItem))}
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
      when ${soundCondition(columns)} then null
      when unparsed is not null then 'payload: not JSON'
      when coalesce(json_typeof(payload), 'null') = 'null' then 'payload: expected an object, got null'
      when not is_object(payload) then 'payload: expected an object, got ' || ${withArticle('json_typeof(payload)')}
${indent(columns.flatMap(problemLines).join('\n'), 6)}
    end as reason
  from typed
)
select
  ${kept.join(', ')}, reason,
  case when reason is null then ${identityExpression(pipeline.identity, columns)} end as event_id
from judged`;
}

/**
 * The rows of a query with a `payload`, typed as the merge types them: every column by its name, null where the payload has none that fits,
 * and `<name>_part`, what the payload has. The query has no column of these names.
 */
export function typedRows(columns: readonly Column[], rows: string): string {
  const texts = columns.map(textItem).filter((item) => item !== undefined);
  return `select *,
${items(columns.map(valueItem))}
from (
  select *${texts.length > 0 ? `,\n${items(texts)}` : ''}
  from (
    select *,
${items(columns.map(partItem))}
    from (
${indent(rows, 6)}
    ) as arrived
  ) as inspected
) as spelled`;
}

/** The relation `arrived`: the new rows of a source, all with the same columns. */
export function arrivedQueries(pipeline: Pipeline, source: Source): string {
  const landing = landingTable(pipeline);
  const { staged, staged_archive: archive, checkpoints } = pipelineTables(pipeline);
  if (source === 'history')
    return `arrived as (
  select
    'history'::varchar(16) as source, null::varchar(20) as shard_id, null::varchar(128) as sequence_number, null::varchar(256) as partition_key,
    null::timestamp as arrived_at, null::timestamp as refresh_time, payload, null::varbyte as unparsed
  from ${staged}
)`;
  if (source === 'archive')
    return `arrived as (
  select
    'archive'::varchar(16) as source, shard_id, sequence_number, partition_key,
    replace(approximate_arrival_timestamp, 'T', ' ')::timestamp as arrived_at, null::timestamp as refresh_time,
    case when not is_varchar(unparsed) then payload when json_size(unparsed) > ${maxBase64Bytes} then unparsed end as payload,
    case
      when not is_varchar(unparsed) then null
      when json_size(unparsed) > ${maxBase64Bytes} then to_varbyte('', 'utf8')
      else to_varbyte(unparsed::varchar(65535), 'base64')
    end as unparsed
  from (
    select *, row_number() over (partition by shard_id, sequence_number order by approximate_arrival_timestamp) as copy_number
    from ${archive}
  ) as lines
  where copy_number = 1 or shard_id is null or sequence_number is null
)`;
  return `checkpoint as (
  select coalesce(max(refresh_time), '1970-01-01'::timestamp) as refresh_time
  from ${checkpoints}
  where ${ofLanding(pipeline)}
),
arrived as (
  select
    'stream'::varchar(16) as source, shard_id::varchar(20) as shard_id, sequence_number, partition_key,
    approximate_arrival_timestamp as arrived_at, refresh_time, payload, unparsed
  from ${pipeline.name}.${landing}
  where refresh_time > (select refresh_time from checkpoint)
)`;
}

/** No function turns longer base64 into bytes: what is longer stays base64, as the payload of its reject. */
const maxBase64Bytes = 65_535;

/** Arrival is told to the millisecond, by the archive perhaps another way than by the stream: a second is room for that. */
export function readStatement(pipeline: Pipeline): StatementTemplate {
  const { incoming, read } = temporaryTables(pipeline);
  const times = identityTimes(pipeline).map(
    ({ name }) => `,\n  min(${name}) as first_${name}, max(${name}) as last_${name}`,
  );
  return `create temp table ${read} as
select
  count(*) as records, max(refresh_time) as refresh_time,
  dateadd(second, -1, min(arrived_at)) as oldest, dateadd(second, 1, max(arrived_at)) as newest${times.join('')}
from ${incoming}`;
}

/** Columns of events with a time that is part of the id: the name, and the one in the table. */
export function identityTimes({ identity, columns }: Pipeline): { readonly name: string; readonly stored: string }[] {
  if (identity.by === 'stream-position') return [{ name: 'arrived_at', stored: 'arrived_at' }];
  return columns
    .filter(({ name, type }) => type === 'timestamp' && identity.columns.includes(name))
    .map((column) => ({ name: identifier(column.name), stored: identifier(storedName(column)) }));
}

export function items(list: readonly Item[]): string {
  return list.map(({ name, expression }) => `    ${expression} as ${identifier(name)}`).join(',\n');
}

export function indent(text: string, spaces = 2): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}
