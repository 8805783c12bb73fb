import type { Source } from '../lexer';
import { Cursor, type Grammar } from './cursor';
import { parseConcatenation, parseExpression } from './expression';
import { parseQuery } from './query';

const grammar: Grammar = { expression: parseExpression, concatenation: parseConcatenation, query: parseQuery };

/** A cursor at the first token of a text. */
export const openText = (source: Source): Cursor => new Cursor(source, grammar);
