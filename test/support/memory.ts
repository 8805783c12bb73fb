import { accessSync, constants } from 'node:fs';

/** Where the files of a test lie that live for a second: in memory, where the system has a folder for that. Undefined where it has none. */
export function memoryFolder(): string | undefined {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return undefined;
  }
}
