import { makeToken } from '../../../cli/commands/api/token';
import { type OpenPage, WAIT } from './open-page';

/** The page of documentation that the endpoints' API serves, with a tab of its own. */
export function docsTests(page: OpenPage, axe: string): void {
  test('the documentation: a person enters a token, asks, and sees the rows of SQL', async () => {
    const { data, demo } = page.world;
    const site = String(demo.pipelineOutputs['ApiUrl']).replace(/\/$/, '');
    const scopes = ['estore.product_views', 'pageviews.traffic'];
    const { token } = await makeToken({ data, outputs: '' }, { scopes, fixed: {}, seconds: 60 });
    const expected = await page.world.query(
      'select product_id, views from estore.views_by_product order by views desc, product_id limit 3',
    );
    for (const { width, colorScheme } of [
      { width: 1280, colorScheme: 'light' },
      { width: 390, colorScheme: 'dark' },
    ] as const) {
      const context = await page.browser.newContext({ viewport: { width, height: 800 }, colorScheme, bypassCSP: true });
      const tab = await context.newPage();
      tab.on('pageerror', (error) => page.errors.push(error.message));
      await tab.goto(`${site}/docs`);
      const section = tab.getByRole('region', { name: 'estore.product_views' });
      await section.getByRole('button', { name: 'Ask' }).click();
      await section.getByText('401 Unauthorized').waitFor(WAIT);
      await section.getByText('Enter a token at the top of the page.').waitFor(WAIT);
      await tab.getByLabel('Token for trying requests').fill(token);
      await section.getByLabel('limit').fill('3');
      await section.getByRole('button', { name: 'Ask' }).click();
      await section.getByText(`${expected.length} rows`).waitFor(WAIT);
      const cells = await section
        .locator('.rows tbody tr')
        .evaluateAll((rows) => rows.map((row) => [...row.children].slice(0, 2).map((cell) => cell.textContent)));
      expect(cells).toEqual(expected);
      await section.getByLabel('limit').fill('0');
      await section.getByRole('button', { name: 'Ask' }).click();
      await section.getByText('must be a whole number from 1 to 1000').first().waitFor(WAIT);
      const other = tab.getByRole('region', { name: 'estore.cart' });
      await other.getByText('The token fixes customer_id').waitFor(WAIT);
      await other.getByRole('button', { name: 'Ask' }).click();
      await other.getByText('403 Forbidden').waitFor(WAIT);
      expect(await tab.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      await tab.evaluate(axe);
      const { violations } = (await tab.evaluate('axe.run()')) as { violations: { id: string; nodes: unknown[] }[] };
      expect(violations.map(({ id, nodes }) => [id, JSON.stringify(nodes).slice(0, 300)])).toEqual([]);
      await context.close();
    }
  });
}
