import type { RedshiftType } from '../../statement';
import type { Expression, Identifier } from '../ast';
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

/** Whether `[place]` follows, with a place that is no literal. */
export const isItem = (cursor: Cursor): boolean =>
  cursor.isOperator('[') && cursor.peek().kind !== 'number' && cursor.peek().kind !== 'string';

export function parseItem(cursor: Cursor, from: Expression): Expression {
  const { at } = cursor.next();
  const place = cursor.grammar.expression(cursor);
  cursor.expectOperator(']');
  return { kind: 'item', from, place, at };
}

/** `= any (list)` and `<> all (list)`, after the parenthesis. */
export function anyOf(cursor: Cursor, operand: Expression, negated: boolean, at: number): Expression {
  const list = cursor.grammar.expression(cursor);
  cursor.expectOperator(')');
  const args = [operand, list];
  const found: Expression = { kind: 'call', name: 'operator any', args, star: false, distinct: false, at };
  return negated ? { kind: 'not', operand: found, at } : found;
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

/** The functions that may be in FROM, with the numbers of their arguments. */
const tableFunctions: Readonly<Record<string, readonly [least: number, most: number]>> = {
  pg_get_late_binding_view_cols: [0, 0],
  current_database: [0, 0],
  generate_series: [2, 3],
};

/** The arguments of a function in FROM. Undefined if it is no function. */
export function parseTableFunction(cursor: Cursor, name: readonly Identifier[]): Expression[] | undefined {
  if (!cursor.isOperator('(')) return undefined;
  const called = name.at(-1)!.text;
  const counts = Object.hasOwn(tableFunctions, called) ? tableFunctions[called] : undefined;
  const isOfCatalog = name.length === 1 || (name.length === 2 && name[0]!.text === 'pg_catalog');
  if (!counts || !isOfCatalog) throw cursor.unsupported(`function ${called.toUpperCase()} in FROM`, name[0]!.at);
  cursor.next();
  const args = cursor.isOperator(')') ? [] : cursor.list(() => cursor.grammar.expression(cursor));
  cursor.expectOperator(')');
  if (args.length < counts[0] || args.length > counts[1])
    throw cursor.source.error(
      `function ${called.toUpperCase()} takes ${[...new Set(counts)].join(' to ')} arguments, got ${args.length}`,
      name[0]!.at,
    );
  return args;
}
