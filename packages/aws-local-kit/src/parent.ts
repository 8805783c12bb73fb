import { execFileSync } from 'node:child_process';
import { isAlive } from './lock';

const pollEveryMs = 500;

/**
 * Sends this process SIGTERM when the npm or npx that started it has ended, since npm does not pass a kill on. Without
 * npm it does nothing: a shell that ends may leave its background jobs running on purpose.
 */
export function endWithNpm(env: NodeJS.ProcessEnv): void {
  if (env['npm_command'] === undefined && env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const npm = parentOfShell(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || isAlive(npm))) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, pollEveryMs).unref();
}

/** npm runs a command in a shell. Some shells stay between npm and the command. */
function parentOfShell(pid: number): number | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [, parent, name = ''] = /^\s*(\d+)\s+(.*\S)\s*$/.exec(line) ?? [];
    return /(?:^|[/-])(?:sh|bash|dash|zsh)$/.test(name) && Number(parent) > 1 ? Number(parent) : undefined;
  } catch {
    // A system without ps: only the parent is watched.
    return undefined;
  }
}
