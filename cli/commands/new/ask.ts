import { createInterface } from 'node:readline/promises';
import type { Output } from '../../terminal';
import type { Candidate } from './report';

/** Asks a person a question and returns the answer. Undefined if there is no terminal to ask at. */
export type Ask = ((question: string, signal: AbortSignal) => Promise<string>) | undefined;

/** Asks at the terminal of this process, if it has one. */
export function terminalAsk(output: Output): Ask {
  if (process.stdin.isTTY !== true || output.isTTY !== true) return undefined;
  return async (question, signal) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await lines.question(question, { signal });
    } finally {
      lines.close();
    }
  };
}

const mostTries = 5;

/**
 * Lets a person choose the identity. An empty answer takes the first candidate.
 * @returns the columns, or undefined for the stream position
 */
export async function askIdentity(
  candidates: readonly Candidate[],
  ask: NonNullable<Ask>,
  output: Output,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const options = [
    ...candidates.map(({ columns, evidence }) => `${columns.join(', ')}: ${evidence}`),
    'the stream position: a record that is sent twice counts twice',
  ];
  output.write('\nWhich fields make two records the same event? Records that share them count once.\n');
  for (const [index, option] of options.entries()) output.write(`  ${index + 1}  ${option}\n`);
  for (let attempt = 0; attempt < mostTries; attempt += 1) {
    const answer = (await ask(`Choose 1 to ${options.length} [1]: `, signal)).trim();
    const choice = answer === '' ? 1 : /^\d+$/.test(answer) ? Number(answer) : 0;
    if (choice >= 1 && choice <= options.length) return candidates[choice - 1]?.columns;
    output.write(`${JSON.stringify(answer)} is not a number from 1 to ${options.length}.\n`);
  }
  output.write('No choice was made, so the stream position is the identity.\n');
  return undefined;
}
