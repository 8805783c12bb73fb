import type { StatementTemplate } from '../lambda/shared/plan';
import type { Column, Pipeline } from '../pipelines/definition';
import { storedName } from './columns';
import { identifier } from './identifier';
import { unparsedReason } from './parsing';
import { indent } from './text';
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
    /** The new rows, untouched. */
    arrived: `${name}_arrived`,
    /** How many they were, and the times between which they arrived. */
    read: `${name}_read`,
    /** Positions that may be among them and have an outcome. */
    merged: `${name}_merged`,
    /** The others, parsed. */
    parsed: `${name}_parsed`,
    /** The same, typed. */
    incoming: `${name}_incoming`,
    /** Ids that more than one row has, or an event of before. */
    shared: `${name}_shared`,
    /** The rows of those ids. */
    copies: `${name}_copies`,
    /** Positions of rows that were rejects because streaming ingestion had skipped them. */
    recovered: `${name}_recovered`,
  };
}

/** Where on the stream a record stood, in every table that keeps it. */
export const placeColumns = ['shard_id', 'sequence_number', 'partition_key', 'arrived_at'];

/** A position is looked for around its time of arrival, so all three make it. */
const noPosition = 'shard_id is null or sequence_number is null or arrived_at is null';

/**
 * The table of typed rows: types every row that arrived, finds what is wrong with it and gives it its id.
 * @param into the table
 */
export function incomingStatement(
  pipeline: Pipeline,
  arrived: string,
  more: readonly string[] = [],
  into = temporaryTables(pipeline).incoming,
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
  return `create temp table ${into} as
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
${
  pipeline.identity.by === 'stream-position'
    ? `      when ${noPosition} then 'identity: no position on the stream'
`
    : ''
}      when ${soundCondition(columns)} then null
      when unparsed is not null then ${indent(unparsedReason(), 6).trimStart()}
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
