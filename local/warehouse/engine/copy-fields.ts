import { isLenientJson } from '../json-text';
import type { ColumnInfo, CompressionName, RedshiftType, TableColumn } from '../statement';
import type { RecordRules } from './copy-lines';
import { literal } from './database';
import { WarehouseError } from './errors';

export type CopyOptions = Readonly<Record<string, string | number | boolean>>;

/** How the records of a format become rows; DuckDB expressions over what `reader` gives. */
export interface Reading {
  /** Relation with the record's columns and `filename`. */
  readonly reader: (paths: readonly string[], compression: CompressionName, repaired: boolean) => string;
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** NULL for a good record, the column's name where a value does not fit, empty where the whole record cannot be read. */
  readonly bad: string;
  readonly rules: RecordRules;
  readonly brokenMessage: string;
  /** The reader puts records that it leaves out into `millrace_copy_rejects`. */
  readonly rejects?: boolean;
}

/** A column as COPY fills it. */
export type CopyColumn = ColumnInfo & Partial<TableColumn>;

/** In what `bad` gives, before the name of a column that must not be NULL and is. */
export const missingMark = '\u0001';

/** A value from its text, and the column's name where the text does not fit. `text` is repeated, so it should be cheap. */
export function fieldOf(column: CopyColumn, text: string, options: CopyOptions): { value: string; bad: string } {
  const { type, name } = column;
  if (type.name === 'varchar' || type.name === 'char') {
    const value = convertedText(text, type.length, options);
    const tooLong =
      options['truncatecolumns'] === true ? [] : [`when strlen(${value}) > ${type.length} then ${literal(name)}`];
    return { value, bad: caseOf([...tooLong, ...missing(column, value)]) };
  }
  const value = valueSql(type, text, options);
  const misfit = `when ${text} is not null and ${value} is null then ${literal(name)}`;
  return { value, bad: caseOf([misfit, ...missing(column, value)]) };
}

/** For a value that fits whatever it is. */
export const badIfMissing = (column: CopyColumn, value: string): string => caseOf(missing(column, value));

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
  // A cut within a character gives no text; a character has four bytes at most.
  const cuts = [0, 1, 2, 3]
    .filter((back) => length > back)
    .map((back) => `try(decode(encode(${value})[1:${length - back}]))`);
  return `case when ${value} is null or strlen(${value}) <= ${length} then ${value} else coalesce(${cuts.join(', ')}, '') end`;
}

const whole = '\\s*[+-]?\\d+\\s*';
const number = '\\s*[+-]?(\\d+\\.?\\d*|\\.\\d+)\\s*';

function valueSql(type: RedshiftType, text: string, options: CopyOptions): string {
  switch (type.name) {
    case 'super':
      return `case when ${text} is not null and json_valid(${text}) and not (${isLenientJson(text)}) then cast(${text} as json) end`;
    case 'varbyte':
      throw new WarehouseError('COPY into a VARBYTE column is not modelled by the local warehouse');
    case 'decimal': {
      // Places beyond the column's are cut off unless ROUNDEC is given.
      const cut =
        type.scale === 0
          ? `regexp_replace(${text}, '\\..*$', '')`
          : `case when strlen(${text}) - instr(${text}, '.') > ${type.scale} then regexp_replace(${text}, '(\\.\\d{${type.scale}})\\d+', '\\1') else ${text} end`;
      return `case when regexp_full_match(${text}, '${number}') then try_cast(${cut} as decimal(${type.precision}, ${type.scale})) end`;
    }
    case 'smallint':
    case 'integer':
    case 'bigint':
      return `case when regexp_full_match(${text}, '${whole}') then try_cast(${text} as ${type.name}) end`;
    case 'timestamp':
    case 'timestamptz':
      return timestampOf(type.name, text, String(options['timeformat'] ?? 'auto').toLowerCase());
    case 'real':
    case 'double precision':
      return `try_cast(${text} as ${type.name === 'real' ? 'float' : 'double'})`;
    default:
      return `try_cast(${text} as ${type.name})`;
  }
}

function timestampOf(type: 'timestamp' | 'timestamptz', text: string, format: string): string {
  if (format === 'auto') return `try_cast(${text} as ${type})`;
  const factors: Record<string, number> = { epochsecs: 1_000_000, epochmillisecs: 1000 };
  const factor = factors[format];
  if (factor === undefined) throw new WarehouseError(`TIMEFORMAT '${format}' is not modelled by the local warehouse`);
  return `make_timestamp((try_cast(${text} as decimal(38, 6)) * ${factor})::bigint)::${type}`;
}

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
