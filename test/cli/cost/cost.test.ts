import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { costChange, costOf, monthOf, type Resources, UnknownPriceError } from '../../../cli/cost/cost';
import { costTable, differenceTable, differenceText } from '../../../cli/cost/table';
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
  expect(() => costOf({ Gateway: { Type: 'AWS::EC2::NatGateway' } })).toThrow(UnknownPriceError);
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

const withAlarms = (count: number, others: Resources = {}): Resources => ({
  ...others,
  ...Object.fromEntries(Array.from({ length: count }, (_, n) => [`A${n}`, { Type: 'AWS::CloudWatch::Alarm' }])),
});

test('a month with traffic is its fixed costs and its events; what they leave is paid each later month', () => {
  const lines = costOf({ key: { Type: 'AWS::KMS::Key' } }, 1_000);
  const aMillion = lines.filter(({ per }) => per === 'events').reduce((sum, { dollars }) => sum + dollars, 0);
  const { dollars, keptDollars } = monthOf(lines, { eventsPerDay: 2_000_000, eventBytes: 1_000 });
  expect(dollars).toBeCloseTo(1 + (aMillion * 2 * 730) / 24);
  // 60.83 million events of 1 kB, in S3 and in Redshift.
  expect(keptDollars).toBeCloseTo(60.833 * (0.023 + 0.024));
  expect(monthOf(lines, { eventsPerDay: 0, eventBytes: 1_000 })).toEqual({ dollars: 1, keptDollars: 0 });
});

test('a table with traffic has the rows of the month', () => {
  const table = costTable({ dev: costOf(withAlarms(3)) }, 'totals', { eventsPerDay: 1_000_000, eventBytes: 500 });
  expect(table).toContain('| **a month with 1,000,000 events a day** | **$');
  expect(table).toContain('| keeping these events, each later month | $0.71 |');
});

test('a change names the groups that cost more or less', () => {
  const secret = { Secret: { Type: 'AWS::SecretsManager::Secret' } };
  const change = costChange(costOf(withAlarms(10, secret)), costOf(withAlarms(15)));
  expect(differenceTable(change).split('\n')).toEqual([
    '|  | before | after | difference |',
    '| --- | --- | --- | --- |',
    '| keys and secrets | $0.40 | $0.00 | −$0.40 |',
    '| alarms | $1.00 | $1.50 | +$0.50 |',
    '| **a month without traffic** | $1.40 | $1.50 | +$0.10 |',
  ]);
  expect(differenceText(change)).toBe(
    'A month without traffic costs $1.50 instead of $1.40: keys and secrets −$0.40, alarms +$0.50.',
  );
  expect(differenceText(costChange(costOf(withAlarms(2)), costOf(withAlarms(2))))).toBe(
    'A month without traffic still costs $0.20.',
  );
});
