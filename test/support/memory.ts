import { accessSync, constants, statfsSync } from 'node:fs';

/** What the tests have on disk at once stays well below. A container may have 64 MiB. */
const neededBytes = 2 ** 30;

/**
 * Where the files of a test lie that live for a second: in memory, where the system has a folder with room for that. In a run
 * of the tests it is the folder of that run. Undefined where the system has none.
 */
export function memoryFolder(): string | undefined {
  const run = process.env['MILLRACE_TEST_RUN'];
  if (run !== undefined) return run;
  try {
    accessSync('/dev/shm', constants.W_OK);
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize < neededBytes ? undefined : '/dev/shm';
  } catch {
    return undefined;
  }
}
