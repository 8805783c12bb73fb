import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** A copy of a source file that is written piece by piece. */
export interface FileCopy {
  /** Waits while too much is unwritten. @throws the error of an earlier write, such as ENOSPC */
  write(bytes: Buffer): Promise<void>;
  /** Waits until all is written. */
  end(): Promise<void>;
}

/** Begins a copy. A failed write is thrown by the next call: without a listener, it would end the process. */
export function writeCopy(path: string): FileCopy {
  const output = createWriteStream(path);
  let failure: Error | undefined;
  output.on('error', (error) => {
    failure = error;
  });
  return {
    async write(bytes) {
      if (failure) throw failure;
      if (!output.write(bytes)) await once(output, 'drain');
    },
    async end() {
      if (failure) throw failure;
      output.end();
      await finished(output);
    },
  };
}
