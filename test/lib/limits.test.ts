import { dev } from '../../environments/dev';
import { prod } from '../../environments/prod';
import { staging } from '../../environments/staging';
import { createApp, synthesize } from '../../lib/app';
import { judge, limits } from '../../lib/limits/limits';
import { measurePipeline } from '../../lib/limits/pipeline';
import { measureTemplate } from '../../lib/limits/template';
import { pipelines } from '../../pipelines';
import { widePipeline } from '../support/wide';
import { noBundles, shopPipeline, testEnvironment } from './fixtures';

const found = (template: object, where: RegExp) =>
  measureTemplate('stack', template, 10).filter((finding) => where.test(finding.where));
const resource = (Type: string, Properties: object) => ({ Resources: { One: { Type, Properties } } });

test('past a limit there is an error with field, number and page, from 80 % on a warning', () => {
  const finding = (measured: number) => ({ where: 'stack s', measured, limit: limits.resources, advice: 'split it' });
  expect(judge([finding(399), finding(400), finding(500), finding(501)])).toEqual({
    errors: [
      'stack s has 501 of at most 500 resources (100 %): split it. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html',
    ],
    warnings: [
      expect.stringContaining('stack s has 500 of at most 500 resources (100 %): split it.'),
      expect.stringContaining('stack s has 400 of at most 500 resources (80 %)'),
    ],
  });
});

test.each([
  [
    'variables of a function',
    'AWS::Lambda::Function',
    { Environment: { Variables: { A: 'x'.repeat(4095), B: '' } } },
    /Environment$/,
    4097,
  ],
  [
    'a name with the length of what only CloudFormation knows',
    'AWS::Lambda::Function',
    { FunctionName: { 'Fn::Join': ['-', ['a', { Ref: 'AWS::AccountId' }]] } },
    /FunctionName$/,
    14,
  ],
  [
    'the trust of a role, without its white space',
    'AWS::IAM::Role',
    { AssumeRolePolicyDocument: { Statement: [{ Effect: 'Allow' }] } },
    /AssumeRolePolicyDocument$/,
    34,
  ],
  [
    'the notifications of a bucket',
    'AWS::S3::Bucket',
    { NotificationConfiguration: { QueueConfigurations: [1, 2], TopicConfigurations: [3] } },
    /NotificationConfiguration$/,
    3,
  ],
  ['the targets of a rule', 'AWS::Events::Rule', { Targets: [1, 2, 3, 4, 5, 6] }, /Targets$/, 6],
  [
    'what an update of a custom resource sends to the state machine',
    'Custom::X',
    { create: 'x'.repeat(100_000) },
    /Properties/,
    204_026,
  ],
])('measures %s', (_, type, properties, where, measured) => {
  expect(found(resource(type, properties), where)).toEqual([expect.objectContaining({ measured })]);
});

test('measures all inline policies of a role together', () => {
  const policy = {
    Type: 'AWS::IAM::Policy',
    Properties: { PolicyDocument: { Statement: ['x'.repeat(6000)] }, Roles: [{ Ref: 'Role' }] },
  };
  const Resources = { Role: { Type: 'AWS::IAM::Role', Properties: {} }, One: policy, Other: policy };
  expect(found({ Resources }, /inline policies/)).toEqual([
    expect.objectContaining({ where: 'inline policies of stack.Role', measured: 2 * 6018, limit: limits.rolePolicies }),
  ]);
});

test('measures a stack: its resources, outputs, parameters, name and bytes', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`R${i}`, { Type: 'X' }]));
  const findings = measureTemplate(
    's'.repeat(129),
    { Resources: many(501), Outputs: many(201), Parameters: many(201) },
    1_000_001,
  );
  const { errors } = judge(findings);
  expect(errors.map((line) => /of at most [\d,]+ (\w+)/.exec(line)![1]).sort()).toEqual(
    ['bytes', 'characters', 'outputs', 'parameters', 'resources'].sort(),
  );
});

test('measures every batch, and every statement with room for the values that are filled in', () => {
  const findings = measurePipeline(shopPipeline());
  const of = (name: string) => findings.filter(({ where }) => where.endsWith(name));
  expect(of('of refresh.steps.merge.statements').length).toBeGreaterThan(10);
  const batches = findings.filter(({ where }) => where.includes(': load.sources.logs.'));
  expect(batches.filter(({ limit }) => limit === limits.batchStatements).length).toBeGreaterThan(0);
  expect(of('of objects.Events.rebuild.batch').length).toBeGreaterThan(10);
  expect(of('of objects.Landing.delete.last-merge.statements').length).toBeGreaterThan(10);
  // One statement holds both the list of objects and the list of files.
  const loads = findings.filter(({ where }) => where.includes('load.sources.logs') && where.includes('statement'));
  expect(Math.max(...loads.map(({ measured }) => measured))).toBeGreaterThan(76_000);
});

test('280 columns are within the limits of statements, 300 are refused with the field, their number and the limit', () => {
  const judged = (columns: number) => judge(measurePipeline(widePipeline('wide', columns))).errors;
  expect(judged(280)).toEqual([]);
  expect(judged(300)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(
        /^pipelines\.wide\.columns: load\.sources\.archive\.raising\.exact\.load\.statements has 42 of at most 40 statements .*300 columns make it/,
      ),
    ]),
  );
});

test('what the project deploys is within all limits', () => {
  const app = createApp({ environments: [dev, staging, prod], pipelines, bundles: noBundles });
  const warnings: string[] = [];
  synthesize(app, pipelines, (line) => warnings.push(line));
  expect(warnings).toEqual([]);
});

test('an environment that CloudFormation would refuse fails, with what to do', () => {
  const many = Array.from({ length: 9 }, (_, i) =>
    JSON.parse(JSON.stringify(shopPipeline()).replaceAll('shop', `shop${i}`)),
  );
  const make = (stack?: string) => {
    const given = many.map((pipeline, i) =>
      i < 5 ? pipeline : { ...pipeline, ...(stack === undefined ? {} : { stack }) },
    );
    return () =>
      synthesize(
        createApp({ environments: [testEnvironment()], pipelines: given, bundles: noBundles }),
        given,
        () => undefined,
      );
  };
  // CDK also counts the resources.
  expect(make()).toThrow(/resources/);
  expect(
    make('more')
      .call(undefined)
      .getNestedAssembly('assembly-test')
      .stacks.map(({ stackName }) => stackName),
  ).toEqual(['millrace-test-data', 'millrace-test-pipelines', 'millrace-test-pipelines-more']);
});
