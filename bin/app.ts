import { join } from 'node:path';
import { environments } from '../environments';
import { createApp, synthesize } from '../lib/app';
import { endedPartners } from '../lib/rules/partners';
import { EsbuildBundles } from '../lib/shared/bundles';
import { ConfigurationError } from '../pipelines/configuration-error';

const root = join(__dirname, '..');
const warn = (line: string) => console.error(`warning: ${line}`);

try {
  // Loaded here, because loading reports what is wrong with the folders.
  const { pipelines } = require('../pipelines') as typeof import('../pipelines');
  const app = createApp({
    environments,
    pipelines,
    bundles: new EsbuildBundles(join(root, 'lambda'), join(root, 'build', 'lambda')),
    fallback: { account: process.env['CDK_DEFAULT_ACCOUNT'], region: process.env['CDK_DEFAULT_REGION'] },
  });
  for (const line of endedPartners(environments, Date.now())) warn(line);
  synthesize(app, pipelines, warn);
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
