import { accessSync, constants, statfsSync } from 'node:fs';

/** The room that the tests need on disk at once, with a wide margin. A container may have only 64 MiB. */
const neededBytes = 2 ** 30;

/**
 * Returns an in-memory folder for short-lived test files. In a run of the tests it is the folder of that run. Returns
 * undefined if the system has no such folder with enough room.
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
