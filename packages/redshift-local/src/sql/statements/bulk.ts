import { type CompressionName, SqlError, type Statement } from '../../statement';
import { formatOf } from '../../time-format';
import type { Identifier, Options, StatementNode } from '../ast';
import { Source } from '../lexer';
import { openText } from '../parser/open';
import { parseQuery } from '../parser/query';
import type { ResolvedQuery } from '../resolve/environment';
import { resolveQuery } from '../resolve/query';
import { Context } from '../resolve/scope';
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
    throw context.source.error(`${statement} needs ${name.toUpperCase()}`, at);
  }
  return option.value as string;
}

export function translateCopy(node: Copy, context: Context): Statement {
  const { options } = node;
  const relation = targetOf(node.table, context, 'copy into');
  const given = String(options.get('format')?.value ?? 'text');
  const jsonPaths = given.startsWith('s3://') ? given : undefined;
  const format = (jsonPaths === undefined ? given : 'json-paths') as Extract<Statement, { kind: 'copy' }>['format'];
  checkCopyFormat(options, format, context);
  const columns = listedColumns(node, relation.columns, context);
  if (columns && format === 'json-noshred')
    throw context.source.error(`a list of columns is not supported with JSON 'noshred' in COPY`, node.columns[0]!.at);
  if (format === 'json-noshred' && (relation.columns.length !== 1 || relation.columns[0]!.type.name !== 'super')) {
    throw context.source.error(
      `JSON 'noshred' needs a table with one column of type super, "${relation.name}" has another shape`,
      node.at,
    );
  }
  const maxErrors = (options.get('maxerror')?.value as number | undefined) ?? 0;
  if (maxErrors > 100_000)
    throw context.source.error(`MAXERROR must be between 0 and 100000, got ${maxErrors}`, options.get('maxerror')!.at);
  const dateformat = options.get('dateformat');
  if (dateformat && !formatOf(dateformat.value as string))
    throw context.source.unsupported(`DATEFORMAT '${dateformat.value}'`, dateformat.at);
  const timeformat = options.get('timeformat');
  const time = timeformat?.value as string;
  if (timeformat && !['auto', 'epochsecs', 'epochmillisecs'].includes(time) && !formatOf(time))
    throw context.source.unsupported(`TIMEFORMAT '${timeformat.value}'`, timeformat.at);
  for (const name of ['delimiter', 'quote']) {
    const option = options.get(name);
    if (option && !/^[\x20-\x7e\t]$/.test(readEscape(option.value as string)))
      throw context.source.error(`${name.toUpperCase()} must be one printable ASCII character`, option.at);
  }
  const replacement = options.get('acceptinvchars');
  if (replacement && !/^[ -~]$/.test(replacement.value as string))
    throw context.source.error('ACCEPTINVCHARS must be one ASCII character', replacement.at);
  nullOf(options, (options.get('delimiter')?.value as string | undefined) ?? (format === 'csv' ? ',' : '|'), context);
  return {
    kind: 'copy',
    table: nameOf(relation),
    columns,
    from: node.from,
    roleArn: required(options, 'iam_role', 'COPY', context, node.at),
    manifest: options.has('manifest'),
    format,
    compression: compressionOf(options, context),
    ...(jsonPaths === undefined ? {} : { jsonPaths }),
    maxErrors,
    options: Object.fromEntries(
      passedOptions.flatMap((name) =>
        options.has(name) ? [[name, passed(name, options.get(name)!.value as string | number | boolean)]] : [],
      ),
    ),
  };
}

/** A tab may be written as `\t`. */
const readEscape = (text: string): string => (text === '\\t' ? '\t' : text);
const passed = (name: string, value: string | number | boolean) =>
  name === 'delimiter' ? readEscape(String(value)) : value;

/** Options of COPY that the engine needs. */
const passedOptions = [
  'timeformat',
  'dateformat',
  'fillrecord',
  'escape',
  'removequotes',
  'roundec',
  'acceptinvchars',
  'ignoreheader',
  'ignoreblanklines',
  'emptyasnull',
  'blanksasnull',
  'trimblanks',
  'truncatecolumns',
  'null',
  'quote',
  'delimiter',
  'serializetojson',
];

/** https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-format.html */
function checkCopyFormat(options: Options, format: string, context: Context): void {
  const notJson = [
    'delimiter',
    'ignoreheader',
    'ignoreblanklines',
    'null',
    'quote',
    'fillrecord',
    'escape',
    'removequotes',
  ];
  if (!format.startsWith('json') && format !== 'parquet' && format !== 'csv')
    exclude(options, ['quote'], 'delimited text in COPY', context);
  const unreplaced = options.get('acceptinvchars');
  if (unreplaced && format !== 'csv' && format !== 'text')
    throw context.source.unsupported(
      `ACCEPTINVCHARS with ${format.split('-')[0]!.toUpperCase()} in COPY`,
      unreplaced.at,
    );
  if (format.startsWith('json')) exclude(options, notJson, 'JSON in COPY', context);
  const conversions = [
    'emptyasnull',
    'blanksasnull',
    'trimblanks',
    'truncatecolumns',
    'dateformat',
    'timeformat',
    'roundec',
  ];
  if (format === 'csv') exclude(options, ['escape', 'removequotes'], 'CSV in COPY', context);
  if (format === 'json-noshred') exclude(options, conversions.slice(0, 4), `JSON 'noshred' in COPY`, context);
  if (format !== 'parquet')
    exclude(options, ['serializetojson'], `${format.split('-')[0]!.toUpperCase()} in COPY`, context);
  if (format === 'parquet')
    exclude(
      options,
      [...compressions, ...notJson, ...conversions, 'maxerror', 'compupdate'],
      'PARQUET in COPY',
      context,
    );
}

/** The columns that COPY lists. */
function listedColumns(
  node: Copy,
  columns: readonly { readonly name: string }[],
  context: Context,
): string[] | undefined {
  if (node.columns.length === 0) return undefined;
  const names = node.columns.map((identifier) => {
    const name = context.fold(identifier);
    if (!columns.some((column) => column.name === name))
      throw context.source.error(`column "${name}" of COPY is not in the table`, identifier.at);
    return name;
  });
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice >= 0) throw context.source.error(`column "${names[twice]}" is listed twice`, node.columns[twice]!.at);
  return names;
}

/** The query of UNLOAD is a text of its own. Positions in its errors count from its first character. */
function unloadedQuery(node: Unload, context: Context): { query: ResolvedQuery; inner: Context } {
  try {
    const source = new Source(node.query);
    const inner = new Context(context.catalog, source, undefined);
    const cursor = openText(source);
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

type UnloadFormat = Extract<Statement, { kind: 'unload' }>['format'];

/**
 * Options that cannot be combined with a format
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html#unload-csv).
 */
const excludedByFormat: Readonly<Record<UnloadFormat, readonly string[]>> = {
  parquet: [...compressions, 'delimiter', 'escape', 'null', 'header'],
  json: ['delimiter', 'header', 'escape', 'null', 'rowgroupsize'],
  csv: ['escape', 'rowgroupsize'],
  text: ['rowgroupsize'],
};

function checkUnload(node: Unload, format: UnloadFormat, context: Context): void {
  const { options } = node;
  const name = format === 'text' ? 'delimited text' : format.toUpperCase();
  exclude(options, excludedByFormat[format], `${name} in UNLOAD`, context);
  if (options.has('cleanpath')) exclude(options, ['allowoverwrite'], 'CLEANPATH in UNLOAD', context);
  const encrypted = options.get('encrypted');
  const key = options.get('kms_key_id');
  if (encrypted?.value === 'auto') exclude(options, ['kms_key_id'], 'ENCRYPTED AUTO in UNLOAD', context);
  else if (encrypted && !key)
    throw context.source.error('ENCRYPTED needs AUTO or KMS_KEY_ID: client-side encryption has ended', encrypted.at);
  const extension = options.get('extension');
  if (extension?.value === '') throw context.source.error('EXTENSION must not be empty', extension.at);
  if (key && !encrypted) throw context.source.error('KMS_KEY_ID needs ENCRYPTED', key.at);
}

/** The delimiter: one ASCII character, which may be written as `\t` or in octal digits. */
function delimiterOf(options: Options, otherwise: string, context: Context): string {
  const option = options.get('delimiter');
  if (!option) return otherwise;
  const given = option.value as string;
  const octal = /^\\([0-7]{3})$/.exec(given);
  const character = given === '\\t' ? '\t' : octal ? String.fromCharCode(Number.parseInt(octal[1]!, 8)) : given;
  const code = character.length === 1 ? character.charCodeAt(0) : 0;
  if (code < 1 || code > 127 || '"\r\n\\'.includes(character))
    throw context.source.error(
      `DELIMITER must be one ASCII character, not a quotation mark, backslash or line end, got "${given}"`,
      option.at,
    );
  return character;
}

function nullOf(options: Options, delimiter: string, context: Context): string | undefined {
  const option = options.get('null');
  const text = option?.value as string | undefined;
  if (text === undefined || ![delimiter, '"', '\r', '\n'].some((mark) => text.includes(mark))) return text;
  throw context.source.unsupported(
    `NULL AS with a delimiter, quotation mark or line end, ${JSON.stringify(text)},`,
    option!.at,
  );
}

function encryptionOf(options: Options): Extract<Statement, { kind: 'unload' }>['encryption'] {
  const encrypted = options.get('encrypted');
  if (!encrypted) return 's3';
  return encrypted.value === 'auto' ? 'bucket' : { kmsKey: options.get('kms_key_id')!.value as string };
}

export function translateUnload(node: Unload, context: Context): Statement {
  const { options } = node;
  const option = <T>(name: string) => options.get(name)?.value as T | undefined;
  const format = option<UnloadFormat>('format') ?? 'text';
  checkUnload(node, format, context);
  const { query, inner } = unloadedQuery(node, context);
  const columns = toColumns(query.columns);
  if (format === 'json' || format === 'parquet') requireUnique(columns, context, node.queryAt);
  checkTypes(columns, format, node, context);
  // DuckDB's writer would rename the second column.
  const names = columns.map(({ name }) => name.toLowerCase());
  const twice = options.has('header') && names.find((name, index) => names.indexOf(name) < index);
  if (twice) throw context.source.unsupported(`HEADER over several columns named "${twice}" in UNLOAD`, node.queryAt);
  const delimiter = delimiterOf(options, format === 'text' ? '|' : ',', context);
  return {
    kind: 'unload',
    duckdb: query.sql,
    columns,
    to: node.to,
    roleArn: required(options, 'iam_role', 'UNLOAD', context, node.at),
    format,
    compression: compressionOf(options, context),
    header: options.has('header'),
    delimiter,
    nullAs: nullOf(options, delimiter, context),
    escape: options.has('escape'),
    manifest: option('manifest') ?? 'none',
    parallel: option('parallel') ?? true,
    allowOverwrite: options.has('allowoverwrite'),
    cleanPath: options.has('cleanpath'),
    maxFileBytes: option('maxfilesize') ?? Math.floor(6.2 * 1024 ** 3),
    rowGroupBytes: option('rowgroupsize'),
    encryption: encryptionOf(options),
    extension: option('extension'),
    partitionBy: partitions(options, columns, inner, context),
    includePartitionColumns: options.has('include'),
  };
}

/**
 * Refuses types that the format does not support
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html#unload-usage-varbyte). The documentation says that JSON
 * writes a boolean as `t`, which is not valid JSON.
 */
function checkTypes(columns: ReturnType<typeof toColumns>, format: UnloadFormat, node: Unload, context: Context): void {
  const find = (name: string) => columns.find(({ type }) => type.name === name);
  const bytes = find('varbyte');
  if (bytes && (format === 'json' || format === 'parquet'))
    throw context.source.error(
      `column "${bytes.name}" of type ${describe(bytes.type)} is not supported with ${format.toUpperCase()} in UNLOAD`,
      node.queryAt,
    );
  const truth = format === 'json' && find('boolean');
  if (truth)
    throw context.source.unsupported(`column "${truth.name}" of type boolean with JSON in UNLOAD`, node.queryAt);
}

/** Types that are documented for partition columns. */
const partitionTypes = [
  'smallint',
  'integer',
  'bigint',
  'decimal',
  'char',
  'varchar',
  'date',
  'real',
  'boolean',
  'timestamp',
];
/** Types whose spelling in the name of a folder is undocumented. */
const unspelledTypes = ['real', 'boolean', 'timestamp'];

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
    const what = `column "${name}" of type ${describe(column.type)}`;
    if (!partitionTypes.includes(column.type.name))
      throw context.source.error(`${what} cannot be a partition column`, identifier.at);
    if (unspelledTypes.includes(column.type.name))
      throw context.source.unsupported(`${what} as a partition column`, identifier.at);
    if (columns.filter((candidate) => candidate.name === name).length > 1)
      throw context.source.error(`partition column "${name}" is ambiguous`, identifier.at);
    return name;
  });
  if (option && names.length >= columns.length)
    throw context.source.error('at least one column must not be a partition column', option.at);
  return names;
}
