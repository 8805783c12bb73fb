import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { StateError } from './errors';
import type { StateStore } from './state';

/** Files that readers in this process have claimed. */
const held = new Set<string>();
/** The wait after removing a dead process's lock. Only then is it certain that no other process removed it too. */
const TAKEOVER_MS = 100;

/**
 * Keeps the state in a file. A save replaces it by a rename, so that a crash leaves the old or the new state.
 * `<file>.lock` excludes a second reader; the lock of a dead process is taken over.
 */
export function fileState(file: string): StateStore {
  const path = resolve(file);
  const lock = `${path}.lock`;
  const nonce = `${process.pid} ${randomUUID()}\n`;
  return {
    name: file,
    async open() {
      if (held.has(path)) throw inUse(file, 'this process');
      held.add(path);
      try {
        await claim(lock, nonce, file);
      } catch (error) {
        held.delete(path);
        throw error;
      }
    },
    async load() {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw new StateError(`${file} cannot be read: ${error.message}`, { cause: error });
      });
      if (text === undefined) return undefined;
      try {
        return JSON.parse(text) as unknown;
      } catch (error) {
        throw new StateError(
          `${file} is not the state of a reader: ${text === '' ? 'it is empty' : 'it is cut off or not JSON'}`,
          { cause: error },
        );
      }
    },
    async save(state) {
      const next = `${path}.new`;
      try {
        await write(next, `${JSON.stringify(state, null, 2)}\n`);
        await rename(next, path);
      } catch (cause) {
        await rm(next, { force: true });
        const { code, message } = cause as NodeJS.ErrnoException;
        const why = isFull(code) ? 'its disk is full; free some space and commit again' : message;
        throw new StateError(`${file} cannot be saved: ${why}. The positions in it are as before`, { cause });
      }
      // Without this sync a power failure may undo the rename.
      const folder = await open(dirname(path), 'r');
      await folder.sync().finally(() => folder.close());
    },
    async close() {
      held.delete(path);
      if ((await readFile(lock, 'utf8').catch(() => undefined)) === nonce) await rm(lock, { force: true });
    },
  };
}

async function write(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isFull = (code: string | undefined) => code === 'ENOSPC' || code === 'EDQUOT';

async function claim(lock: string, nonce: string, file: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await writeFile(lock, nonce, { flag: 'wx' });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // A full disk leaves a lock without a process id, which would count as one that is being written.
      if (isFull(code)) await rm(lock, { force: true });
      if (code !== 'EEXIST') throw new StateError(`${file} cannot be locked: ${message}`, { cause: error });
      const owner = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10);
      if (isAlive(owner)) throw inUse(file, `process ${owner}`);
      await rm(lock, { force: true });
      await new Promise((done) => setTimeout(done, TAKEOVER_MS));
      continue;
    }
    if (attempt > 0) await new Promise((done) => setTimeout(done, TAKEOVER_MS));
    // Two processes may both find the dead lock; the second one then removes the first one's new lock.
    if ((await readFile(lock, 'utf8').catch(() => undefined)) === nonce) return;
  }
  throw inUse(file, 'another process');
}

const inUse = (file: string, by: string) => new StateError(`${file} is in use by ${by}; one reader at a time`);

function isAlive(pid: number): boolean {
  // A lock without a process id is still being written.
  if (!Number.isSafeInteger(pid) || pid <= 0) return true;
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
