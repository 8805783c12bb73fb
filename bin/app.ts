import { join } from 'node:path';
import { bundleHandlers, handlersIn } from '../lib/shared/handler-bundles';
import { ConfigurationError } from '../pipelines/configuration-error';

const root = join(__dirname, '..');
const [handlersDir, outDir] = [join(root, 'lambda'), join(root, 'build', 'lambda')];
const warn = (line: string) => console.error(`warning: ${line}`);

async function main(): Promise<void> {
  // esbuild bundles in a process of its own. This one loads the CDK meanwhile, so imports that are slow come after it.
  const bundling = bundleHandlers(handlersDir, handlersIn(outDir));
  bundling.catch(() => {
    // Thrown below, unless an earlier error ends the synthesis.
  });
  const { createApp, synthesize } = require('../lib/app') as typeof import('../lib/app');
  const { EsbuildBundles } = require('../lib/shared/bundles') as typeof import('../lib/shared/bundles');
  const { endedPartners } = require('../lib/rules/partners') as typeof import('../lib/rules/partners');
  // Loading reports what is wrong with the folders.
  const { pipelines } = require('../pipelines') as typeof import('../pipelines');
  const { environments } = require('../environments') as typeof import('../environments');
  const app = createApp({
    environments,
    pipelines,
    bundles: new EsbuildBundles(handlersDir, outDir, await bundling),
    fallback: { account: process.env['CDK_DEFAULT_ACCOUNT'], region: process.env['CDK_DEFAULT_REGION'] },
  });
  for (const line of endedPartners(environments, Date.now())) warn(line);
  synthesize(app, pipelines, warn);
}

main().catch((error: unknown) => {
  if (!(error instanceof ConfigurationError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
});
