import { markOf } from '../../../lambda/shared/forget-keys';
import { tombstone } from '../../../lambda/shared/tombstone';
import type { Pipeline } from '../../../pipelines/definition';
import { loadPlan, pipelineTables, refreshPlan, retryPreview, retryStatements, warehouseObjects } from '../../../sql';
import { forgottenStatements } from '../../../sql/merge/forgotten';
import { lastMergeStatements } from '../../../sql/merge/merge';
import { resolvePipeline } from '../../../sql/resolve';
import { aPipeline, aSource } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const withSubject = aPipeline({
  history: [aSource()],
  columns: [
    { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'who', path: ['user', 'id'], type: 'varchar', maxBytes: 8, trim: true },
    { name: 'account', path: ['account'], type: 'bigint' },
    { name: 'kind', path: ['kind'], type: 'varchar', maxBytes: 8, oneOf: ['a', 'b'] },
    { name: 'at', path: ['timestamp'], type: 'timestamp' },
  ],
  subject: ['who', 'account'],
});
const record = (messageId: string, id: unknown, more = {}) => ({ messageId, user: { id }, ...more });

let warehouse: TestWarehouse;
const start = async (pipeline: Pipeline = withSubject) => {
  warehouse = await TestWarehouse.create(pipeline);
};
afterEach(() => warehouse?.dispose());

const ids = async () => (await warehouse.query('select id from shop.events order by id')).flat();
const skipped = async () =>
  (
    await warehouse.query('select source, name, filter, count(*) from shop.skipped group by 1, 2, 3 order by 1, 2, 3')
  ).map(([source, name, filter, count]) => `${source} ${name} (${filter}): ${count}`);

/** Checks that the runs count what the tables hold. */
async function account() {
  const { events, duplicates, rejects } = await warehouse.counts();
  const [counted] = await warehouse.query(
    'select sum(events), sum(duplicates), sum(rejects), sum(coalesce(skipped, 0)), sum(rows_read) from shop.runs',
  );
  const [[gone]] = (await warehouse.query('select count(*) from shop.skipped')) as [[string]];
  expect(counted!.map(Number)).toEqual([events, duplicates, rejects, Number(gone), expect.any(Number)]);
  return { read: Number(counted![4]), events, duplicates, rejects, skipped: Number(gone) };
}

describe('a record of a forgotten subject', () => {
  test('is kept as a position only, whether it is valid or not, and the others are merged', async () => {
    await start();
    warehouse.send(record('1', 'ann'), record('2', 'bob'));
    await warehouse.refresh();
    await warehouse.mark('who', 'ann');
    warehouse.send(
      record('3', 'ann'),
      record('3', 'ann'),
      record('4', ' ann '),
      record('5', 'ann', { kind: 'c' }),
      record('1', 'ann'),
      record('6', 'bob'),
      record('2', 'bob'),
      record('7', undefined),
      record('8', 'Ann', { kind: 'c' }),
      'nonsense',
    );
    await warehouse.refresh();
    expect(await ids()).toEqual(['1', '2', '6', '7']);
    expect(await skipped()).toEqual(['stream forgotten (forgotten): 5']);
    expect(await account()).toEqual({ read: 12, events: 4, duplicates: 1, rejects: 2, skipped: 5 });
    expect(
      await warehouse.query('select count(sequence_number), count(arrived_at), count(partition_key) from shop.skipped'),
    ).toEqual([[5, 5, 0]]);
  });

  test.each<[string, unknown, unknown]>([
    ['a number that is written with a point', 70.0, '70'],
    ['a negative number', -3, '-3'],
    ['a number that the column refuses, in a reject', 1.5, '1.5'],
    ['a text that the column refuses', 'seven', 'seven'],
  ])('is known by %s', async (_, account, value) => {
    await start();
    await warehouse.mark('account', String(value));
    warehouse.send({ messageId: '1', account });
    await warehouse.refresh();
    expect(await skipped()).toEqual(['stream forgotten (forgotten): 1']);
  });

  test.each(["o'hara", 'ü€', 'a=b', ':forget', 'x\\'])('is known by odd text: %s', async (value) => {
    await start();
    await warehouse.mark('who', value);
    warehouse.send(record('1', value), record('2', `${value}.`.slice(1)));
    await warehouse.refresh();
    expect(await ids()).toEqual(['2']);
  });

  test('is known by a text that is too long for its column, without the blanks that it trims', async () => {
    await start();
    await warehouse.mark('who', 'longer than the column');
    warehouse.send(record('1', ' longer than the column '));
    await warehouse.refresh();
    expect(await skipped()).toEqual(['stream forgotten (forgotten): 1']);
  });

  test('does not match a value of another column or another pipeline', async () => {
    await start();
    await warehouse.mark('account', 'ann');
    const { forgotten } = pipelineTables(withSubject);
    const foreign = markOf({ inner: 'a'.repeat(64), outer: 'b'.repeat(64) }, 'who', 'ann');
    await warehouse.execute([`insert into ${forgotten} select '${foreign}', 'other', 'test', getdate()`]);
    warehouse.send(record('1', 'ann'));
    await warehouse.refresh();
    expect(await ids()).toEqual(['1']);
  });

  test('does not come back from the archive, and is not counted twice', async () => {
    await start();
    await warehouse.mark('who', 'ann');
    warehouse.send(record('1', 'ann'), record('2', 'bob'));
    await warehouse.refresh();
    await warehouse.loadArchive(warehouse.archived(1), warehouse.archived(2));
    expect(await skipped()).toEqual(['stream forgotten (forgotten): 1']);
    warehouse.send(record('3', 'ann'));
    await warehouse.loadArchive(warehouse.archived(3));
    await warehouse.refresh();
    expect(await skipped()).toEqual(['archive forgotten (forgotten): 1', 'stream forgotten (forgotten): 1']);
    expect(await ids()).toEqual(['2']);
    expect(await account()).toMatchObject({ events: 1, skipped: 2 });
  });

  test('does not come back from history', async () => {
    await start();
    await warehouse.mark('who', 'ann');
    const object = JSON.stringify(record('1', 'ann'));
    await warehouse.load([object, JSON.stringify(record('2', 'bob'))], [object]);
    expect(await ids()).toEqual(['2']);
    expect(await account()).toEqual({ read: 3, events: 1, duplicates: 0, rejects: 0, skipped: 2 });
  });

  test('does not come back by a retry of rejects that were decoded later', async () => {
    await start();
    warehouse.send(record('1', 'ann', { kind: 'c' }), record('2', 'bob', { kind: 'c' }));
    await warehouse.refresh();
    expect(await account()).toMatchObject({ rejects: 2 });
    await warehouse.mark('who', 'ann');
    const { statements, answer } = retryPreview(withSubject);
    expect(statements[answer]).toContain('forgotten');
    await warehouse.execute(retryStatements(withSubject), { run_id: 'retry' });
    expect(await skipped()).toEqual(['stream forgotten (forgotten): 1']);
    expect(await account()).toEqual({ read: 2, events: 0, duplicates: 0, rejects: 1, skipped: 1 });
  });

  test('does not come back by the last merge of a landing view', async () => {
    await start();
    await warehouse.mark('who', 'ann');
    warehouse.send(record('1', 'ann'), record('2', 'bob'));
    await warehouse.land();
    await warehouse.execute(lastMergeStatements(resolvePipeline(withSubject)), { run_id: 'last' });
    expect(await ids()).toEqual(['2']);
    expect(await skipped()).toEqual(['stream forgotten (forgotten): 1']);
  });

  test('is told apart from records that expired and those of other pipelines', async () => {
    const all: Pipeline = {
      ...withSubject,
      columns: withSubject.columns.map((column) =>
        column.name === 'at' ? ({ ...column, required: true } as typeof column) : column,
      ),
      retention: { events: '7 days', eventTime: 'at' },
      where: [{ path: ['for'], oneOf: ['shop'] }],
    };
    await start(all);
    await warehouse.mark('who', 'ann');
    const old = { for: 'shop', timestamp: '2001-01-01T00:00:00Z' };
    warehouse.send(record('1', 'ann', old), record('2', 'bob', old), record('3', 'ann', { for: 'club' }));
    await warehouse.refresh();
    expect((await skipped()).map((line) => line.replace(/\((?:expiry-)?[0-9a-f]{8,}\)/, '(version)'))).toEqual([
      expect.stringContaining('stream expired on arrival ('),
      expect.stringContaining('stream for=club ('),
      'stream forgotten (forgotten): 1',
    ]);
    expect(await account()).toMatchObject({ read: 3, skipped: 3 });
    const { totals } = refreshPlan(all);
    const [row] = await warehouse.query(totals!.replaceAll('{{run_id}}', "'run-1'"));
    expect(row!.map(Number)).toEqual(expect.arrayContaining([3, 1]));
  });
});

/** The local warehouse skips the digests of the records only for an empty list; on Redshift the condition before it is enough. */
test('without a mark, the list that digests are compared with is empty', async () => {
  await start(withSubject);
  const lists = forgottenStatements(resolvePipeline(withSubject)).map(
    (statement) => /\n {2}and .* in \((select mark .*)\)$/s.exec(statement)![1]!,
  );
  const sizes = async () => Promise.all(lists.map(async (list) => (await warehouse.query(list)).length));
  expect(await sizes()).toEqual(lists.map(() => 0));
  await warehouse.mark('who', 'ann');
  expect(await sizes()).toEqual(lists.map((_, index) => (index === 0 ? 2 : 1)));
});

describe('a tombstone', () => {
  const line = (value: object) => JSON.stringify(value);
  const withWhere: Pipeline = { ...withSubject, where: [{ path: ['for'], oneOf: ['shop'] }] };

  test.each<[string, Pipeline]>([
    ['a pipeline', withSubject],
    ['a pipeline with `where`, before it is applied', withWhere],
    [
      'a pipeline whose events have no required column',
      {
        ...withSubject,
        columns: withSubject.columns.map((column) => ({ ...column, required: false })) as Pipeline['columns'],
      },
    ],
  ])('counts as forgotten in all ways into %s', async (_, pipeline) => {
    await start(pipeline);
    await warehouse.mark('who', 'somebody');
    const bob = record('2', 'bob', { for: 'shop' });
    await warehouse.load([tombstone, line(bob), tombstone], [tombstone]);
    expect(await skipped()).toEqual(['history forgotten (forgotten): 3']);
    const source = loadPlan(pipeline).sources.find(({ name }) => name === 'logs')!;
    const [object] = await warehouse.load([tombstone, line({ ...bob, messageId: '3' }), 'nonsense']);
    const values = await warehouse.loadValues([object!]);
    await warehouse.execute(source.reload.inPlace.statements, { ...values, may_refuse: '1', replaced: 'run-2' });
    expect(await skipped()).toEqual(['history forgotten (forgotten): 4']);
    warehouse.send(tombstone);
    await warehouse.refresh();
    warehouse.send(tombstone);
    await warehouse.loadArchive(warehouse.archived(1), warehouse.archived(2));
    warehouse.send(tombstone);
    await warehouse.land();
    await warehouse.execute(lastMergeStatements(resolvePipeline(pipeline)), { run_id: 'last' });
    expect(await skipped()).toEqual([
      'archive forgotten (forgotten): 1',
      'history forgotten (forgotten): 4',
      'stream forgotten (forgotten): 2',
    ]);
    expect(await ids()).toEqual(['2', '3']);
    expect(await warehouse.counts()).toMatchObject({ events: 2, duplicates: 0, rejects: 1 });
  });

  test('in an archived line, whose position is known', async () => {
    await start();
    warehouse.send(record('1', 'ann'), record('2', 'bob'));
    const archived = JSON.parse(warehouse.archived(1)) as object;
    await warehouse.mark('who', 'ann');
    const emptied = line({ ...archived, partition_key: '', payload: JSON.parse(tombstone), unparsed: null });
    await warehouse.loadArchive(emptied, warehouse.archived(2));
    await warehouse.refresh();
    expect(await skipped()).toEqual(['archive forgotten (forgotten): 1']);
    expect(await account()).toMatchObject({ events: 1, duplicates: 0, rejects: 0, skipped: 1 });
  });

  test('that was merged before any mark is no longer a reject after a retry', async () => {
    await start();
    warehouse.send(tombstone, { ...JSON.parse(tombstone), messageId: '1' });
    await warehouse.refresh();
    expect(await account()).toEqual({ read: 2, events: 1, duplicates: 0, rejects: 1, skipped: 0 });
    await warehouse.mark('who', 'ann');
    await warehouse.execute(retryStatements(withSubject), { run_id: 'retry' });
    expect(await account()).toEqual({ read: 2, events: 1, duplicates: 0, rejects: 0, skipped: 1 });
  });

  test.each([{ millrace_forgotten: 'true' }, { millrace_forgotten: false }, { millrace_forgotten: { a: true } }, []])(
    'is nothing else: %j',
    async (payload) => {
      await start();
      await warehouse.mark('who', 'ann');
      warehouse.send(payload);
      await warehouse.refresh();
      expect(await account()).toMatchObject({ rejects: 1, skipped: 0 });
    },
  );
});

test('a pipeline without subjects has no statement, table or parameter of marks', () => {
  const plain = aPipeline({ history: [aSource()], retention: { events: '7 days' } });
  const tokens = { streamName: 's', streamRoleArn: 'r', database: 'd' };
  const compiled = JSON.stringify([
    refreshPlan(plain),
    loadPlan(plain),
    retryStatements(plain),
    retryPreview(plain),
    warehouseObjects(plain, tokens),
  ]);
  expect(compiled).not.toMatch(/forgot|forget_|rewrite|swap/);
  expect(JSON.stringify(refreshPlan(withSubject))).toMatch(/forgotten.*:forget_inner/);
});
