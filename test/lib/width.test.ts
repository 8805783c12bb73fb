import { dev } from '../../environments/dev';
import { prod } from '../../environments/prod';
import { staging } from '../../environments/staging';
import { createApp, synthesize } from '../../lib/app';
import { mostTogether } from '../../lib/warehouse/lanes';
import { pipelines } from '../../pipelines';
import type { Pipeline } from '../../pipelines/definition';
import { secondTierTest } from '../support/tier';
import { twentyPipelines } from '../support/wide';
import { noBundles, shopPipeline, templates, testEnvironment } from './fixtures';

interface Resource {
  readonly Type: string;
  readonly DependsOn?: string | readonly string[];
}
type Resources = Readonly<Record<string, Resource>>;

/** All resources that a resource depends on, directly or not, by `Ref`, `Fn::GetAtt` and `DependsOn`. */
function ancestors(resources: Resources): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const direct = (id: string) => {
    const named = [...JSON.stringify(resources[id]).matchAll(/"(?:Ref|Fn::GetAtt)":\[?"([^"]+)"/g)].map(
      ([, name]) => name!,
    );
    return [...named, ...[resources[id]!.DependsOn ?? []].flat()].filter((name) => name in resources);
  };
  const visit = (id: string, path: readonly string[]): Set<string> => {
    if (path.includes(id)) throw new Error(`a circle: ${[...path, id].join(' -> ')}`);
    const known = found.get(id);
    if (known) return known;
    const all = new Set(direct(id).flatMap((before) => [before, ...visit(before, [...path, id])]));
    found.set(id, all);
    return all;
  };
  for (const id of Object.keys(resources)) visit(id, []);
  return found;
}

/** The largest number of custom resources of which none waits for another: the number of chains that cover them all (Dilworth). */
function width(resources: Resources): number {
  const before = ancestors(resources);
  const custom = Object.keys(resources).filter((id) => resources[id]!.Type.startsWith('Custom::'));
  const follower = new Map<string, string>();
  const match = (id: string, tried: Set<string>): boolean =>
    custom.some((other) => {
      if (!before.get(other)!.has(id) || tried.has(other)) return false;
      tried.add(other);
      const holder = follower.get(other);
      if (holder !== undefined && !match(holder, tried)) return false;
      follower.set(other, id);
      return true;
    });
  return custom.length - custom.filter((id) => match(id, new Set())).length;
}

const resourcesOf = (...given: Parameters<typeof templates>) =>
  templates(...given).pipelines.toJSON().Resources as Resources;
const many = (count: number): Pipeline[] =>
  Array.from({ length: count }, (_, i) => {
    const name = `shop${i}`;
    const { views, exports, ...rest } = JSON.parse(JSON.stringify(shopPipeline()).replaceAll('shop', name)) as Pipeline;
    const [view] = views;
    return { ...rest, name, exports, views: [view!, { ...view!, name: 'again' }, { ...view!, name: 'and_again' }] };
  });

test('counts resources that no dependency keeps apart', () => {
  const custom = (...DependsOn: string[]) => ({ Type: 'Custom::X', DependsOn });
  expect(width({ a: custom(), b: custom(), c: custom('a', 'b') })).toBe(2);
  expect(width({ a: custom(), b: custom('a'), c: custom('a'), d: custom('a'), e: custom('b', 'c') })).toBe(3);
  expect(width({ a: custom(), other: { Type: 'X', DependsOn: 'a' }, b: custom('other') })).toBe(1);
});

const apps: [string, () => Resources][] = [
  ['dev', () => resourcesOf(dev, pipelines)],
  ['staging', () => resourcesOf(staging, pipelines)],
  ['prod', () => resourcesOf(prod, pipelines)],
  ...[1, 2, 3, 5].map((count): [string, () => Resources] => [`${count} pipelines`, () => resourcesOf({}, many(count))]),
];

test.each(apps)('at most four custom resources of %s run together', (_, resources) => {
  const found = width(resources());
  expect(found).toBeLessThanOrEqual(mostTogether);
  // The lanes are used: a single chain would be four times as long.
  expect(found).toBeGreaterThan(1);
});

secondTierTest(
  'twenty pipelines of 30 columns are within all limits, and at most four custom resources of each stack run together',
  () => {
    const twenty = twentyPipelines();
    const app = createApp({ environments: [testEnvironment()], pipelines: twenty, bundles: noBundles });
    const assembly = synthesize(app, twenty, () => undefined).getNestedAssembly('assembly-test');
    expect(assembly.stacks).toHaveLength(5);
    for (const { template } of assembly.stacks) expect(width(template.Resources)).toBeLessThanOrEqual(mostTogether);
  },
  120_000,
);
