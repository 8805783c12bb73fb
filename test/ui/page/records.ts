import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { pipelines } from '../../../pipelines';
import { pipelineTables } from '../../../sql';
import { type OpenPage, WAIT } from './open-page';

const estore = pipelines.find(({ name }) => name === 'estore')!;

/** The views of single records: why, and rejects. */
export function recordTests(page: OpenPage): void {
  test('why: an event’s way, with what the tables say of it', async () => {
    const [id, run, sent] = (
      await page.world.query(
        `select event_id, run_id, events.occurred_at from estore.purchases join estore.events using (event_id) order by 1 limit 1`,
      )
    )[0]!;
    await page.visit('why');
    await page.tab.getByLabel('Event id, or column=value').fill(id!);
    await page.tab.getByRole('button', { name: 'Follow it' }).click();
    await page.tab.getByText('It is in events.').waitFor(WAIT);
    const timeline = await page.tab.locator('.timeline').innerText();
    expect(timeline).toContain(`by run ${run}`);
    expect(timeline).toContain(`by the sender’s clock: occurred_at ${sent}`);
    expect(timeline).toMatch(/purchases has it/);
    expect(await page.tab.getByRole('article').count()).toBe(1);
    await page.visit('why', 'f'.repeat(64));
    for (const { name } of pipelines) await page.tab.getByRole('article', { name: `Answer of ${name}` }).waitFor(WAIT);
    await page.visit('why', 'customer_id=nobody');
    // Only estore has the column. Until the search begins, the page shows the answers before it.
    await page.tab.getByRole('article', { name: 'Answer of pageviews' }).waitFor({ ...WAIT, state: 'detached' });
    await page.tab.getByText(/^It is not in events/).waitFor(WAIT);
    await page.visit('why', 'customer=7');
    await page.tab.getByText(/<event> must be an event id .* got 'customer=7'/).waitFor(WAIT);
  });

  test('rejects: counts by reason, the field marked, and a payload with a script is text', async () => {
    const { endpoint, region, credentials } = page.world.demo;
    const kinesis = new KinesisClient({ endpoint, region, credentials });
    const Data = Buffer.from(
      JSON.stringify({
        customer_id: 'c',
        note: '<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">',
        action: 'cart',
        timestamp: '<b>now</b>',
        product: { product_id: 'p' },
      }),
    );
    await kinesis.send(
      new PutRecordsCommand({ StreamName: page.world.demo.streamOf('estore'), Records: [{ Data, PartitionKey: 'k' }] }),
    );
    kinesis.destroy();
    await page.world.merge(2);
    await page.visit('rejects');
    for (const { name } of pipelines)
      for (const [reason, records] of await page.world.query(`select reason, count(*) from ${name}.rejects group by 1`))
        await page.shows(page.tab.locator(`[data-reason="${name} ${reason}"]`), Number(records));
    const reason = page.tab.locator('details', {
      has: page.tab.locator('[data-reason="estore occurred_at: not an ISO 8601 timestamp"]'),
    });
    await reason.locator('summary').click();
    await reason.getByText('<script>window.hacked = 1</script>').waitFor(WAIT);
    expect(await reason.locator('mark').allTextContents()).toContain('"<b>now</b>"');
    expect(await page.tab.evaluate('window.hacked')).toBeUndefined();
    expect(await page.tab.locator('.samples script, .samples img, .samples b').count()).toBe(0);
  });

  test('rejects: merged again, a record that fits becomes an event', async () => {
    const { events, rejects } = pipelineTables(estore);
    const [id] = (
      await page.world.query(`select event_id from estore.events where source = 'stream' order by 1 limit 1`)
    )[0]!;
    const before = Number(await page.world.value('select count(*) from estore.events'));
    await page.sql(`insert into ${rejects} (source, shard_id, sequence_number, partition_key, arrived_at, reason, payload, run_id, merged_at)
select source, shard_id, sequence_number, partition_key, arrived_at, 'price: mended', payload, run_id, merged_at from ${events} where event_id = '${id}'`);
    await page.sql(`delete from ${events} where event_id = '${id}'`);
    await page.visit('rejects');
    const reason = page.tab.locator('details', { has: page.tab.locator('[data-reason="estore price: mended"]') });
    await reason.locator('summary').click(WAIT);
    await reason.getByRole('button', { name: 'What would become of them?' }).click();
    await reason.getByText('Of 1 reject, 1 would become events and 0 duplicates.').waitFor(WAIT);
    expect(Number(await page.world.value('select count(*) from estore.events'))).toBe(before - 1);
    await reason.getByRole('button', { name: 'Merge again' }).click();
    await reason.waitFor({ state: 'detached', ...WAIT });
    expect(await page.world.query(`select count(*) from estore.events where event_id = '${id}'`)).toEqual([['1']]);
    await page.visit('flow');
    await page.world.merge(1);
    await page.equationHolds();
  });
}
