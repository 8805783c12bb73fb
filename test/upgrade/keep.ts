import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../../cli/commands/local/synth';
import { version } from '../../package.json';
import { keepRelease } from './release';

/** Keeps the dev environment of this tree under the version of package.json. */
async function keep(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-release-'));
  try {
    await synthesize(folder, new AbortController().signal);
    const bytes = keepRelease(version, folder);
    process.stdout.write(`kept ${version}: ${Math.round(bytes / 1000)} kB\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

keep().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
