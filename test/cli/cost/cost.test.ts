import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { costOf, costTable, type Resources } from '../../../cli/cost/cost';
import { dev } from '../../../environments/dev';
import type { Environment } from '../../../environments/environment';
import { prod } from '../../../environments/prod';
import { pipelines } from '../../../pipelines';
import { serverless, templates } from '../../lib/fixtures';

function resourcesOf(environment: Partial<Environment>): Resources {
  const { data, pipelines: moving } = templates(environment, pipelines);
  const prefixed = (prefix: string, resources: object) =>
    Object.entries(resources).map(([id, one]) => [`${prefix}/${id}`, one]);
  return Object.fromEntries([
    ...prefixed('data', data.toJSON()['Resources']),
    ...prefixed('pipelines', moving.toJSON()['Resources']),
  ]);
}

test('the tables of the README and of docs/costs.md are what the templates cost', () => {
  const costs = { dev: costOf(resourcesOf(dev)), prod: costOf(resourcesOf(prod)) };
  const page = (file: string) => readFileSync(join(__dirname, '../../..', file), 'utf8');
  expect(page('README.md')).toContain(costTable(costs, 'totals'));
  // `npx millrace cost dev prod` prints this one
  expect(page('docs/costs.md')).toContain(costTable(costs));
});

test('a type without a price is an error, never free', () => {
  expect(() => costOf({ Gateway: { Type: 'AWS::EC2::NatGateway' } })).toThrow('has no price of AWS::EC2::NatGateway');
  expect(() => costOf({ C: { Type: 'AWS::Redshift::Cluster', Properties: { NodeType: 'dc2.large' } } })).toThrow(
    'node-hour dc2.large',
  );
});

const fixedOf = (resources: Resources, group: string) =>
  costOf(resources)
    .filter((one) => one.per === 'fixed' && one.group === group)
    .reduce((sum, { dollars }) => sum + dollars, 0);

test('a cluster costs while it is awake', () => {
  const cluster = { Type: 'AWS::Redshift::Cluster', Properties: { NodeType: 'ra3.large', NumberOfNodes: 2 } };
  const action = (TargetAction: object, Schedule: string) => ({
    Type: 'AWS::Redshift::ScheduledAction',
    Properties: { TargetAction, Schedule, Enable: true },
  });
  expect(fixedOf({ cluster }, 'Redshift')).toBeCloseTo(2 * 730 * 0.543);
  const pause = action({ PauseCluster: {} }, 'cron(0 20 * * ? *)');
  const resume = action({ ResumeCluster: {} }, 'cron(0 6 * * ? *)');
  expect(fixedOf({ cluster, pause, resume }, 'Redshift')).toBeCloseTo((2 * 730 * 0.543 * 14) / 24);
  expect(
    fixedOf({ cluster, pause: action({ PauseCluster: {} }, 'cron(0 20 ? * FRI *)'), resume }, 'Redshift'),
  ).toBeCloseTo(2 * 730 * 0.543);
});

test('shards that keep longer than a day, and a workgroup, are priced', () => {
  const Properties = { ShardCount: 3, RetentionPeriodHours: 48 };
  expect(fixedOf({ s: { Type: 'AWS::Kinesis::Stream', Properties } }, 'Kinesis')).toBeCloseTo(3 * 730 * 0.035);
  expect(fixedOf(resourcesOf({ warehouse: serverless }), 'Redshift')).toBeCloseTo(8 * 730 * 0.375);
});
