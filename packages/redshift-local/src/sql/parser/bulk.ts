import type { Identifier, Options, StatementNode } from '../ast';
import type { Cursor } from './cursor';
import { roleArn } from './ddl';

type Unplaced = StatementNode extends infer S ? (S extends unknown ? Omit<S, 'at' | 'end'> : never) : never;
type OptionValue = string | number | boolean | readonly Identifier[];
type Reader = (cursor: Cursor) => OptionValue;

const flag: Reader = () => true;
const text: Reader = (cursor) => {
  cursor.takeWords('as');
  return cursor.expectString('a text').value;
};
const onOff: Reader = (cursor) => {
  if (cursor.isWord('on', 'off', 'true', 'false')) return ['on', 'true'].includes(cursor.next().value);
  throw cursor.syntaxError('ON or OFF');
};
const count: Reader = (cursor) => {
  cursor.takeWords('as');
  return cursor.expectInteger('a number');
};
const role: Reader = (cursor) => {
  if (cursor.takeWords('default')) return 'default';
  const { value, at } = cursor.expectString('a role ARN');
  return roleArn(cursor, value, at);
};

/** A size with a unit, in bytes. */
function size(name: string, check: (bytes: number, value: number) => string | undefined): Reader {
  return (cursor) => {
    cursor.takeWords('as');
    const at = cursor.at;
    const value = Number(cursor.token.value);
    if (cursor.token.kind !== 'number') throw cursor.syntaxError('a size');
    cursor.next();
    const unit = cursor.isWord('mb', 'gb') ? cursor.next().value : 'mb';
    const bytes = Math.floor(value * (unit === 'gb' ? gigabyte : megabyte));
    const wanted = check(bytes, value);
    if (wanted) throw cursor.source.error(`${name} must be ${wanted}, got ${value} ${unit.toUpperCase()}`, at);
    return bytes;
  };
}

const megabyte = 1024 ** 2;
const gigabyte = 1024 ** 3;

const unloadFormats = ['parquet', 'csv', 'json'];

/** https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html */
export const unloadOptions: Readonly<Record<string, Reader>> = {
  iam_role: role,
  format: (cursor) => {
    cursor.takeWords('as');
    return cursor.expectWord(...unloadFormats).value;
  },
  parquet: () => 'parquet',
  csv: () => 'csv',
  json: () => 'json',
  partition: (cursor) => {
    cursor.expectWord('by');
    return cursor.identifiers('a column');
  },
  include: flag,
  manifest: (cursor) => (cursor.takeWords('verbose') ? 'verbose' : 'plain'),
  header: flag,
  delimiter: text,
  null: text,
  escape: flag,
  encrypted: (cursor) => (cursor.takeWords('auto') ? 'auto' : 'yes'),
  kms_key_id: text,
  gzip: flag,
  zstd: flag,
  allowoverwrite: flag,
  cleanpath: flag,
  parallel: onOff,
  extension: text,
  maxfilesize: size('MAXFILESIZE', (bytes) =>
    bytes < 5 * megabyte || bytes > 6.2 * gigabyte ? 'between 5 MB and 6.2 GB' : undefined,
  ),
  rowgroupsize: size('ROWGROUPSIZE', (bytes, value) =>
    !Number.isInteger(value) || bytes < 32 * megabyte || bytes > 128 * megabyte
      ? 'a whole number between 32 MB and 128 MB'
      : undefined,
  ),
};

/** https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html */
export const copyOptions: Readonly<Record<string, Reader>> = {
  iam_role: role,
  credentials: (cursor) => {
    cursor.takeWords('as');
    const { value, at } = cursor.expectString("'aws_iam_role=…'");
    const [, arn] = /^aws_iam_role=(\S+)$/.exec(value) ?? [];
    if (arn === undefined) throw cursor.unsupported('CREDENTIALS other than aws_iam_role=… in COPY', at);
    return roleArn(cursor, arn, at);
  },
  manifest: flag,
  format: (cursor) => {
    cursor.takeWords('as');
    if (cursor.isWord('orc', 'avro', 'fixedwidth', 'shapefile', 'rcfile', 'sequencefile'))
      throw cursor.unsupported(`format ${cursor.token.value.toUpperCase()} of COPY`);
    return readCopyFormat(cursor, cursor.expectWord('json', 'csv', 'parquet').value);
  },
  json: (cursor) => readCopyFormat(cursor, 'json'),
  csv: (cursor) => readCopyFormat(cursor, 'csv'),
  parquet: (cursor) => readCopyFormat(cursor, 'parquet'),
  gzip: flag,
  bzip2: flag,
  zstd: flag,
  maxerror: count,
  timeformat: text,
  ignoreheader: count,
  ignoreblanklines: flag,
  emptyasnull: flag,
  blanksasnull: flag,
  trimblanks: flag,
  truncatecolumns: flag,
  dateformat: text,
  null: text,
  quote: text,
  delimiter: text,
  compupdate: (cursor) => (cursor.takeWords('preset') ? 'preset' : onOff(cursor)),
  statupdate: onOff,
  /** The bucket's Region, which has no effect here. */
  region: text,
  fillrecord: flag,
  escape: flag,
  removequotes: flag,
  roundec: flag,
  serializetojson: flag,
  encoding: (cursor) => {
    cursor.takeWords('as');
    const { value, at } = cursor.next();
    if (value.toLowerCase() !== 'utf8') throw cursor.unsupported(`ENCODING ${value.toUpperCase()} of COPY`, at);
    return value;
  },
  acceptinvchars: (cursor) => {
    const given = cursor.takeWords('as') || cursor.token.kind === 'string';
    return given ? cursor.expectString('a character').value : '?';
  },
};

/** JSON is followed by the way to read it, or by the URL of a JSONPaths file. */
function readCopyFormat(cursor: Cursor, format: string): string {
  if (format !== 'json') return format;
  cursor.takeWords('as');
  const { value, at } = cursor.expectString("'auto', 'auto ignorecase', 'noshred' or an 's3://…' location");
  if (value.startsWith('s3://')) return value;
  const reading = jsonFormats[value];
  if (!reading) throw cursor.unsupported(`JSON '${value}' in COPY`, at);
  return reading;
}

const jsonFormats: Readonly<Record<string, string>> = {
  auto: 'json-auto',
  'auto ignorecase': 'json-ignorecase',
  noshred: 'json-noshred',
};

function parseOptions(cursor: Cursor, statement: string, readers: Readonly<Record<string, Reader>>): Options {
  const options = new Map<string, { value: OptionValue; at: number }>();
  let before: string | undefined;
  while (cursor.token.kind === 'word') {
    const { value: word, at } = cursor.next();
    const reader = Object.hasOwn(readers, word) ? readers[word] : undefined;
    if (!reader) throw cursor.unsupported(`option ${word.toUpperCase()} of ${statement}`, at);
    const name = ['parquet', 'csv', 'json'].includes(word) ? 'format' : word === 'credentials' ? 'iam_role' : word;
    if (options.has(name)) throw cursor.source.error(`option ${name.toUpperCase()} is given twice`, at);
    if (name === 'include' && before !== 'partition') throw cursor.source.error('INCLUDE must follow PARTITION BY', at);
    options.set(name, { value: reader(cursor), at });
    before = name;
  }
  return options;
}

export function parseCopy(cursor: Cursor): Unplaced {
  cursor.expectWord('copy');
  const table = cursor.reference('a table');
  const columns = cursor.isOperator('(') ? cursor.identifiers('a column') : [];
  cursor.expectWord('from');
  const from = s3Url(cursor, 'FROM');
  cursor.takeWords('with');
  return { kind: 'copy', table, columns, from, options: parseOptions(cursor, 'COPY', copyOptions) };
}

export function parseUnload(cursor: Cursor): Unplaced {
  cursor.expectWord('unload');
  cursor.expectOperator('(');
  const { value: query, at: queryAt } = cursor.expectString('a query in quotes');
  cursor.expectOperator(')');
  cursor.expectWord('to');
  const to = s3Url(cursor, 'TO');
  cursor.takeWords('with');
  return { kind: 'unload', query, queryAt, to, options: parseOptions(cursor, 'UNLOAD', unloadOptions) };
}

function s3Url(cursor: Cursor, clause: string): string {
  const { value, at } = cursor.expectString("an 's3://…' location");
  if (!/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/./.test(value))
    throw cursor.source.error(`${clause} must be s3://bucket/prefix, got "${value}"`, at);
  return value;
}
