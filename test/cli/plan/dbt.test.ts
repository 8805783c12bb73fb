import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readManifest } from '../../../cli/dbt/manifest';
import { readRelations } from '../../../cli/dbt/relations';
import { dbtPlan, deployedRelations } from '../../../cli/plan/dbt';
import { treeStates } from '../../../cli/plan/state';
import { millrace } from '../io';
import { prod, shop } from './sample';

const folder = mkdtempSync(join(tmpdir(), 'millrace-dbt-plan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (content: string) => {
  const path = join(folder, 'manifest.json');
  writeFileSync(path, content);
  return path;
};
const metadata = { dbt_schema_version: 'https://schemas.getdbt.com/dbt/manifest/v12.json' };
const sources = {
  'source.p.shop.events': {
    schema: 'shop',
    name: 'events',
    identifier: 'events',
    columns: { kind: { data_type: 'character varying(8)' } },
  },
};

/** What a deployment without the column `kind` does to one model. */
function effectOn(model: object) {
  const nodes = {
    'model.p.m': { resource_type: 'model', name: 'm', depends_on: { nodes: ['source.p.shop.events'] }, ...model },
  };
  const after = shop({ columns: shop().columns.filter(({ name }) => name !== 'kind'), views: [], exports: [] });
  const manifest = readManifest(file(JSON.stringify({ metadata, sources, nodes })));
  const { impacts, notSeen } = dbtPlan(
    manifest,
    deployedRelations(treeStates(prod(), [shop()])),
    readRelations([after]),
  );
  return { effect: impacts[0]?.effect, notSeen };
}

test.each<[string, string | undefined, object]>([
  ['names the column', 'breaks', { raw_code: 'select KIND from x' }],
  ['names it between quotes', 'breaks', { raw_code: 'select e."kind" from x e' }],
  ['names another one that contains the name', undefined, { raw_code: 'select kind_of, mankind from x' }],
  ['names it in a comment alone', undefined, { raw_code: 'select at from x -- kind\n/* kind */ {# kind #}' }],
  ['gives it to a macro', 'breaks', { raw_code: "select {{ pivot('kind') }} from x" }],
  ['names a relation alike', undefined, { raw_code: "select at from {{ ref('kind') }}" }],
  ['has it as a literal of compiled SQL', undefined, { compiled_code: "select at, 'kind' as what from x" }],
  ['selects all columns', 'changes', { raw_code: 'select * from x' }],
  ['selects all columns of one relation', 'changes', { raw_code: 'select e.* from x e' }],
  ['counts rows', undefined, { raw_code: 'select count(*), 2 * 3 from x' }],
  ['is Python', 'may break', { language: 'python', raw_code: 'def model(dbt, session): pass' }],
])('a model that %s: %s', (_, effect, model) => expect(effectOn(model).effect).toBe(effect));

test('SQL that is not compiled is said to be so', () => {
  const said = (model: object) => effectOn(model).notSeen.some((sentence) => sentence.includes('not compiled'));
  expect(said({ raw_code: 'select at from {{ x }}' })).toBe(true);
  expect(said({ raw_code: 'select at from {{ x }}', compiled_code: 'select at from x' })).toBe(false);
});

test.each([
  ['nothing here', 'is not JSON: '],
  ['[]', 'has no metadata.dbt_schema_version of a manifest'],
  [
    JSON.stringify({ metadata: { dbt_schema_version: 'https://schemas.getdbt.com/dbt/manifest/v4.json' } }),
    'has the format v4, and v9, v10, v11, v12 can be read',
  ],
  [JSON.stringify({ metadata, nodes: {} }), 'has no sources: it is not whole'],
])('a file that is no manifest is refused: %s', async (content, problem) => {
  const path = file(content);
  const { code, stdout, stderr } = await millrace('plan', '--from', 'main', '--dbt', path);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`error: --dbt must name a manifest.json of dbt, ${path} ${problem}`);
});

test('a manifest that does not exist is refused', async () => {
  const { code, stderr } = await millrace('plan', '--dbt', join(folder, 'none.json'));
  expect(code).toBe(2);
  expect(stderr).toContain('none.json does not exist: run dbt parse, or dbt compile for more\n');
});
