import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { exitCode } from '../../../cli/commands/plan';
import type { Plan } from '../../../cli/plan/plan';
import { dev } from '../../../environments/dev';
import { EnvironmentStage } from '../../../lib/environment-stage';
import { featureFlags } from '../../../lib/shared/feature-flags';
import { pipelines } from '../../../pipelines';
import { noBundles } from '../../lib/fixtures';
import { millrace } from '../io';

const folder = mkdtempSync(join(tmpdir(), 'millrace-plan-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The template of this tree, with its text changed. */
function template(name: string, edit: (text: string) => string = (text) => text): string {
  const path = join(folder, name);
  writeFileSync(path, edit(text));
  return path;
}
let text: string;
beforeAll(() => {
  const app = new App({ analyticsReporting: false, context: featureFlags });
  const stage = new EnvironmentStage(app, { environment: dev, pipelines, bundles: noBundles });
  text = JSON.stringify(Template.fromStack(stage.pipelines).toJSON());
});

test('nothing to do is exit code 0, and one line', async () => {
  const { code, stdout, stderr } = await millrace('plan', '--from', template('same.json'));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/Nothing to do: \d+ objects as deployed, no statement runs\.\n$/);
});

test('a change is exit code 3, its statements are there, and can be left out', async () => {
  const from = template('other-view.json', (given) =>
    given.replaceAll(/hourly_views_[0-9a-f]{8}/g, 'hourly_views_00000000'),
  );
  const long = await millrace('plan', 'dev', '--from', from);
  expect(long.code).toBe(3);
  expect(long.stdout).toMatch(/↻ rebuild: view estore\.hourly_views/);
  expect(long.stdout).toMatch(/drop materialized view if exists estore\.hourly_views_00000000;/);
  const short = await millrace('plan', 'dev', '--from', from, '--no-statements');
  expect(short.code).toBe(3);
  expect(short.stdout).not.toMatch(/drop materialized view/);
});

test('a refusal is exit code 4, as JSON too', async () => {
  const from = template('other-type.json', (given) =>
    given
      .replaceAll('numeric(12,2)', 'bigint')
      .replaceAll('decimal(12,2)', 'bigint')
      .replaceAll(/"version":"[0-9a-f]{8}"/g, '"version":"00000000"'),
  );
  const { code, stdout } = await millrace('plan', '--from', from, '--json');
  expect(code).toBe(4);
  const plan = JSON.parse(stdout) as Plan;
  expect(plan).toMatchObject({ environment: 'dev', comparedWith: from });
  expect(plan.changes.find(({ object }) => object === 'table estore.events')).toMatchObject({
    pipeline: 'estore',
    action: 'refused',
    summary: expect.stringMatching(/^Column price of estore\.events_[0-9a-f]{8} is bigint, not numeric\(12,2\)\.$/),
  });
});

test('what is not as it was deployed is exit code 4, what others put there is none', () => {
  const changes: Plan['changes'] = [{ object: 'x', pipeline: null, action: 'unchanged', summary: '', notes: [] }];
  const problem = { object: 'x', problem: '', advice: '' };
  expect(exitCode({ changes, problems: [] })).toBe(0);
  expect(exitCode({ changes, problems: [{ ...problem, stops: false }] })).toBe(0);
  expect(exitCode({ changes, problems: [{ ...problem, stops: true }] })).toBe(4);
  expect(exitCode({ changes: [{ ...changes[0]!, action: 'online' }], problems: [] })).toBe(3);
});

test.each([
  [['plan', 'qa'], 2, "error: [environment] must be one of dev, staging, prod, got 'qa'"],
  [
    ['plan', 'dev', '--environment', 'prod'],
    2,
    "error: [environment] and --environment name different ones: 'dev' and 'prod'",
  ],
  [['plan', '--from', ''], 2, 'error: --from must not be empty'],
  [
    ['plan', '--from', 'no such ref'],
    2,
    "error: --from must be a git ref, a template or a cloud assembly, got 'no such ref'",
  ],
  [['plan', 'dev', '--outputs', 'none.json'], 2, 'error: --outputs none.json: there is no such file'],
  [['plan', '--data', '/no/such/folder'], 1, 'error: nothing is deployed in /no/such/folder: start it with'],
])('%j makes no plan and says why', async (args, code, message) => {
  const answer = await millrace(...args);
  expect(answer.stderr).toContain(message);
  expect({ code: answer.code, stdout: answer.stdout }).toEqual({ code, stdout: '' });
});
