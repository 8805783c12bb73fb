import { Match } from 'aws-cdk-lib/assertions';
import { assertConfiguration } from '../../lib/configuration';
import type { ExportDefinition } from '../../pipelines/definition';
import { shopPipeline, templates, testEnvironment } from './fixtures';

const copied: ExportDefinition = {
  name: 'live',
  query: 'select id, sold_at from sales',
  file: 'exports/live.sql',
  engine: 'materialize',
  columns: [
    { name: 'id', type: 'text' },
    { name: 'sold_at', type: 'timestamp' },
  ],
  content: { kind: 'incremental', timeColumn: 'sold_at', window: 'hour', since: '2026-01-01' },
  format: { kind: 'parquet' },
};

const materialize = { host: 'x.aws.materialize.cloud', user: 'u', cluster: 'c', connection: 'exports', partner: 'mz' };
const partner = {
  name: 'mz',
  who: { kind: 'materialize' },
  access: { mode: 'write' },
  externalId: { kind: 'awaited' },
} as const;

test('the function may read its secret, and what Materialize wrote for its exports', () => {
  const { pipelines: template } = templates({ materialize, partners: [partner] }, [
    shopPipeline({ exports: [copied] }),
  ]);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: Match.objectLike({
        MATERIALIZE_HOST: materialize.host,
        MATERIALIZE_PORT: '6875',
        MATERIALIZE_PREFIX: 'partners/mz/',
        MATERIALIZE_SECRET_ARN: Match.anyValue(),
      }),
    },
  });
  const policies = JSON.stringify(template.findResources('AWS::IAM::Policy'));
  expect(policies).toContain('/partners/mz/exports/shop/live/*');
  expect(policies).toContain('/unloads/shop/*');
});

test('templates without Materialize have no trace of it', () => {
  const { pipelines: template } = templates();
  expect(JSON.stringify(template.toJSON())).not.toMatch(/MATERIALIZE_|unloads\/shop|partners\/mz/);
});

const problems = (exports: ExportDefinition, changes: object): string => {
  try {
    assertConfiguration([testEnvironment(changes)], [shopPipeline({ exports: [exports] })]);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};
const all = { materialize, partners: [partner] };

test.each([
  [copied, {}, 'environments.test.materialize must be given, since Materialize copies shop.live'],
  [
    copied,
    { ...all, partners: [] },
    'environments.test.materialize.partner must be a partner of kind materialize with write access, got "mz"',
  ],
  [
    copied,
    { ...all, materialize: { ...materialize, host: 'https://x' } },
    'environments.test.materialize.host must be a host name, got "https://x"',
  ],
  [{ ...copied, columns: undefined }, all, 'columns must name the columns of the query, got none'],
  [{ ...copied, columns: [{ name: 'id', type: 'oid' as never }] }, all, 'columns.id.type must be one of boolean'],
  [{ ...copied, content: { ...copied.content, since: undefined } as never }, all, 'content.since must be given'],
  [
    { ...copied, content: { ...copied.content, corrections: true } as never },
    all,
    'content.corrections must not be true',
  ],
  [
    { ...copied, content: { ...copied.content, timeColumn: 'id' } as never },
    all,
    'content.timeColumn must be a column of type timestamp',
  ],
  [{ ...copied, format: { kind: 'json' as const } }, all, 'format.kind must be parquet or csv, got "json"'],
  [{ ...copied, format: { kind: 'csv' as const } }, all, 'format.header must be false'],
  [{ ...copied, engine: 'duckdb' as never }, all, 'engine must be redshift or materialize, got "duckdb"'],
  [{ ...copied, engine: undefined }, all, 'columns must not be given'],
])('problem %#: %s', (definition, changes, expected) => {
  expect(problems(definition, changes)).toContain(expected);
});

test('a valid export has no problems', () => expect(problems(copied, all)).toBe(''));
