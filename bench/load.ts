import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Question {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Load {
  readonly questions: readonly Question[];
  readonly perSecond: number;
  readonly seconds: number;
}

export interface Answered {
  /** 0: the connection failed. */
  readonly status: number;
  readonly milliseconds: number;
  /** True if the answer says that it was kept. */
  readonly cached: boolean;
}

/** Asks from another process: see load-process.ts. */
export async function answersTo(load: Load): Promise<readonly Answered[]> {
  const child = spawn(process.execPath, ['-r', 'tsx/cjs', join(__dirname, 'load-process.ts')], {
    cwd: join(__dirname, '..'),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  child.stdin.end(JSON.stringify(load));
  const output = await text(child.stdout);
  const [code] = await ended;
  if (code !== 0) throw new Error(`the process that asks ended with ${code}`);
  return JSON.parse(output) as Answered[];
}

/** The value below which `share` of the values are. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
}
