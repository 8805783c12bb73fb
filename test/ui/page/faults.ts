import { everyNth } from '../../support/tier';
import { type OpenPage, WAIT } from './open-page';

/** Every fault that a person can cause. */
export function faultTests(page: OpenPage): void {
  const faults = [
    'Lose a notification',
    'Double a notification',
    'Kill the load function',
    'Abort a merge',
    'Reshard the streams',
    'Pause the cluster',
  ];

  test.each(everyNth(faults, 6))('try it: %s, and the equation holds', async (fault) => {
    await page.act(fault);
    const produced = (await page.counts()).produced;
    await page.act(fault.includes('otification') || fault.includes('load') ? 'A history object' : '1,000 events');
    expect((await page.counts()).produced).toBeGreaterThan(produced);
    await page.world.merge(fault === 'Pause the cluster' ? 3 : 20);
    if (fault === 'Pause the cluster') {
      expect((await page.counts()).pending).toBeGreaterThan(0);
      await page.tab.getByText('the warehouse is paused').waitFor(WAIT);
      await page.act('Resume the cluster');
      await page.world.merge(20);
    }
    // A message that a killed function held becomes visible again after its visibility timeout.
    for (let hours = 0; (await page.counts()).pending > 0 && hours < 4; hours++) await page.world.merge(60);
    expect((await page.counts()).pending).toBe(0);
    await page.visit('flow');
    await page.equationHolds();
  });
}
