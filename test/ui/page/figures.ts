import { HistoryRows } from '../../../cli/commands/local/history-counts';
import { countRecords } from '../../../cli/commands/local/record-counts';
import { pipelines } from '../../../pipelines';
import { type OpenPage, WAIT } from './open-page';

/** History, views and charts. */
export function figureTests(page: OpenPage): void {
  test('history, views and time: their figures are those of SQL', async () => {
    await page.visit('history');
    await page.shows(
      page.tab.locator('[data-history="estore loaded"]'),
      Number(await page.world.value("select count(*) from estore.ledger where source <> 'archive'")),
    );
    for (const { name } of pipelines) {
      const merged = await page.world.query(
        `select trunc(merged_at), sum(rows_read) from ${name}.runs where source = 'history' group by 1`,
      );
      expect(merged.length).toBeGreaterThan(0);
      for (const [day, rows] of merged)
        expect(await page.tab.locator(`[data-day="${name} ${day!.slice(0, 10)}"]`).textContent(WAIT)).toBe(
          `${Number(rows).toLocaleString('en-US')} rows`,
        );
    }
    await page.visit('views');
    for (const pipeline of pipelines)
      for (const name of ['events', ...pipeline.views.map((view) => view.name)]) {
        const rows = await page.world.value(`select count(*) from ${pipeline.name}.${name}`);
        expect(await page.tab.locator(`[data-view="${pipeline.name}.${name}"]`).textContent(WAIT)).toBe(
          `${Number(rows).toLocaleString('en-US')} row${rows === '1' ? '' : 's'}`,
        );
      }
    await page.visit('time');
    await page.tab.getByRole('button', { name: '30 days' }).click();
    for (const { name } of pipelines)
      await page.shows(
        page.tab.locator(`[data-line="Throughput/${name}"]`),
        Number(await page.world.value(`select sum(rows_read) from ${name}.runs`)),
      );
    for (const pipeline of pipelines)
      await page.shows(
        page.tab.locator(`[data-line="Pending/${pipeline.name}"]`),
        (await countRecords(page.world.demo, pipeline, new HistoryRows(page.world.demo))).pending,
      );
    const [reason, records] = (
      await page.world.query('select reason, count(*) from estore.rejects group by 1 order by 2 desc, 1 limit 1')
    )[0]!;
    await page.shows(page.tab.locator(`[data-line="Rejects by reason/estore: ${reason}"]`), Number(records));
  });

  test('time: each chart names its alarms, and an alarm opens its section of the runbook', async () => {
    await page.visit('time');
    const alarm = page.tab.getByText(
      /^Alarm export age fires when no window was published for 2 hours \(the dashed line\)/,
    );
    await alarm.waitFor(WAIT);
    expect(await alarm.textContent()).toContain('dev does not have it, because its cluster pauses by schedule');
    await alarm.click();
    await page.tab.locator('.runbook[open] p').first().waitFor(WAIT);
  });

  test('views: the plan is that of the working tree, and a changed view has both queries beside each other', async () => {
    await page.visit('views');
    await page.tab.getByText('The working tree is what is deployed.').waitFor({ timeout: 60_000 });
    const planned = {
      comparedWith: 'the registry',
      problems: [],
      changes: [
        {
          object: 'view estore.hourly_revenue',
          node: 'estore.hourly_revenue',
          action: 'rebuild',
          summary: 'Its definition changed.',
          notes: ['Gone for readers: revenue. Queries and exports that name it will fail after the switch.'],
          query: { before: 'select hour,\n  revenue\nfrom a', after: 'select hour,\n  max(x) as "<b>"\nfrom a' },
        },
      ],
    };
    await page.visit('flow');
    await page.tab.route('**/api/plan', (route) => route.fulfill({ json: planned }));
    await page.visit('views');
    await page.tab.getByText('1 change in the working tree, not deployed').waitFor(WAIT);
    await page.tab.getByRole('button', { name: 'view estore.hourly_revenue' }).click();
    const details = page.tab.getByRole('article', { name: 'estore.hourly_revenue' });
    await details.getByText(/^Gone for readers: revenue\./).waitFor(WAIT);
    expect(await details.locator('.diff td.removed').allTextContents()).toEqual(['removed:   revenue']);
    expect(await details.locator('.diff td.added').allTextContents()).toEqual(['added:   max(x) as "<b>"']);
    expect(await details.locator('.diff tr.same').count()).toBe(2);
    await page.tab.unroute('**/api/plan');
  });
}
