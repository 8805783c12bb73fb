import { join } from 'node:path';
import { environments } from '../environments';
import { createApp, synthesize } from '../lib/app';
import { ConfigurationError } from '../lib/configuration';
import { EsbuildBundles } from '../lib/shared/bundles';
import { pipelines } from '../pipelines';

const root = join(__dirname, '..');

try {
  const app = createApp({
    environments,
    pipelines,
    bundles: new EsbuildBundles(join(root, 'lambda'), join(root, 'build', 'lambda')),
    fallback: { account: process.env['CDK_DEFAULT_ACCOUNT'], region: process.env['CDK_DEFAULT_REGION'] },
  });
  synthesize(app, pipelines, (line) => console.error(`warning: ${line}`));
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
