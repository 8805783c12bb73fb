import { statfsSync } from 'node:fs';
import { Failure } from '../../failure';

const MIB = 1024 * 1024;
/** Space for the template, the functions' bundles, an empty warehouse and its write-ahead log. */
export const NEEDED_TO_START_MIB = 192;
/** With less space, a store could fail in the middle of a write. */
export const NEEDED_TO_GO_ON_MIB = 48;
/** Measured space of an event in segments, warehouse, archive and exports. */
const KIB_PER_EVENT = 2;
const LOOK_EVERY_MS = 500;

/** Returns the bytes that a process may still write below the folder. */
export type FreeBytes = (folder: string) => number;
const freeBytes: FreeBytes = (folder) => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

/** @throws Failure if the disk would be full before the run ends */
export function assertRoom(folder: string, events: number, free: FreeBytes = freeBytes): void {
  const needed = NEEDED_TO_START_MIB + Math.ceil((events * KIB_PER_EVENT) / 1024);
  const found = Math.floor(free(folder) / MIB);
  if (found < needed)
    throw new Failure(
      `${folder} has ${found} MiB free, and ${events} events need about ${needed} MiB; free some space, choose another folder with --data, or fewer --events`,
    );
}

/** Polls the free space until it is disposed of. When little is left, the signal aborts with a Failure that says so. */
export function watchDisk(folder: string, free: FreeBytes = freeBytes, everyMs = LOOK_EVERY_MS) {
  const controller = new AbortController();
  const stop = (why: string, cause?: unknown) => {
    clearInterval(timer);
    controller.abort(new Failure(why, 1, { cause }));
  };
  const look = () => {
    let found: number;
    try {
      found = Math.floor(free(folder) / MIB);
    } catch (error) {
      return stop(`stopped: ${folder} cannot be read any more (${(error as Error).message}); start again`, error);
    }
    if (found < NEEDED_TO_GO_ON_MIB)
      stop(
        `stopped before the disk is full: ${folder} has ${found} MiB free; the data stays, so free some space and start again`,
      );
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  return { signal: controller.signal, look, dispose: () => clearInterval(timer) };
}
