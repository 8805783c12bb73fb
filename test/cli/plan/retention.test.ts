import { expiriesOf } from '../../../cli/plan/retention';
import { treeStates } from '../../../cli/plan/state';
import type { Retention } from '../../../pipelines/definition';
import { FakeCloud, fakeContext } from '../cloud';
import { prod, shop } from './sample';

const now = Date.parse('2026-11-21T12:00:00Z');
const daysAgo = (days: number) => ({ lastModified: now - days * 86_400_000 });
const states = (retention?: Retention, more = {}) =>
  treeStates(prod(), [shop({ ...(retention && { retention }), ...more })]);

/** What the warehouse and the archive say about a new retention. */
async function counted(retention: Retention, before = states(), more = {}) {
  const cloud = new FakeCloud();
  cloud.answers = [['select', [{ events: '12', rejects: '3' }]]];
  cloud.put('archive', 'archive/shop/2024/01/01/00/old.gz', daysAgo(801));
  cloud.put('archive', 'archive/shop/2026/01/01/00/new.gz', daysAgo(799));
  cloud.put('archive', 'archive-errors/shop/x/2024/01/01/old', daysAgo(900));
  cloud.put('archive', 'archive/other/2024/01/01/00/old.gz', daysAgo(900));
  const found = await expiriesOf(fakeContext(cloud), now, before, states(retention, more));
  return { facts: found.get('shop'), asked: cloud.asked('select') };
}

test('rows and objects that a new retention would delete are counted, each by its own time', async () => {
  const { facts, asked } = await counted({
    events: '400 days',
    eventTime: 'at',
    rejects: '90 days',
    archive: '800 days',
  });
  expect(facts).toEqual({ events: 12, rejects: 3, objects: 2 });
  expect(asked).toEqual([
    'select (select count(*) from shop.events where "at" < dateadd(day, -400, getdate())) as events, (select count(*) from shop.rejects where "merged_at" < dateadd(day, -90, getdate())) as rejects',
  ]);
});

test('nothing is counted for an unchanged retention, and only what is declared for another one', async () => {
  const retention: Retention = { events: '400 days' };
  expect((await counted(retention, states(retention))).facts).toBeUndefined();
  const { facts, asked } = await counted({ archive: '800 days' });
  expect([facts, asked]).toEqual([{ events: null, rejects: null, objects: 2 }, []]);
});

test('events cannot be counted by a column that is not deployed yet', async () => {
  const column = { name: 'sold_at', path: ['sold'], type: 'timestamp', required: true };
  const { facts } = await counted({ events: '400 days', eventTime: 'sold_at' }, states(), {
    columns: [...shop().columns, column],
  });
  expect(facts).toEqual({ events: null, rejects: null, objects: null });
});
