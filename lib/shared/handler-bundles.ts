import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, buildSync, type OutputFile } from 'esbuild';

/**
 * The options of esbuild. One call bundles all handlers, because a call for each makes synthesis slow. The bundles are
 * minified. `module` comes before `main`, so that esbuild can drop unused parts of the AWS SDK.
 */
const options = (handlersDir: string, outDir: string) =>
  ({
    entryPoints: Object.fromEntries(
      readdirSync(handlersDir)
        .filter((name) => existsSync(join(handlersDir, name, 'handler.ts')))
        .map((name) => [`${name}/index`, join(handlersDir, name, 'handler.ts')]),
    ),
    outdir: outDir,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    mainFields: ['module', 'main'],
    legalComments: 'none',
    logLevel: 'error',
    write: false as const,
  }) satisfies BuildOptions;

/** Returns the folder of the bundles, below the folder of all functions. */
export const handlersIn = (outDir: string) => join(outDir, '.handlers');

/** Starts to bundle in esbuild's own process. The caller can load and compute in the meantime. */
export const bundleHandlers = async (handlersDir: string, outDir: string): Promise<readonly OutputFile[]> =>
  (await build(options(handlersDir, outDir))).outputFiles;

export const bundleHandlersSync = (handlersDir: string, outDir: string): readonly OutputFile[] =>
  buildSync(options(handlersDir, outDir)).outputFiles;
