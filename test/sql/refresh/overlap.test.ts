import { orders, pipeline, playOrder, stream } from '../../faults/overlap';
import { everyNth } from '../../support/tier';
import { TestWarehouse } from '../warehouse';

const noFailure = '[]';
const failure = JSON.stringify([{ view: 'seen', error: 'out of memory' }]);
let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(pipeline);
});
afterEach(() => warehouse.dispose());

const times = async (sql: string) => (await warehouse.query(sql)).flat().map(String);
const walked = orders().filter((order) => order.startsWith('a') && order !== 'aaaabbbb');

test.each(everyNth(walked.reverse(), walked.length, 2))(
  'two runs vouch for what is there, in the order %s',
  async (order) => {
    const events = stream(warehouse);
    expect(await playOrder(warehouse, events, order)).toEqual([]);
    const before = await events.complete();
    await events.send();
    await warehouse.refresh();
    await warehouse.refresh();
    expect(await events.wrong()).toEqual([]);
    expect((await events.complete()) > before).toBe(true);
  },
);

test('a run that finds nothing new vouches for the time before its refresh, although another run merges meanwhile', async () => {
  const { send, wrong } = stream(warehouse);
  await send();
  await warehouse.refresh();
  await warehouse.refresh();
  const idle = await warehouse.beginRun();
  await idle.step('refresh-landing');
  expect(await idle.work()).toEqual([]);
  for (const _ of ['first', 'second']) {
    await send();
    const other = await warehouse.beginRun();
    await other.step('refresh-landing');
    await other.step('merge');
  }
  await idle.step('nothing-new');
  expect(await wrong()).toEqual([]);
});

test('a late end of a run does not hide a view that a later run could not refresh', async () => {
  const { send, wrong } = stream(warehouse);
  await send();
  await warehouse.refresh();
  const early = await warehouse.beginRun();
  for (const step of ['refresh-landing', 'merge', 'refresh-views']) await early.step(step);
  await send();
  for (const _ of ['first', 'second']) {
    const later = await warehouse.beginRun();
    for (const step of ['refresh-landing', 'merge']) await later.step(step);
    await later.step('complete', failure);
  }
  await early.step('complete', noFailure);
  expect(await wrong()).toEqual([]);
  expect(await times('select view_name from shop.view_failures')).toEqual(['seen']);
});

test('a merge that is repeated under the same name vouches for nothing', async () => {
  const { send, wrong } = stream(warehouse);
  await send();
  await warehouse.refresh();
  const run = await warehouse.beginRun();
  for (const step of ['refresh-landing', 'merge', 'refresh-views']) await run.step(step);
  for (const _ of ['first', 'second']) {
    await send();
    const other = await warehouse.beginRun();
    for (const step of ['refresh-landing', 'merge']) await other.step(step);
  }
  await run.step('merge');
  await run.step('complete');
  expect(await wrong()).toEqual([]);
});

test('a merge long after its refresh does not hide what the stream forgot after that refresh', async () => {
  const { send } = stream(warehouse);
  await send();
  await warehouse.refresh();
  await warehouse.refresh();
  const run = await warehouse.beginRun();
  await run.step('refresh-landing');
  warehouse.pass(23 * 60);
  await run.step('merge');
  expect(await times('select count(*) from shop.gaps')).toEqual(['0']);
  warehouse.pass(2 * 60);
  await warehouse.refresh();
  expect(await times('select count(*) from shop.gaps')).toEqual(['1']);
});
