import { raisedReason } from '../../../lambda/shared/raising';
import { loadPlan, refreshPlan, retryStatements } from '../../../sql';
import { secondTierTest } from '../../support/tier';
import { widePipeline } from '../../support/wide';
import { aPipeline, aSource } from '../fixtures';
import { TestWarehouse } from '../warehouse';

let warehouse: TestWarehouse;

beforeEach(async () => {
  warehouse = await TestWarehouse.create(aPipeline({ history: [aSource()] }));
});
afterEach(() => warehouse.dispose());

const numbered = (n: number) => ({ messageId: `m${n}`, kind: 'a' });
const numbers = (count: number) => Array.from({ length: count }, (_, n) => numbered(n));
const overflow = 'Numeric data overflow (result precision)';
const raise = (...ids: string[]) => {
  warehouse.raising = ids.map((id) => JSON.stringify(id));
};
const raised = (found: Awaited<ReturnType<TestWarehouse['search']>>) => {
  if (found.kind !== 'found') throw new Error(JSON.stringify(found));
  return JSON.stringify(found.culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) })));
};

describe('the stream', () => {
  const plan = () => refreshPlan(warehouse.pipeline).raising!;
  const record = (list: string) => warehouse.execute(plan().record, { run_id: 'run-x', raised: list });

  test('a record that raises is found by its position and becomes a reject with its bytes, the rest is merged', async () => {
    warehouse.send(...numbers(100));
    raise('m17');
    await expect(warehouse.refresh()).rejects.toThrow(overflow);
    const found = await warehouse.search(plan().search);
    expect(found).toEqual({
      kind: 'found',
      culprits: [
        {
          key: expect.stringMatching(/^shardId-000000000000:0{72}4\d{53}18$/),
          rows: 1,
          message: expect.stringContaining(overflow),
        },
      ],
    });
    await record(raised(found));
    await record(raised(found));
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 99, duplicates: 0, rejects: 1 });
    expect(
      await warehouse.query(
        "select source, reason, from_varbyte(unparsed, 'utf8'), run_id, partition_key, arrived_at is null from shop.rejects",
      ),
    ).toEqual([['stream', `raised: ERROR: ${overflow}`, JSON.stringify(numbered(17)), 'run-x', 'key', false]]);
    expect(await warehouse.query('select sum(events), sum(rejects) from shop.runs')).toEqual([['99', '1']]);
  });

  test('a record that an earlier landing view skipped replaces the reject with its position', async () => {
    warehouse.scans.faults.push({ every: 2, from: 0 });
    warehouse.send(...numbers(2));
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 1, rejects: 1 });
    await warehouse.rebuildLanding({ lastMerge: true });
    raise('m1');
    await warehouse.land();
    const found = raised(await warehouse.search(plan().search));
    await record(found);
    await record(found);
    expect(await warehouse.query('select reason, run_id from shop.rejects')).toEqual([
      [`raised: ERROR: ${overflow}`, 'run-x'],
    ]);
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 1, duplicates: 0, rejects: 1 });
    expect(await warehouse.query('select sum(events), sum(rejects) from shop.runs')).toEqual([['1', '1']]);
  });

  secondTierTest('a record that is a reject already is not typed again', async () => {
    warehouse.send(...numbers(5));
    raise('m1');
    await warehouse.land();
    const found = await warehouse.search(plan().search);
    await record(raised(found));
    raise('m1', 'm3');
    expect(await warehouse.search(plan().search)).toMatchObject({ kind: 'found', culprits: [{ rows: 1 }] });
    warehouse.send(...numbers(2));
    await expect(warehouse.refresh()).rejects.toThrow(overflow);
  });

  secondTierTest(
    'where every new record raises, a record of before shows that the warehouse is well, or one without attributes',
    async () => {
      warehouse.send(...numbers(2));
      raise('m0', 'm1');
      await warehouse.land();
      expect(await warehouse.search(plan().search)).toMatchObject({ kind: 'found', culprits: [{}, {}] });
      raise();
      await warehouse.refresh();
      raise('m0', 'n');
      warehouse.send({ messageId: 'n' });
      await warehouse.land();
      expect(await warehouse.search(plan().search)).toMatchObject({
        kind: 'none',
        why: expect.stringMatching(/other rows/),
      });
    },
  );

  secondTierTest(
    'rejects that raise are left alone by a retry, and are events after one that asks for them, once they raise no more',
    async () => {
      warehouse.send(...numbers(5), { messageId: 7 }, 'GET /');
      raise('m1', 'm3');
      await warehouse.land();
      await record(raised(await warehouse.search(plan().search)));
      await warehouse.refresh();
      expect(await warehouse.counts()).toMatchObject({ events: 3, rejects: 4 });
      await warehouse.execute(retryStatements(warehouse.pipeline), { run_id: 'retry-1' });
      expect(await warehouse.counts()).toMatchObject({ events: 3, rejects: 4 });
      const again = retryStatements(warehouse.pipeline, undefined, 'raised');
      await expect(warehouse.execute(again, { run_id: 'retry-2' })).rejects.toThrow(overflow);
      expect(await warehouse.counts()).toMatchObject({ events: 3, rejects: 4 });
      raise();
      await warehouse.execute(again, { run_id: 'retry-3' });
      expect(await warehouse.counts()).toMatchObject({ events: 5, rejects: 2 });
      expect(await warehouse.query('select sum(events), sum(rejects) from shop.runs')).toEqual([['5', '2']]);
      expect(
        await warehouse.query("select from_varbyte(unparsed, 'utf8') from shop.rejects where payload is null"),
      ).toEqual([['GET /']]);
    },
  );

  secondTierTest('the search changes nothing', async () => {
    warehouse.send(...numbers(50));
    raise('m3', 'm30');
    await warehouse.land();
    expect(await warehouse.search(plan().search)).toMatchObject({ kind: 'found', culprits: [{}, {}] });
    expect(await warehouse.counts()).toEqual({ events: 0, duplicates: 0, rejects: 0, staged: 0 });
  });
});

describe('objects', () => {
  const plan = (name = 'logs') =>
    loadPlan(warehouse.pipeline).sources.find((source) => source.name === name)!.raising.inPlace;

  test('of history: equal lines that raise become rejects of their object, the rest is loaded', async () => {
    const lines = [...numbers(40), numbered(7), { messageId: 'big', kind: 'x'.repeat(70_000) }].map((line) =>
      JSON.stringify(line),
    );
    const object = await warehouse.put('shop/1.gz', [...lines, '{"oops":']);
    raise('m7');
    await expect(warehouse.loadBatch([object])).rejects.toThrow(overflow);
    const values = await warehouse.loadValues([object]);
    const found = await warehouse.search(plan().search, { ...values, raised: '[]' });
    expect(found).toMatchObject({ kind: 'found', culprits: [{ rows: 2 }] });
    const list = raised(found);
    expect(await warehouse.search(plan().search, { ...values, raised: list })).toMatchObject({ kind: 'none' });
    await warehouse.execute(plan().load.statements, { ...values, run_id: 'run-y', raised: list });
    expect(await warehouse.counts()).toEqual({ events: 39, duplicates: 0, rejects: 4, staged: 0 });
    const reason = `raised: ERROR: ${overflow}`;
    const payload = JSON.stringify(numbered(7));
    expect(
      await warehouse.query(
        "select reason, json_serialize(payload), object_key, run_id, source, shard_id is null from shop.rejects where reason like 'raised%'",
      ),
    ).toEqual([1, 2].map(() => [reason, payload, 's3://history/shop/1.gz', 'run-y', 'history', true]));
    expect(await warehouse.query('select rows_read, events, rejects from shop.runs where rows_read > 0')).toEqual([
      [43, 39, 4],
    ]);
    expect(await warehouse.query('select object_key, run_id from shop.ledger')).toEqual([['shop/1.gz', 'run-y']]);
  });

  secondTierTest('of the archive: by position, and no second outcome for one that has one', async () => {
    warehouse.send(...numbers(6));
    raise('m2');
    await warehouse.land();
    const lines = [1, 2, 3, 4, 5, 6].map((n) => warehouse.archived(n));
    const object = await warehouse.put('archive/shop/2026/11/21/10/1.gz', [...lines, lines[2]!], 'archive');
    const values = await warehouse.loadValues([object]);
    const found = await warehouse.search(plan('archive').search, { ...values, raised: '[]' });
    const list = raised(found);
    await warehouse.execute(plan('archive').load.statements, { ...values, run_id: 'run-z', raised: list });
    expect(await warehouse.counts()).toMatchObject({ events: 5, duplicates: 0, rejects: 1 });
    expect(
      await warehouse.query('select source, reason, json_serialize(payload), arrived_at is null from shop.rejects'),
    ).toEqual([['archive', `raised: ERROR: ${overflow}`, JSON.stringify(numbered(2)), false]]);
    // The stream's merge does not type the position again.
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 5, duplicates: 0, rejects: 1 });
    await warehouse.forget('archive/shop/2026/11/21/10/1.gz');
    await warehouse.execute(plan('archive').load.statements, { ...values, run_id: 'run-again', raised: list });
    expect(await warehouse.counts()).toMatchObject({ events: 5, duplicates: 0, rejects: 1 });
    expect(await warehouse.query('select sum(events), sum(rejects) from shop.runs')).toEqual([['5', '1']]);
  });

  test('of the archive: a record that the stream skipped replaces the reject with its position', async () => {
    warehouse.scans.faults.push({ every: 2, from: 0 });
    warehouse.send(...numbers(2));
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 1, rejects: 1 });
    const object = await warehouse.put('archive/shop/2026/11/21/10/1.gz', [warehouse.archived(2)], 'archive');
    raise('m1');
    const values = await warehouse.loadValues([object]);
    const list = raised(await warehouse.search(plan('archive').search, { ...values, raised: '[]' }));
    await warehouse.execute(plan('archive').load.statements, { ...values, run_id: 'run-z', raised: list });
    expect(await warehouse.query('select source, reason, run_id from shop.rejects')).toEqual([
      ['archive', `raised: ERROR: ${overflow}`, 'run-z'],
    ]);
    expect(await warehouse.query('select sum(events), sum(rejects) from shop.runs')).toEqual([['1', '1']]);
  });
});

test('a batch of a search is no longer than a statement may be, and has no more statements than a batch may', () => {
  const wide = aPipeline({
    columns: [
      ...aPipeline().columns,
      ...Array.from({ length: 33 }, (_, n) => ({
        name: `column_${n}`,
        path: ['more', `c${n}`],
        type: 'bigint' as const,
      })),
    ],
    history: [aSource()],
  });
  for (const [pipeline, least] of [
    [aPipeline({ history: [aSource()] }), 8],
    [wide, 4],
    [widePipeline('shop', 200), 2],
  ] as const) {
    const plans = [
      refreshPlan(pipeline).raising!,
      ...loadPlan(pipeline).sources.flatMap(({ raising }) => [raising.inPlace, raising.exact]),
    ];
    for (const { search } of plans) {
      expect(search.fanout).toBeGreaterThanOrEqual(least);
      expect(search.gather.length + 2 + (2 + search.fanout) * search.probe.length).toBeLessThanOrEqual(40);
      if (search.fanout > 4)
        expect(
          [...search.gather, search.divide].join('').length + (search.fanout + 1) * search.probe.join('').length,
        ).toBeLessThan(180_001);
    }
    for (const { raising } of loadPlan(pipeline).sources)
      for (const { load } of [raising.inPlace, raising.exact]) expect(load.statements.length).toBeLessThanOrEqual(40);
  }
});

test('a piece of more statements makes fewer pieces', () => {
  const { gather, probe, fanout } = refreshPlan(widePipeline('shop', 230)).raising!.search;
  expect(probe.length).toBeGreaterThan(5);
  expect(fanout).toBeGreaterThanOrEqual(2);
  expect(gather.length + 2 + (2 + fanout) * probe.length).toBeLessThanOrEqual(40);
});
