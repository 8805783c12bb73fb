import { readFileSync } from 'node:fs';
import { pipelines } from '../../../pipelines';
import { type OpenPage, WAIT } from './open-page';

/** Exports and endpoints. */
export function exportTests(page: OpenPage): void {
  test('exports: windows and rows are those of the ledger, and a download is the file', async () => {
    await page.visit('exports');
    for (const pipeline of pipelines)
      for (const { name } of pipeline.exports)
        await page.shows(
          page.tab.locator(`[data-export="${pipeline.name}.${name}"]`),
          Number(
            await page.world.value(
              `select count(distinct window_start) from ${pipeline.name}.exports where "export" = '${name}'`,
            ),
          ),
        );
    const [start, rows] = (
      await page.world.query(
        `select window_start, row_count from estore.exports where "export" = 'hourly_revenue' order by 1 desc limit 1`,
      )
    )[0]!;
    const section = page.tab.getByRole('region', { name: 'estore.hourly_revenue' });
    await section
      .getByRole('button', { name: new RegExp(`^${start!.slice(0, 16)}, published, ${rows} row`) })
      .click(WAIT);
    await section.getByText('May be read by analytics.').waitFor(WAIT);
    const key = await section.locator('.details li code').first().textContent();
    const downloading = page.tab.waitForEvent('download');
    await section.getByRole('button', { name: 'Download' }).first().click();
    const given = readFileSync(await (await downloading).path());
    expect(given.equals(readFileSync(page.world.demo.pathOf(page.world.demo.exportBucket, key!)))).toBe(true);
  });

  test('endpoints: an answer has the rows of SQL, and every request is counted', async () => {
    await page.visit('endpoints');
    const section = page.tab.getByRole('region', { name: 'estore.revenue' });
    const figure = (name: string) => page.tab.locator(`[data-endpoint="estore.revenue/${name}"]`);
    await page.shows(figure('requests'), 0);
    const workBucket = String(page.world.demo.outputs['WorkBucketName']);
    const { done } = JSON.parse(readFileSync(page.world.demo.pathOf(workBucket, 'freshness/estore.json'), 'utf8'));
    await section.getByText(done.run).waitFor(WAIT);
    await section.getByText('Try it').click();
    await section.getByText('default 24; 1 to 1000').waitFor(WAIT);
    await section.getByLabel('limit').fill('3');
    await section.getByRole('button', { name: 'Ask' }).click();
    const sql = 'select hour, purchases, revenue from estore.hourly_revenue order by hour desc limit 3';
    const expected = await page.world.query(sql);
    await section.locator('.answered p[role=status]', { hasText: `${expected.length} row` }).waitFor(WAIT);
    const cells = await section
      .locator('tbody tr')
      .evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.textContent)));
    expect(cells).toEqual(expected.map(([hour, ...rest]) => [`${hour!.replace(' ', 'T')}Z`, ...rest]));
    expect(await section.locator('pre').last().textContent()).toMatch(
      /^curl -H .*estore\.revenue --expires 15m.*\?limit=3'?$/,
    );
    await section.getByRole('checkbox').check();
    await section.getByRole('button', { name: 'Ask' }).click();
    await section.locator('.pill', { hasText: '304' }).waitFor(WAIT);
    await section.getByLabel('limit').fill('0');
    await section.getByRole('button', { name: 'Ask' }).click();
    await section.getByText('must be').first().waitFor(WAIT);
    const values = page.world.runtime.metrics
      .find('Millrace', 'EndpointMilliseconds')
      .filter(({ dimensions }) => dimensions['Endpoint'] === 'revenue')
      .map(({ value }) => value)
      .sort((one, other) => one - other);
    expect(values).toHaveLength(3);
    await page.shows(figure('requests'), 3);
    await page.shows(figure('cacheHits'), 1);
    await page.shows(figure('errors'), 0);
    expect(await figure('p50').textContent()).toBe(`${Math.round(values[1]!)} ms`);
    expect(await figure('p95').textContent()).toBe(`${Math.round(values[2]!)} ms`);
    const cart = page.tab.getByRole('region', { name: 'estore.cart' });
    await cart.getByText('Try it').click();
    await cart.getByRole('button', { name: 'Ask' }).click();
    await cart.getByText('customer_id must have a value: it is the tenant').waitFor(WAIT);
    await cart.getByLabel('customer_id').fill('customer_7');
    await cart.getByRole('button', { name: 'Ask' }).click();
    await cart.locator('.pill.good', { hasText: '200' }).waitFor(WAIT);
    expect(await cart.locator('pre').last().textContent()).toContain('--fixed customer_id=customer_7');
    await page.visit('flow');
    await page.shows(page.tab.locator('[data-item="endpoints/revenue"]'), 3);
  });
}
