import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const longestMs = 300_000;
const lookEveryMs = 50;

/** True in a run of the tests, which has a shared folder. False if scenarios are played by hand. */
export const isTestRun = (): boolean => process.env['MILLRACE_TEST_RUN'] !== undefined;

/**
 * Makes a folder once in a run of the tests, for all suites to read. The first suite makes it and the others wait. No
 * suite writes into it afterwards.
 * @returns the folder
 * @throws the error of `make`, or an Error if another suite takes longer than five minutes
 */
export async function once(name: string, make: (folder: string) => Promise<unknown>): Promise<string> {
  const run = process.env['MILLRACE_TEST_RUN'];
  if (run === undefined) throw new Error('what suites share is made in the folder of a run of the tests');
  const folder = join(run, name);
  const [lock, unfinished] = [`${folder}.lock`, `${folder}.new`];
  for (const end = Date.now() + longestMs; !existsSync(folder); ) {
    if (!taken(lock)) {
      if (Date.now() > end) throw new Error(`${name} is not made after ${longestMs} ms`);
      await delay(lookEveryMs);
      continue;
    }
    try {
      if (existsSync(folder)) break;
      rmSync(unfinished, { recursive: true, force: true });
      await make(unfinished);
      renameSync(unfinished, folder);
    } finally {
      rmSync(lock, { recursive: true });
    }
  }
  return folder;
}

function taken(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
