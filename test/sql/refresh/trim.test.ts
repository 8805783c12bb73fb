import { landingName, pipelineTables } from '../../../sql';
import { landedHours } from '../../../sql/tables/landing';
import { aPipeline, aSource } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const pipeline = aPipeline({ history: [aSource()] });
const { checkpoints } = pipelineTables(pipeline);
const landing = landingName(pipeline);
let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(pipeline);
});
afterEach(() => warehouse.dispose());

const numbered = (n: number) => ({ messageId: `m${n}` });
const landed = async () =>
  (await warehouse.query(`select right(sequence_number, 1) from ${landing} order by 1`)).flat();
const keptMinutes = landedHours(pipeline) * 60;

test('a landing view keeps records for a day longer than the stream, or as long as the pipeline says', () => {
  expect(landedHours(aPipeline({ stream: { ...pipeline.stream, retentionHours: 48 } }))).toBe(72);
  expect(landedHours(aPipeline({ stream: { ...pipeline.stream, retentionHours: 48, landedHours: 1000 } }))).toBe(1000);
});

describe('the landing view', () => {
  test('loses what is merged and old, the oldest hour in one run, and reads nothing again', async () => {
    for (const n of [1, 2, 3]) {
      warehouse.send(numbered(n));
      await warehouse.refresh();
      warehouse.pass(50);
    }
    warehouse.pass(keptMinutes + 60 - 150);
    warehouse.send(numbered(4));
    await warehouse.refresh();
    expect(await landed()).toEqual(['3', '4']);
    await warehouse.refresh();
    expect(await landed()).toEqual(['3', '4']);
    warehouse.pass(100);
    await warehouse.refresh();
    expect(await landed()).toEqual(['4']);
    expect(await warehouse.counts()).toMatchObject({ events: 4, duplicates: 0, rejects: 0 });
  });

  test('keeps what was not merged, however old it is', async () => {
    warehouse.send(numbered(1));
    await warehouse.refresh();
    warehouse.send(numbered(2));
    await warehouse.land();
    warehouse.pass(2 * keptMinutes);
    await warehouse.trim();
    expect(await landed()).toEqual(['1', '2']);
  });

  test('keeps the last day before the last record, where the merge looks for the end of each shard', async () => {
    warehouse.send(numbered(1));
    await warehouse.refresh();
    warehouse.pass(30 * 60);
    warehouse.send(numbered(2));
    await warehouse.refresh();
    warehouse.pass(2 * keptMinutes);
    await warehouse.trim();
    expect(await landed()).toEqual(['2']);
    await warehouse.trim();
    expect(await landed()).toEqual(['2']);
  });

  test('keeps everything while the tables of another identity still have to merge it', async () => {
    warehouse.send(numbered(1));
    await warehouse.refresh();
    warehouse.pass(30 * 60);
    warehouse.send(numbered(2));
    await warehouse.refresh();
    warehouse.pass(2 * keptMinutes);
    // As the first batch of a rebuild leaves it.
    await warehouse.execute([
      `insert into ${checkpoints} (landing, identity_version, refresh_time, merged_at)
select 'beginning', 'other', max(refresh_time), max(merged_at) from ${checkpoints}`,
    ]);
    await warehouse.trim();
    expect(await landed()).toEqual(['1', '2']);
    await warehouse.execute([
      `update ${checkpoints} set landing = '${landing.split('.')[1]}' where landing = 'beginning'`,
    ]);
    await warehouse.trim();
    expect(await landed()).toEqual(['2']);
  });
});
