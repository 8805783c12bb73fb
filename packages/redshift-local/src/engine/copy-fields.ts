import { largestOf } from '../decimal';
import { isLenientJson } from '../json-text';
import type { ColumnInfo, CompressionName, RedshiftType, TableColumn } from '../statement';
import { type Format, formatOf } from '../time-format';
import type { RecordRules } from './copy-lines';
import { literal } from './database';
import { WarehouseError } from './errors';

export type CopyOptions = Readonly<Record<string, string | number | boolean>>;

/**
 * Recognizes and loads the usual lines of a COPY. The bytes of a usual line alone show that all its values fit, and
 * that DuckDB's own reader returns them as Redshift does. Every other line is checked value by value, so a pattern may
 * be too narrow but never too wide.
 */
export interface Usual {
  /**
   * Returns an expression that matches, from its `lastIndex`, a line like `line` with its end. Returns undefined if
   * nothing can be learned from `line`.
   * @param line its UTF-8 bytes, one character per byte
   */
  readonly like: (line: string) => RegExp | undefined;
  /** Returns a DuckDB query for the rows of a plain file of such lines. */
  readonly rows: (path: string) => string;
}

/** How the records of a format become rows. The texts are DuckDB expressions over the result of `reader`. */
export interface Reading {
  /** Returns a relation with the record's columns and `filename`. */
  readonly reader: (paths: readonly string[], compression: CompressionName, repaired: boolean) => string;
  readonly names: readonly string[];
  readonly values: readonly string[];
  /**
   * NULL for a good record, the column's name if a value does not fit, empty if the whole record cannot be read. It may
   * begin with a mark.
   */
  readonly bad: string;
  readonly rules: RecordRules;
  readonly brokenMessage: string;
  /** True if the reader writes the records that it skips to `millrace_copy_rejects`. */
  readonly rejects?: boolean;
  /** Recognizes lines whose values need no check. @default - no line is recognized */
  readonly usual?: Usual;
}

/** A column that COPY loads. */
export type CopyColumn = ColumnInfo & Partial<TableColumn>;

/** Mark in `bad`, before the name of a NOT NULL column whose value is NULL. */
export const missingMark = '\u0001';

const unmodelledMark = '\u0002';

/**
 * Returns `bad` for a value whose meaning on Redshift is not known, which fails the COPY.
 * @param what the text before the column's name in the message "… is not modelled"
 */
export const unmodelled = (column: string, what: string): string =>
  literal(`${unmodelledMark}${what} column "${column}"`);

const fatalMark = '\u0003';

/** Returns `bad` for a record that fails the COPY, whatever MAXERROR says. */
export const fatal = (message: string): string => literal(`${fatalMark}${message}`);

/** @throws WarehouseError if `bad` is marked as not modelled, or as one that MAXERROR does not count */
export function requireModelled(bad: string, file: string, line: number): void {
  if (bad.startsWith(fatalMark)) throw new WarehouseError(`line ${line} of ${file}: ${bad.slice(1)}`);
  if (bad.startsWith(unmodelledMark))
    throw new WarehouseError(`line ${line} of ${file}: ${bad.slice(1)} is not modelled by the local warehouse`);
}

/** A field of a record, as DuckDB expressions. */
export interface Field {
  /** DuckDB's conversion of the field's text, whether Redshift accepts the text or not. */
  readonly cast: string;
  /** @param cast name of the column that holds `cast` */
  readonly value: (cast: string) => string;
  /** Returns why the value is refused. @param value name of the column that holds `value` */
  readonly bad: (value: string) => string;
}

/** Returns a column's field. `text` must be the name of a column, because it is repeated. */
export function fieldOf(column: CopyColumn, text: string, options: CopyOptions): Field {
  const { type, name } = column;
  if (type.name === 'varchar' || type.name === 'char') {
    const cut = options['truncatecolumns'] === true;
    const tooLong = (of: string) => (cut ? [] : [`when strlen(${of}) > ${type.length} then ${literal(name)}`]);
    return {
      cast: convertedText(text, type.length, options),
      value: (cast) => cast,
      bad: (of) => caseOf([...tooLong(of), ...missing(column, of)]),
    };
  }
  const misfit = (of: string) => `when ${text} is not null and ${of} is null then ${misfitOf(column, text, options)}`;
  return { ...conversionOf(type, text, options), bad: (of) => caseOf([misfit(of), ...missing(column, of)]) };
}

/** Returns `bad` for a value that always fits, but may be missing. */
export const badIfMissing = (column: CopyColumn, value: string): string => caseOf(missing(column, value));

/**
 * Returns the rows of `relation` with their values v0, v1, … and `bad`. Each expression is evaluated once, because a
 * filter on `bad` stays above the volatile column `millrace_once`. Without that column, DuckDB would evaluate all
 * expressions again below.
 */
export function evaluated(
  relation: string,
  fields: readonly Field[],
  badRecord?: string,
): Omit<Reading, 'reader' | 'names' | 'rules' | 'brokenMessage'> & { relation: string } {
  const value = (index: number) => `v${index}`;
  const bads = fields.map(({ bad }, index) => bad(value(index))).filter((sql) => sql !== 'null');
  const bad = `case when millrace_once >= 0 then coalesce(${[...(badRecord === undefined ? [] : [badRecord]), ...bads, 'null'].join(', ')}) end`;
  const casts = fields.map(({ cast }, index) => `${cast} as c${index}`);
  const values = fields.map(({ value: of }, index) => `${of(`c${index}`)} as ${value(index)}`);
  return {
    relation: `(select *, ${bad} as bad from (select *, random() as millrace_once, ${values.join(', ')} from (select *, ${casts.join(', ')} from ${relation})))`,
    values: fields.map((_, index) => value(index)),
    bad: 'bad',
  };
}

const missing = ({ name, notNull }: CopyColumn, value: string): string[] =>
  notNull ? [`when ${value} is null then ${literal(missingMark + name)}`] : [];

const caseOf = (branches: readonly string[]) => (branches.length > 0 ? `case ${branches.join(' ')} end` : 'null');

/** https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html */
function convertedText(text: string, length: number, options: CopyOptions): string {
  let value = text;
  if (options['blanksasnull'] === true) value = `case when not regexp_full_match(${value}, '\\s+') then ${value} end`;
  if (options['emptyasnull'] === true) value = `nullif(${value}, '')`;
  if (options['trimblanks'] === true) value = `regexp_replace(${value}, '\\s+$', '')`;
  if (options['truncatecolumns'] !== true) return value;
  // A cut within a character gives no valid text. A character has at most four bytes.
  const cuts = [0, 1, 2, 3]
    .filter((back) => length > back)
    .map((back) => `try(decode(encode(${value})[1:${length - back}]))`);
  return `case when ${value} is null or strlen(${value}) <= ${length} then ${value} else coalesce(${cuts.join(', ')}, '') end`;
}

const whole = '\\s*[+-]?\\d+\\s*';
const number = '\\s*[+-]?(\\d+\\.?\\d*|\\.\\d+)\\s*';
const floating = '\\s*[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?\\s*';
const day = '\\d{4}-\\d{2}-\\d{2}';
/** The default time format, with fractions of a second. */
const moment = `${day} \\d{2}:\\d{2}:\\d{2}(\\.\\d{1,6})?`;
const iso = `${day}([T ]\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,6})?)?)?`;
const utc = '(Z|[+-]00(:?00)?)?';
const offset = '(Z|[+-]\\d{2}(:?\\d{2})?)?';

const matches = (text: string, pattern: string) => `regexp_full_match(${text}, '${pattern}')`;

function conversionOf(type: RedshiftType, text: string, options: CopyOptions): Omit<Field, 'bad'> {
  switch (type.name) {
    case 'super':
      return {
        cast: `case when json_valid(${text}) and not (${isLenientJson(text)}) then cast(${text} as json) end`,
        value: (cast) => cast,
      };
    case 'varbyte':
      // Text files hold bytes as hexadecimal digits
      // (https://docs.aws.amazon.com/redshift/latest/dg/r_VARBYTE_type.html).
      return {
        cast: `case when ${matches(text, '([0-9a-fA-F]{2})*')} then unhex(${text}) end`,
        value: (cast) => `case when octet_length(${cast}) <= ${type.length} then ${cast} end`,
      };
    case 'decimal': {
      const most = largestOf(type);
      // Digits beyond the column's scale are cut off unless ROUNDEC is given.
      const cut =
        options['roundec'] === true
          ? text
          : type.scale === 0
            ? `regexp_replace(regexp_replace(${text}, '\\..*$', ''), '^\\s*[+-]?$', '0')`
            : `case when strlen(${text}) - instr(${text}, '.') > ${type.scale} then regexp_replace(${text}, '(\\.\\d{${type.scale}})\\d+', '\\1') else ${text} end`;
      return {
        cast: `try_cast(${cut} as decimal(${type.precision}, ${type.scale}))`,
        value: (cast) =>
          `case when ${[matches(text, number), ...(most === undefined ? [] : [`abs(${cast}) <= ${most}`])].join(' and ')} then ${cast} end`,
      };
    }
    case 'smallint':
    case 'integer':
    case 'bigint':
      return {
        cast: `try_cast(${text} as ${type.name})`,
        // Most numbers are written as DuckDB writes them, and need no pattern.
        value: (cast) =>
          `case when cast(${cast} as varchar) = ${text} then ${cast} when ${matches(text, whole)} then ${cast} end`,
      };
    case 'time':
      throw new WarehouseError('COPY into a column of type time is not modelled by the local warehouse');
    case 'date': {
      const format = dateFormat(options);
      if (format) return formatted('date', text, format);
      return {
        cast: `try_cast(${text} as date)`,
        value: (cast) => `case when ${matches(text, day)} and ${text} >= '0001' then ${cast} end`,
      };
    }
    case 'timestamp':
    case 'timestamptz':
      return timestampOf(type.name, text, timeFormat(options));
    case 'real':
    case 'double precision':
      return {
        cast: `try_cast(${text} as ${type.name === 'real' ? 'float' : 'double'})`,
        // The number must neither overflow nor become zero. DuckDB accepts 1_000 as a number.
        value: (cast) =>
          `case when isfinite(${cast}) and not contains(${text}, '_') and (${cast} <> 0 or not regexp_matches(${text}, '^[^eE]*[1-9]')) then ${cast} end`,
      };
    default:
      return { cast: `try_cast(${text} as ${type.name})`, value: (cast) => cast };
  }
}

/** Returns undefined for the default, YYYY-MM-DD. */
const dateFormat = (options: CopyOptions): Format | undefined => {
  const given = String(options['dateformat'] ?? 'YYYY-MM-DD').toLowerCase();
  return given === 'yyyy-mm-dd' ? undefined : formatOf(given);
};
const timeFormat = (options: CopyOptions) => String(options['timeformat'] ?? 'default').toLowerCase();

const epochFactors: Readonly<Record<string, number>> = { epochsecs: 1_000_000, epochmillisecs: 1000 };

/** https://docs.aws.amazon.com/redshift/latest/dg/r_DATEFORMAT_and_TIMEFORMAT_strings.html */
function timestampOf(type: 'timestamp' | 'timestamptz', text: string, format: string): Omit<Field, 'bad'> {
  const factor = epochFactors[format];
  if (factor !== undefined)
    return {
      cast: `try(make_timestamp((try_cast(${text} as decimal(38, 6)) * ${factor})::bigint)::${type})`,
      value: (cast) => `case when ${matches(text, number)} then ${cast} end`,
    };
  const pattern = ['auto', 'default'].includes(format) ? undefined : formatOf(format);
  if (pattern) return formatted(type, text, pattern);
  if (!['auto', 'default'].includes(format))
    throw new WarehouseError(`TIMEFORMAT '${format}' is not modelled by the local warehouse`);
  const usual = format === 'auto' ? `${text} like '____-__-__T__:__:__.___' or` : '';
  return {
    cast: `try_cast(${text} as ${type})`,
    value: (cast) =>
      `case when ${text} >= '0001' and not ${strangeTime(text)} and (${usual} ${matches(text, shapeOf(type, format))}) then ${cast} end`,
  };
}

function formatted(
  type: 'date' | 'timestamp' | 'timestamptz',
  text: string,
  { pattern, iso }: Format,
): Omit<Field, 'bad'> {
  const read = `regexp_replace(${text}, '^${pattern}$', '${iso}')`;
  return {
    cast: `try_cast(${read} as ${type})`,
    value: (cast) => `case when ${matches(text, pattern)} and not ${strangeTime(text)} then ${cast} end`,
  };
}

const shapeOf = (type: 'timestamp' | 'timestamptz', format: string) =>
  `${format === 'auto' ? iso : moment}${type === 'timestamptz' ? offset : format === 'auto' ? utc : ''}`;

/** True for a time at 24:00 or with a leap second. DuckDB accepts 24:00, and Redshift may accept a leap second. */
const strangeTime = (text: string) =>
  `(contains(${text}, 'T24:') or contains(${text}, ' 24:') or ends_with(${text}, ':60') or contains(${text}, ':60.'))`;

/**
 * Returns why a text is not a value of the column: the column's name if Redshift fails the record, or a mark if its
 * meaning on Redshift is not known.
 */
function misfitOf({ type, name }: CopyColumn, text: string, options: CopyOptions): string {
  const told = literal(name);
  const refused = (what: string) => unmodelled(name, `${what} into ${type.name.toUpperCase()}`);
  const unknown = (condition: string, what: string) =>
    `case when ${text} = '' then ${refused('an empty text')} when ${condition} then ${refused(what)} else ${told} end`;
  const special = (words: string) => `regexp_full_match(lower(trim(${text})), '${words}')`;
  switch (type.name) {
    case 'decimal':
      return unknown(`${matches(text, floating)} and not ${matches(text, number)}`, 'a number with an exponent');
    case 'real':
    case 'double precision':
      return unknown(special('[+-]?(nan|inf|infinity)'), 'NaN or Infinity');
    case 'date':
      return unknown(
        `(${special(words)} or regexp_matches(${text}, '\\d')) and not ${matches(text, dateFormat(options)?.pattern ?? day)}`,
        `a date not written ${options['dateformat'] ?? 'YYYY-MM-DD'}`,
      );
    case 'timestamp':
    case 'timestamptz': {
      const format = timeFormat(options);
      if (epochFactors[format] !== undefined) return unknown('false', '');
      const pattern = ['auto', 'default'].includes(format) ? undefined : formatOf(format)?.pattern;
      if (pattern !== undefined)
        return unknown(
          `(${special(words)} or regexp_matches(${text}, '\\d')) and not ${matches(text, pattern)}`,
          `a time not written ${options['timeformat']}`,
        );
      const shape = `${matches(text, shapeOf(type.name, format))} and not ${strangeTime(text)}`;
      return unknown(
        `(${special(words)} or regexp_matches(${text}, '\\d')) and not (${shape})`,
        format === 'auto'
          ? 'a time that is not ISO 8601 in UTC with at most six digits of a second'
          : `a time not written YYYY-MM-DD HH:MI:SS, without TIMEFORMAT 'auto',`,
      );
    }
    default:
      return unknown('false', '');
  }
}

const words = 'now|today|yesterday|tomorrow|epoch|[+-]?infinity';

/** https://docs.aws.amazon.com/redshift/latest/dg/r_Load_Error_Reference.html */
export function errorOf(type: RedshiftType): { code: number; message: string } {
  switch (type.name) {
    case 'varchar':
    case 'char':
      return { code: 1204, message: 'String length exceeds DDL length' };
    case 'date':
      return { code: 1205, message: 'Invalid Date Format' };
    case 'timestamp':
    case 'timestamptz':
      return { code: 1206, message: 'Invalid timestamp format or value' };
    case 'real':
    case 'double precision':
      return { code: 1208, message: 'Invalid floating point value' };
    case 'decimal':
      return { code: 1209, message: 'Invalid decimal value' };
    case 'boolean':
      return { code: 1210, message: 'Unknown boolean format' };
    case 'super':
      return { code: 1224, message: 'The value is not well-formed JSON for SUPER' };
    default:
      return { code: 1207, message: 'Invalid digit' };
  }
}
