import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Another process runs over the data folder. */
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
 * Takes the data folder for this process; a lock whose process is gone is taken over.
 * @returns what gives it back
 * @throws LockedError, or an error that names what is in the way of the folder
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

/** A number is given to another process some day, in a container at the very next start: where the system tells when a process began, that counts too. */
const isHolder = (pid: number, written: string): boolean =>
  isAlive(pid) && (!written.includes(' ') || written === identityOf(pid));

/** `<pid> <moment of its start>`, or the pid alone. */
function identityOf(pid: number): string {
  try {
    // proc(5): the name, the second field, may hold anything; the 22nd is the start in clock ticks
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${pid} ${fields[19]}`;
  } catch {
    return String(pid);
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One folder after the other: where the system does not let one be made, as below /proc, Node's own recursion never ends. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return;
    throw new Error(`${folder} is a file, where a folder is wanted`);
  }
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
