import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../commands/local/synth';
import { Failure } from '../failure';

const root = join(__dirname, '../..');

/**
 * Synthesizes an environment at a git ref, with the ref's own code and the packages installed here. Returns what `read`
 * makes of the assembly. Leaves nothing behind.
 */
export async function withAssemblyOf<T>(
  ref: string,
  environment: string,
  read: (assembly: string, commit: string) => T,
  repository = root,
): Promise<T> {
  const commit = await commitOf(ref, repository);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-plan-'));
  const end = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', end);
  try {
    const tree = join(folder, 'tree');
    mkdirSync(tree);
    await extract(commit, tree, repository);
    const app = join(tree, 'bin', 'app.js');
    if (!existsSync(app)) throw new Failure(`--from ${ref}: ${commit.slice(0, 10)} has no bin/app.js to synthesize`, 2);
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'), 'dir');
    const assembly = await synthesize(join(folder, 'cdk.out'), new AbortController().signal, {
      tree,
      environment,
    }).catch((error: Error) => {
      throw new Failure(
        `--from ${ref}: ${commit.slice(0, 10)} cannot be synthesized with the packages that are installed here. Check it out elsewhere, run npm ci and npx cdk synth, and name its cdk.out instead. ${error.message}`,
        1,
        { cause: error },
      );
    });
    return read(assembly, commit);
  } finally {
    process.off('exit', end);
    end();
  }
}

async function commitOf(ref: string, repository: string): Promise<string> {
  const { code, stdout, stderr } = await git(
    repository,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${ref}^{commit}`,
  );
  if (code === 0) return stdout.trim();
  const reason = stderr.trim() === '' ? '' : ` (${stderr.trim()})`;
  throw new Failure(
    `--from must be a git ref, a template or a cloud assembly, got '${ref}', which is none of them${reason}`,
    2,
  );
}

/** Extracts the files of a commit without touching the repository. */
async function extract(commit: string, folder: string, repository: string): Promise<void> {
  const archive = join(folder, '..', 'tree.tar');
  const packed = await git(repository, 'archive', '--format=tar', `--output=${archive}`, commit);
  const unpacked = packed.code === 0 ? await run(folder, 'tar', ['-xf', archive, '-C', folder]) : packed;
  if (unpacked.code !== 0)
    throw new Failure(`the files of ${commit} could not be extracted: ${unpacked.stderr.trim()}`);
}

const git = (repository: string, ...args: string[]) => run(repository, 'git', args);

function run(
  cwd: string,
  command: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.once('error', (cause) => reject(new Failure(`${command} could not be run: ${cause.message}`, 1, { cause })));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
