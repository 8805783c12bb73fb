import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const streamName = 'events';

export interface ServedStream {
  /** Settings of a client that reaches it. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** How many it has. */
  readonly records: number;
}

/** Serves a stream of generated events while `use` runs: see kinesis-process.ts. */
export async function withServedStream(events: number, use: (stream: ServedStream) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['-r', 'tsx/cjs', join(__dirname, 'kinesis-process.ts'), String(events)], {
    cwd: join(__dirname, '..'),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      ended.then(([code]) => {
        throw new Error(`the process with the stream ended with ${code}`);
      }),
    ]);
    await use(JSON.parse(String(line)) as ServedStream);
  } finally {
    child.stdin.end();
    await ended;
  }
}
