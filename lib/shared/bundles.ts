import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';

/** Where functions get their code from. */
export interface Bundles {
  /**
   * The bundle of `lambda/<handler>/handler.ts` as `index.js`, with `plan` beside it as `plan.json`.
   * @param owner the pipeline or environment that the plan belongs to. @default - a function without a plan
   */
  code(handler: string, owner?: string, plan?: unknown): Code;
}

/**
 * Bundles all handlers with one esbuild call, because a call for each makes synthesis slow. Minified. `module` comes before `main`, so that esbuild can drop
 * unused parts of the AWS SDK.
 */
export class EsbuildBundles implements Bundles {
  private built = false;

  /**
   * @param handlersDir one folder per function, each with a `handler.ts`
   * @param outDir where bundles are written, one folder per function and pipeline
   */
  constructor(
    private readonly handlersDir: string,
    private readonly outDir: string,
  ) {}

  code(handler: string, owner?: string, plan?: unknown): Code {
    this.build();
    const source = join(this.outDir, '.handlers', handler, 'index.js');
    if (!existsSync(source))
      throw new Error(`lambda/${handler}/handler.ts must exist, found no such file in ${this.handlersDir}`);
    const dir = join(this.outDir, owner ? `${handler}-${owner}` : handler);
    mkdirSync(dir, { recursive: true });
    writeIfChanged(join(dir, 'index.js'), readFileSync(source));
    const planFile = join(dir, 'plan.json');
    if (plan === undefined) rmSync(planFile, { force: true });
    else writeIfChanged(planFile, Buffer.from(`${JSON.stringify(plan, undefined, 1)}\n`));
    return Code.fromAsset(dir);
  }

  private build(): void {
    if (this.built) return;
    const handlers = readdirSync(this.handlersDir).filter((name) =>
      existsSync(join(this.handlersDir, name, 'handler.ts')),
    );
    const { outputFiles } = buildSync({
      entryPoints: Object.fromEntries(
        handlers.map((name) => [`${name}/index`, join(this.handlersDir, name, 'handler.ts')]),
      ),
      outdir: join(this.outDir, '.handlers'),
      bundle: true,
      minify: true,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      mainFields: ['module', 'main'],
      legalComments: 'none',
      logLevel: 'error',
      write: false,
    });
    for (const file of outputFiles) {
      mkdirSync(join(file.path, '..'), { recursive: true });
      writeIfChanged(file.path, Buffer.from(file.contents));
    }
    this.built = true;
  }
}

/** Leaves a file with the same contents alone, because two processes may synthesize at once (a test run beside `npm start`). */
function writeIfChanged(path: string, contents: Buffer): void {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  writeFileSync(path, contents);
}
