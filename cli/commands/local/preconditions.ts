import { createServer } from 'node:net';
import { LockedError, lockFolder } from 'aws-local-kit/folder';
import { Failure } from '../../failure';

/** Checks that the folder exists, can be written to, and is not in use. */
export function prepare(shown: string, dataDir: string): void {
  try {
    // The lock is released at once. The runtime takes it again when there is an assembly to run.
    lockFolder(dataDir)();
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new Failure(
      `a local runtime (process ${error.pid}) is running over ${shown}; stop it, or choose another folder with --data`,
    );
  }
}

/** Checks the port before the synthesis, so that a used port is reported at once. @throws Error EADDRINUSE, EACCES */
export function assertFree(port: number): Promise<void> {
  return new Promise((resolvePromise, reject) => {
    const probe = createServer()
      .once('error', reject)
      .listen(port, '127.0.0.1', () => probe.close(() => resolvePromise()));
  });
}
