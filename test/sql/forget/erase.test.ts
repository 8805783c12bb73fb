import { keyId, markOf } from '../../../lambda/shared/forget-keys';
import type { Pipeline } from '../../../pipelines/definition';
import {
  eraseStatements,
  loadPlan,
  markStatements,
  marksQuery,
  pipelineTables,
  refreshPlan,
  sweptStatements,
} from '../../../sql';
import { aPipeline, aSource, aView } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const withSubject = aPipeline({
  history: [aSource()],
  columns: [
    { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'who', path: ['user', 'id'], type: 'varchar', maxBytes: 8, trim: true },
    { name: 'account', path: ['account'], type: 'bigint', convert: 'text' },
    { name: 'kind', path: ['kind'], type: 'varchar', maxBytes: 8, oneOf: ['a', 'b'] },
    { name: 'at', path: ['timestamp'], type: 'timestamp' },
  ] as Pipeline['columns'],
  subject: ['who', 'account'],
  views: [aView('seen', 'select who, count(*) as amount from shop.events group by who')],
});
const record = (messageId: string, id: unknown, more = {}) => ({ messageId, user: { id }, ...more });

let warehouse: TestWarehouse;
const start = async (pipeline: Pipeline = withSubject) => {
  warehouse = await TestWarehouse.create(pipeline);
};
afterEach(() => warehouse?.dispose());

/** Marks subjects as the command does. */
const mark = (run: string, ...subjects: [column: string, value: string][]) =>
  warehouse.execute(markStatements(warehouse.pipeline), {
    marks: JSON.stringify(subjects.map(([column, value]) => markOf(warehouse.keys, column, value))),
    key_id: keyId(warehouse.keys),
    run_id: run,
  });
const erase = async (run = 'forget', ...raised: string[]) => {
  const { statements, answer } = eraseStatements(warehouse.pipeline);
  const row = await warehouse.answerOf(statements, answer, { run_id: run, raised: JSON.stringify(raised) });
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
};
const ids = async () => (await warehouse.query('select id from shop.events order by id')).flat();
const skipped = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await warehouse.query('select name, count(*) from shop.skipped group by name order by name')).map(
      ([name, count]) => [name, Number(count)],
    ),
  );

/** Checks that the runs count what the tables hold. */
async function account() {
  const { events, duplicates, rejects } = await warehouse.counts();
  const [counted] = await warehouse.query(
    'select sum(events), sum(duplicates), sum(rejects), sum(coalesce(skipped, 0)), sum(rows_read) from shop.runs',
  );
  const gone = Object.values(await skipped()).reduce((sum, count) => sum + count, 0);
  expect(counted!.slice(0, 4).map(Number)).toEqual([events, duplicates, rejects, gone]);
  expect(events + duplicates + rejects + gone).toBe(Number(counted![4]));
  return { events, duplicates, rejects, skipped: gone };
}

describe('an erasure', () => {
  beforeEach(() => start());

  test('moves events, their duplicates and rejects to skipped, without content, and counts them', async () => {
    warehouse.send(
      record('1', 'ann'),
      record('1', 'ann'),
      record('2', 'bob'),
      record('2', 'bob'),
      record('3', ' ann ', { kind: 'c' }),
      record('4', 'ann', { account: '70' }),
      record('5', 'bob', { kind: 'c' }),
      'nonsense',
    );
    await warehouse.refresh();
    expect(await account()).toEqual({ events: 3, duplicates: 2, rejects: 3, skipped: 0 });
    await mark('forget', ['who', 'ann']);
    expect(await erase()).toEqual({ events: 2, duplicates: 1, rejects: 1, identities: 1 });
    expect(await account()).toEqual({ events: 1, duplicates: 1, rejects: 2, skipped: 4 });
    expect(await skipped()).toEqual({ 'forgotten duplicate': 1, 'forgotten event': 2, 'forgotten reject': 1 });
    expect(
      await warehouse.query(
        "select count(sequence_number), count(arrived_at), count(partition_key) from shop.skipped where filter = 'forgotten' and run_id = 'run-1'",
      ),
    ).toEqual([[4, 4, 0]]);
    expect(
      await warehouse.query(
        "select source, rows_read, events, duplicates, rejects, skipped, definition is null from shop.runs where run_id = 'forget'",
      ),
    ).toEqual([['forgotten', 0, -2, -1, -1, 4, true]]);
  });

  test('finds a subject by each of its columns, and a record of two subjects once', async () => {
    const [object] = await warehouse.load([
      JSON.stringify(record('1', 'ann', { account: 70 })),
      JSON.stringify(record('2', 'bob', { account: '70' })),
      JSON.stringify(record('3', 'ann', { account: 71 })),
      JSON.stringify(record('4', 'ann', { account: 70, kind: 'c' })),
      JSON.stringify(record('5', 'eve', { account: 72.0 })),
    ]);
    expect(object).toBeDefined();
    await mark('forget', ['who', 'ann'], ['account', '70']);
    expect(await erase()).toEqual({ events: 3, duplicates: 0, rejects: 1, identities: 1 });
    expect(await ids()).toEqual(['5']);
    expect(await account()).toEqual({ events: 1, duplicates: 0, rejects: 0, skipped: 4 });
  });

  test('finds a record of the stream with an attribute that comes twice by its bytes', async () => {
    const { rejects, runs } = pipelineTables(withSubject);
    const bytes = (value: object) => `to_varbyte('${JSON.stringify(value)}', 'utf8')`;
    const row = (n: number, value: object) =>
      `select 'stream', 'shard', '${n}', getdate(), 'payload: twice', ${bytes(value)}, 'run-0', getdate()`;
    await warehouse.execute([
      `insert into ${rejects} (source, shard_id, sequence_number, arrived_at, reason, unparsed, run_id, merged_at)
${row(1, record('1', 'ann'))} union all ${row(2, record('2', 'bob'))}`,
      `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, merged_at) select 'run-0', 'stream', 2, 0, 0, 2, getdate()`,
    ]);
    await mark('forget', ['who', 'ann']);
    expect(await erase()).toMatchObject({ rejects: 1 });
    expect(await warehouse.query('select sequence_number from shop.rejects')).toEqual([['2']]);
    expect(await account()).toEqual({ events: 0, duplicates: 0, rejects: 1, skipped: 1 });
  });

  test('looks into no reject that made a statement fail, and erases those that the command names', async () => {
    warehouse.send(record('1', 'ann'), record('2', 'bob'));
    await warehouse.land();
    warehouse.raising = ['"ann"', '"bob"'];
    const { search, record: become } = refreshPlan(withSubject).raising!;
    const finding = await warehouse.search(search);
    const culprits = finding.kind === 'found' ? finding.culprits.map(({ key }) => ({ key, reason: 'raised: x' })) : [];
    await warehouse.execute(become, { run_id: 'run-x', raised: JSON.stringify(culprits) });
    await warehouse.refresh();
    await mark('forget', ['who', 'ann']);
    expect(await erase()).toMatchObject({ rejects: 0 });
    const { shardId, sequenceNumber } = warehouse.positionOf(1);
    expect(await erase('again', `${shardId} ${sequenceNumber}`)).toMatchObject({ rejects: 1 });
    expect(await warehouse.query('select reason, sequence_number from shop.rejects')).toEqual([
      ['raised: x', warehouse.positionOf(2).sequenceNumber],
    ]);
    expect(await warehouse.query('select sum(rejects), sum(skipped) from shop.runs')).toEqual([['1', '1']]);
    expect(await erase('again', `${shardId} ${sequenceNumber}`)).toMatchObject({ rejects: 0 });
  });

  test('may be repeated, and marks too', async () => {
    warehouse.send(record('1', 'ann'), record('2', 'bob'));
    await warehouse.refresh();
    await mark('forget', ['who', 'ann']);
    await mark('forget', ['who', 'ann'], ['who', 'ann']);
    await erase();
    const before = await account();
    await mark('again', ['who', 'ann']);
    expect(await erase('again')).toEqual({ events: 0, duplicates: 0, rejects: 0, identities: 1 });
    expect(await erase()).toEqual({ events: 0, duplicates: 0, rejects: 0, identities: 1 });
    expect(await account()).toEqual(before);
    expect(await warehouse.query('select run_id from shop.forgotten')).toEqual([['forget']]);
    expect(await warehouse.query("select count(*) from shop.runs where source = 'forgotten'")).toEqual([[1]]);
  });

  test('a call that was killed is continued without the subjects', async () => {
    warehouse.send(record('1', 'ann'), record('2', 'bob'));
    await warehouse.refresh();
    await mark('forget', ['who', 'ann']);
    warehouse.send(record('3', 'ann'));
    await warehouse.refresh();
    // What came after the mark is counted by the merge, and what was there before by the erasure.
    expect(await account()).toEqual({ events: 2, duplicates: 0, rejects: 0, skipped: 1 });
    expect(await erase('forget')).toMatchObject({ events: 1 });
    expect(await account()).toEqual({ events: 1, duplicates: 0, rejects: 0, skipped: 2 });
  });

  test('without a mark nothing is erased', async () => {
    warehouse.send(record('1', 'ann'), record('2', 'bob', { kind: 'c' }));
    await warehouse.refresh();
    expect(await erase()).toEqual({ events: 0, duplicates: 0, rejects: 0, identities: 1 });
    expect(await account()).toEqual({ events: 1, duplicates: 0, rejects: 1, skipped: 0 });
  });

  test('the next run has work, and its views lose the subject', async () => {
    warehouse.send(record('1', 'ann'), record('2', 'bob'));
    await warehouse.refresh();
    await mark('forget', ['who', 'ann']);
    await erase();
    const run = await warehouse.beginRun();
    await run.step('refresh-landing');
    expect(await run.work()).toContain('events that another function merged');
    await warehouse.refresh();
    expect(await warehouse.query('select who from shop.seen')).toEqual([['bob']]);
  });

  test('what the stream or the archive brings again is not counted twice', async () => {
    warehouse.send(record('1', 'ann'), record('2', 'ann', { kind: 'c' }), record('3', 'bob'));
    await warehouse.refresh();
    await mark('forget', ['who', 'ann']);
    await erase();
    await warehouse.loadArchive(warehouse.archived(1), warehouse.archived(2), warehouse.archived(3));
    await warehouse.rebuildLanding({ lastMerge: true });
    await warehouse.refresh();
    expect(await ids()).toEqual(['3']);
    const { events, duplicates, rejects } = await warehouse.counts();
    expect([events, duplicates, rejects, await skipped()]).toEqual([
      ...[1, 0, 0],
      { 'forgotten event': 1, 'forgotten reject': 1 },
    ]);
  });

  test('nothing is erased while the tables of another identity exist', async () => {
    warehouse.send(record('1', 'ann'), record('2', 'ann', { kind: 'c' }));
    await warehouse.refresh();
    await mark('forget', ['who', 'ann']);
    const { checkpoints } = pipelineTables(withSubject);
    await warehouse.execute([
      `insert into ${checkpoints} (landing, identity_version, merged_at) select 'beginning', 'other', getdate()`,
    ]);
    expect(await erase()).toEqual({ events: 0, duplicates: 0, rejects: 0, identities: 2 });
    expect(await account()).toEqual({ events: 1, duplicates: 0, rejects: 1, skipped: 0 });
    await warehouse.execute([`delete from ${checkpoints} where identity_version = 'other'`]);
    expect(await erase()).toEqual({ events: 1, duplicates: 0, rejects: 1, identities: 1 });
  });
});

describe('a reload of a run', () => {
  const reload = async (objects: Awaited<ReturnType<TestWarehouse['load']>>, run: string) => {
    const source = loadPlan(warehouse.pipeline).sources.find(({ name }) => name === 'logs')!;
    const { statements, answer } = source.reload.inPlace;
    const values = { ...(await warehouse.loadValues(objects)), replaced: run };
    return Object.entries(await warehouse.answerOf(statements, answer, values)).map(
      ([name, value]) => `${name}: ${value}`,
    );
  };
  const whole = ['accepted: 1', 'lost: 0', 'before: 4', 'now: 4'];
  const lines = [record('1', 'ann'), record('2', 'bob'), record('1', 'ann'), record('3', 'ann', { kind: 'c' })];

  beforeEach(async () => {
    await start();
  });

  test('counts the rows of the run that were erased', async () => {
    const objects = await warehouse.load(lines.map((line) => JSON.stringify(line)));
    await mark('forget', ['who', 'ann']);
    await erase();
    expect(await reload(objects, 'run-1')).toEqual(expect.arrayContaining(whole));
    expect(await ids()).toEqual(['2']);
    expect(await skipped()).toEqual({ forgotten: 3 });
    expect(await erase('late')).toMatchObject({ events: 0, duplicates: 0, rejects: 0 });
  });

  test('between the marks and the erasure takes the subjects out itself', async () => {
    const objects = await warehouse.load(lines.map((line) => JSON.stringify(line)));
    await mark('forget', ['who', 'ann']);
    expect(await reload(objects, 'run-1')).toEqual(expect.arrayContaining(whole));
    expect(await ids()).toEqual(['2']);
    expect(await skipped()).toEqual({ forgotten: 3 });
    expect(await erase()).toEqual({ events: 0, duplicates: 0, rejects: 0, identities: 1 });
  });

  test('is still refused where an event of another subject would be lost', async () => {
    const objects = await warehouse.load(lines.map((line) => JSON.stringify(line)));
    await mark('forget', ['who', 'ann']);
    const { events } = pipelineTables(withSubject);
    await warehouse.execute([
      `update ${events} set event_id = 'changed', payload = json_parse('{"messageId":"9"}'), who = null where who = 'bob'`,
    ]);
    expect(await reload(objects, 'run-1')).toEqual(expect.arrayContaining(['accepted: 0', 'lost: 1']));
  });
});

test('the status of marks says what their run erased and whether it is done', async () => {
  await start();
  warehouse.send(record('1', 'ann'), record('2', 'bob'), record('3', 'eve'));
  await warehouse.refresh();
  await mark('first', ['who', 'ann'], ['who', 'bob']);
  await erase('first');
  await mark('second', ['who', 'nobody']);
  await erase('second');
  for (const swept_at of ['2026-11-21 10:00:00', '2026-11-22 10:00:00'])
    await warehouse.execute(sweptStatements(withSubject), { run_id: 'first', swept_at });
  const rows = await warehouse.query(marksQuery(withSubject));
  expect(
    rows.map(([run, key, at, amount, erased, swept]) => [run, key, typeof at, Number(amount), Number(erased), swept]),
  ).toEqual([
    ['first', keyId(warehouse.keys), 'string', 2, 2, '2026-11-22 10:00:00'],
    ['second', keyId(warehouse.keys), 'string', 1, 0, true],
  ]);
  expect(await warehouse.query("select count(*) from shop.runs where source = 'forgotten'")).toEqual([[2]]);
  await account();
});

test('an identity that is the position, and records that are texts, can be erased as well', async () => {
  await start({
    ...aPipeline(),
    stream: { capacity: { mode: 'on-demand' }, retentionHours: 24, records: { format: 'text' } },
    identity: { by: 'stream-position' },
    columns: [{ name: 'line', path: ['text'], type: 'varchar', maxBytes: 64 }],
    subject: ['line'],
  });
  warehouse.send('ann', 'bob');
  await warehouse.refresh();
  await mark('forget', ['line', 'ann']);
  expect(await erase()).toMatchObject({ events: 1 });
  expect(await warehouse.query('select line from shop.events')).toEqual([['bob']]);
});
