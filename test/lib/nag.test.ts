import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { environments } from '../../environments';
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

test('every environment, and Serverless, passes the AwsSolutions rules of cdk-nag', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'millrace-nag-'));
  try {
    const all = [...environments, { ...environments[0]!, name: 'serverless', warehouse: serverless }];
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
