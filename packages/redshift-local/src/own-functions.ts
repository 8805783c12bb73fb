import { createHash } from 'node:crypto';

/** The engine's function for what DuckDB has none: its name, and two texts. It runs in JavaScript, so it is for what is called seldom. */
export const ownFunctionName = 'millrace_own';

/** DuckDB text of a call. */
export const ownFunction = (name: keyof typeof own, text: string, argument: string): string =>
  `${ownFunctionName}('${name}', ${text}, ${argument})`;

const own = {
  sha: (text: string, bits: string) => createHash(`sha${bits}`).update(text).digest('hex'),
};

/** NULL for NULL. */
export function callOwn(name: unknown, text: unknown, argument: unknown): string | null {
  if (typeof text !== 'string' || typeof argument !== 'string') return null;
  return own[name as keyof typeof own](text, argument);
}
