import { createApp } from '../../lib/app';
import { assertConfiguration } from '../../lib/configuration';
import { secondTierTest } from '../support/tier';
import { noBundles, shopPipeline, testEnvironment } from './fixtures';

test('fails when environments or pipelines are wrong, with all problems in one error', () => {
  const stream = { capacity: { mode: 'on-demand' }, retentionHours: 12 } as const;
  expect(() => assertConfiguration([testEnvironment({ account: '1' })], [shopPipeline({ stream })])).toThrow(
    /^invalid configuration, nothing can be deployed:\n {2}- pipelines\.shop\.stream\.retentionHours must .*got 12\n {2}- environments\.test\.account must be a text of 12 digits, got "1"$/,
  );
});

test('fails when histories overlap, which S3 would refuse during the deployment', () => {
  const inner = shopPipeline({
    name: 'inner',
    views: [],
    exports: [],
    history: [{ name: 'logs', globs: ['shop-logs/inner/*.gz'], format: 'ndjson', compression: 'gzip' }],
  });
  expect(() => assertConfiguration([testEnvironment()], [shopPipeline(), inner])).toThrow(
    /pipelines\.inner\.history\.logs\.globs must not begin as those of pipelines\.shop/,
  );
});

secondTierTest('fails when a table has more columns than Redshift allows', () => {
  const columns = Array.from(
    { length: 1600 },
    (_, i) => ({ name: `c${i}`, type: 'boolean', path: [`c${i}`] }) as const,
  );
  const given = shopPipeline({ columns: [...shopPipeline().columns, ...columns] });
  expect(() => assertConfiguration([testEnvironment()], [given])).toThrow(
    /pipelines\.shop\.columns: table events has 1,6\d\d of at most 1,600 columns/,
  );
});

test('fails when the globs need more notifications than a bucket may have', () => {
  const globs = Array.from({ length: 101 }, (_, i) => `logs-${i}/*.gz`);
  const many = shopPipeline({ history: [{ name: 'logs', globs, format: 'ndjson', compression: 'gzip' }] });
  expect(() => assertConfiguration([testEnvironment()], [many])).toThrow(
    'pipelines.*.history.globs must begin in at most 100 different ways, got 101',
  );
});

const build = (environment?: string) =>
  createApp({
    environments: [testEnvironment({ name: 'one' }), testEnvironment({ name: 'two' })],
    pipelines: [shopPipeline()],
    bundles: noBundles,
    app: { context: environment === undefined ? {} : { environment } },
  });
const stages = (environment?: string) =>
  build(environment)
    .node.children.map(({ node }) => node.id)
    .filter((id) => id !== 'Tree');

test('builds every environment', () => {
  expect(stages()).toEqual(['one', 'two']);
});

test('builds the environment that the context names', () => {
  expect(stages('two')).toEqual(['two']);
});

test('fails when the context names no environment', () => {
  expect(() => build('three')).toThrow('context environment must be one of one, two, got three');
});
