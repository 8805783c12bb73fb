import { createHash } from 'node:crypto';

/**
 * Name of the DuckDB function for operations that DuckDB lacks. Its arguments are an operation's name and two texts.
 * The function runs in JavaScript, so it suits rare calls only.
 */
export const ownFunctionName = 'millrace_own';

/** Returns a DuckDB call of the function. */
export const ownFunction = (name: keyof typeof own, text: string, argument: string): string =>
  `${ownFunctionName}('${name}', ${text}, ${argument})`;

const own = {
  sha: (text: string, bits: string) => createHash(`sha${bits}`).update(text).digest('hex'),
};

/** Runs the operation. Returns NULL if an argument is NULL. */
export function callOwn(name: unknown, text: unknown, argument: unknown): string | null {
  if (typeof text !== 'string' || typeof argument !== 'string') return null;
  return own[name as keyof typeof own](text, argument);
}
