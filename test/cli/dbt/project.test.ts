import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { readHeader } from '../../../cli/dbt/generated-file';
import { dbtProject } from '../../../cli/dbt/project';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { anExport, aView } from '../../sql/fixtures';
import { prod, shop, visits, withColumn } from '../plan/sample';

const folder = join(__dirname, 'golden');
/** UPDATE_GOLDEN=1 npx jest test/cli/dbt/project, then read what changed. */
const update = process.env['UPDATE_GOLDEN'] === '1';

const endpoints: Pipeline['endpoints'] = [
  {
    name: 'by_hour',
    file: 'pipelines/shop/endpoints/by_hour.sql',
    query: 'select hour, amount from shop.hourly_sold where true [[ and hour >= :since ]]',
    description: 'Amounts by hour',
    params: { since: { type: 'timestamp' } },
  },
];
const materialize = {
  host: 'region.materialize.example',
  user: 'millrace@example.com',
  cluster: 'quickstart',
  connection: 'exports',
  partner: 'mz',
};
const projects = {
  redshift: dbtProject(prod(), [shop({ endpoints }), visits()]),
  materialize: dbtProject(
    prod({ materialize, region: 'eu-west-1', warehouse: { kind: 'serverless', baseCapacityRpus: 8 } }),
    [
      shop({
        exports: [
          {
            ...anExport('live', 'with late as (select 1) select id, amount from live.sales, late, other'),
            engine: 'materialize',
            columns: [
              { name: 'id', type: 'text' },
              { name: 'amount', type: 'numeric' },
            ],
          },
        ],
      }),
    ],
  ),
};

test.each(Object.keys(projects) as (keyof typeof projects)[])('the files of a project over %s', (name) => {
  const root = join(folder, name);
  if (update) {
    rmSync(root, { recursive: true, force: true });
    for (const { path, content } of projects[name]) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
  }
  const found = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  expect(found.sort()).toEqual(projects[name].map(({ path }) => path).sort());
  for (const { path, content } of projects[name]) {
    const file = join(root, path);
    expect([path, content]).toEqual([path, existsSync(file) ? readFileSync(file, 'utf8') : '']);
  }
});

test('every file has a header that holds, and is YAML if its name says so', () => {
  for (const { path, content } of Object.values(projects).flat()) {
    expect([path, readHeader(content)?.edited]).toEqual([path, false]);
    if (path.endsWith('.yml')) expect(() => parse(content)).not.toThrow();
  }
});

const yamlOf = (pipeline: Pipeline, file: string) =>
  parse(dbtProject(prod(), [pipeline]).find(({ path }) => path.endsWith(file))!.content);
const eventsOf = (
  pipeline: Pipeline,
): { name: string; data_type: string; description: string; data_tests?: unknown[] }[] =>
  yamlOf(pipeline, 'src_shop.yml').sources[0].tables[0].columns;

test('every column has a type and a description', () => {
  const { tables } = yamlOf(shop(), 'src_shop.yml').sources[0];
  expect(tables.map(({ name }: { name: string }) => name)).toEqual([
    'events',
    'rejects',
    'duplicates',
    'checkpoints',
    'sold',
    'hourly_sold',
  ]);
  for (const { name, columns } of tables)
    for (const column of columns)
      expect([name, column.name, typeof column.data_type, column.description?.length > 0]).toEqual([
        name,
        column.name,
        'string',
        true,
      ]);
});

test('values that dbt would take for SQL or for a template are safe', () => {
  const columnOf = (change: Partial<Column>) =>
    eventsOf(withColumn('kind', change)).find(({ name }) => name === 'kind')!;
  expect(columnOf({ oneOf: ["it's"] } as Partial<Column>).data_tests).toEqual([
    { accepted_values: { arguments: { values: ["it''s"] } } },
  ]);
  const template = columnOf({ oneOf: ['{{ x }}'] } as Partial<Column>);
  expect(template.data_tests).toBeUndefined();
  expect(template.description).not.toContain('{{');
  const view = aView('odd', '-- {{ a }} and {% b %}\nselect kind as "Kind of sale" from shop.events');
  const odd = yamlOf(shop({ views: [view] }), 'src_shop.yml').sources[0].tables.at(-1);
  expect(odd.description).toBe('{ { a }} and { % b %}');
  expect(odd.columns).toEqual([{ name: 'Kind of sale', quote: true, data_type: 'varchar(8)', description: '`kind`' }]);
});

test('freshness allows three missed refreshes, and at least a quarter of an hour', () => {
  const freshnessOf = (refreshEveryMinutes: number) => {
    const { freshness } = yamlOf(shop({ refreshEveryMinutes }), 'src_shop.yml').sources[0].tables[0].config;
    return [freshness.warn_after, freshness.error_after].map(({ count, period }) => `${count} ${period}`);
  };
  expect(freshnessOf(1)).toEqual(['15 minute', '60 minute']);
  expect(freshnessOf(30)).toEqual(['90 minute', '360 minute']);
});

test('the version of the copy changes with the columns and with the identity, and with nothing else', () => {
  const versionOf = (pipeline: Pipeline) =>
    /'([0-9a-f]{8})'::varchar/.exec(
      dbtProject(prod(), [pipeline]).find(({ path }) => path.endsWith('stg_shop__events.sql'))!.content,
    )![1];
  const version = versionOf(shop());
  expect(versionOf(shop({ views: [], refreshEveryMinutes: 7 }))).toBe(version);
  expect(versionOf(withColumn('kind', { required: true }))).toBe(version);
  expect(versionOf(withColumn('amount', { precision: 12 } as Partial<Column>))).not.toBe(version);
  expect(versionOf(shop({ identity: { by: 'stream-position' } }))).not.toBe(version);
});

test('no password is in the profiles, and what dbt builds has a schema of its own', () => {
  for (const project of Object.values(projects)) {
    const profiles = project.find(({ path }) => path === 'profiles.yml')!.content;
    for (const [, value] of profiles.matchAll(/pass(?:word)?: (.*)/g))
      expect(value).toMatch(/^"\{\{ env_var\('\w+'\) \}\}"$/);
  }
  const { local } = parse(
    dbtProject(prod(), [shop({ name: 'dbt_prod', views: [], exports: [] })]).find(
      ({ path }) => path === 'profiles.yml',
    )!.content,
  ).millrace.outputs;
  expect(local.schema).toBe('dbt_prod_models');
});
