import type { StatementNode } from '../ast';
import type { Source } from '../lexer';
import { Cursor, type Grammar } from './cursor';
import { parseConcatenation, parseExpression } from './expression';
import { parseQuery } from './query';
import { parseStatement } from './statement';

const grammar: Grammar = { expression: parseExpression, concatenation: parseConcatenation, query: parseQuery };

/** A cursor at the first token of a text. */
export const openText = (source: Source): Cursor => new Cursor(source, grammar);

/** Parses the statements from the cursor to the end of the text. @throws SqlError */
export function parseStatements(cursor: Cursor): StatementNode[] {
  const nodes: StatementNode[] = [];
  for (;;) {
    while (cursor.takeOperator(';'));
    if (cursor.token.kind === 'end') return nodes;
    nodes.push(parseStatement(cursor));
  }
}
