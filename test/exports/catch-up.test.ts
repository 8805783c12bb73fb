import { anExport, openTemplate, shop, World } from './world';

const sinceHours = 72;

test('one tick publishes every window that is due, batch after batch, however many', async () => {
  const since = '2026-11-18T05:00Z';
  const behind = anExport('behind', {
    content: { kind: 'incremental', timeColumn: 'at', window: 'hour', latenessMinutes: 15, since },
    format: { kind: 'csv' },
  });
  const template = await openTemplate(shop(behind));
  const world = await World.open(template);
  try {
    await world.sell('2026-11-19 02:10:00', [1, 2]);
    await world.completeUntil('2026-11-21 05:30:00');
    await world.tick('2026-11-21T05:30:00Z');
    expect(world.cloud.log.filter(({ error }) => error)).toEqual([]);
    expect(world.read('behind')).toHaveLength(sinceHours);
  } finally {
    await world.dispose();
    template.remove();
  }
}, 300_000);
