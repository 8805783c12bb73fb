import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Assembly } from './assembly';

/** The assets of every deployment that may still be run or rolled back to, as the bootstrap bucket keeps them: their keys are hashes of their content. */
export interface Assets {
  /** Copies what the assembly's templates refer to, so that the assembly itself may go. */
  publish(assembly: Assembly): void;
  /** Folder or file by the S3 key that a template uses. */
  path(objectKey: string): string | undefined;
  /** Keeps only these keys. */
  prune(used: ReadonlySet<string>): void;
}

export function openAssets(dataDir: string): Assets {
  const folder = join(dataDir, 'assets');
  const pathOf = (key: string) => join(folder, key.replaceAll('/', '_'));
  return {
    publish({ assets }) {
      mkdirSync(folder, { recursive: true });
      for (const [key, source] of assets) {
        if (existsSync(pathOf(key))) continue;
        // Whole or not at all, whenever the process ends.
        const incoming = `${pathOf(key)}.incoming`;
        rmSync(incoming, { recursive: true, force: true });
        cpSync(source, incoming, { recursive: true, dereference: true });
        renameSync(incoming, pathOf(key));
      }
    },
    path: (key) => (existsSync(pathOf(key)) ? pathOf(key) : undefined),
    prune(used) {
      const kept = new Set([...used].map(pathOf));
      for (const name of existsSync(folder) ? readdirSync(folder) : [])
        if (!kept.has(join(folder, name))) rmSync(join(folder, name), { recursive: true, force: true });
    },
  };
}
