import type { ColumnInfo, RedshiftType } from '../statement';
import { identifier, literal } from './database';
import { WarehouseError } from './errors';

/**
 * DuckDB expressions over `line` for COPY … JSON 'auto': attributes named like the columns, others ignored, missing ones NULL.
 * `firstBad` gives the name of the first column whose value does not fit.
 */
export function jsonColumns(
  columns: readonly ColumnInfo[],
  options: Readonly<Record<string, string | number | boolean>>,
) {
  const parts = columns.map((column) => {
    const path = literal(`$."${column.name.replaceAll('"', '\\"')}"`);
    const text = `json_extract_string(line, ${path})`;
    const value = columnValue(column.type, path, text, options);
    return { name: identifier(column.name), value, bad: badOf(column.type, text, value, column.name) };
  });
  return {
    names: parts.map((part) => part.name).join(', '),
    values: parts.map((part) => part.value).join(', '),
    firstBad: `coalesce(${[...parts.map((part) => part.bad), 'null::varchar'].join(', ')})`,
  };
}

function columnValue(
  type: RedshiftType,
  path: string,
  text: string,
  options: Readonly<Record<string, string | number | boolean>>,
): string {
  switch (type.name) {
    case 'super':
      return `json_extract(line, ${path})`;
    case 'varchar':
    case 'char':
      return text;
    case 'varbyte':
      throw new WarehouseError('COPY of JSON into a VARBYTE column is not modelled by the local warehouse');
    case 'decimal':
      return `try_cast(${text} as decimal(${type.precision}, ${type.scale}))`;
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

function badOf(type: RedshiftType, text: string, value: string, name: string): string {
  if (type.name === 'super') return 'null::varchar';
  if (type.name === 'varchar' || type.name === 'char')
    return `case when strlen(${text}) > ${type.length} then ${literal(name)} end`;
  return `case when ${text} is not null and ${value} is null then ${literal(name)} end`;
}
