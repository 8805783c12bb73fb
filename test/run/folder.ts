import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryFolder } from '../support/memory';

const prefix = 'millrace-tests-';
const parent = memoryFolder() ?? tmpdir();
const folder = join(parent, `${prefix}${process.pid}`);

/**
 * One folder for everything that a run of the tests writes, in memory where that is possible: every commit of a warehouse waits for its disk, and
 * no test depends on what a disk keeps when the power fails. What a run left that was killed goes too.
 */
export function makeFolder(): void {
  for (const name of readdirSync(parent))
    if (name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length))))
      rmSync(join(parent, name), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  process.env['TMPDIR'] = folder;
  process.env['MILLRACE_TEST_RUN'] = folder;
}

/** A process that a test has killed may still write for a moment. What stays goes with the next run. */
export function removeFolder(): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  } catch (error) {
    console.warn(`${folder} stays until the next run: ${(error as Error).message}`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
