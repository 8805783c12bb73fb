import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../../failure';

const root = join(__dirname, '..', '..', '..');

export interface SynthesisOptions {
  /** Folder of the app. @default - this tree */
  readonly tree?: string;
  /** @default dev */
  readonly environment?: string;
  /**
   * A token that differs from the last deployment's. The deployment then checks every warehouse object and recreates
   * missing ones.
   * @default - none
   */
  readonly repair?: string;
}

/**
 * Synthesizes an environment into a folder, in a process of its own, as `cdk synth -c environment=dev` would. Returns
 * the folder. It leaves out the CDK's CloudFormation rule engine, two thirds of the work. The local runtime checks each
 * template itself; `npm run synth` and `cdk synth` keep the engine.
 */
export async function synthesize(
  outDir: string,
  signal: AbortSignal,
  { tree = root, environment = 'dev', repair }: SynthesisOptions = {},
): Promise<string> {
  const child = spawn(process.execPath, ['bin/app.js'], {
    cwd: tree,
    env: {
      CDK_VALIDATION: 'false',
      ...process.env,
      CDK_OUTDIR: outDir,
      CDK_CONTEXT_JSON: JSON.stringify({ environment, repair }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Failure(fullDisk(said) ?? `synthesis failed:\n${lastLines(said)}`);
  if (!existsSync(join(outDir, 'manifest.json'))) throw new Failure(`synthesis wrote no cloud assembly to ${outDir}`);
  return outDir;
}

/** Returns a message if a disk had no room for what synthesis writes: the output folder, or copies in the folder for temporary files. */
function fullDisk(text: string): string | undefined {
  const [, call] = /(?:ENOSPC|EDQUOT): [^,\n]*, (.*)/.exec(text) ?? [];
  if (call === undefined) return undefined;
  const file = [...call.matchAll(/'([^']+)'/g)].at(-1)?.[1] ?? tmpdir();
  const isTemporary = file.startsWith(tmpdir());
  const elsewhere = isTemporary ? 'set TMPDIR to a folder with more' : 'choose another folder';
  return `synthesis failed: there is no space left for ${file}; free some space or ${elsewhere}, and start again`;
}

/** Returns a message without the stack trace below it: all problems of a configuration, or the last lines of any other message. */
function lastLines(text: string): string {
  const lines = text
    .trimEnd()
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) && !/^Node\.js v/.test(line));
  const problems = lines.findIndex((line) => line.startsWith('invalid configuration'));
  return lines.slice(problems >= 0 ? problems : -30).join('\n');
}
