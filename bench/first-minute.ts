/**
 * What a newcomer waits for: `npm start -- --once` over an empty folder, and again over the same folder, by stage. Each is a process of its own, as it is for
 * the newcomer. Wanted on two idle cores: 15 s for the first run; a second start sends after 3 s.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { line } from './environment';

export async function firstMinute(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    await once(dataDir, 'first run');
    const second = await once(dataDir, 'second run', '--seed', '2');
    line('second start: synth and start', second['synth']! + second['start']!);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Runs to the end and returns the seconds of each stage. */
async function once(dataDir: string, name: string, ...more: string[]): Promise<Record<string, number>> {
  const began = performance.now();
  const before = childProcessorSeconds();
  const args = ['bin/millrace.js', 'local', '--once', '--json', '--data', dataDir, ...more];
  const child = spawn(process.execPath, args, {
    cwd: join(__dirname, '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`npm start -- --once ended with exit code ${code}`);
  const whole = (performance.now() - began) / 1000;
  const { total: _, ...stages } = (JSON.parse(text) as { seconds: Record<string, number> }).seconds;
  line(`${name}, whole`, whole);
  for (const [stage, seconds] of Object.entries(stages)) line(`  ${stage}`, seconds);
  line('  loading, checking and closing', whole - Object.values(stages).reduce((sum, seconds) => sum + seconds, 0));
  const after = childProcessorSeconds();
  if (before !== undefined && after !== undefined) line(`${name}, processor time of all processes`, after - before);
  return stages;
}

/** Returns the processor time of ended child processes and of their children. Only Linux has it in a file. */
function childProcessorSeconds(): number | undefined {
  if (!existsSync('/proc/self/stat')) return undefined;
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = 100;
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}
