import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ColumnType, FileColumn, HistorySource } from '../../pipelines/definition';
import type { ResolvedPipeline } from '../resolve';
import { indent } from '../text/indent';

/** A source whose files have columns instead of payloads. */
type ColumnarSource = Pick<HistorySource, 'name' | 'compression' | 'delimiter'> & {
  readonly format: 'csv' | 'parquet';
  readonly columns: readonly FileColumn[];
};

export function isColumnar(source: Pick<HistorySource, 'format' | 'columns'>): source is ColumnarSource {
  return (source.format === 'csv' || source.format === 'parquet') && source.columns !== undefined;
}

export const pathOf = ({ name, path }: FileColumn): readonly string[] => path ?? [name];

/** Largest varchar, in bytes. A longer CSV field is an error of COPY, which makes its record a reject. */
const maxFieldBytes = 65_535;

/**
 * A temporary table with the rows of files as COPY reads them. It lives as long as the transaction, so a source may
 * change its columns without a deployment. COPY goes by position, so its columns are named by position.
 */
export function recordsTable({ name }: Pick<ResolvedPipeline, 'name'>): string {
  return `${name}_records`;
}

const place = (index: number) => `c${index + 1}`;

/** Copies files into the records, makes payloads of them, and inserts these into `staged` or a table like it. */
export function columnarStatements(
  pipeline: ResolvedPipeline,
  source: ColumnarSource,
  staged = pipeline.tables.staged,
): StatementTemplate[] {
  const records = recordsTable(pipeline);
  return [
    ...recordsStatements(pipeline, source),
    `insert into ${staged} (payload)\nselect ${payloadExpression(pipeline, source)}\nfrom ${records}`,
  ];
}

/**
 * Copies files into the records.
 * @param more options of a COPY of CSV
 */
export function recordsStatements(pipeline: ResolvedPipeline, source: ColumnarSource, more = ''): StatementTemplate[] {
  const records = recordsTable(pipeline);
  const columns = source.columns.map((column, index) => `  ${place(index)} ${tableType(source, column)}`);
  return [
    `create temp table ${records} (\n${columns.join(',\n')}\n)`,
    `copy ${records} from {{manifest}} iam_role {{load_role}} manifest\n${copyOptions(source, more)}`,
  ];
}

function tableType({ format }: ColumnarSource, { type = 'varchar' }: FileColumn): string {
  if (format === 'csv' || type === 'varchar') return `varchar(${maxFieldBytes})`;
  return type === 'double' ? 'double precision' : type;
}

function copyOptions({ format, compression, delimiter = ',' }: ColumnarSource, more: string): string {
  if (format === 'parquet') return 'format parquet statupdate off';
  const compressed = compression === 'none' ? '' : ` ${compression}`;
  const separated = delimiter === ',' ? '' : ` delimiter ${quoteLiteral(delimiter)}`;
  return `format csv${separated} ignoreheader 1 ignoreblanklines emptyasnull${compressed} ${more}compupdate off statupdate off`;
}

/** Half of a Windows line end may remain in the last column of a CSV: it is not documented whether COPY removes it. */
function given({ format, columns }: ColumnarSource, index: number): string {
  return format === 'csv' && index === columns.length - 1
    ? `nullif(rtrim(${place(index)}, chr(13)), '')`
    : place(index);
}

/** The values of a file's columns by attribute. Paths with a common beginning make a nested object. */
type Tree = Map<string, Tree | string>;

/** SQL for a SUPER value in the shape that the columns' paths describe. */
function payloadExpression(pipeline: Pick<ResolvedPipeline, 'columns'>, source: ColumnarSource): string {
  const root: Tree = new Map();
  for (const [index, column] of source.columns.entries()) {
    const path = [...pathOf(column)];
    const last = path.pop()!;
    let node = root;
    for (const attribute of path) {
      const next = node.get(attribute);
      const child: Tree = next instanceof Map ? next : new Map();
      if (child !== next) node.set(attribute, child);
      node = child;
    }
    node.set(last, valueExpression(pipeline, source, column, given(source, index)));
  }
  return objectExpression(root);
}

function objectExpression(tree: Tree): string {
  const attributes = [...tree].map(
    ([name, value]) => `${quoteLiteral(name)}, ${typeof value === 'string' ? value : objectExpression(value)}`,
  );
  return `object(\n${indent(attributes.join(',\n'))}\n)`;
}

function valueExpression(
  pipeline: Pick<ResolvedPipeline, 'columns'>,
  { format }: ColumnarSource,
  column: FileColumn,
  name: string,
): string {
  if (format === 'csv') return csvValue(spellingOf(pipeline, column), name);
  switch (column.type) {
    case 'date':
      return `to_char(${name}, 'YYYY-MM-DD')`;
    case 'timestamp':
      return `replace(to_char(${name}, 'YYYY-MM-DD HH24:MI:SS.US'), ' ', 'T') || 'Z'`;
    case 'real':
    case 'double':
      // JSON has no infinities and no NaN, whose comparison is false or greater: both become null, as is usual.
      return `case when abs(${name}) <= ${maxDouble} then ${name} end`;
    default:
      return name;
  }
}

const maxDouble = "'1.7976931348623157e308'::double precision";

/** What a text in a CSV becomes. */
type Spelling = 'text' | 'number' | 'flag' | 'json';

const spellings: Record<ColumnType['type'], Spelling> = {
  varchar: 'text',
  char: 'text',
  timestamp: 'text',
  timestamptz: 'text',
  date: 'text',
  time: 'text',
  integer: 'number',
  bigint: 'number',
  decimal: 'number',
  double: 'number',
  boolean: 'flag',
  super: 'json',
};

/** The spelling for the pipeline's column at the same path. */
export function spellingOf({ columns }: Pick<ResolvedPipeline, 'columns'>, column: FileColumn): Spelling {
  const path = JSON.stringify(pathOf(column));
  const wanted = columns.find((candidate) => JSON.stringify(candidate.path) === path);
  return wanted ? spellings[wanted.type] : 'text';
}

/** A number as JSON writes it. Longer texts stay texts. */
const numberPattern = '^-?(0|[1-9][0-9]{0,99})([.][0-9]{1,99})?([eE][+-]?[0-9]{1,3})?$';

function csvValue(spelling: Spelling, name: string): string {
  switch (spelling) {
    case 'text':
      return name;
    case 'number':
      // JSON_PARSE refuses a number beyond a double's range.
      return `case when ${name} ~ '${numberPattern}' and can_json_parse(${name}) then json_parse(${name}) else ${name}::super end`;
    case 'json':
      // A text that is not JSON stays a text.
      return `case when can_json_parse(${name}) then json_parse(${name}) else ${name}::super end`;
    case 'flag':
      return `case when lower(${name}) in ('true', 't') then json_parse('true') when lower(${name}) in ('false', 'f') then json_parse('false') else ${name}::super end`;
  }
}
