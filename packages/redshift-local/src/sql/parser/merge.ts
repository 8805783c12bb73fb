import type { Expression, Identifier, StatementNode } from '../ast';
import type { Cursor } from './cursor';
import { parseExpression } from './expression';
import { parseQuery } from './query';

type Merge = Omit<StatementNode & { kind: 'merge' }, 'at' | 'end'>;

/** `(a, default, …)` */
export function parseValues(cursor: Cursor): (Expression | 'default')[] {
  cursor.expectOperator('(');
  const row = cursor.list((): Expression | 'default' =>
    cursor.takeWords('default') ? 'default' : parseExpression(cursor),
  );
  cursor.expectOperator(')');
  return row;
}

/** `a = 1, b = default` */
export function parseSetList(cursor: Cursor): { column: Identifier; value: Expression | 'default' }[] {
  return cursor.list(() => {
    const column = cursor.identifier('a column');
    if (cursor.isOperator('.')) throw cursor.unsupported('a qualified column in SET');
    cursor.expectOperator('=');
    return { column, value: cursor.takeWords('default') ? ('default' as const) : parseExpression(cursor) };
  });
}

/**
 * MERGE has both WHEN clauses, MATCHED first, or REMOVE DUPLICATES
 * (https://docs.aws.amazon.com/redshift/latest/dg/r_MERGE.html).
 */
export function parseMerge(cursor: Cursor): Merge {
  cursor.expectWord('merge');
  cursor.expectWord('into');
  const table = cursor.reference('a table');
  if (!cursor.isWord('using')) throw cursor.syntaxError('USING');
  cursor.next();
  const source = cursor.isOperator('(') ? parseSourceQuery(cursor) : cursor.reference('a table');
  const alias = cursor.relationAlias();
  if ('body' in source && !alias) throw cursor.syntaxError('an alias of the subquery');
  cursor.expectWord('on');
  const on = parseExpression(cursor);
  if (cursor.takeWords('remove', 'duplicates')) return { kind: 'merge', table, source, alias, on };
  expectWords(cursor, 'when', 'matched', 'then');
  const matched = parseMatched(cursor);
  expectWords(cursor, 'when', 'not', 'matched', 'then', 'insert');
  const columns = cursor.isOperator('(') ? cursor.identifiers('a column') : [];
  cursor.expectWord('values');
  return { kind: 'merge', table, source, alias, on, clauses: { matched, columns, values: parseValues(cursor) } };
}

function parseSourceQuery(cursor: Cursor) {
  cursor.expectOperator('(');
  const query = parseQuery(cursor);
  cursor.expectOperator(')');
  return query;
}

function parseMatched(cursor: Cursor): NonNullable<Merge['clauses']>['matched'] {
  if (cursor.takeWords('delete')) return 'delete';
  expectWords(cursor, 'update', 'set');
  return parseSetList(cursor).map(({ column, value }) => {
    if (value === 'default') throw cursor.unsupported('DEFAULT in the UPDATE of a MERGE', column.at);
    return { column, value };
  });
}

const expectWords = (cursor: Cursor, ...words: string[]) => {
  for (const word of words) cursor.expectWord(word);
};
