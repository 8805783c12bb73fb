import { pipelines } from '../../../pipelines';
import { landingName, pipelineTables } from '../../../sql';
import { type OpenPage, WAIT } from './open-page';

const estore = pipelines.find(({ name }) => name === 'estore')!;

/** Longer than the page waits after something happened before it reads. */
const QUIET_MS = 3_000;

/** The flow view: its figures, and what is seen of a lost event. */
export function flowTests(page: OpenPage): void {
  test('flow: each figure is that of SQL', async () => {
    await page.visit('flow');
    await page.equationHolds();
    for (const pipeline of pipelines) {
      const section = page.tab.getByRole('region', { name: pipeline.name, exact: true });
      const { name } = pipeline;
      const expected: Record<string, string> = {
        landing: `select count(*) from ${landingName(pipeline)}`,
        merge: `select count(*) from ${name}.runs where rows_read > 0`,
        events: `select count(*) from ${name}.events`,
        duplicates: `select count(*) from ${name}.duplicates`,
        rejects: `select count(*) from ${name}.rejects`,
        ...(pipeline.history === undefined
          ? {}
          : {
              history: `select count(*) from ${name}.ledger where source <> 'archive'`,
              staged: `select count(*) from ${name}.staged`,
            }),
      };
      for (const [node, sql] of Object.entries(expected))
        await page.shows(section.locator(`[data-node=${node}]`), Number(await page.world.value(sql)));
      await page.shows(
        section.locator('[data-node=stream]'),
        page.world.demo.acceptedRecords(page.world.demo.streamOf(name)),
      );
      for (const view of pipeline.views)
        await page.shows(
          section.locator(`[data-item="views/${view.name}"]`),
          Number(await page.world.value(`select count(*) from ${name}.${view.name}`)),
        );
      for (const item of pipeline.exports)
        await page.shows(
          section.locator(`[data-item="exports/${item.name}"]`),
          Number(
            await page.world.value(
              `select count(distinct window_start) from ${name}.exports where "export" = '${item.name}'`,
            ),
          ),
        );
    }
  });

  test('flow: counts rise while records are merged, and a lost event is seen', async () => {
    await page.visit('flow');
    const before = Number((await page.counts()).events);
    await page.world.send({ events: 100 });
    await page.world.merge();
    expect(Number((await page.counts()).events)).toBe(before + 100);
    await page.equationHolds();
    const { events } = pipelineTables(estore);
    const [id] = (await page.world.query(`select event_id from estore.events order by 1 limit 1`))[0]!;
    await page.sql(`create table estore.kept as select * from ${events} where event_id = '${id}'`);
    await page.sql(`delete from ${events} where event_id = '${id}'`);
    await page.visit('flow');
    await page.world.merge(1);
    await page.tab.locator('.equation.bad').waitFor(WAIT);
    expect(await page.tab.locator('.verdict').textContent()).toBe('1 record differs');
    expect(await page.tab.locator('.health .pill').textContent()).toBe('1 record missing');
    const { runs } = pipelineTables(estore);
    await page.sql(`alter table ${runs} rename to runs_elsewhere`);
    await page.visit('flow');
    await page.tab.getByText(/The counts could not be read: .* does not exist/).waitFor(WAIT);
    expect(await page.tab.locator('.verdict').textContent()).toBe('old figures');
    await page.sql('alter table estore.runs_elsewhere rename to runs');
    await page.sql(`insert into ${events} select * from estore.kept`);
    await page.sql('drop table estore.kept');
    await page.world.merge(1);
    await page.visit('flow');
    await page.equationHolds();
  });

  test('flow: each open shard has the age of its oldest unread record, and what arrives is seen without a query', async () => {
    const { demo, runtime } = page.world;
    const query = jest.spyOn(demo, 'query');
    // A statement in the console lets the page read everything again. After that it has no reason to for a minute.
    await page.sql('select 1');
    await page.visit('flow');
    await page.equationHolds();
    for (let before = -1; query.mock.calls.length !== before; await page.tab.waitForTimeout(QUIET_MS))
      before = query.mock.calls.length;
    query.mockClear();
    const accepted = demo.acceptedRecords(demo.streamOf('estore'));
    await page.world.send({ events: 100, withHistory: false });
    const produced = demo.acceptedRecords(demo.streamOf('estore'));
    expect(produced).toBeGreaterThan(accepted);
    const section = page.tab.getByRole('region', { name: 'estore', exact: true });
    await page.shows(section.locator('[data-node=stream]'), produced);
    expect(query).not.toHaveBeenCalled();
    query.mockRestore();
    await page.equationHolds();
    // Time passes without a refresh.
    const stream = runtime.kinesis.stream(demo.streamOf('estore'));
    const landed = await page.world.query(
      `select shard_id, max(sequence_number) from ${landingName(estore)} group by 1 order by 1`,
    );
    for (const shard of stream.openShards) {
      const [, last] = landed.find(([id]) => id === shard.id) ?? [];
      const unread: number[] = [];
      shard.read(0, 0, ({ sequence_number: number, arrival_ms: at }) => {
        if (last === undefined || number > last) unread.push(at);
        return true;
      });
      const seconds = unread.length === 0 ? 0 : Math.round((demo.now() - Math.min(...unread)) / 1000);
      await section.locator(`[data-shard="${shard.id}/age"]`, { hasText: `${seconds} s` }).waitFor(WAIT);
    }
    expect(await section.locator('.shards tbody tr').count()).toBe(Math.min(4, stream.openShards.length));
    await page.world.merge(6);
    for (const { id } of stream.openShards)
      await section.locator(`[data-shard="${id}/age"]`, { hasText: /^0 s$/ }).waitFor(WAIT);
  });
}
