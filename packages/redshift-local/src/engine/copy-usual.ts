import type { RedshiftType } from '../statement';
import type { CopyColumn, CopyOptions, Usual } from './copy-fields';
import { identifier, literal } from './database';
import { type ShapeWords, shapeOf } from './json-shapes';

/** Longest usual line, with its end. It is short enough for a pattern to backtrack at every byte. */
export const mostUsualBytes = 65_536;
const mostLetters = 100_000;

const texts = '[^"\\\\\\x00-\\x1f]';
/** An escape, except U+0000, its look-alike after two backslashes, and half of a surrogate pair. */
const escapes = '\\\\(?:["/bfnrt]|\\\\(?!u0000)|u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4})';
const anyNumber = '-?(?:0|[1-9][0-9]{0,17})(?:\\.[0-9]{1,24})?';
const scalar = `(?:"${texts}*(?:${escapes}${texts}*)*"|${anyNumber}|true|false|null)`;

const words: ShapeWords = {
  scalar,
  literally: (text) => text.replace(/[^\w" -]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none is allowed in a name
  attribute: (name) => (/[\x00-\x1f]/.test(name) ? undefined : true),
  oneWay: true,
};

/** The usual lines of JSON 'noshred', which are objects. */
export const usualObjects: Usual = {
  like: (line) => expression(line, words),
  rows: (path) =>
    `select json from read_ndjson_objects([${literal(path)}], compression = 'uncompressed', maximum_object_size = ${2 * mostUsualBytes})`,
};

/** Returns the usual lines of JSON 'auto', or undefined if a column or an option allows none. */
export function usualRecords(columns: readonly CopyColumn[], options: CopyOptions): Usual | undefined {
  const fields = columns.map((column) => fieldOf(column, options));
  if (!fields.every((field) => field !== undefined)) return undefined;
  // Lines have one character per byte, so the names must too.
  const quoted = columns.map(({ name }) => `"${Buffer.from(name).toString('latin1')}"`);
  const attribute = (name: string, depth: number) => {
    const index = quoted.indexOf(name);
    if (index < 0) return words.attribute!(name, depth);
    return depth === 0 ? fields[index]!.pattern : undefined;
  };
  const needed = quoted.filter((_, index) => columns[index]!.notNull || columns[index]!.defaultValue !== undefined);
  const types = columns.map(({ name }, index) => `${identifier(name)}: '${fields[index]!.type}'`);
  const values = columns.map(({ name }, index) => fields[index]!.value?.(identifier(name)) ?? identifier(name));
  return {
    like(line) {
      const found = new Set<string>();
      const noted = (name: string, depth: number) => {
        if (depth === 0) found.add(name);
        return attribute(name, depth);
      };
      const like = expression(line, { ...words, attribute: noted });
      return needed.every((name) => found.has(name)) ? like : undefined;
    },
    rows: (path) =>
      `select ${values.join(', ')} from read_json([${literal(path)}], format = 'newline_delimited', records = 'true', compression = 'uncompressed',
        maximum_object_size = ${2 * mostUsualBytes}, columns = {${types.join(', ')}})`,
  };
}

function expression(line: string, as: ShapeWords): RegExp | undefined {
  const pattern = shapeOf(line, as);
  if (pattern === undefined || pattern.length > mostLetters) return undefined;
  return new RegExp(`${pattern}[ \\t\\r]*\\n`, 'y');
}

/** A field of a usual line. */
interface UsualField {
  /** Pattern of its JSON value. Each value must match in one way only. */
  readonly pattern: string;
  /** Type with which DuckDB's reader reads it. */
  readonly type: string;
  /** Returns the DuckDB expression of the column's value. @default - the value as read */
  readonly value?: (read: string) => string;
}

function fieldOf(column: CopyColumn, options: CopyOptions): UsualField | undefined {
  const field = jsonOf(column.type, options);
  if (!field || column.notNull) return field;
  return { ...field, pattern: `(?:${field.pattern}|null)` };
}

const plainOrQuoted = (number: string) => `(?:${number}|"${number}")`;
const digits = (most: number) => (most > 0 ? `(?:0|[1-9][0-9]{0,${most - 1}})` : '0');

function jsonOf(type: RedshiftType, options: CopyOptions): UsualField | undefined {
  switch (type.name) {
    case 'varchar':
    case 'char':
      return textOf(type.length, options);
    case 'smallint':
      return { pattern: plainOrQuoted('-?(?:0|[1-9][0-9]{0,3}|[12][0-9]{4})'), type: 'smallint' };
    case 'integer':
      return { pattern: plainOrQuoted('-?(?:0|[1-9][0-9]{0,8}|1[0-9]{9})'), type: 'integer' };
    case 'bigint':
      return { pattern: plainOrQuoted('-?(?:0|[1-9][0-9]{0,17}|[1-8][0-9]{18})'), type: 'bigint' };
    case 'decimal':
      return decimalOf(type.precision, type.scale);
    case 'double precision':
      return { pattern: plainOrQuoted(anyNumber), type: 'double' };
    case 'boolean':
      return { pattern: '(?:true|false)', type: 'boolean' };
    case 'date':
      if (options['dateformat'] !== undefined) return undefined;
      return { pattern: `"${day}"`, type: 'date' };
    case 'timestamp':
      return timestampOf(options);
    default:
      return undefined;
  }
}

function textOf(length: number, options: CopyOptions): UsualField | undefined {
  if (options['blanksasnull'] === true || options['emptyasnull'] === true || options['trimblanks'] === true)
    return undefined;
  // An escaped character has up to three bytes.
  const disguised = `(?=${texts}*\\\\)(?:${texts}|${escapes}){0,${Math.floor(length / 3)}}"`;
  return { pattern: `"(?:${texts}{0,${length}}"|${disguised})`, type: 'varchar' };
}

/**
 * Most digits of an unquoted number. A double still holds them after multiplication by ten to the power of the column's
 * scale.
 */
const exactDigits = 15;

function decimalOf(precision: number, scale: number): UsualField | undefined {
  if (scale >= exactDigits) return undefined;
  const fraction = scale > 0 ? `(?:\\.[0-9]{1,${scale}})?` : '';
  const number = `-?${digits(Math.min(precision, exactDigits) - scale)}${fraction}`;
  // The largest decimal of 19 digits is less than 19 nines.
  const quoted = `-?${digits(precision - scale - 1)}${fraction}`;
  return { pattern: `(?:${number}|"${quoted}")`, type: `decimal(${precision}, ${scale})` };
}

/** Matches any date except 29 February, which not every year has. */
const day =
  '(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)';
const time = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?';

function timestampOf(options: CopyOptions): UsualField | undefined {
  const epoch = (most: number, factor: number): UsualField => ({
    pattern: plainOrQuoted(`-?${digits(most)}`),
    type: 'bigint',
    value: (read) => `make_timestamp(${read} * ${factor})`,
  });
  switch (String(options['timeformat'] ?? 'default').toLowerCase()) {
    case 'auto':
      return { pattern: `"${day}[T ]${time}(?:Z|\\+00:00)?"`, type: 'timestamp' };
    case 'default':
      return { pattern: `"${day} ${time}"`, type: 'timestamp' };
    case 'epochsecs':
      return epoch(10, 1_000_000);
    case 'epochmillisecs':
      return epoch(13, 1000);
    default:
      return undefined;
  }
}
