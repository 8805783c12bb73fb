import { day, World } from './host';

test('an export whose view could not be refreshed publishes nothing, no correction either, and the others go on', async () => {
  const world = new World('sold', 'returned');
  world.failures['sold'] = 'ratio: division by zero';
  await world.tick('05:30');
  expect(world.unloads).toEqual([expect.stringContaining('/returned@')]);
  const rerun = { kind: 'request', export: 'sold', time: `${day}T05:30:00Z`, rerun: `${day}T03:00:00Z` };
  await expect(world.send(rerun)).rejects.toThrow('sold waits: a view that it reads could not be refreshed: ratio');
  delete world.failures['sold'];
  await world.tick('05:45');
  expect(world.unloads.at(-1)).toContain('/sold@');
});
