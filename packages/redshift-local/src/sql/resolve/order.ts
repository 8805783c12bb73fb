import type { OrderItem } from '../ast';
import { isText, type Type } from '../types';
import { withoutBlanks } from './blanks';
import type { Context } from './scope';
import { scalarKey } from './super';
import type { Value } from './value';

/** NULLs are the largest values: last in ascending order, first in descending order. */
export function orderSql(sql: string, item: Pick<OrderItem, 'descending' | 'nulls'>): string {
  const nulls = item.nulls ?? (item.descending ? 'first' : 'last');
  return `${sql} ${item.descending ? 'desc' : 'asc'} nulls ${nulls}`;
}

/** The expression to sort, partition or group by: texts lose their trailing blanks. */
export function sortKey(value: Value): string {
  return isText(value.type) ? withoutBlanks(value) : value.sql;
}

/** The position in the select list for an ordinal, from 0; -1 for a number with a decimal point. */
export const ordinal = (text: string): number => (/^\d+$/.test(text) ? Number(text) - 1 : -1);

/** Casts a bare number, which would be read as an ordinal. */
export const noOrdinal = (sql: string): string => (/^\(*-?\d+\)*$/.test(sql) ? `cast(${sql} as bigint)` : sql);

/** The expression to group or partition by: a SUPER value is replaced by its scalar key. */
export const groupable = (value: Value): Value =>
  value.type.name === 'super' ? { ...value, sql: scalarKey(value, 'grouping'), path: undefined } : value;

export function refuseSuper(type: Type, context: Context, at: number): void {
  if (type.name === 'super') throw context.source.unsupported('sorting by a super value (cast it)', at);
}
