import type { StatementNode } from './ast';
import { Source } from './lexer';
import { openText, parseStatements } from './parser/open';

/** What a text holds, before anything is resolved. */
export interface Inspection {
  /** The kind of each statement. */
  readonly kinds: readonly StatementNode['kind'][];
  /** Largest number of a placeholder `$n`; 0 if there is none. */
  readonly parameters: number;
}

/** Parses a text. @throws SqlError */
export function inspect(sql: string, maxBytes: number): Inspection {
  const cursor = openText(new Source(sql, maxBytes));
  const kinds = parseStatements(cursor).map(({ kind }) => kind);
  const numbers = cursor.placeholders.filter((name) => name.startsWith('$')).map((name) => Number(name.slice(1)));
  return { kinds, parameters: numbers.reduce((most, number) => Math.max(most, number), 0) };
}

/** The statements of a text, before anything is resolved. @throws SqlError */
export const parseText = (sql: string): StatementNode[] => parseStatements(openText(new Source(sql)));
