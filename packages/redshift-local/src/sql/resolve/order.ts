import type { OrderItem } from '../ast';
import { isText, type Type } from '../types';
import { withoutBlanks } from './blanks';
import type { Context } from './scope';
import { scalarKey } from './super';
import type { Value } from './value';

/** NULLs are the largest values: last in ascending order, first in descending. */
export function orderSql(sql: string, item: Pick<OrderItem, 'descending' | 'nulls'>): string {
  const nulls = item.nulls ?? (item.descending ? 'first' : 'last');
  return `${sql} ${item.descending ? 'desc' : 'asc'} nulls ${nulls}`;
}

/** What rows are sorted, partitioned or grouped by: texts without their trailing blanks. */
export function sortKey(value: Value): string {
  return isText(value.type) ? withoutBlanks(value) : value.sql;
}

/** The place in the select list that a number stands for, from 0; none for one with a point. */
export const ordinal = (text: string): number => (/^\d+$/.test(text) ? Number(text) - 1 : -1);

/** What is a number as written would be read as an ordinal. */
export const noOrdinal = (sql: string): string => (/^\(*-?\d+\)*$/.test(sql) ? `cast(${sql} as bigint)` : sql);

/** What rows are grouped or partitioned by: a SUPER value as its scalar. */
export const groupable = (value: Value): Value =>
  value.type.name === 'super' ? { ...value, sql: scalarKey(value, 'grouping'), path: undefined } : value;

export function refuseSuper(type: Type, context: Context, at: number): void {
  if (type.name === 'super') throw context.source.unsupported('sorting by a super value (cast it)', at);
}
