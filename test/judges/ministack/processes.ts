import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export const root = join(__dirname, '../../..');
const VERSION = '1.5.33';

export type Variables = Readonly<Record<string, string>>;

/** Runs a program to its end. @throws Error with the end of its output when it fails or takes longer */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Variables,
  log: string,
  limitMs: number,
  cwd = root,
): Promise<string> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    output.push(String(chunk));
  });
  child.stderr.on('data', (chunk) => output.push(String(chunk)));
  const timer = setTimeout(() => child.kill('SIGTERM'), limitMs);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  });
  clearTimeout(timer);
  mkdirSync(join(log, '..'), { recursive: true });
  appendFileSync(log, output.join(''));
  if (code === 0) return stdout;
  const what = signal === null ? `ended with exit code ${code}` : `was ended after ${limitMs / 1000} s`;
  throw new Error(`${[program, ...args].join(' ')} ${what}:\n${output.join('').split('\n').slice(-25).join('\n')}`);
}

/** A Python with ministack in it, made once for each version of ministack. */
export const pythonWithMinistack = (log: string) => python(`ministack-${VERSION}`, [`ministack==${VERSION}`], log);

/** Makes a Python environment with packages, once for each list of them. */
export async function python(name: string, packages: readonly string[], log: string): Promise<string> {
  const folder = join(root, 'node_modules/.cache/judges', name);
  const program = join(folder, 'bin/python');
  const marker = join(folder, 'installed');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === packages.join('\n')) return program;
  await runProgram('python3', ['-m', 'venv', '--clear', folder], {}, log, 120_000);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
  await runProgram(program, pip, {}, log, 300_000);
  writeFileSync(marker, packages.join('\n'));
  return program;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Programs that run until the judge is done. */
export class Background {
  private readonly children: ChildProcess[] = [];

  start(program: string, args: readonly string[], env: NodeJS.ProcessEnv, log: string): ChildProcess {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const file = createWriteStream(log);
    child.stdout!.pipe(file, { end: false });
    child.stderr!.pipe(file, { end: false });
    this.children.push(child);
    return child;
  }

  async stop(): Promise<void> {
    for (const child of this.children.reverse()) {
      if (child.exitCode !== null) continue;
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      await Promise.race([ended, wait(10_000).then(() => child.kill('SIGKILL'))]);
    }
  }
}

/** @throws Error with the end of the log when the program ends or the time is up */
export async function until(
  what: string,
  child: ChildProcess,
  log: string,
  limitMs: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline && child.exitCode === null) {
    if (await holds().catch(() => false)) return;
    await wait(200);
  }
  throw new Error(`${what} is not up:\n${readFileSync(log, 'utf8').split('\n').slice(-25).join('\n')}`);
}
