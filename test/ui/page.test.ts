import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSecondTier } from '../support/tier';
import { docsTests } from './page/docs';
import { exportTests } from './page/exports';
import { faultTests } from './page/faults';
import { figureTests } from './page/figures';
import { flowTests } from './page/flow';
import { OpenPage, WAIT } from './page/open-page';
import { recordTests } from './page/records';
import { sqlTests } from './page/sql';
import { chromium, startPage } from './world';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const views = ['flow', 'time', 'why', 'rejects', 'exports', 'endpoints', 'history', 'views', 'sql', 'try'];

/** `npm test` leaves the browser out: this suite takes as long as a tenth of all others. `.ci/run` asks for it every time. */
const isAsked =
  isSecondTier || process.env['MILLRACE_BROWSER'] !== undefined || process.env['MILLRACE_PICTURE'] !== undefined;
const withBrowser = chromium !== undefined && isAsked ? describe : describe.skip;
if (chromium === undefined) test.todo('the page in a browser: left out, because no Chromium is installed');

withBrowser('the page in a browser', () => {
  const page = new OpenPage();
  beforeAll(() => page.open(), 400_000);
  afterAll(() => page.dispose());
  afterEach(() => {
    expect(page.errors.splice(0)).toEqual([]);
    const elsewhere = (url: string) => new URL(url).origin !== page.origin() && !url.startsWith('blob:');
    expect(page.requested.splice(0).filter(elsewhere)).toEqual([]);
  });

  test('the token leaves the address, and a page without it asks for it', async () => {
    expect(page.tab.url()).toBe(`${page.origin()}/#/flow`);
    const other = await (await page.browser.newContext()).newPage();
    await other.goto(`${page.origin()}/`);
    await other.getByText('This page needs its token').waitFor(WAIT);
    await other.getByLabel('Token').fill(page.world.page.address);
    await other.getByRole('button', { name: 'Open' }).click();
    await other.waitForSelector('[data-figure=produced]', WAIT);
    await other.context().close();
  });

  flowTests(page);
  recordTests(page);
  sqlTests(page);
  exportTests(page);
  docsTests(page, axe);
  figureTests(page);
  faultTests(page);

  test('every view passes axe, in light and dark, and fits 390 pixels', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.tab.emulateMedia({ colorScheme });
      const widths = isSecondTier ? [1280, 390] : [colorScheme === 'light' ? 1280 : 390];
      for (const width of widths) {
        await page.tab.setViewportSize({ width, height: 800 });
        for (const view of views) {
          await page.visit(view);
          await page.tab.locator('main h1').waitFor({ state: 'attached', ...WAIT });
          await page.tab.waitForTimeout(150);
          expect([view, width, await page.tab.evaluate('document.documentElement.scrollWidth <= innerWidth')]).toEqual([
            view,
            width,
            true,
          ]);
          await page.tab.evaluate(axe);
          const { violations } = (await page.tab.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
            violations: { id: string; nodes: { html: string }[] }[];
          };
          expect(violations.map(({ id, nodes }) => `${view} ${width} ${colorScheme}: ${id} ${nodes[0]?.html}`)).toEqual(
            [],
          );
        }
      }
    }
    await page.tab.setViewportSize({ width: 1280, height: 800 });
  });

  test('after a restart of the runtime the page is connected again, with the same counts', async () => {
    await page.visit('flow');
    const before = await page.counts();
    const data = await page.world.stop();
    await page.tab.getByText('The runtime does not answer.').waitFor(WAIT);
    await page.shows(page.tab.locator('[data-figure=events]'), before.events);
    page.world = await startPage(data);
    await page.tab.getByText('The runtime does not answer.').waitFor({ state: 'detached', ...WAIT });
    await page.equationHolds();
    expect((await page.counts()).events).toBe(before.events);
    page.errors.splice(0);
  });

  if (process.env['MILLRACE_PICTURE'])
    test('the README’s picture', async () => {
      const folder = join(__dirname, '../../docs/images');
      mkdirSync(folder, { recursive: true });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.tab.emulateMedia({ colorScheme });
        await page.visit('flow');
        await page.tab.waitForTimeout(500);
        const { y, height } = (await page.tab.locator('.pipeline').first().boundingBox())!;
        const clip = { x: 0, y: 0, width: 1280, height: Math.ceil(y + height + 20) };
        await page.tab.screenshot({ path: join(folder, `page-${colorScheme}.png`), clip });
      }
    });
});
