import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Another process is using the data folder. */
export class LockedError extends Error {
  constructor(
    readonly dataDir: string,
    readonly pid: number,
  ) {
    super(`a local runtime (process ${pid}) is running over ${dataDir}`);
    this.name = 'LockedError';
  }
}

/**
 * Locks the data folder for this process. A lock whose process is gone is taken over.
 * @returns a function that releases the lock
 * @throws LockedError, or an error that says why the folder cannot be created
 */
export function lockFolder(dataDir: string): () => void {
  makeFolder(resolve(dataDir));
  const file = join(dataDir, 'lock');
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, identityOf(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const written = readFileSync(file, 'utf8');
    const holder = Number(written.split(' ')[0]);
    if (attempt > 0 || isHolder(holder, written)) throw new LockedError(dataDir, holder);
    rmSync(file, { force: true });
  }
}

/**
 * True if the process that wrote the lock still runs. The system reuses process ids, in a container as soon as the next
 * start. So the start time counts too where the system reports it.
 */
const isHolder = (pid: number, written: string): boolean =>
  isAlive(pid) && (!written.includes(' ') || written === identityOf(pid));

/** Returns `<pid> <start time>`, or the pid alone where the start time is not known. */
function identityOf(pid: number): string {
  try {
    // proc(5): the second field, the name, may hold any character; the 22nd is the start time in clock ticks
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${pid} ${fields[19]}`;
  } catch {
    return String(pid);
  }
}

export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Creates the folder and its missing parents one by one, for their owner only. Node's own recursive mkdir never ends where the system refuses
 * a folder, as below /proc.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return;
    throw new Error(`${folder} is a file, where a folder is wanted`);
  }
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
