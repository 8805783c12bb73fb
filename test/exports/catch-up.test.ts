import { isSecondTier } from '../support/tier';
import { anExport, openTemplate, shop, World } from './world';

const sinceHours = isSecondTier ? 30 * 24 : 72;
const endOfWindows = Date.parse('2026-11-21T05:00Z');

test('one tick publishes every window that is due, batch after batch, however many', async () => {
  const since = `${new Date(endOfWindows - sinceHours * 3_600_000).toISOString().slice(0, 16)}Z`;
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
