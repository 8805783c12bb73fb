import type { SearchPlan } from '../../../lambda/shared/plan';
import { raisedReason } from '../../../lambda/shared/raising';
import type { Column, Pipeline } from '../../../pipelines/definition';
import { loadPlan, refreshPlan, retryStatements } from '../../../sql';
import { mergeStatements } from '../../../sql/merge/merge';
import { resolvePipeline } from '../../../sql/resolve';
import { columnGroups } from '../../../sql/typing/column-groups';
import { isSecondTier, secondTierTest } from '../../support/tier';
import { attributeColumns, attributesOf } from '../../support/wide';
import { aPipeline, aSource } from '../fixtures';
import { TestWarehouse } from '../warehouse';

const own = aPipeline().columns;
/** The columns of the small pipeline stand in both groups. */
const wideColumns: Column[] = [
  ...own.slice(0, 2),
  ...attributeColumns(90).slice(0, 45),
  ...own.slice(2, 5),
  ...attributeColumns(90).slice(45),
  ...own.slice(5),
];

const sound = (id: string, more: object = {}) => ({
  messageId: id,
  kind: 'a',
  order: { amount: 12.5, pieces: 3 },
  weight: 0.5,
  gift: true,
  timestamp: '2026-11-21T10:00:00+02:00',
  attributes: attributesOf(90, 7),
  ...more,
});
const odd: unknown[] = [
  sound('good'),
  sound('twice'),
  sound('twice', { kind: 'b' }),
  sound('nothing', { kind: null, order: null, weight: null, gift: null, timestamp: null, attributes: null }),
  sound('no such kind', { kind: 'c' }),
  sound('long', { kind: 'x'.repeat(100) }),
  sound('two are wrong', { kind: 5, gift: 'yes' }),
  sound('amount', { order: { amount: 1e9, pieces: 1 } }),
  sound('pieces', { order: { amount: 1, pieces: 1.5 } }),
  sound('time', { timestamp: 'yesterday' }),
  sound('gift', { gift: { of: 'ann' } }),
  { kind: 'a' },
  [1, 2],
  'text',
  'null',
  '5',
  'not JSON',
  '',
];

/** What became of the records, as far as both pipelines have columns for it. */
async function outcome(warehouse: TestWarehouse) {
  const shown = ['event_id', ...own.map(({ name }) => name), 'source'].join(', ');
  return {
    events: await warehouse.query(`select ${shown} from shop.events order by 1`),
    duplicates: await warehouse.query('select event_id, source from shop.duplicates order by 1, 2'),
    rejects: await warehouse.query('select reason, source, json_size(payload) from shop.rejects order by 1, 2, 3'),
    runs: await warehouse.query(
      'select source, rows_read, events, duplicates, rejects from shop.runs order by merged_at, 1',
    ),
  };
}

async function run(pipeline: Pipeline) {
  const warehouse = await TestWarehouse.create(pipeline);
  try {
    warehouse.send(...odd);
    await warehouse.refresh();
    await warehouse.load(odd.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))));
    await warehouse.execute(retryStatements(pipeline), { run_id: 'retry' });
    return await outcome(warehouse);
  } finally {
    warehouse.dispose();
  }
}

secondTierTest(
  'a pipeline whose columns one statement cannot speak of judges every record as a small one does',
  async () => {
    expect(columnGroups(own)).toHaveLength(1);
    expect(columnGroups(wideColumns).length).toBeGreaterThan(1);
    const history = [aSource()];
    const [small, wide] = [aPipeline({ history }), aPipeline({ history, columns: wideColumns })];
    const expected = await run(small);
    expect(expected.rejects.length).toBeGreaterThan(20);
    expect(await run(wide)).toEqual(expected);
  },
  600_000,
);

test('the values of all columns are there', async () => {
  const warehouse = await TestWarehouse.create(
    aPipeline({ columns: wideColumns, identity: { by: 'stream-position' } }),
  );
  try {
    warehouse.send(sound('a'));
    await warehouse.refresh();
    const [row] = await warehouse.query(
      'select attribute_1, attribute_2, attribute_75, attribute_77, attribute_88, attribute_90 from shop.events',
    );
    expect(row).toEqual(['text 7', '2026-11-21 10:00:00', 7, 0.875, '7.25', false]);
  } finally {
    warehouse.dispose();
  }
}, 120_000);

// A search types each row several times, which takes minutes.
(isSecondTier ? describe : describe.skip)('a record that raises in one group of columns', () => {
  let warehouse: TestWarehouse;
  beforeEach(async () => {
    warehouse = await TestWarehouse.create(aPipeline({ columns: wideColumns, history: [aSource()] }));
  }, 120_000);
  afterEach(() => warehouse.dispose());

  const overflow = 'Numeric data overflow (result precision)';
  const records = ['a', 'b', 'c', 'd'].map((id) => sound(id));
  async function found(plan: SearchPlan, values: Record<string, string> = {}) {
    const finding = await warehouse.search(plan, values);
    if (finding.kind !== 'found') throw new Error(JSON.stringify(finding));
    expect(finding.culprits).toMatchObject([{ rows: 1, message: expect.stringContaining(overflow) }]);
    return JSON.stringify(finding.culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) })));
  }

  test('of the stream, is found by its position and becomes a reject, the rest is merged', async () => {
    const plan = refreshPlan(warehouse.pipeline).raising!;
    warehouse.send(...records);
    warehouse.raising = ['"b"'];
    await expect(warehouse.refresh()).rejects.toThrow(overflow);
    await warehouse.execute(plan.record, { run_id: 'run-x', raised: await found(plan.search) });
    await warehouse.refresh();
    expect(await warehouse.counts()).toMatchObject({ events: 3, rejects: 1 });
    warehouse.raising = [];
    await warehouse.execute(retryStatements(warehouse.pipeline, undefined, 'raised'), { run_id: 'retry' });
    expect(await warehouse.counts()).toMatchObject({ events: 4, rejects: 0 });
  }, 600_000);

  test('of the archive, is found and becomes a reject, the rest is loaded', async () => {
    const { search, load } = loadPlan(warehouse.pipeline).sources.find(({ name }) => name === 'archive')!.raising
      .inPlace;
    warehouse.send(...records);
    warehouse.raising = ['"b"'];
    const lines = records.map((_, n) => warehouse.archived(n + 1));
    const object = await warehouse.put('archive/shop/2026/11/21/10/1.gz', lines, 'archive');
    const values = await warehouse.loadValues([object]);
    const raised = await found(search, { ...values, raised: '[]' });
    await warehouse.execute(load.statements, { ...values, run_id: 'run-z', raised });
    expect(await warehouse.counts()).toMatchObject({ events: 3, rejects: 1 });
  }, 600_000);
});

test('no statement of 200 columns is near to what the Data API takes, and a small pipeline has as few as before', () => {
  const bytes = mergeStatements(resolvePipeline(aPipeline({ columns: [...own, ...attributeColumns(193)] }))).map(
    (sql) => Buffer.byteLength(sql),
  );
  expect(Math.max(...bytes)).toBeLessThan(95_000);
  expect(mergeStatements(resolvePipeline(aPipeline())).filter((sql) => sql.includes('_rows'))).toEqual([]);
});
