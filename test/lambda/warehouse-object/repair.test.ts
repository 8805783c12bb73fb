import { createApp } from '../../../lib/app';
import { functionUser, purposesOf } from '../../../sql/users';
import { noBundles, shopPipeline, testEnvironment } from '../../lib/fixtures';
import { DeployedCloud, type Tree } from '../../support/deployed-cloud';
import { Objects } from '../../support/objects';
import { simPipeline as sim } from '../../support/pipeline';

const tree: Tree = [sim];

const events = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) =>
    JSON.stringify({ id: `e${from + n}`, amount: from + n, at: '2026-11-20T10:00:00Z' }),
  );

test('a deployment recreates what a person dropped, if it is asked to check, and leaves the rest alone', async () => {
  const world = await DeployedCloud.start();
  try {
    await world.deploy(tree);
    world.put('sim', events(0, 30));
    world.tick();
    await world.cloud.settle();
    const whole = await world.content();
    const named = (pattern: RegExp) => whole.find((item) => pattern.test(item))!.split(' ')[0]!;
    const dropped = ['sim.large', named(/^sim\.large_\w+ \(mat/), named(/^sim\.landing_\w+ \(mat/), 'sim.parked'];
    const owner = new Objects(world.cloud);
    await owner.run(`drop view ${dropped[0]}`);
    await owner.run(`drop materialized view ${dropped[1]}`);
    await owner.run(`drop materialized view ${dropped[2]}`);
    await owner.run(`drop table ${dropped[3]}`);
    const broken = await world.content();
    expect(whole.filter((item) => !broken.includes(item)).length).toBeGreaterThanOrEqual(dropped.length);

    await world.deploy(tree);
    expect(await world.content()).toEqual(broken);

    const changed = new Set<string>();
    world.fault = (name) => {
      const [object, , , at] = name.split('/').slice(3);
      if (/\d/.test(at!)) changed.add(object!);
      return undefined;
    };
    await world.deploy(tree, 'first');
    expect(await world.content()).toEqual(whole);
    // Users are not recorded: their statements say each time that they are there.
    const users = ['millrace_owner', ...purposesOf(sim).map((purpose) => functionUser({ name: 'sim' }, purpose))];
    expect([...changed].sort()).toEqual([...users, ...dropped].sort());

    changed.clear();
    await world.deploy(tree, 'second');
    await world.deploy(tree);
    expect([...changed].sort()).toEqual([...users].sort());

    world.put('sim', events(30, 10));
    for (let round = 0; round < 2; round += 1) {
      world.tick();
      await world.cloud.settle();
    }
    expect(await world.query('select count(*), count(distinct id) from sim.events')).toEqual([['40', '40']]);
    expect(await world.query('select count(*) from sim.large')).toEqual([['30']]);
  } finally {
    await world.dispose();
  }
});

const appWith = (repair: unknown) =>
  createApp({
    environments: [testEnvironment()],
    pipelines: [shopPipeline()],
    bundles: noBundles,
    app: { context: { repair } },
  });

test.each(['', 7, { a: 1 }])('context `repair` must be a word: %j', (repair) => {
  expect(() => appWith(repair)).toThrow(
    `context repair must be a token that differs from the last deployment's, got ${JSON.stringify(repair)}`,
  );
});

test('context `repair` reaches every warehouse object, and nothing else', () => {
  const app = appWith('monday');
  const { stacks } = app.synth().getNestedAssembly('assembly-test');
  const all: { Type: string; Properties?: { repair?: string } }[] = stacks.flatMap(({ template }) =>
    Object.values(template.Resources),
  );
  const objects = all.filter(({ Type }) => Type === 'Custom::WarehouseObject');
  expect(objects.length).toBeGreaterThan(9);
  expect(all.filter(({ Properties }) => Properties?.repair === 'monday')).toEqual(objects);
});
