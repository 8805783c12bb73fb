import { type CompressionName, SqlError, type Statement } from '../../statement';
import type { Identifier, Options, StatementNode } from '../ast';
import { Source } from '../lexer';
import { Cursor } from '../parser/cursor';
import { parseQuery } from '../parser/query';
import type { ResolvedQuery } from '../resolve/environment';
import { resolveQuery } from '../resolve/query';
import { Context } from '../resolve/scope';
import { quoteIdentifier } from '../resolve/value';
import { describe } from '../types';
import { nameOf, targetOf } from './change';
import { requireUnique, toColumns } from './shared';

type Copy = StatementNode & { kind: 'copy' };
type Unload = StatementNode & { kind: 'unload' };

const compressions = ['gzip', 'bzip2', 'zstd'] as const;

function compressionOf(options: Options, context: Context): CompressionName {
  const [first, second] = compressions.filter((name) => options.has(name));
  if (second)
    throw context.source.error(
      `${first!.toUpperCase()} and ${second.toUpperCase()} exclude each other`,
      options.get(second)!.at,
    );
  return first ?? 'none';
}

function exclude(options: Options, names: readonly string[], withWhat: string, context: Context): void {
  for (const name of names) {
    const option = options.get(name);
    if (option) throw context.source.error(`${name.toUpperCase()} is not supported with ${withWhat}`, option.at);
  }
}

function required(options: Options, name: string, statement: string, context: Context, at: number): string {
  const option = options.get(name);
  if (!option) {
    if (name === 'format') throw context.source.unsupported(`${statement} without FORMAT (delimited text)`, at);
    throw context.source.error(`${statement} needs ${name.toUpperCase()}`, at);
  }
  return option.value as string;
}

export function translateCopy(node: Copy, context: Context): Statement {
  const { options } = node;
  const relation = targetOf(node.table, context, 'copy into');
  if (node.columns.length > 0) throw context.source.unsupported('a list of columns in COPY', node.columns[0]!.at);
  const format = required(options, 'format', 'COPY', context, node.at) as
    | 'json-auto'
    | 'json-noshred'
    | 'csv'
    | 'parquet';
  // https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html
  if (format.startsWith('json'))
    exclude(options, ['delimiter', 'ignoreheader', 'ignoreblanklines', 'quote'], 'JSON in COPY', context);
  if (format === 'parquet')
    exclude(
      options,
      [
        ...compressions,
        'delimiter',
        'quote',
        'ignoreheader',
        'ignoreblanklines',
        'emptyasnull',
        'timeformat',
        'maxerror',
        'compupdate',
      ],
      'PARQUET in COPY',
      context,
    );
  if (format === 'json-noshred' && (relation.columns.length !== 1 || relation.columns[0]!.type.name !== 'super')) {
    throw context.source.error(
      `JSON 'noshred' needs a table with one column of type super, "${relation.name}" has another shape`,
      node.at,
    );
  }
  const maxErrors = (options.get('maxerror')?.value as number | undefined) ?? 0;
  if (maxErrors > 100_000)
    throw context.source.error(`MAXERROR must be between 0 and 100000, got ${maxErrors}`, options.get('maxerror')!.at);
  const timeformat = options.get('timeformat');
  if (timeformat && !['auto', 'epochsecs', 'epochmillisecs'].includes(timeformat.value as string))
    throw context.source.unsupported(`TIMEFORMAT '${timeformat.value}'`, timeformat.at);
  for (const name of ['delimiter', 'quote']) {
    const option = options.get(name);
    if (option && !/^[\x20-\x7e\t]$/.test(option.value as string))
      throw context.source.error(`${name.toUpperCase()} must be one printable ASCII character`, option.at);
  }
  const passed = ['timeformat', 'ignoreheader', 'ignoreblanklines', 'emptyasnull', 'quote', 'delimiter'].flatMap(
    (name) => (options.has(name) ? [[name, options.get(name)!.value as string | number | boolean]] : []),
  );
  return {
    kind: 'copy',
    table: nameOf(relation),
    from: node.from,
    roleArn: required(options, 'iam_role', 'COPY', context, node.at),
    manifest: options.has('manifest'),
    format,
    compression: compressionOf(options, context),
    maxErrors,
    options: Object.fromEntries(passed),
  };
}

/** The query of an UNLOAD is a text of its own; positions in its errors count from its first character. */
function unloadedQuery(node: Unload, context: Context): { query: ResolvedQuery; inner: Context } {
  try {
    const source = new Source(node.query);
    const inner = new Context(context.catalog, source, {});
    const cursor = new Cursor(source);
    const parsed = parseQuery(cursor);
    if (cursor.takeOperator(';') || cursor.token.kind !== 'end') throw cursor.syntaxError('the end of the query');
    if (parsed.limit || parsed.offset)
      throw source.error('LIMIT is not supported in the outer SELECT of UNLOAD', (parsed.limit ?? parsed.offset)!.at);
    return { query: resolveQuery(parsed, inner), inner };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw context.source.error(`in the query of UNLOAD, ${error.message}`, node.queryAt);
  }
}

function checkUnload(node: Unload, format: string, context: Context): void {
  const { options } = node;
  // https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
  if (format === 'parquet') exclude(options, [...compressions, 'delimiter', 'header'], 'PARQUET in UNLOAD', context);
  if (format === 'json') exclude(options, ['delimiter', 'header'], 'JSON in UNLOAD', context);
  if (options.has('cleanpath')) exclude(options, ['allowoverwrite'], 'CLEANPATH in UNLOAD', context);
  if (options.has('include') && !options.has('partition'))
    throw context.source.error('INCLUDE needs PARTITION BY', options.get('include')!.at);
  const delimiter = options.get('delimiter');
  if (delimiter && !/^[\x20-\x7e]$/.test(delimiter.value as string))
    throw context.source.error('DELIMITER must be one printable ASCII character', delimiter.at);
  if (options.get('encrypted')?.value === 'yes')
    throw context.source.unsupported('ENCRYPTED without AUTO', options.get('encrypted')!.at);
}

export function translateUnload(node: Unload, context: Context): Statement {
  const { options } = node;
  const format = required(options, 'format', 'UNLOAD', context, node.at) as 'parquet' | 'csv' | 'json';
  checkUnload(node, format, context);
  const { query, inner } = unloadedQuery(node, context);
  const columns = toColumns(query.columns);
  if (format !== 'csv') requireUnique(columns, context, node.queryAt);
  const bytes = columns.find(({ type }) => type.name === 'varbyte');
  if (bytes && format !== 'csv')
    throw context.source.error(
      `column "${bytes.name}" of type ${describe(bytes.type)} is not supported with ${format.toUpperCase()} in UNLOAD`,
      node.queryAt,
    );
  if (bytes)
    throw context.source.unsupported(`column "${bytes.name}" of type ${describe(bytes.type)} in UNLOAD`, node.queryAt);
  return {
    kind: 'unload',
    duckdb: unloadSql(query, columns, format),
    columns,
    to: node.to,
    roleArn: required(options, 'iam_role', 'UNLOAD', context, node.at),
    format,
    compression: compressionOf(options, context),
    header: options.has('header'),
    delimiter: (options.get('delimiter')?.value as string | undefined) ?? ',',
    manifest: (options.get('manifest')?.value as 'plain' | 'verbose' | undefined) ?? 'none',
    parallel: (options.get('parallel')?.value as boolean | undefined) ?? true,
    allowOverwrite: options.has('allowoverwrite'),
    cleanPath: options.has('cleanpath'),
    maxFileBytes: (options.get('maxfilesize')?.value as number | undefined) ?? Math.floor(6.2 * 1024 ** 3),
    encryptedAuto: options.get('encrypted')?.value === 'auto',
    extension: options.get('extension')?.value as string | undefined,
    partitionBy: partitions(options, columns, inner, context),
    includePartitionColumns: options.has('include'),
  };
}

function partitions(
  options: Options,
  columns: ReturnType<typeof toColumns>,
  inner: Context,
  context: Context,
): string[] {
  const option = options.get('partition');
  const names = ((option?.value as readonly Identifier[] | undefined) ?? []).map((identifier) => {
    const name = inner.fold(identifier);
    const column = columns.find((candidate) => candidate.name === name);
    if (!column) throw context.source.error(`partition column "${name}" is not in the query`, identifier.at);
    if (['super', 'varbyte', 'double precision'].includes(column.type.name))
      throw context.source.error(
        `column "${name}" of type ${describe(column.type)} cannot be a partition column`,
        identifier.at,
      );
    return name;
  });
  if (option && names.length >= columns.length)
    throw context.source.error('at least one column must not be a partition column', option.at);
  return names;
}

/** SUPER becomes JSON text, except in JSON files, where it stays a value. */
function unloadSql(query: ResolvedQuery, columns: ReturnType<typeof toColumns>, format: string): string {
  if (format === 'json' || !columns.some(({ type }) => type.name === 'super')) return query.sql;
  const given = columns.map((_, i) => `"c${i + 1}"`);
  const list = columns.map(
    ({ name, type }, i) =>
      `${type.name === 'super' ? `cast(${given[i]} as varchar)` : given[i]} as ${quoteIdentifier(name)}`,
  );
  return `select ${list.join(', ')} from (${query.sql}) as "unloaded"(${given.join(', ')})`;
}
