import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Column } from '../../pipelines/definition';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { indent } from '../text/indent';
import { items, partItem, problemLines, textItem, validCondition, valueItem, withArticle } from '../typing/column';
import { rowNumber, type TypingTables, typedGroups, typingStatements } from '../typing/typed-rows';
import { unparsedReason } from './parsing';

/**
 * Where rows come from: the stream's landing view, or a table that COPY filled with lines of the archive or of
 * history. Stream and archive share positions.
 */
export type Source = 'stream' | 'archive' | 'history';

/** A position is searched around its arrival time, so all three columns are needed. */
const noPosition = 'shard_id is null or sequence_number is null or arrived_at is null';

/** The temporary tables of `incomingStatements`. */
export function incomingTables(pipeline: ResolvedPipeline): string[] {
  const statements = typingStatements(pipeline.columnGroups.length);
  return Array.from({ length: statements }, (_, number) => incomingTable(pipeline)(number));
}

const incomingTable =
  (pipeline: ResolvedPipeline): TypingTables =>
  (number) => {
    const { rows, incoming } = pipeline.temporary;
    if (number === 0) return incoming;
    return number === 1 ? rows : `${rows}_${number - 1}`;
  };

/**
 * Statements that make the table of typed rows: they type every arrived row, find what is wrong with it and compute
 * its id.
 * @param tables names the tables. @default - the tables of a merge
 */
export function incomingStatements(
  pipeline: ResolvedPipeline,
  arrived: string,
  more: readonly string[] = [],
  tables: TypingTables = incomingTable(pipeline),
): StatementTemplate[] {
  const groups = pipeline.columnGroups;
  return groups.length === 1
    ? [incomingStatement(pipeline, arrived, more, tables(0))]
    : wideStatements(pipeline, groups, arrived, more, tables);
}

const untyped = ['source', ...placeColumns, 'refresh_time', 'payload', 'unparsed'];

/** The same in several statements: the rows are numbered, typed by groups of columns, and joined. */
function wideStatements(
  pipeline: ResolvedPipeline,
  groups: readonly (readonly Column[])[],
  arrived: string,
  more: readonly string[],
  tables: TypingTables,
): StatementTemplate[] {
  const { columns, identity } = pipeline;
  const typed = typedGroups(
    tables,
    groups,
    (group) => `case
  when ${validCondition(group)} then null
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
  ${[...columns.map(({ sql }) => sql.name), ...kept].join(', ')}, reason,
  case when reason is null then ${identity.expression} end as event_id
from judged`,
  ];
}

/** The `when … then …` lines that name what is wrong with a record as a whole. */
function recordLines({ identity }: ResolvedPipeline): string {
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
  pipeline: ResolvedPipeline,
  arrived: string,
  more: readonly string[],
  into: string,
): StatementTemplate {
  const { columns } = pipeline;
  const texts = columns.map(textItem).filter((item) => item !== undefined);
  const kept = [...columns.map(({ sql }) => sql.name), ...untyped, ...more];
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
}      when ${validCondition(columns)} then null
      when unparsed is not null then ${indent(unparsedReason(), 6).trimStart()}
${indent(payloadLines.join('\n'), 6)}
${indent(columns.flatMap(problemLines).join('\n'), 6)}
    end as reason
  from typed
)
select
  ${kept.join(', ')}, reason,
  case when reason is null then ${pipeline.identity.expression} end as event_id
from judged`;
}
