import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { storing } from 'aws-local-kit';
import type { Assembly } from './assembly';

/**
 * Assets of every deployment that can still run or be rolled back to, like the bootstrap bucket on AWS.
 * The keys are content hashes.
 */
export interface Assets {
  /** Copies the assets that the templates refer to. The assembly can be deleted afterwards. */
  publish(assembly: Assembly): void;
  /** Folder or file by the S3 key used in a template. */
  path(objectKey: string): string | undefined;
  /** Deletes every asset except these keys. */
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
        // The rename makes the copy atomic: if the process ends early, no partial asset remains.
        const incoming = `${pathOf(key)}.incoming`;
        rmSync(incoming, { recursive: true, force: true });
        storing(
          `the asset ${key}`,
          incoming,
          () => {
            cpSync(source, incoming, { recursive: true, dereference: true });
            renameSync(incoming, pathOf(key));
          },
          () => rmSync(incoming, { recursive: true, force: true }),
        );
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
