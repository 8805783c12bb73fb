import { forgetKeys, keyId, markOf, withForgetKeys } from '../../lambda/shared/forget-keys';
import { renderAll } from '../../lambda/shared/statement';
import { execute } from '../../lambda/shared/warehouse';
import type { Pipeline } from '../../pipelines/definition';
import { eraseStatements, markStatements } from '../../sql';
import { columns, edition, salesQuery } from '../columns/editions';
import { World } from '../columns/world';
import { forgetSecret } from '../support/cloud';

const made = edition([columns.id, { ...columns.product, required: true }, columns.price], salesQuery);
const by = (...names: readonly string[]): Pipeline => ({
  ...made,
  identity: { by: 'columns', columns: names },
  views: made.views.map((view) => ({ ...view, mayShrink: 1 })),
  subject: ['product'],
});
const [coarse, fine] = [by('id'), by('id', 'product')];
const keys = forgetKeys(forgetSecret, 'shop');

let world: World;
beforeEach(async () => {
  world = await World.open(coarse);
});
afterEach(() => world.dispose());

const transact = (name: string, statements: readonly string[], values: Record<string, string>) =>
  execute(
    withForgetKeys(world.objects.warehouse('owner'), async () => keys),
    `test/${name}/1`,
    renderAll(statements, values),
    () => 60_000,
  );
const mark = (product: string) =>
  transact('mark', markStatements(coarse), {
    marks: JSON.stringify([markOf(keys, 'product', product)]),
    key_id: keyId(keys),
    run_id: 'forget',
  });
const erase = () => transact('erase', eraseStatements(coarse).statements, { run_id: 'forget', raised: '[]' });

/** The rows that the equation adds up, the positions that they have, and what the runs count as skipped. */
async function counted() {
  const tables = ['events', 'duplicates', 'rejects', 'skipped'];
  const places = tables.map((table) => `select shard_id, sequence_number from shop.${table}`).join(' union all ');
  const [row] = await world.rows(
    `select count(*) as rows, count(distinct shard_id || ' ' || sequence_number) as positions, (select count(*) from shop.skipped) as skipped, (select sum(coalesce(skipped, 0)) from shop.runs) as of_runs from (${places}) as places`,
  );
  return Object.fromEntries(Object.entries(row!).map(([name, value]) => [name, Number(value)]));
}

test('what the functions of another identity found forgotten before a rollback is in skipped once', async () => {
  const ours = { id: 'e2', product: 'p2' };
  await world.merge({ id: 'e1', product: 'p1' }, { id: 'e1', product: 'p2' }, ours, ours);
  await mark('p2');
  const failing = async () => {
    world.seam.takeOver(fine);
    // Both duplicates may be events under this identity. Their subject has a mark, so they go to `skipped`.
    await world.merge();
    throw new Error('something else failed');
  };
  await expect(world.deploy(fine, failing)).rejects.toThrow('something else');
  await world.rollBack(coarse);
  await world.merge();
  expect(await world.rows('select event_id from shop.duplicates')).toHaveLength(2);
  expect(await world.rows('select name from shop.skipped')).toEqual([{ name: 'forgotten' }, { name: 'forgotten' }]);
  await erase();
  // The duplicate of another subject's event stays a duplicate.
  const after = { rows: 4, positions: 4, skipped: 2, of_runs: 2 };
  expect(await counted()).toEqual(after);
  await erase();
  expect(await counted()).toEqual(after);
});
