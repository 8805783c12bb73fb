import { Match } from 'aws-cdk-lib/assertions';
import type { Environment, PartnerEndpoint } from '../../environments/environment';
import {
  concurrencyOf,
  endpointStatementsPerSecond,
  mostInstances,
  stacksWithEndpoints,
  statementsPerInstance,
} from '../../lib/endpoints/share';
import { validateConfiguration } from '../../lib/rules';
import type { Bundles } from '../../lib/shared/bundles';
import type { Pipeline } from '../../pipelines/definition';
import { noBundles, servedPipeline, shopPipeline, stageOf, templates, testEnvironment } from './fixtures';

const reader = (
  endpoints: readonly PartnerEndpoint[],
  exports: readonly string[] = [],
): Environment['partners'][number] => ({
  name: 'reader',
  who: { kind: 'aws', principal: 'arn:aws:iam::111122223333:root' },
  access: { mode: 'read', exports, endpoints },
  externalId: { kind: 'given', values: ['0123456789abcdefghij'] },
});
const served = (changes: Partial<Environment> = {}) => templates(changes, [servedPipeline()]).pipelines;

test('an environment without endpoints has nothing of the API', () => {
  const { pipelines } = templates();
  for (const type of ['Api', 'Stage', 'Route', 'Integration'])
    pipelines.resourceCountIs(`AWS::ApiGatewayV2::${type}`, 0);
  expect(JSON.stringify(pipelines.toJSON())).not.toMatch(/endpoint/i);
});

test('tokens have a route for each pipeline, and the documents are open', () => {
  const routes = Object.values(served().findResources('AWS::ApiGatewayV2::Route')).map(({ Properties }) => [
    Properties.RouteKey,
    Properties.AuthorizationType,
  ]);
  expect(routes).toEqual([
    ['ANY /v1/shop/{name}', 'NONE'],
    ['GET /openapi.json', 'NONE'],
    ['GET /docs', 'NONE'],
  ]);
});

test('the access log has the path and no query', () => {
  const [stage] = Object.values(served().findResources('AWS::ApiGatewayV2::Stage'));
  const { Format } = stage!.Properties.AccessLogSettings;
  expect(Format).toContain('$context.path');
  expect(Format).toContain('$context.requestId');
  expect(Format).not.toMatch(
    /query|authorizer|\$context\.(?!path|requestId|requestTime|identity\.(sourceIp|caller)|httpMethod|routeKey|status|response|integration|error)/i,
  );
});

test('requests and concurrency are bounded as the environment says', () => {
  served({ endpoints: { concurrency: 10, requestsPerSecond: 50 } }).hasResourceProperties('AWS::ApiGatewayV2::Stage', {
    DefaultRouteSettings: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 50 },
  });
  served({ endpoints: { concurrency: 10 } }).hasResourceProperties('AWS::Lambda::Function', {
    ReservedConcurrentExecutions: 10,
    Environment: { Variables: Match.objectLike({ READER_SECRETS: Match.anyValue() }) },
  });
});

test('an account that can reserve nothing has a function that reserves nothing', () => {
  const functions = served({ endpoints: { reserved: false } }).findResources('AWS::Lambda::Function');
  for (const { Properties } of Object.values(functions))
    expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
});

test('the function may read the secrets of its users, the keys and the freshness of its pipelines, and nothing else', () => {
  const [policy] = Object.entries(served().findResources('AWS::IAM::Policy')).filter(([id]) =>
    id.startsWith('EndpointFunctionHandlerRole'),
  );
  const statements = policy![1].Properties.PolicyDocument.Statement as {
    Action: string | string[];
    Resource: unknown;
  }[];
  const actions = statements.flatMap(({ Action }) => Action).sort();
  expect(actions).toEqual([
    'kms:Decrypt',
    'kms:Decrypt',
    'kms:GenerateDataKey',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'redshift-data:CancelStatement',
    'redshift-data:DescribeStatement',
    'redshift-data:ExecuteStatement',
    'redshift-data:GetStatementResult',
    'redshift:DescribeClusters',
    's3:GetObject',
    's3:GetObject',
    's3:ListBucket',
    's3:PutObject',
    'secretsmanager:GetSecretValue',
  ]);
  const of = (action: string) => statements.find(({ Action }) => [Action].flat().includes(action))!;
  expect(JSON.stringify(of('s3:GetObject').Resource)).toMatch(/\/freshness\/shop\.json"\]\]\}$/);
  expect(JSON.stringify(of('s3:PutObject').Resource)).toMatch(/\/answers\/shop\/\*"\]\]\}$/);
  expect(of('s3:ListBucket')).toMatchObject({ Condition: { StringEquals: { 's3:prefix': ['freshness/shop.json'] } } });
  expect(JSON.stringify(of('secretsmanager:GetSecretValue').Resource)).toMatch(
    /^\[\{"Ref":"EndpointsKeys\w+"\},\{"Ref":"ShopUsersEndpointSecret\w+"\}\]$/,
  );
});

describe('partners', () => {
  const granted = served({
    partners: [
      reader([{ endpoint: 'shop.visits' }, { endpoint: 'shop.one_hour', fixed: { hour: '2026-11-21T10:00:00Z' } }]),
    ],
  });

  test('have a route that API Gateway guards, and a role that may call exactly their endpoints', () => {
    granted.hasResourceProperties('AWS::ApiGatewayV2::Route', {
      RouteKey: 'GET /iam/v1/shop/{name}',
      AuthorizationType: 'AWS_IAM',
    });
    const [policy] = Object.entries(granted.findResources('AWS::IAM::Policy')).filter(([id]) =>
      id.startsWith('Partner'),
    );
    const { Statement } = policy![1].Properties.PolicyDocument;
    expect(Statement).toHaveLength(1);
    expect(Statement[0].Action).toBe('execute-api:Invoke');
    const paths = Statement[0].Resource.map((arn: { 'Fn::Join': [string, unknown[]] }) => arn['Fn::Join'][1].at(-1));
    expect(paths).toEqual(
      ['one_hour.csv', 'one_hour.json', 'one_hour.ndjson', 'visits.csv', 'visits.json', 'visits.ndjson'].map(
        (name) => `/$default/GET/iam/v1/shop/${name}`,
      ),
    );
  });

  test('are known to the function with the values that they cannot choose', () => {
    const functions = Object.values(granted.findResources('AWS::Lambda::Function'));
    const partners = functions.flatMap(({ Properties }) => Properties.Environment?.Variables?.PARTNERS ?? []);
    expect(partners.map((text) => JSON.parse(text))).toEqual([
      {
        'millrace-test-reader': {
          partner: 'reader',
          endpoints: {
            'shop.visits': { fixed: {} },
            'shop.one_hour': { fixed: { hour: '2026-11-21T10:00:00Z' } },
          },
        },
      },
    ]);
  });
});

const problems = (environment: Partial<Environment>, pipelines: readonly Pipeline[] = [servedPipeline()]) =>
  validateConfiguration(pipelines, [testEnvironment(environment)], 0);

test.each<[readonly PartnerEndpoint[], string]>([
  [
    [{ endpoint: 'shop.none' }],
    'environments.test.partners.reader.access.endpoints must name endpoints of the pipelines (shop.visits, shop.one_hour), got "shop.none"',
  ],
  [
    [{ endpoint: 'shop.one_hour' }],
    'environments.test.partners.reader.access.endpoints[0].fixed must have hour, the tenant of the endpoint',
  ],
  [
    [{ endpoint: 'shop.visits', fixed: { until: 'x' } }],
    'environments.test.partners.reader.access.endpoints[0].fixed.until must be a parameter of the endpoint (since)',
  ],
  [
    [{ endpoint: 'shop.visits' }, { endpoint: 'shop.visits' }],
    'environments.test.partners.reader.access.endpoints names "shop.visits" more than once',
  ],
  [
    [],
    'environments.test.partners.reader.access.exports must name at least one export, or access.endpoints at least one endpoint, got []',
  ],
])('fails when a partner gets %j', (endpoints, message) => {
  expect(problems({ partners: [reader(endpoints)] })).toEqual([message]);
});

test('fails when a fixed value is not valid for its parameter', () => {
  const partners = [reader([{ endpoint: 'shop.one_hour', fixed: { hour: 'yesterday' } }])];
  expect(problems({ partners })).toEqual([
    expect.stringMatching(
      /^environments\.test\.partners\.reader\.access\.endpoints\[0\]\.fixed\.hour must be .+, got "yesterday"$/,
    ),
  ]);
});

describe('the share of the Data API', () => {
  test('is what all instances of all functions may start together', () => {
    for (const [concurrency, functions] of [
      [5, 1],
      [10, 1],
      [5, 4],
      [1, 20],
    ] as const)
      expect(statementsPerInstance(concurrency, functions) * concurrency * functions).toBeCloseTo(
        endpointStatementsPerSecond,
      );
    // The Data API takes 30 ExecuteStatement and 20 GetStatementResult a second. The rest is for refresh, load and exports.
    expect(endpointStatementsPerSecond).toBe(10);
  });

  const named = (name: string): Pipeline => ({
    ...JSON.parse(JSON.stringify(servedPipeline()).replaceAll('shop', name)),
    stack: name,
  });

  test('counts the stacks that have endpoints', () => {
    expect(
      stacksWithEndpoints([shopPipeline({ stack: 'a' }), servedPipeline(), servedPipeline({ stack: 'b' })]),
    ).toEqual([undefined, 'b']);
  });

  test.each([0, mostInstances + 1, 2.5])('fails when the concurrency is %d', (concurrency) => {
    expect(problems({ endpoints: { concurrency } })).toEqual([
      `environments.test.endpoints.concurrency must be a whole number between 1 and 20, got ${concurrency}`,
    ]);
  });

  test('the stacks share the instances unless the environment says otherwise', () => {
    expect([1, 2, 3, 20, 40].map((functions) => concurrencyOf({}, functions))).toEqual([20, 10, 6, 1, 1]);
    expect(concurrencyOf({ concurrency: 3 }, 2)).toBe(3);
    expect(problems({}, [servedPipeline(), named('market'), named('bazaar')])).toEqual([]);
  });

  test('fails when the instances of all stacks are too many', () => {
    const three = [servedPipeline(), named('market'), named('bazaar')];
    expect(problems({ endpoints: { concurrency: 6 } }, three)).toEqual([]);
    expect(problems({ endpoints: { concurrency: 7 } }, three)).toEqual([
      'environments.test.endpoints.concurrency must be at most 6 where 3 stacks have endpoints: their instances share 10 statements a second, got 7',
    ]);
  });
});

test('the plan names its share, and one function serves the documents', () => {
  const plans: Record<string, { statementsPerSecond: number; openapi?: unknown; endpoints: unknown[] }> = {};
  const bundles: Bundles = {
    code(handler, owner, plan) {
      if (handler === 'endpoint') plans[owner!] = plan as never;
      return noBundles.code(handler);
    },
  };
  stageOf({}, [servedPipeline()], bundles);
  expect(plans).toEqual({
    main: expect.objectContaining({ environment: 'test', statementsPerSecond: 0.5, statementBurst: 3 }),
  });
  expect(plans['main']!.endpoints).toHaveLength(2);
  expect(plans['main']!.openapi).toMatchObject({ openapi: '3.1.0' });
});
