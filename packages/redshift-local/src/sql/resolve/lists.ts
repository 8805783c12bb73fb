import type { RedshiftType } from '../../statement';
import type { Expression } from '../ast';
import { integer, isInteger, type Type, varchar } from '../types';
import type { Environment } from './environment';
import { settle } from './operators';
import type { Value } from './value';

/**
 * Arrays, which only the catalog has. Their value is their text: `{a,b}` for an array, and `1 2` for an int2vector, whose
 * first place is 0.
 */

export type List = RedshiftType & { name: 'varchar'; items: 'integer' | 'name' };

export const listOf = (items: List['items']): List => ({ name: 'varchar', length: 65_535, items });

export const isList = (type: Type): type is List => type.name === 'varchar' && type.items !== undefined;

const isVector = (sql: string) => `not starts_with(${sql}, '{')`;

/** DuckDB list of the items. */
export const itemsOf = (sql: string, { items }: List): string => {
  const texts = `list_filter(string_split(trim(${sql}, '{}'), case when ${isVector(sql)} then ' ' else ',' end), lambda item: item <> '')`;
  return items === 'integer' ? `cast(${texts} as integer[])` : texts;
};

/** An item; NULL if the array has none at that place. */
export const itemOf = (sql: string, type: List, place: string): Pick<Value, 'sql' | 'type'> => ({
  sql: `list_extract(${itemsOf(sql, type)}, ${place} + case when ${isVector(sql)} then 1 else 0 end)`,
  type: type.items === 'integer' ? integer : varchar(128),
});

/** `list[place]` */
export function itemAt(node: Expression & { kind: 'item' }, environment: Environment): Value {
  const { source } = environment.context;
  const list = environment.resolve(node.from, environment);
  if (!isList(list.type))
    throw source.unsupported('an array index that is not a number or an attribute in quotes', node.place.at);
  const place = settle(environment, environment.resolve(node.place, environment), integer, node.place.at);
  if (!isInteger(place.type)) throw source.error('array subscript must have type integer', node.place.at);
  const { aggregate, window } = list;
  return { ...itemOf(list.sql, list.type, place.sql), aggregate, window };
}
