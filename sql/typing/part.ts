import type { Column } from '../../pipelines/definition';
import { identifier, quoteIdentifier } from '../text/identifier';

/** A select item. */
export interface Item {
  readonly name: string;
  readonly expression: string;
}

/** SQL for a path: `payload."product"."price"`. Names are quoted, since attributes are case-sensitive. */
export function payloadPath(path: readonly string[]): string {
  return ['payload', ...path.map(quoteIdentifier)].join('.');
}

export const partOf = (column: Column) => identifier(`${column.name}_part`);
export const textOf = (column: Column) => identifier(`${column.name}_text`);
/** SQL for json_typeof's kind of the value at the column's path. It is `null` too if there is no value. */
export const kindOf = (column: Column) => `coalesce(json_typeof(${partOf(column)}), 'null')`;

/** The select item with the value at the column's path. It makes the path be followed only once. */
export function partItem(column: Column): Item {
  return { name: `${column.name}_part`, expression: payloadPath(column.path) };
}

const maxTextBytes = 65_535;

/** SQL condition: the string at the column's path is too long for a varchar. */
export const isTooLong = (column: Column) => `json_size(${partOf(column)}) > ${maxTextBytes + 2}`;

/** SQL for a string. Only strings that fit a varchar are cast: the cast of longer ones is not documented. */
export const stringOf = (part: string, made: (text: string) => string = (text) => text) =>
  `case when is_varchar(${part}) and json_size(${part}) <= ${maxTextBytes + 2} then ${made(`${part}::varchar(${maxTextBytes})`)} end`;

/** Returns `convert` of any column. */
export const conversionOf = (column: Column) => ('convert' in column ? column.convert : undefined);
/** Returns the custom format of a time column. */
export function formatOf(column: Column): string | undefined {
  const convert = conversionOf(column);
  return typeof convert === 'object' ? convert.format : undefined;
}

const absent = (column: Column) => `${kindOf(column)} = 'null'`;
const isEmpty = (column: Column) => `coalesce(octet_length(${textOf(column)}), 1) = 0`;

/** SQL condition: the record has no value for the column. */
export const isAbsent = (column: Column) =>
  column.emptyAsNull ? `(${absent(column)} or ${isEmpty(column)})` : absent(column);

/** SQL condition: the record has a value. */
export const isGiven = (column: Column) =>
  column.emptyAsNull ? `${kindOf(column)} <> 'null' and not (${isEmpty(column)})` : `${kindOf(column)} <> 'null'`;

/** True if a record without a value is a reject. */
export const mustBeGiven = (column: Column) => column.required === true && column.default === undefined;
