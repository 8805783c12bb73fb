import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Column, Pipeline } from '../../pipelines/definition';
import { storedName } from '../tables/columns';
import { identifier } from '../text/identifier';
import { indent } from '../text/indent';
import {
  identityExpression,
  items,
  partItem,
  problemLines,
  soundCondition,
  textItem,
  valueItem,
  withArticle,
} from '../typing/column';
import { columnGroups, rowNumber, type TypingTables, typedGroups, typingStatements } from '../typing/typed-rows';
import { unparsedReason } from './parsing';

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
    /** The same, numbered: of a pipeline whose columns one statement cannot speak of. */
    rows: `${name}_rows`,
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

/** The temporary tables of `incomingStatements`. */
export function incomingTables(pipeline: Pipeline): string[] {
  const statements = typingStatements(columnGroups(pipeline.columns).length);
  return Array.from({ length: statements }, (_, number) => incomingTable(pipeline)(number));
}

const incomingTable =
  (pipeline: Pipeline): TypingTables =>
  (number) => {
    const { rows, incoming } = temporaryTables(pipeline);
    if (number === 0) return incoming;
    return number === 1 ? rows : `${rows}_${number - 1}`;
  };

/**
 * Make the table of typed rows: type every row that arrived, find what is wrong with it and give it its id.
 * @param tables where to. @default - the tables of a merge
 */
export function incomingStatements(
  pipeline: Pipeline,
  arrived: string,
  more: readonly string[] = [],
  tables: TypingTables = incomingTable(pipeline),
): StatementTemplate[] {
  const groups = columnGroups(pipeline.columns);
  return groups.length === 1
    ? [incomingStatement(pipeline, arrived, more, tables(0))]
    : wideStatements(pipeline, groups, arrived, more, tables);
}

const untyped = ['source', ...placeColumns, 'refresh_time', 'payload', 'unparsed'];

/** The same in several statements: the rows are numbered, typed by groups of columns, and put together. */
function wideStatements(
  pipeline: Pipeline,
  groups: readonly Column[][],
  arrived: string,
  more: readonly string[],
  tables: TypingTables,
): StatementTemplate[] {
  const { columns, identity } = pipeline;
  const typed = typedGroups(
    tables,
    groups,
    (group) => `case
  when ${soundCondition(group)} then null
${indent(group.flatMap(problemLines).join('\n'))}
end`,
  );
  const kept = [...untyped, ...more];
  return [
    `create temp table ${tables(1)} as
with ${arrived}
select *, row_number() over (order by arrived_at) as ${rowNumber}
from arrived`,
    ...typed.statements,
    `create temp table ${tables(0)} as
with judged as (
  select
    ${[...columns.map(typed.valueOf), ...kept.map((name) => `r.${name}`)].join(', ')},
    coalesce(
      case
${indent(recordLines(pipeline), 8)}
      end,
      ${typed.reasons}
    ) as reason
  from ${indent(typed.from).trimStart()}
)
select
  ${[...columns.map(({ name }) => identifier(name)), ...kept].join(', ')}, reason,
  case when reason is null then ${identityExpression(identity, columns)} end as event_id
from judged`,
  ];
}

/** The `when … then …` lines that name what is wrong with a record as a whole. */
function recordLines({ identity }: Pipeline): string {
  return [
    ...(identity.by === 'stream-position' ? [positionLine] : []),
    `when unparsed is not null then ${unparsedReason()}`,
    ...payloadLines,
  ].join('\n');
}

const positionLine = `when ${noPosition} then 'identity: no position on the stream'`;
const payloadLines = [
  "when coalesce(json_typeof(payload), 'null') = 'null' then 'payload: expected an object, got null'",
  `when not is_object(payload) then 'payload: expected an object, got ' || ${withArticle('json_typeof(payload)')}`,
];

function incomingStatement(
  pipeline: Pipeline,
  arrived: string,
  more: readonly string[],
  into: string,
): StatementTemplate {
  const { columns } = pipeline;
  const texts = columns.map(textItem).filter((item) => item !== undefined);
  const kept = [...columns.map(({ name }) => identifier(name)), ...untyped, ...more];
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
    ? `      ${positionLine}
`
    : ''
}      when ${soundCondition(columns)} then null
      when unparsed is not null then ${indent(unparsedReason(), 6).trimStart()}
${indent(payloadLines.join('\n'), 6)}
${indent(columns.flatMap(problemLines).join('\n'), 6)}
    end as reason
  from typed
)
select
  ${kept.join(', ')}, reason,
  case when reason is null then ${identityExpression(pipeline.identity, columns)} end as event_id
from judged`;
}

/** Columns of events with a time that is part of the id: the name, and the one in the table. */
export function identityTimes({ identity, columns }: Pipeline): { readonly name: string; readonly stored: string }[] {
  if (identity.by === 'stream-position') return [{ name: 'arrived_at', stored: 'arrived_at' }];
  return columns
    .filter(({ name, type }) => type === 'timestamp' && identity.columns.includes(name))
    .map((column) => ({ name: identifier(column.name), stored: identifier(storedName(column)) }));
}
