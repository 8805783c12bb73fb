import fs from 'node:fs';
import path from 'node:path';
import { AwsError } from './ports';

/** The file system of a local store is full, or the quota of its owner is used up. The write left nothing behind. */
export class FullDiskError extends AwsError {
  constructor(
    /** What could not be stored: `the stream clicks`. */
    readonly store: string,
    readonly file: string,
    cause: unknown,
  ) {
    super(
      'InternalFailure',
      `${store} cannot be written, since the disk of ${file} is full: free some space, and the next call succeeds without a restart. Nothing that was acknowledged is lost`,
      500,
    );
    this.cause = cause;
  }
}

const fullCodes = new Set(['ENOSPC', 'EDQUOT']);

/** True for the errors of Node.js that mean a full disk. */
export const isFullDisk = (error: unknown): boolean => fullCodes.has((error as NodeJS.ErrnoException)?.code ?? '');

/**
 * Runs a write to a store.
 * @param undo removes what a failed write left. It must work on a full disk
 * @throws FullDiskError if the disk is full
 */
export function storing<T>(store: string, file: string, write: () => T, undo: () => void = () => undefined): T {
  try {
    return write();
  } catch (error) {
    undo();
    throw isFullDisk(error) ? new FullDiskError(store, file, error) : error;
  }
}

/**
 * Replaces a file, and creates its folder. The rename makes it atomic: a reader, a full disk or the end of the process
 * sees the old file or the new one.
 * @throws FullDiskError if the disk is full; the old file is unchanged
 */
export function replaceFile(store: string, file: string, content: string | Buffer, { mode = 0o644 } = {}): void {
  const replacement = `${file}.new`;
  storing(
    store,
    file,
    () => {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(replacement, content, { mode });
      fs.renameSync(replacement, file);
    },
    () => fs.rmSync(replacement, { force: true }),
  );
}

/**
 * Appends to a file. A failure leaves it as long as before, because half a line would spoil the next one.
 * @throws FullDiskError if the disk is full
 */
export function appendWhole(store: string, file: string, text: string, { mode = 0o644 } = {}): void {
  const descriptor = storing(store, file, () => fs.openSync(file, 'a', mode));
  try {
    appendBlock(store, file, descriptor, Buffer.from(text));
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Like `appendWhole`, for a file that stays open.
 * @param size length of the file before. @default - asks the system
 */
export function appendBlock(
  store: string,
  file: string,
  descriptor: number,
  block: Buffer,
  size = fs.fstatSync(descriptor).size,
): void {
  storing(
    store,
    file,
    () => {
      for (let written = 0; written < block.length; ) written += fs.writeSync(descriptor, block, written);
    },
    () => fs.ftruncateSync(descriptor, size),
  );
}
