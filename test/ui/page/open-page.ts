import { type Browser, chromium as browsers, type Locator, type Page as Tab } from 'playwright-core';
import { HistoryRows } from '../../../cli/commands/local/history-counts';
import { countRecords, sumCounts } from '../../../cli/commands/local/record-counts';
import { pipelines } from '../../../pipelines';
import { chromium, type PageWorld, startPage } from '../world';

export const WAIT = { timeout: 20_000 };

/** The page of a running dev environment in a browser, and what a person does there. */
export class OpenPage {
  world!: PageWorld;
  tab!: Tab;
  browser!: Browser;
  /** Addresses that the page asked for. */
  readonly requested: string[] = [];
  /** Errors of the page's scripts. */
  readonly errors: string[] = [];

  async open(): Promise<void> {
    this.world = await startPage();
    await this.world.send({ events: 600 });
    await this.world.merge(20);
    this.browser = await browsers.launch({ executablePath: chromium!, args: ['--no-sandbox'] });
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
    this.tab = await context.newPage();
    this.tab.on('request', (request) => this.requested.push(request.url()));
    this.tab.on('pageerror', (error) => this.errors.push(error.message));
    this.tab.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        this.errors.push(message.text());
    });
    await this.tab.goto(this.world.page.address);
    await this.tab.waitForSelector('[data-figure=produced]', WAIT);
  }

  async dispose(): Promise<void> {
    await this.browser?.close();
    await this.world?.dispose();
  }

  origin(): string {
    return new URL(this.world.page.address).origin;
  }

  async visit(view: string, argument = ''): Promise<void> {
    await this.tab.goto(`${this.origin()}/#/${view}${argument === '' ? '' : `/${encodeURIComponent(argument)}`}`);
  }

  /** Waits until an element shows a number. */
  async shows(locator: Locator, expected: number): Promise<void> {
    const deadline = Date.now() + WAIT.timeout;
    let found = Number.NaN;
    while (Date.now() < deadline) {
      found = Number(((await locator.textContent(WAIT)) ?? '').replaceAll(',', ''));
      if (found === expected) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${locator} shows ${found}, SQL says ${expected}`);
  }

  /** The equation, counted as `npm start` counts it. */
  async counts() {
    const rows = new HistoryRows(this.world.demo);
    const all = [];
    for (const pipeline of pipelines) all.push(await countRecords(this.world.demo, pipeline, rows));
    return sumCounts(all);
  }

  async equationHolds(): Promise<void> {
    const { parts: _, forgotten, ...figures } = await this.counts();
    // Most environments have forgotten nobody: the page leaves the term out then.
    const shown = forgotten > 0 ? { ...figures, forgotten } : figures;
    for (const [name, records] of Object.entries(shown))
      await this.shows(this.tab.locator(`[data-figure="${name}"]`), records);
    expect(await this.tab.locator('.verdict').textContent()).toBe('nothing vanished');
  }

  /** Presses a button of the view for trying things. */
  async act(name: string): Promise<void> {
    await this.visit('try');
    await this.tab.getByRole('button', { name, exact: true }).click(WAIT);
    await this.tab.locator('.done:not(:empty)').waitFor(WAIT);
    expect(await this.tab.locator('p.failed[role=alert]').count()).toBe(0);
  }

  /** Runs a statement in the console, like a person. */
  async sql(statement: string): Promise<void> {
    await this.visit('flow');
    await this.visit('sql', statement);
    await this.tab.getByLabel('SQL statement').press('Control+Enter');
    await this.tab.locator('main p[role=status]').waitFor(WAIT);
    expect(await this.tab.locator('p.failed[role=alert]').count()).toBe(0);
  }
}
