import { render } from '../../../lambda/shared/statement';
import type { Pipeline, Retention } from '../../../pipelines/definition';
import { exportPlan, loadPlan, pipelineTables, refreshPlan } from '../../../sql';
import { anExport, aPipeline, aSource, aView } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const day = 24 * 60;
const retention: Retention = { events: '7 days', eventTime: 'at', rejects: '10 days' };
const plain = aPipeline({ history: [aSource()] });
const columns = plain.columns.map((column) => (column.name === 'at' ? { ...column, required: true } : column));
const keeping = (given: Retention | undefined = retention): Pipeline =>
  ({ ...plain, columns, ...(given && { retention: given }) }) as Pipeline;
let warehouse: TestWarehouse;
afterEach(() => warehouse.dispose());

/** A record of an event that happened some days ago. */
async function aged(messageId: string, days: number): Promise<object> {
  const [[at]] = (await warehouse.query(
    `select to_char(dateadd(minute, ${-days * day}, getdate()), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`,
  )) as [[string]];
  return { messageId, timestamp: at };
}

const skipped = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    await warehouse
      .query('select name, count(*) from shop.skipped group by name order by name')
      .then((rows) => rows.map(([name, records]) => [name, Number(records)])),
  );
const ids = async () => (await warehouse.query('select id from shop.events order by id')).flat();

/** Counts the records in each place, and checks that the runs count the same. */
async function account() {
  const { events, duplicates, rejects } = await warehouse.counts();
  const [counted] = await warehouse.query(
    'select sum(events), sum(duplicates), sum(rejects), sum(coalesce(skipped, 0)) from shop.runs',
  );
  const gone = Object.values(await skipped()).reduce((sum, count) => sum + count, 0);
  expect(counted!.map(Number)).toEqual([events, duplicates, rejects, gone]);
  return { events, duplicates, rejects, skipped: gone };
}

describe('a run', () => {
  beforeEach(async () => {
    warehouse = await TestWarehouse.create(keeping());
  });

  test('deletes old events with their duplicates, and keeps their positions without keys', async () => {
    warehouse.send(await aged('old', 6.5), await aged('new', 0));
    await warehouse.refresh();
    warehouse.send(await aged('old', 6.5));
    await warehouse.refresh();
    expect(await account()).toEqual({ events: 2, duplicates: 1, rejects: 0, skipped: 0 });
    warehouse.pass(day);
    await warehouse.refresh();
    expect(await ids()).toEqual(['new']);
    expect(await account()).toEqual({ events: 1, duplicates: 0, rejects: 0, skipped: 2 });
    expect(await skipped()).toEqual({ 'expired duplicate': 1, 'expired event': 1 });
    expect(await warehouse.query('select count(sequence_number), count(partition_key) from shop.skipped')).toEqual([
      [2, 0],
    ]);
    expect(
      await warehouse.query("select run_id, events, duplicates, skipped from shop.runs where source = 'retention'"),
    ).toEqual([['run-3-expired', -1, -1, 2]]);
  });

  test('deletes rejects by the time of their rejection', async () => {
    warehouse.send({ messageId: 'x' }, 'nonsense');
    await warehouse.refresh();
    warehouse.pass(9 * day);
    await warehouse.refresh();
    expect(await account()).toMatchObject({ rejects: 2, skipped: 0 });
    warehouse.pass(2 * day);
    await warehouse.refresh();
    expect(await account()).toMatchObject({ rejects: 0, skipped: 2 });
  });

  test('takes one day of events at most, the oldest first', async () => {
    for (const n of [6, 4, 2]) warehouse.send(await aged(`m${n}`, n));
    await warehouse.refresh();
    warehouse.pass(20 * day);
    for (const left of [['m2', 'm4'], ['m2'], []]) {
      await warehouse.refresh();
      expect(await ids()).toEqual(left);
    }
    expect(await account()).toMatchObject({ events: 0, skipped: 3 });
  });

  test('does not take a record that was read again for another one', async () => {
    warehouse.send(await aged('old', 6.5), 'nonsense');
    await warehouse.refresh();
    warehouse.pass(11 * day);
    await warehouse.refresh();
    const gone = { events: 0, duplicates: 0, rejects: 0, skipped: 2 };
    expect(await account()).toEqual(gone);
    await warehouse.loadArchive(warehouse.archived(1), warehouse.archived(2));
    await warehouse.refresh();
    expect(await account()).toEqual(gone);
  });

  test('makes no event of a record that is older when it arrives', async () => {
    warehouse.send(await aged('old', 8), await aged('new', 1));
    await warehouse.refresh();
    await warehouse.load([JSON.stringify(await aged('older', 300)), JSON.stringify(await aged('newer', 2))]);
    expect(await ids()).toEqual(['new', 'newer']);
    expect(await skipped()).toEqual({ 'expired on arrival': 2 });
    await account();
    // Both arrive again: the position is known, and the line of another object is one more record.
    await warehouse.loadArchive(warehouse.archived(1));
    await warehouse.load([JSON.stringify(await aged('older', 300))]);
    expect(await account()).toEqual({ events: 2, duplicates: 0, rejects: 0, skipped: 3 });
  });

  test('deletes nothing while the tables of another identity exist', async () => {
    warehouse.send(await aged('old', 6));
    await warehouse.refresh();
    warehouse.pass(2 * day);
    const { checkpoints } = pipelineTables(warehouse.pipeline);
    await warehouse.execute([
      `insert into ${checkpoints} (landing, identity_version, merged_at) select 'beginning', 'other', getdate()`,
    ]);
    await warehouse.refresh();
    expect(await ids()).toEqual(['old']);
    await warehouse.execute([`delete from ${checkpoints} where identity_version = 'other'`]);
    await warehouse.refresh();
    expect(await ids()).toEqual([]);
  });

  test('is counted by the totals of its run', async () => {
    warehouse.send(await aged('old', 6));
    await warehouse.refresh();
    warehouse.pass(2 * day);
    await warehouse.refresh();
    const { totals } = refreshPlan(warehouse.pipeline);
    const rows = await warehouse.query(totals!.replaceAll('{{run_id}}', "'run-2'"));
    expect(rows.map((row) => row.at(-1))).toEqual(['1']);
  });
});

test('a reload of a run finds the rows of the run that have expired', async () => {
  warehouse = await TestWarehouse.create(keeping());
  const lines = [await aged('old', 6), await aged('new', 1), await aged('older', 30)].map((line) =>
    JSON.stringify(line),
  );
  const [object] = await warehouse.load(lines);
  warehouse.pass(2 * day);
  const reload = async () => {
    const source = loadPlan(warehouse.pipeline).sources.find(({ name }) => name === 'logs')!;
    const { statements } = source.reload.inPlace;
    const values = { ...(await warehouse.loadValues([object!])), replaced: 'run-1' };
    await warehouse.execute(statements, values);
  };
  // `old` is past the retention and still an event.
  await reload();
  expect(await ids()).toEqual(['new']);
  expect(await skipped()).toEqual({ 'expired on arrival': 2 });
});

test('a new retention judges records again that an earlier one skipped', async () => {
  warehouse = await TestWarehouse.create(keeping());
  warehouse.send(await aged('old', 6));
  await warehouse.refresh();
  warehouse.pass(2 * day);
  await warehouse.refresh();
  expect(await account()).toMatchObject({ events: 0, skipped: 1 });
  warehouse.pipeline = keeping({ events: '30 days', eventTime: 'at' });
  await warehouse.loadArchive(warehouse.archived(1));
  expect(await account()).toMatchObject({ events: 1, skipped: 0 });
});

test('rejects may expire alone, beside a `where`', async () => {
  const where = [{ path: ['kind'], oneOf: ['a'] }];
  warehouse = await TestWarehouse.create({ ...keeping({ rejects: '10 days' }), where });
  warehouse.send({ ...(await aged('x', 9)), kind: 'a' }, { kind: 'a' }, { kind: 'b' });
  await warehouse.refresh();
  warehouse.pass(11 * day);
  await warehouse.refresh();
  expect(await account()).toEqual({ events: 1, duplicates: 0, rejects: 0, skipped: 2 });
  expect(await skipped()).toEqual({ 'expired reject': 1, 'kind=b': 1 });
  await warehouse.loadArchive(warehouse.archived(2), warehouse.archived(3));
  expect(await account()).toMatchObject({ events: 1, rejects: 0, skipped: 2 });
});

test('a pipeline with many columns and a `where` counts what is too old on arrival', async () => {
  const more = Array.from({ length: 150 }, (_, n) => ({ name: `c${n}`, path: [`c${n}`], type: 'bigint' as const }));
  const where = [{ path: ['kind'], oneOf: ['a'] }];
  warehouse = await TestWarehouse.create({ ...keeping(), columns: [...columns, ...more], where });
  const record = async (id: string, days: number, kind: string) => ({ ...(await aged(id, days)), kind });
  warehouse.send(await record('old', 8, 'a'), await record('new', 1, 'a'), await record('other', 1, 'b'), {
    kind: 'a',
  });
  await warehouse.refresh();
  expect(await account()).toEqual({ events: 1, duplicates: 0, rejects: 1, skipped: 2 });
  expect(await skipped()).toEqual({ 'expired on arrival': 1, 'kind=b': 1 });
});

test('events without a declared time expire by their arrival', async () => {
  warehouse = await TestWarehouse.create({ ...plain, history: undefined, retention: { events: '7 days' } } as Pipeline);
  warehouse.send({ messageId: 'a' });
  await warehouse.refresh();
  warehouse.pass(6 * day);
  warehouse.send({ messageId: 'b' });
  await warehouse.refresh();
  warehouse.pass(day);
  await warehouse.refresh();
  expect(await ids()).toEqual(['b']);
});

describe('a view and an export of events that expire', () => {
  const daily = aView('daily', "select date_trunc('day', at) as day, count(*) as events from shop.events group by 1");
  const content = { kind: 'incremental', timeColumn: 'day', window: 'day', corrections: true } as const;
  const exported = anExport('daily', 'select day, events from shop.daily', { content });

  test('the view loses them in the same run, and the published window stays as it is', async () => {
    warehouse = await TestWarehouse.create({ ...keeping(), views: [daily], exports: [exported] });
    const days = () => warehouse.query('select events from shop.daily order by day');
    warehouse.send(await aged('a', 6.2), await aged('b', 5.8), await aged('new', 0));
    await warehouse.refresh();
    const [item] = exportPlan(warehouse.pipeline).exports;
    const changed = async () => (await warehouse.query(item!.survey!)).length;
    const windows = await warehouse.query(item!.survey!);
    for (const [start] of windows) {
      const values = {
        window_start: String(start),
        window_end: String(start).replace(/(..) 00:00:00.*/, '$1 23:59:59'),
      };
      const [[rows, print]] = (await warehouse.query(render(item!.count!, values))) as [[number, string]];
      await warehouse.execute([
        `insert into shop.exports (export, window_start, window_end, run_id, row_count, file_count, location, published_at, revision, fingerprint)
values ('daily', '${start}', '${start}', 'r', ${rows}, 1, 's3://exports/${start}/', getdate(), 0, '${print}')`,
      ]);
    }
    expect(await changed()).toBe(0);
    warehouse.pass(day);
    await warehouse.refresh();
    // Only a part of a window has expired, so it has other rows than its publication.
    expect(await ids()).toEqual(['b', 'new']);
    expect((await days()).map(([events]) => Number(events))).toEqual([1, 1]);
    expect(await changed()).toBe(0);
    await warehouse.load([JSON.stringify(await aged('late', 1))]);
    await warehouse.refresh();
    expect(await changed()).toBe(1);
  });
});
