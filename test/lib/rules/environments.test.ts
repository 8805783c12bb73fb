import { environments } from '../../../environments';
import type { Environment, Partner } from '../../../environments/environment';
import { validateConfiguration } from '../../../lib/rules';
import { endedPartners } from '../../../lib/rules/partners';
import { pipelines } from '../../../pipelines';
import { serverless, shopPipeline, testEnvironment } from '../fixtures';

const now = Date.parse('2026-11-29T00:00:00Z');
const validate = (...given: readonly Environment[]) => validateConfiguration([shopPipeline()], given, now);
const problems = (changes: Partial<Environment>) => validate(testEnvironment(changes));
const provisioned = { kind: 'provisioned', nodeType: 'ra3.large', nodeCount: 2, snapshotRetentionDays: 1 } as const;
const partner = (changes: Partial<Partner> = {}): Partner => ({
  name: 'reader',
  who: { kind: 'aws', principal: 'arn:aws:iam::111122223333:root' },
  access: { mode: 'read', exports: ['shop.visits'] },
  externalId: { kind: 'generated' },
  ...changes,
});

test('the environments of this repository are valid', () => {
  expect(validateConfiguration(pipelines, environments, now)).toEqual([]);
});

test('a serverless environment with a partner is valid', () => {
  expect(problems({ warehouse: serverless, partners: [partner()] })).toEqual([]);
});

test('fails when there is no environment', () => {
  expect(validate()).toEqual(['environments must have at least one environment, got []']);
});

test('fails when two environments have one name', () => {
  expect(validate(testEnvironment(), testEnvironment())).toEqual(['environments.test is declared more than once']);
});

test.each<[string, Partial<Environment>, string]>([
  [
    'data to drop of no pipeline',
    { dropData: ['shop', 'shopp'] },
    'environments.test.dropData must name pipelines (shop), got "shopp"',
  ],
  [
    'data to drop where all of it is dropped',
    { retainData: false, dropData: ['shop'] },
    'environments.test.dropData must be left out where retainData is false, which drops everything, got ["shop"]',
  ],
  ['data to drop twice', { dropData: ['shop', 'shop'] }, 'environments.test.dropData names "shop" more than once'],
  [
    'the reconcile',
    { reconcileEveryMinutes: 7 },
    'environments.test.reconcileEveryMinutes must be 15 to 1440 and a divisor of a day, got 7',
  ],
  [
    'an hour that no day has',
    { fullPassHour: 24 },
    'environments.test.fullPassHour must be a whole number from 0 to 23, an hour in UTC, got 24',
  ],
  ['the account', { account: '1234' }, 'environments.test.account must be a text of 12 digits, got "1234"'],
  ['the region', { region: 'Ireland' }, 'environments.test.region must be a region such as eu-west-1, got "Ireland"'],
  [
    'the node count',
    { warehouse: { ...provisioned, nodeCount: 0 } },
    'environments.test.warehouse.nodeCount must be a whole number between 1 and 16 for ra3.large, got 0',
  ],
  [
    'nodes in halves',
    { warehouse: { ...provisioned, nodeCount: 1.5 } },
    'environments.test.warehouse.nodeCount must be a whole number between 1 and 16 for ra3.large, got 1.5',
  ],
  [
    'one large node',
    { warehouse: { ...provisioned, nodeType: 'ra3.4xlarge', nodeCount: 1 } },
    'environments.test.warehouse.nodeCount must be a whole number between 2 and 128 for ra3.4xlarge, got 1',
  ],
  [
    'the node type',
    { warehouse: { ...provisioned, nodeType: 'dc2.large' as never } },
    'environments.test.warehouse.nodeType must be ra3.large, ra3.xlplus, ra3.4xlarge or ra3.16xlarge, got "dc2.large"',
  ],
  [
    'no snapshots',
    { warehouse: { ...provisioned, snapshotRetentionDays: 0 } },
    'environments.test.warehouse.snapshotRetentionDays must be a whole number between 1 and 35, got 0',
  ],
  [
    'the capacity',
    { warehouse: { kind: 'serverless', baseCapacityRpus: 12 } },
    'environments.test.warehouse.baseCapacityRpus must be 8 to 512 in steps of 8, got 12',
  ],
  [
    'a limit below the base',
    { warehouse: { kind: 'serverless', baseCapacityRpus: 16, maxCapacityRpus: 8 } },
    'environments.test.warehouse.maxCapacityRpus must not be below baseCapacityRpus, 16, got 8',
  ],
  ['the log retention', { logRetentionDays: 10 }, 'environments.test.logRetentionDays must be one of 1, 3, 5,'],
  [
    'protection of data that is not retained',
    { retainData: false, deletionProtection: true },
    'environments.test.deletionProtection must be false where retainData is false, got true',
  ],
  [
    'a budget of nothing',
    { budget: { monthlyDollars: 0 } },
    'environments.test.budget.monthlyDollars must be an amount of dollars from 1 to 10000000, got 0',
  ],
  [
    'half a percent',
    { budget: { monthlyDollars: 10, warnAt: 0.5 } },
    'environments.test.budget.warnAt must be a whole number',
  ],
  [
    'a pause before the warning',
    { budget: { monthlyDollars: 10, pauseAt: 80 } },
    'environments.test.budget.pauseAt must be above warnAt, 80, got 80',
  ],
  [
    'a pause that nothing would end',
    { budget: { monthlyDollars: 10, pauseAt: 100 }, schedulesEnabled: false },
    'environments.test.budget.pauseAt must be left out where schedulesEnabled is false: nothing would end the pause, got 100',
  ],
  [
    'an unknown field of a budget',
    { budget: { monthlyDollars: 10, stopAt: 90 } as never },
    'environments.test.budget.stopAt',
  ],
  ['the address of alarms', { alarmEmail: 'nobody' }, 'environments.test.alarmEmail must be an address, got "nobody"'],
])('fails when %s is wrong', (_, changes, message) => {
  expect(problems(changes)).toEqual([expect.stringContaining(message)]);
});

test('fails when a pause is not a cron expression of Redshift', () => {
  const warehouse = { ...provisioned, pause: { pauseAt: '0 20 * * *', resumeAt: 'cron(0 6 * * ? *)' } };
  expect(problems({ warehouse })).toEqual([
    'environments.test.warehouse.pause.pauseAt must be a cron expression of six fields, as in cron(0 20 * * ? *), got "0 20 * * *"',
  ]);
});

test.each<[string, Partial<Partner>, string]>([
  [
    'its principal is everybody',
    { who: { kind: 'aws', principal: '*' } },
    'environments.test.partners.reader.who.principal must be the ARN of an account root, a role or a user, got "*"',
  ],
  [
    'its external id is empty',
    { externalId: { kind: 'given', values: [''] } },
    'environments.test.partners.reader.externalId.values[0] must be 20 to 1224 letters, digits and _+=,.@:/-, got an empty text',
  ],
  [
    'its external id can be guessed',
    { externalId: { kind: 'given', values: ['partner-1'] } },
    'environments.test.partners.reader.externalId.values[0] must be 20 to 1224 letters, digits and _+=,.@:/-, got a text of 9 characters',
  ],
  [
    'its external id contains its account number',
    { externalId: { kind: 'given', values: ['partner-111122223333-millrace'] } },
    'environments.test.partners.reader.externalId.values[0] must not contain the account number 111122223333, which is no secret',
  ],
  [
    'it has three external ids',
    { externalId: { kind: 'given', values: ['a', 'b', 'c'].map((letter) => letter.repeat(20)) } },
    'environments.test.partners.reader.externalId.values must be one id, or two different ones during a rotation, got a list of 3',
  ],
  [
    'its generations are none',
    { externalId: { kind: 'generated', generations: [] } },
    'environments.test.partners.reader.externalId.generations must be one number from 1 on, or two different ones during a rotation, got []',
  ],
  [
    'its system takes no id that was made elsewhere',
    { who: { kind: 'databricks' } },
    'environments.test.partners.reader.externalId.kind must be given or awaited for databricks, which generates its ids itself, got "generated"',
  ],
  [
    'its end is no day',
    { until: '2027-02-30' },
    'environments.test.partners.reader.until must be a day, as in 2027-03-31, got "2027-02-30"',
  ],
  [
    'the user of Snowflake is a role',
    { who: { kind: 'snowflake', userArn: 'arn:aws:iam::111122223333:role/x' } },
    'environments.test.partners.reader.who.userArn must be the ARN of a user, which DESC INTEGRATION calls STORAGE_AWS_IAM_USER_ARN, got "arn:aws:iam::111122223333:role/x"',
  ],
  [
    'it reads nothing',
    { access: { mode: 'read', exports: [] } },
    'environments.test.partners.reader.access.exports must name at least one export, or access.endpoints at least one endpoint, got []',
  ],
  [
    'it reads an export that no pipeline has',
    { access: { mode: 'read', exports: ['shop.sales'] } },
    'environments.test.partners.reader.access.exports must name exports of the pipelines (shop.visits), got "shop.sales"',
  ],
])('fails when a partner is wrong: %s', (_, changes, message) => {
  expect(problems({ partners: [partner(changes)] })).toEqual([message]);
});

test('fails when two partners share a name, and with it a prefix', () => {
  expect(problems({ partners: [partner(), partner()] })).toEqual([
    'environments.test.partners.reader is declared more than once',
  ]);
});

test('fails when two partners share an external id', () => {
  const externalId = { kind: 'given', values: ['mz_1b2c3d4e-0000-4000-8000-000000000001_u1'] } as const;
  expect(problems({ partners: [partner({ externalId }), partner({ name: 'other', externalId })] })).toEqual([
    'environments.test.partners must not share an external id, which reader and other do',
  ]);
});

test('reports every problem of every environment at once', () => {
  const wrong = { database: 'Mill Race', logRetentionDays: 10, warehouse: { ...provisioned, nodeCount: 99 } };
  const found = validate(testEnvironment(wrong), testEnvironment({ name: 'other', account: '1' }));
  expect(found.map((problem) => problem.split(' ')[0])).toEqual([
    'environments.test.database',
    'environments.test.logRetentionDays',
    'environments.test.warehouse.nodeCount',
    'environments.other.account',
  ]);
});

test('a partner whose access has ended is a warning, because the passing of a day must not stop a deployment', () => {
  const ended = testEnvironment({
    partners: [
      partner({ until: '2026-11-29' }),
      partner({ name: 'other', until: '2026-11-30' }),
      partner({ name: 'endless' }),
    ],
  });
  expect(validate(ended)).toEqual([]);
  expect(endedPartners([ended], now)).toEqual([
    'environments.test.partners.reader.until is past, 2026-11-29: nobody can assume the role; remove the partner or set a later day',
  ]);
});
