import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { environments } from '../../environments';
import type { Environment } from '../../environments/environment';
import { createApp } from '../../lib/app';
import { pipelines } from '../../pipelines';
import { noBundles, serverless } from './fixtures';

interface Report {
  readonly pluginReports: readonly {
    readonly violations?: readonly {
      readonly ruleName: string;
      readonly violatingConstructs: readonly { readonly constructPath: string }[];
    }[];
  }[];
}

/** An environment over things that exist already. */
const existing = (dev: Environment): Environment => ({
  ...dev,
  name: 'existing',
  account: '555566667777',
  region: 'eu-west-1',
  history: { bucket: { existing: 'logs', key: 'arn:aws:kms:eu-west-1:555566667777:key/5678' } },
  pipelines: {
    [pipelines[0]!.name]: {
      stream: {
        existing: 'arn:aws:kinesis:eu-west-1:555566667777:stream/one',
        key: 'arn:aws:kms:eu-west-1:555566667777:key/1234',
      },
    },
    [pipelines[1]!.name]: {
      stream: {
        existing: 'arn:aws:kinesis:eu-west-1:888899990000:stream/two',
        role: 'arn:aws:iam::888899990000:role/reads',
      },
    },
  },
});

test('every environment, and Serverless, passes the AwsSolutions rules of cdk-nag', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'millrace-nag-'));
  try {
    const [dev] = environments as [Environment];
    const all = [...environments, { ...dev, name: 'serverless', warehouse: serverless }, existing(dev)];
    const app = createApp({
      environments: all,
      pipelines,
      bundles: noBundles,
      app: { outdir, context: { '@aws-cdk/core:failSynthOnValidationErrors': false } },
    });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    app.synth();
    const { pluginReports } = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as Report;
    const findings = pluginReports.flatMap(({ violations = [] }) =>
      violations.map(
        ({ ruleName, violatingConstructs }) =>
          `${ruleName}: ${violatingConstructs.map(({ constructPath }) => constructPath).join(', ')}`,
      ),
    );
    expect(findings).toEqual([]);
  } finally {
    rmSync(outdir, { recursive: true });
  }
});
