import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { OutputFile } from 'esbuild';
import { bundleHandlersSync, handlersIn } from './handler-bundles';

/** Where functions get their code from. */
export interface Bundles {
  /**
   * The bundle of `lambda/<handler>/handler.ts` as `index.js`, with `plan` beside it as `plan.json`.
   * @param owner the pipeline or environment that the plan belongs to. @default - a function without a plan
   */
  code(handler: string, owner?: string, plan?: unknown): Code;
}

/** One bundle for each handler, and a folder for each pipeline's plan. */
export class EsbuildBundles implements Bundles {
  private built = false;

  /**
   * @param handlersDir one folder per function, each with a `handler.ts`
   * @param outDir where bundles are written, one folder per function and pipeline
   * @param bundled result of `bundleHandlers` for `handlersIn(outDir)`. @default - the first call of `code` bundles
   */
  constructor(
    private readonly handlersDir: string,
    private readonly outDir: string,
    private readonly bundled?: readonly OutputFile[],
  ) {}

  code(handler: string, owner?: string, plan?: unknown): Code {
    this.build();
    const source = join(handlersIn(this.outDir), handler, 'index.js');
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
    const outputFiles = this.bundled ?? bundleHandlersSync(this.handlersDir, handlersIn(this.outDir));
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
