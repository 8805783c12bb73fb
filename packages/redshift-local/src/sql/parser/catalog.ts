import type { RedshiftType } from '../../statement';
import type { Expression } from '../ast';
import type { Cursor } from './cursor';
import { isQueryStart } from './query-start';
import { parseType } from './type';

/** What only queries of the catalog have: names with their schema, types of the catalog, arrays of rows. */

/** `pg_catalog.name(…)`: every function is in this schema. */
function isCallOfCatalog(cursor: Cursor): boolean {
  const [dot, name, open] = [1, 2, 3].map((ahead) => cursor.peek(ahead));
  return dot!.value === '.' && name!.kind === 'word' && open!.kind === 'operator' && open!.value === '(';
}

/** Skips the schema of a function. */
export function skipCatalog(cursor: Cursor): void {
  if (!cursor.isWord('pg_catalog') || !isCallOfCatalog(cursor)) return;
  cursor.next();
  cursor.next();
}

export const isArrayOf = (cursor: Cursor): boolean =>
  cursor.isWord('array') && cursor.peek().value === '(' && isQueryStart(cursor, false, 1);

/** `array(select …)`, which the queries of the catalog have. */
export function parseArrayOf(cursor: Cursor): Expression {
  const { at } = cursor.next();
  cursor.expectOperator('(');
  const query = cursor.grammar.query(cursor);
  cursor.expectOperator(')');
  return { kind: 'subquery', query, isList: true, at };
}

/** Operators on bits, by which clients read the modifier of a type. */
const bitOperators: Readonly<Record<string, string>> = { '>>': 'operator >>', '&': 'operator &' };

/** An operand with its operators on bits, which are calls of functions that no statement can name. */
export function bitsOf(cursor: Cursor, operand: () => Expression): Expression {
  let left = operand();
  while (cursor.isOperator(...Object.keys(bitOperators))) {
    const { at, value } = cursor.next();
    const name = bitOperators[value]!;
    left = { kind: 'call', name, args: [left, operand()], star: false, distinct: false, at };
  }
  return left;
}

/** Types that only the catalog has: names of objects, which are functions of their numbers here, and the numbers. */
const objectNames = ['regclass', 'regtype', 'regproc', 'regnamespace'];

/** A cast, to a type that may be one of the catalog. */
export function castOf(cursor: Cursor, operand: Expression, at: number): Expression {
  if (cursor.isWord('pg_catalog') && cursor.peek().value === '.') {
    cursor.next();
    cursor.next();
  }
  if (cursor.isWord(...objectNames)) {
    const name = cursor.next().value;
    return { kind: 'call', name, args: [operand], star: false, distinct: false, at };
  }
  return { kind: 'cast', operand, type: parseCastType(cursor), at };
}

/** A type of a table's column, or one of the catalog's own. */
export function parseCastType(cursor: Cursor): RedshiftType {
  if (cursor.takeWords('name')) return { name: 'varchar', length: 128 };
  if (cursor.takeWords('oid')) return { name: 'integer' };
  return parseType(cursor);
}
