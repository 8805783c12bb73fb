import { problemsOf } from '../../../cli/plan/query-warehouse';
import { type ObjectState, treeStates } from '../../../cli/plan/state';
import { prod, shop } from './sample';

const tree = treeStates(prod(), [shop()]);
const isRelation = ({ name }: ObjectState) => name.includes('.');
const isMaterialized = ({ kind }: ObjectState) => kind === 'materialized-view' || kind === 'landing-view';
const all = {
  relations: new Set(tree.filter(isRelation).map(({ name }) => name)),
  owned: new Set(tree.filter(isMaterialized).map(({ name }) => name)),
  schemas: new Map(['millrace', 'shop', 'shop_stream'].map((name) => [name, 'millrace_owner'])),
  asker: 'millrace_owner',
};
const without = (names: ReadonlySet<string>, gone: string) => new Set([...names].filter((name) => name !== gone));
const sold = tree.find(({ kind, name }) => kind === 'materialized-view' && name.startsWith('shop.sold_'))!.name;

test('a warehouse that is as it was deployed has none', () => {
  expect(problemsOf(tree, tree, all)).toEqual([]);
});

test.each<[string, Partial<typeof all>, string, RegExp, boolean]>([
  [
    'table',
    { relations: without(all.relations, 'shop.events_51d923f4') },
    'table shop.events',
    /is not in the warehouse: it was dropped by hand\. Its rows were dropped too/,
    true,
  ],
  [
    'public name',
    { relations: without(all.relations, 'shop.sold') },
    'view shop.sold',
    /Readers find nothing under this name/,
    true,
  ],
  [
    'view',
    { relations: without(all.relations, sold), owned: without(all.owned, sold) },
    'view shop.sold',
    /Its next refresh fails/,
    true,
  ],
  [
    'view that was created again by hand',
    { owned: without(all.owned, sold) },
    'view shop.sold',
    /Its owner is not the owner/,
    true,
  ],
  [
    'external schema',
    { schemas: new Map([...all.schemas].filter(([name]) => name !== 'shop_stream')) },
    'external schema shop_stream',
    /Everything in it was dropped too/,
    true,
  ],
  [
    'schema of somebody else',
    { schemas: new Map([...all.schemas, ['shop', 'ann']]) },
    'schema shop',
    /It belongs to ann, not to millrace_owner/,
    true,
  ],
  [
    'table of another user',
    { relations: new Set([...all.relations, 'shop.scratch']) },
    'shop.scratch',
    /Millrace did not create it/,
    false,
  ],
])('a %s', (_, changed, object, problem, stops) => {
  const problems = problemsOf(tree, tree, { ...all, ...changed });
  expect(problems).toEqual([expect.objectContaining({ object, problem: expect.stringMatching(problem), stops })]);
});

test('the tables behind materialized views are theirs', () => {
  const relations = new Set([...all.relations, `shop.mv_tbl__${sold.slice(5)}__0`]);
  expect(problemsOf(tree, tree, { ...all, relations })).toEqual([]);
});

test.each([
  ['shop.sold', 'view shop.sold', true],
  ['shop.runs', 'table shop.runs', false],
])('a name that a deployment needs and another user has: %s', (name, object, stops) => {
  const before = tree.filter((state) => state.name !== name);
  expect(problemsOf(before, tree, all)).toEqual([
    expect.objectContaining({
      object,
      problem: expect.stringContaining('was not deployed: it was created by hand'),
      stops,
    }),
  ]);
});
