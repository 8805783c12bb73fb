import { readFileSync } from 'node:fs';
import { type OpenPage, WAIT } from './open-page';

/** The console. */
export function sqlTests(page: OpenPage): void {
  test('sql: an error is marked where it is, and after it is mended the result is that of the warehouse', async () => {
    await page.visit('sql', 'select action,\n  count(* as events\nfrom estore.events group by 1 order by 1');
    const field = page.tab.getByLabel('SQL statement');
    await field.press('Control+Enter');
    await page.tab.getByText(/line 2, column \d+: syntax error/).waitFor(WAIT);
    expect(await page.tab.locator('.editor .wrong').textContent()).not.toBe('');
    await field.fill('select action, count(*) as events from estore.events group by 1 order by 1');
    await field.press('Control+Enter');
    await page.tab.locator('table').waitFor(WAIT);
    const rows = await page.tab
      .locator('tbody tr')
      .evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.textContent)));
    expect(rows).toEqual(await page.world.query('select action, count(*) from estore.events group by 1 order by 1'));
    const downloading = page.tab.waitForEvent('download');
    await page.tab.getByRole('button', { name: 'Save as CSV' }).click();
    const csv = readFileSync(await (await downloading).path(), 'utf8');
    expect(csv.split('\r\n').slice(0, -1)).toEqual(['action,events', ...rows.map((row) => row.join(','))]);
  });

  test('sql: a result of 50,500 rows scrolls, with few rows in the document', async () => {
    await page.visit('flow');
    await page.visit(
      'sql',
      'select a.n * 1000 + b.n as n from (select row_number() over () as n from estore.events limit 101) a cross join (select row_number() over () as n from estore.events limit 500) b',
    );
    await page.tab.getByLabel('SQL statement').press('Control+Enter');
    await page.tab.getByText('50,500 rows').waitFor(WAIT);
    const box = page.tab.getByRole('region', { name: 'Result' });
    await box.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.tab.locator('tr[aria-rowindex="50501"]').waitFor(WAIT);
    expect(await page.tab.locator('tbody tr').count()).toBeLessThan(80);
  });

  test('sql: a wide result says how many columns it has, and is shown whole as records', async () => {
    const names = Array.from({ length: 60 }, (_, n) => `column_${n}`);
    const long = 'a text that is longer than a column of the table is wide, by far';
    await page.sql(
      `select ${names.map((name) => `'${long}, ${name}' as ${name}`).join(', ')} from estore.events limit 2`,
    );
    await page.tab.getByText(/^2 rows in .*; 60 columns$/).waitFor(WAIT);
    await page.tab.getByRole('button', { name: 'One line a value' }).click();
    const second = page.tab.getByRole('region', { name: 'Row 2' });
    expect(await second.locator('dt').allTextContents()).toEqual(names);
    expect(await second.locator('dd').last().textContent()).toBe(`${long}, column_59`);
    const cut = await second
      .locator('dd')
      .last()
      .evaluate((value) => value.scrollWidth > value.clientWidth);
    expect(cut).toBe(false);
    await page.tab.getByRole('button', { name: 'One line a value' }).click();
    await page.tab.getByRole('region', { name: 'Result' }).waitFor(WAIT);
  });

  test('sql: a statement is cancelled', async () => {
    await page.visit('flow');
    await page.visit('sql', 'select count(*) from estore.events a, estore.events b, estore.events c, estore.events d');
    await page.tab.getByLabel('SQL statement').press('Control+Enter');
    await page.tab.getByRole('button', { name: 'Cancel' }).click(WAIT);
    await page.tab
      .locator('p.failed[role=alert]')
      .getByText(/cancel|abort/i)
      .waitFor(WAIT);
    await page.tab.getByRole('button', { name: 'Run', exact: true }).waitFor(WAIT);
  });
}
