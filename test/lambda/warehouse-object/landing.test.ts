import type { Pipeline } from '../../../pipelines/definition';
import { World } from '../../columns/world';
import type { Objects } from '../../support/objects';
import type { SeamWorld } from '../../support/seam';

const base: Pipeline = {
  name: 'late',
  stream: { capacity: { mode: 'provisioned', shards: 2 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [{ name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true }],
  history: [{ name: 'files', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  refreshEveryMinutes: 1,
  views: [],
  exports: [],
};
const recreated = (recreatedAt: string): Pipeline => ({ ...base, stream: { ...base.stream, recreatedAt } });
/** Another landing view of the same stream. */
const other = recreated('2020-01-01T00:00:00Z');

let deployed: World;
let world: SeamWorld;
let objects: Objects;
let changes: string[];

const landing = (pipeline: Pipeline) => deployed.of(pipeline).find(({ id }) => id === 'Landing')!.properties;
const deploy = (pipeline: Pipeline) => deployed.deploy(pipeline);
const count = async (sql: string) => Number((await world.query(`select count(*) from ${sql}`))[0]![0]);

beforeEach(async () => {
  deployed = await World.open(base);
  world = deployed.seam;
  objects = deployed.objects;
  world.send({ id: 'a' });
  await world.tick('refresh');
  await world.tick('refresh');
  changes = [];
  objects.kill = (call, submits) => {
    if (submits && call.startsWith('after')) changes.push(call);
  };
});
afterEach(() => deployed.dispose());

const refusal =
  /^landing-view late\.landing_[0-9a-f]{8} cannot replace late\.landing_[0-9a-f]{8}: the last merge that is known to be complete reaches to 2026-11-21 01:0\d, 51 h ago, the stream keeps 24 h and a deployment may take 1 h: what arrived in 28 h would be neither merged nor on the stream\. Let two refreshes succeed first/;

test('a landing view is not replaced where the stream forgot what was never merged, and nothing is begun', async () => {
  world.send({ id: 'b' });
  await world.pass(51 * 60);
  await expect(deploy(other)).rejects.toThrow(refusal);
  // The record of the pipeline itself was written before.
  expect(changes).toHaveLength(1);
  await deployed.rollBack(base);
  expect(await count(landing(base).name)).toBe(1);
  await expect(count(landing(other).name)).rejects.toThrow('does not exist');
});

test('a landing view that exists is not given another stream under its name', async () => {
  const before = landing(base);
  const properties = JSON.parse(JSON.stringify(before).replace(/(_stream\.\\*")[\w.-]+/, '$1another'));
  expect(properties).not.toEqual(before);
  const update = { type: 'Update', requestId: 'to', logicalId: 'Landing', physicalId: 'before' } as const;
  await expect(objects.request({ ...update, properties, old: before })).rejects.toThrow(
    /reads the stream [\w-]+, and another is wanted: a view keeps its stream\. Keep the stream, or remove the pipeline/,
  );
  expect(changes).toEqual([]);
  // CloudFormation rolls back with an update to what was there.
  await objects.request({ ...update, requestId: 'back', properties: before, old: properties });
});

test('it is after two refreshes: what the view held is merged, and what is lost is reported', async () => {
  world.send({ id: 'b' });
  await world.pass(51 * 60);
  world.send({ id: 'c' });
  await world.tick('refresh');
  await expect(deploy(other)).rejects.toThrow('cannot replace');
  await deployed.rollBack(base);
  await world.tick('refresh');
  await deploy(other);
  await world.tick('refresh');
  expect(await world.query('select id from late.events order by 1')).toEqual([['a'], ['c']]);
  expect(await count('late.gaps')).toBeGreaterThan(0);
});

test('the time counts from when the stream became another one', async () => {
  await world.pass(51 * 60);
  world.recreateStream();
  await deploy(recreated(new Date(world.cloud.clock.now()).toISOString()));
  world.send({ id: 'c' });
  await world.tick('refresh');
  expect(await world.query('select id from late.events order by 1')).toEqual([['a'], ['c']]);
});

test('a rollback goes back to the view that is still there, however late it is', async () => {
  const [before, after] = [landing(base), landing(other)];
  await objects.request({
    type: 'Update',
    requestId: 'to',
    logicalId: 'Landing',
    properties: after,
    old: before,
    physicalId: 'before',
  });
  await world.pass(51 * 60);
  await objects.request({
    type: 'Update',
    requestId: 'back',
    logicalId: 'Landing',
    properties: before,
    old: after,
    physicalId: 'after',
  });
  await objects.request({
    type: 'Delete',
    requestId: 'gone',
    logicalId: 'Landing',
    properties: after,
    physicalId: 'after',
  });
  expect(await count(before.name)).toBe(1);
});

test('unmerged records of the old view are merged before it is dropped', async () => {
  world.send({ id: 'b' });
  await objects.run(`refresh materialized view ${landing(base).name}`);
  // The stream forgets it: only the old view has it now.
  world.recreateStream();
  await deploy(recreated(new Date(world.cloud.clock.now()).toISOString()));
  world.send({ id: 'c' });
  await world.tick('refresh');
  await world.tick('refresh');
  expect(await world.query('select id from late.events order by 1')).toEqual([['a'], ['b'], ['c']]);
  await expect(count(landing(base).name)).rejects.toThrow('does not exist');
});

test('a last merge that cannot be done keeps the view, and one of a view that never was is not missed', async () => {
  world.send({ id: 'b' });
  await objects.run(`refresh materialized view ${landing(base).name}`);
  const properties = landing(base);
  const broken = { ...properties, delete: properties.delete.replaceAll('rows_read', 'rows_reed') };
  const remove = (of: typeof properties, requestId: string) =>
    objects.request({ type: 'Delete', requestId, logicalId: 'Landing', properties: of, physicalId: 'id' });
  await expect(remove(broken, 'broken')).rejects.toThrow(/step 0 \(last-merge\).*"rows_reed".* does not exist/);
  expect(await count(properties.name)).toBe(2);
  await remove(landing(other), 'never there');
  await remove(properties, 'sound');
  expect(await world.query('select id from late.events order by 1')).toEqual([['a'], ['b']]);
});
