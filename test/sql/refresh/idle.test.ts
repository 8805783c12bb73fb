import { pipelineTables, refreshPlan } from '../../../sql';
import { aPipeline, aSource, aView } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const pipeline = aPipeline({
  history: [aSource()],
  views: [aView('kinds', 'select kind, count(*) as records from shop.events group by kind')],
});
const { checkpoints, gaps, runs } = pipelineTables(pipeline);
const plan = refreshPlan(pipeline);
const idle = plan.idle!;
let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(pipeline);
});
afterEach(() => warehouse.dispose());

const numbered = (n: number) => ({ messageId: `m${n}`, kind: 'a' });
/** What a run would have to do now, after its refresh. */
const work = async () => (await Promise.all(idle.work.map((query) => warehouse.query(query)))).flat(2);
/** Two complete runs: only from the second merge on is it known what is merged. */
async function settle(): Promise<void> {
  warehouse.send(numbered(1));
  await warehouse.refresh();
  await warehouse.refresh();
}
const until = async () =>
  (await warehouse.query(`select merged_until, complete_until from ${checkpoints} where merged_until is not null`))[0];
const end = (started: string) => warehouse.execute(idle.step.statements, { started });

describe('a run without work', () => {
  test('comes after a complete one, while nothing arrives', async () => {
    await warehouse.land();
    expect(await work()).toEqual(['no complete run within the hour']);
    await settle();
    await warehouse.land();
    expect(await work()).toEqual([]);
    warehouse.pass(59);
    expect(await work()).toEqual(['no complete run within the hour']);
  });

  test('says that everything that arrived before its refresh is complete; repeated or late it changes nothing', async () => {
    await settle();
    await end('2026-12-01 05:00:00');
    expect(await until()).toEqual(['2026-12-01 05:00:00', '2026-12-01 05:00:00']);
    await end('2026-12-01 04:59:00');
    await end('2026-12-01 05:00:00');
    expect(await until()).toEqual(['2026-12-01 05:00:00', '2026-12-01 05:00:00']);
  });

  test('what it said is not taken back by the next merge', async () => {
    await settle();
    await end('2999-01-01 00:00:00');
    await warehouse.refresh();
    expect(await until()).toEqual(['2999-01-01 00:00:00', '2999-01-01 00:00:00']);
  });

  test('says nothing while a deployment is on its way', async () => {
    await settle();
    const before = (await until())![1];
    await warehouse.execute([
      `insert into millrace.objects (kind, name, version, deployment, deployed_at) select 'public-view', 'shop.kinds', 'another', 'next', getdate()`,
    ]);
    await end('2999-01-01 00:00:00');
    expect(await until()).toEqual(['2999-01-01 00:00:00', before]);
    expect(await work()).toEqual(['no complete run within the hour']);
  });
});

describe('a run has work when', () => {
  test.each<[string, string[], () => Promise<unknown>]>([
    ['records were read', ['records to merge'], async () => warehouse.send(numbered(2))],
    [
      'history was loaded',
      ['events that another function merged', expect.stringMatching(/^kinds_/)],
      () => warehouse.load([JSON.stringify(numbered(2))]),
    ],
    [
      'history was loaded at the very time of the last merge',
      ['events that another function merged'],
      () =>
        warehouse.execute([
          `insert into ${runs} select 'load', 'history', 1, 1, 0, 0, merged_at, definition from ${runs} where merged_at = (select max(merged_at) from ${checkpoints})`,
        ]),
    ],
    [
      'events were changed otherwise',
      [expect.stringMatching(/^kinds_/)],
      () => warehouse.execute([`delete from ${pipelineTables(pipeline).events}`]),
    ],
    [
      'functions of another version merged',
      ['events of another version of the columns'],
      () =>
        warehouse.execute([
          `insert into ${runs} select 'other', 'stream', 0, 0, 0, 0, merged_at, 'other' from ${runs} where merged_at = (select max(merged_at) from ${checkpoints})`,
        ]),
    ],
    [
      'a gap is open',
      ['gaps to report'],
      () =>
        warehouse.execute([
          `insert into ${gaps} (from_time, to_time, detected_at) select getdate(), getdate(), getdate()`,
        ]),
    ],
    [
      'its views were not refreshed by the run before',
      ['no complete run within the hour'],
      () => warehouse.execute([`update ${checkpoints} set complete_until = dateadd(minute, -1, merged_until)`]),
    ],
  ])('%s', async (_, expected, happen) => {
    await settle();
    await happen();
    await warehouse.land();
    expect((await work()).sort()).toEqual(expected);
  });

  test('a refresh skipped records, until their errors are sure to be visible', async () => {
    await settle();
    warehouse.scans.faults.push({ every: 1, from: 0 });
    warehouse.send(numbered(2));
    await warehouse.refresh();
    for (const hours of [0, 13, 13]) {
      warehouse.pass(hours * 60);
      await warehouse.refresh();
      expect(await work()).toContain('skipped records');
    }
    warehouse.pass(60);
    await warehouse.refresh();
    expect(await work()).toEqual([]);
  });
});
