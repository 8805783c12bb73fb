import { landingName, pipelineTables, refreshPlan } from '../../../sql';
import { aPipeline, aSource } from '../fixtures';
import { TestWarehouse } from '../warehouse';

let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(aPipeline({ history: [aSource()] }));
});
afterEach(() => warehouse.dispose());

const numbered = (n: number) => ({ messageId: `m${n}` });
const rejects = () =>
  warehouse.query('select right(sequence_number, 1), shard_id, source, reason from shop.rejects order by 1');
const gaps = () => warehouse.query('select shard_id, from_time, to_time from shop.gaps order by 1, 2');
const runs = () => warehouse.query('select sum(rows_read), sum(events), sum(duplicates), sum(rejects) from shop.runs');
/** A day and an hour, in which the stream does not forget before it is read. */
async function settle(): Promise<void> {
  for (const hours of [13, 13]) {
    warehouse.pass(hours * 60);
    await warehouse.refresh();
  }
}
const unread = 'skipped by Redshift (8001): the record could not be read';

describe('records that streaming ingestion skips', () => {
  test('become rejects with their position and the reason, once, and the runs count them', async () => {
    warehouse.scans.faults.push({ every: 2, from: 0 });
    warehouse.send(numbered(1), numbered(2), numbered(3), numbered(4));
    await warehouse.refresh();
    const expected = [
      ['2', 'shardId-000000000000', 'stream', unread],
      ['4', 'shardId-000000000000', 'stream', unread],
    ];
    expect(await rejects()).toEqual(expected);
    expect(await runs()).toEqual([[4, 2, 0, 2].map(String)]);
    await warehouse.refresh();
    expect(await rejects()).toEqual(expected);
    expect(await gaps()).toEqual([]);
    const skipped = refreshPlan(warehouse.pipeline).skipped!;
    expect((await warehouse.query(skipped)).map((row) => row.slice(0, 3))).toEqual([
      ['shardId-000000000000', unread, 2],
    ]);
    warehouse.pass(60);
    expect(await warehouse.query(skipped)).toEqual([]);
  });

  test('a record above the size that the landing view takes is one', async () => {
    warehouse.send({ messageId: 'm1', text: 'x'.repeat(1_048_576) }, numbered(2));
    await warehouse.refresh();
    expect(await rejects()).toEqual([
      [
        '1',
        'shardId-000000000000',
        'stream',
        expect.stringMatching(/^skipped by Redshift \(8013\): the record of \d+ bytes/),
      ],
    ]);
  });

  test('are found when the system views show them a day late', async () => {
    warehouse.scans.lateMs = 23 * 3_600_000;
    warehouse.scans.faults.push({ every: 2, from: 0 });
    warehouse.send(numbered(1), numbered(2));
    await warehouse.refresh();
    warehouse.pass(12 * 60);
    warehouse.send(numbered(3));
    await warehouse.refresh();
    expect(await rejects()).toEqual([]);
    warehouse.pass(12 * 60);
    await warehouse.refresh();
    expect(await rejects()).toEqual([['2', 'shardId-000000000000', 'stream', unread]]);
    expect(await gaps()).toEqual([]);
  });

  test('that no error names leave a gap, once, when the refresh has settled', async () => {
    warehouse.scans.faults.push({ every: 2, from: 0, unlisted: true });
    warehouse.send(numbered(1), numbered(2));
    await warehouse.refresh();
    expect(await gaps()).toEqual([]);
    await settle();
    expect(await gaps()).toHaveLength(1);
    expect(await rejects()).toEqual([]);
    await warehouse.execute([`delete from ${pipelineTables(warehouse.pipeline).gaps}`]);
    await settle();
    expect(await gaps()).toEqual([]);
  });

  test('of another landing view are none of this one', async () => {
    await warehouse.execute([
      `create external schema other_stream from kinesis iam_role 'arn:aws:iam::000000000000:role/stream'`,
    ]);
    await warehouse.execute(['create schema other']);
    warehouse.send('{"messageId":"m1"}');
    warehouse.scans.faults.push({ every: 1, from: 0 });
    await warehouse.execute([
      `create materialized view ${landingName(warehouse.pipeline).replace('shop', 'other')} as select kinesis_data from other_stream."millrace-test"`,
    ]);
    await warehouse.refresh();
    expect(await rejects()).toEqual([]);
    expect(await warehouse.counts()).toMatchObject({ events: 1 });
  });
});

describe('a skipped record that comes after all', () => {
  const events = () => warehouse.query('select id, source from shop.events order by id');

  test('from the archive is what it is, and its reject goes', async () => {
    warehouse.scans.faults.push({ every: 2, from: 0 });
    warehouse.send(numbered(1), numbered(2), 'GET /', 'GET /', numbered(5), numbered(5));
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 0, rejects: 4 });
    await warehouse.loadArchive(...[1, 2, 3, 4, 5, 6].map((n) => warehouse.archived(n)));
    expect(await events()).toEqual([
      ['m1', 'stream'],
      ['m2', 'archive'],
      ['m5', 'stream'],
    ]);
    expect(await warehouse.counts()).toMatchObject({ events: 3, duplicates: 1, rejects: 2 });
    expect((await rejects()).map(([n, , source, reason]) => [n, source, reason])).toEqual([
      ['3', 'stream', 'payload: not JSON'],
      ['4', 'archive', 'payload: not JSON'],
    ]);
    expect(await runs()).toEqual([[expect.anything(), '3', '1', '2']]);
    await warehouse.refresh();
    await warehouse.loadArchive(warehouse.archived(2));
    expect(await warehouse.counts()).toMatchObject({ events: 3, duplicates: 1, rejects: 2 });
  });

  test('before anyone looked for it is no reject', async () => {
    warehouse.scans.lateMs = 30 * 60_000;
    warehouse.scans.faults.push({ every: 2, from: 0 });
    warehouse.send(numbered(1), numbered(2));
    await warehouse.refresh();
    warehouse.scans.lateMs = 0;
    await warehouse.loadArchive(warehouse.archived(2));
    warehouse.pass(40);
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 2, rejects: 0 });
  });

  test('from a landing view that takes what the one before did not', async () => {
    warehouse.scans.faults.push({ every: 2, from: 0 });
    warehouse.send(numbered(1), numbered(2));
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 1, rejects: 1 });
    await warehouse.rebuildLanding({ lastMerge: true });
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 0, rejects: 0 });
    expect(await runs()).toEqual([[expect.anything(), '2', '0', '0']]);
  });
});
