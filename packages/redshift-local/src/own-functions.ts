import { createHash } from 'node:crypto';
import { compacted, elementsOf, valueBelow } from './json-spelling';

/**
 * Name of the DuckDB function for operations that DuckDB lacks, and for long expressions that few rows need: DuckDB
 * plans a long expression for every statement, however few rows it has. Its arguments are an operation's name and two
 * texts. The function runs in JavaScript, so it suits rare calls only.
 */
export const ownFunctionName = 'millrace_own';

/** Returns a DuckDB call of the function. */
export const ownFunction = (name: keyof typeof own, text: string, argument: string): string =>
  `${ownFunctionName}('${name}', ${text}, ${argument})`;

const own = {
  sha: (text: string, bits: string) => createHash(`sha${bits}`).update(text).digest('hex'),
  /** The longest prefix of a text that has at most this many bytes and ends between two characters. */
  cut: (text: string, bytes: string) => cutToBytes(text, Number(bytes)),
  /** A JSON text without blanks between tokens; numbers keep their spelling. */
  compact: (text: string) => compacted(text),
  /** The JSON text of the value below a path. @param steps a JSON array */
  below: (text: string, steps: string) => valueBelow(text, stepsOf(steps)) ?? null,
  /** The JSON texts of the values of an object or the elements of an array, in a JSON array of strings. */
  parts: (text: string, open: string) => JSON.stringify(elementsOf(text, open)),
} satisfies Readonly<Record<string, (text: string, argument: string) => string | null>>;

let lastSteps: { readonly text: string; readonly steps: readonly (string | number)[] } = { text: '[]', steps: [] };

/** All rows of a call have the same path. */
function stepsOf(text: string): readonly (string | number)[] {
  if (text !== lastSteps.text) lastSteps = { text, steps: JSON.parse(text) };
  return lastSteps.steps;
}

/** Runs the operation. Returns NULL if an argument is NULL. */
export function callOwn(name: unknown, text: unknown, argument: unknown): string | null {
  if (typeof text !== 'string' || typeof argument !== 'string') return null;
  return own[name as keyof typeof own](text, argument);
}

export function cutToBytes(text: string, bytes: number): string {
  let length = 0;
  let end = 0;
  for (const char of text) {
    length += Buffer.byteLength(char);
    if (length > bytes) break;
    end += char.length;
  }
  return text.slice(0, end);
}
