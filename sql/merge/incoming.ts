import type { StatementTemplate } from '../../lambda/shared/plan';
import type { Column, RecordShape } from '../../pipelines/definition';
import type { ResolvedPipeline } from '../resolve';
import { placeColumns } from '../tables/columns';
import { quoteIdentifier } from '../text/identifier';
import { indent } from '../text/indent';
import {
  howItem,
  howName,
  isLenient,
  items,
  partItem,
  rawItem,
  textItem,
  validCondition,
  valueItem,
  withArticle,
} from '../typing/column';
import { joinedReasons, partReason, problemParts, problemsExpression, reasonItems } from '../typing/problems';
import { reasonName, rowNumber, type TypingTables, typedGroups, typingStatements } from '../typing/typed-rows';
import { formsOf } from './forms';
import { type Encoding, unparsedReason } from './parsing';
import { isText } from './text';
import { envelopeProblem, unwrapOf } from './unwrap';

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
 * Makes the statements that create the table of typed rows. They type each arrived row, find its problems and compute
 * its id.
 * @param tables names of the tables. @default - the tables of a merge
 */
export function incomingStatements(
  pipeline: ResolvedPipeline,
  arrived: string,
  more: readonly string[] = [],
  tables: TypingTables = incomingTable(pipeline),
  { isWrapped = false, encoding, expired }: RecordKind = {},
): StatementTemplate[] {
  const groups = pipeline.columnGroups;
  const lines = { first: firstLines(pipeline, isWrapped), unparsed: unparsedReason(encoding), expired };
  return groups.length === 1
    ? [incomingStatement(pipeline, arrived, more, tables(0), lines)]
    : wideStatements(pipeline, groups, arrived, more, tables, lines);
}

/** What `incomingStatements` needs to know about the records. */
export interface RecordKind {
  /** True if the relation has `envelopeProblem`. @default false */
  readonly isWrapped?: boolean;
  /** @default - no record is encoded */
  readonly encoding?: Encoding;
  /** SQL for the reasons of a record that is valid and too old. @default - no record is too old */
  readonly expired?: string;
}

/** The kind of records that come from a source, or from a file of the same shape. */
export const recordKind = (source: Source, records: RecordShape | undefined): RecordKind => ({
  isWrapped: unwrapOf(records) !== undefined,
  encoding: {
    decode: source === 'history' ? [] : formsOf(records),
    isDecoded: source !== 'stream',
    isText: isText(records),
  },
});

/** The reasons that are found before the columns are looked at. */
interface RecordLines {
  /** `when … then …` lines that come first. */
  readonly first: readonly string[];
  /** SQL for the reason of a record without payload. */
  readonly unparsed: string;
  /** See `RecordKind`. */
  readonly expired?: string;
}

/** The relation of the judged rows. Valid rows that are too old have a reason in it. */
const agedRows = ({ expired }: RecordLines, names: readonly string[]) =>
  expired
    ? `(\n  select ${names.join(', ')}, coalesce(reasons, ${expired}) as reasons\n  from judged\n) as aged`
    : 'judged';

/** The `when … then …` lines that are checked before the columns. */
const firstLines = ({ identity }: ResolvedPipeline, isWrapped: boolean): readonly string[] => [
  ...(identity.by === 'stream-position' ? [positionLine] : []),
  ...(isWrapped ? [`when ${envelopeProblem} is not null then ${envelopeProblem}`] : []),
];

const untyped = ['source', ...placeColumns, 'refresh_time', 'payload', 'unparsed'];

/** The same in several statements: the rows are numbered, typed by groups of columns, and joined. */
function wideStatements(
  pipeline: ResolvedPipeline,
  groups: readonly (readonly Column[])[],
  arrived: string,
  more: readonly string[],
  tables: TypingTables,
  lines: RecordLines,
): StatementTemplate[] {
  const { columns, identity } = pipeline;
  const typed = typedGroups(tables, groups, (group) => problemParts(group).map(partReason), true);
  const kept = [...untyped, ...more];
  const names = [...columns.map(({ sql }) => sql.name), ...hows(columns), ...kept];
  return [
    `create temp table ${tables(1)} as
with ${arrived}
select *, row_number() over (order by arrived_at) as ${rowNumber}
from arrived`,
    ...typed.statements,
    `create temp table ${tables(0)} as
with judged as (
  select
    ${[...columns.map(typed.valueOf), ...columns.filter(isLenient).map(typed.howOf), ...kept.map((name) => `r.${name}`)].join(', ')},
    coalesce(
      case
${indent(recordLines(lines), 8)}
      end,
      ${joinedReasons(typed.reasons)}
    ) as reasons
  from ${indent(typed.from).trimStart()}
)
select
  ${names.join(', ')}, ${reasonItems},
  case when reasons is null then ${identity.expression} end as event_id
from ${agedRows(lines, names)}`,
  ];
}

/** The `when … then …` lines that name what is wrong with a record as a whole. */
function recordLines({ first, unparsed }: RecordLines): string {
  return [...first, `when unparsed is not null then ${unparsed}`, ...payloadLines].join('\n');
}

/** The item with the problem of a record as a whole. No column has this name, since it contains a blank. */
const recordReason = quoteIdentifier('record reason');

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
  lines: RecordLines,
): StatementTemplate {
  const { columns } = pipeline;
  const raws = columns.map(rawItem).filter((item) => item !== undefined);
  const texts = columns.map(textItem).filter((item) => item !== undefined);
  const kept = [...columns.map(({ sql }) => sql.name), ...hows(columns), ...untyped, ...more];
  return `create temp table ${into} as
with ${arrived},
inspected as (
  select *,
${items(columns.map(partItem))}
  from arrived
),
${raws.length > 0 ? `read_texts as (\n  select *,\n${items(raws)}\n  from inspected\n),\n` : ''}spelled as (
  select *${texts.length > 0 ? `,\n${items(texts)}` : ''}
  from ${raws.length > 0 ? 'read_texts' : 'inspected'}
),
typed as (
  select *,
${items(columns.map(valueItem))}
  from spelled
),
${judgedRelations(pipeline, lines)}
select
  ${kept.join(', ')}, ${reasonItems},
  case when reasons is null then ${pipeline.identity.expression} end as event_id
from ${agedRows(lines, kept)}`;
}

const hows = (columns: readonly Column[]) => columns.filter(isLenient).map(howName);

function howItems(columns: readonly Column[]): string {
  const list = columns.map(howItem).filter((item) => item !== undefined);
  return list.length === 0 ? '' : `\n${items(list)},`;
}

/** SQL for the relation `judged`: the typed rows, each with all its problems in `reasons`. */
function judgedRelations({ columns }: ResolvedPipeline, lines: RecordLines): string {
  const parts = problemParts(columns);
  if (parts.length === 1)
    return `judged as (
  select *,${howItems(columns)}
    case
${lines.first.map((line) => `      ${line}\n`).join('')}      when ${validCondition(columns)} then null
      when unparsed is not null then ${indent(lines.unparsed, 6).trimStart()}
${indent(payloadLines.join('\n'), 6)}
      else ${indent(problemsExpression(columns), 6).trimStart()}
    end as reasons
  from typed
)`;
  return `explained as (
  select *,${howItems(columns)}
    case
${indent(recordLines(lines), 6)}
    end as ${recordReason},
${parts.map((part, i) => `${indent(partReason(part), 4)} as ${reasonName(i)}`).join(',\n')}
  from typed
),
judged as (
  select *, coalesce(${recordReason}, ${joinedReasons(parts.map((_, i) => reasonName(i)))}) as reasons
  from explained
)`;
}
