import { forget } from '../../../cli/commands/forget';
import type { Place } from '../../../cli/commands/forget/places';
import { parseSubjects } from '../../../cli/commands/forget/subjects';
import { forgetPipeline } from '../../../cli/forget/forget-pipeline';
import { keysOfSubjects, readRaised } from '../../../cli/forget/raised';
import { statusOf } from '../../../cli/forget/status-pipeline';
import { verifyPipeline } from '../../../cli/forget/verify-pipeline';
import { raisedReason } from '../../../lambda/shared/raising';
import { eraseStatements, loadPlan, refreshPlan } from '../../../sql';
import { testEnvironment } from '../../lib/fixtures';
import { aPipeline, aSource } from '../../sql/fixtures';
import { TestWarehouse } from '../../sql/warehouse';
import { warehousePort } from '../../sql/warehouse-port';
import { FakeCloud, fakeContext } from '../cloud';

const pipeline = aPipeline({
  history: [aSource()],
  columns: [
    { name: 'id', path: ['messageId'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'kind', path: ['kind'], type: 'varchar', maxBytes: 8, oneOf: ['a', 'b'] },
  ],
  subject: ['id'],
});
let warehouse: TestWarehouse;
let cloud: FakeCloud;
const context = (json = false) => fakeContext(cloud, { json });

beforeEach(async () => {
  warehouse = await TestWarehouse.create(pipeline);
  cloud = new FakeCloud();
  Object.assign(
    cloud.warehouse,
    warehousePort(() => warehouse),
  );
});
afterEach(() => warehouse.dispose());

const record = (messageId: string, more = {}) => ({ messageId, kind: 'a', ...more });
const found = (finding: Awaited<ReturnType<TestWarehouse['search']>>) => {
  if (finding.kind !== 'found') throw new Error(JSON.stringify(finding));
  return JSON.stringify(finding.culprits.map((culprit) => ({ key: culprit.key, reason: raisedReason(culprit) })));
};

/** Makes every statement fail that looks into a record with one of these ids. */
const raise = (...ids: string[]) => {
  warehouse.raising = ids.map((id) => JSON.stringify(id));
};

/** Merges records of the stream, of which those that make the merge fail become rejects. */
async function merged(...records: unknown[]): Promise<void> {
  warehouse.send(...records);
  await warehouse.land();
  const { search, record: become } = refreshPlan(pipeline).raising!;
  await warehouse.execute(become, {
    run_id: `raised-${records.length}`,
    raised: found(await warehouse.search(search)),
  });
  await warehouse.refresh();
}

/** Loads an object, of which lines that make the load fail become rejects. */
async function loaded(source: 'logs' | 'archive', ...lines: string[]): Promise<void> {
  const { search, load } = loadPlan(pipeline).sources.find(({ name }) => name === source)!.raising.inPlace;
  const object =
    source === 'logs'
      ? await warehouse.put('shop/1.gz', lines)
      : await warehouse.put('archive/shop/2026/11/21/10/1.gz', lines, 'archive');
  const values = await warehouse.loadValues([object]);
  const raised = found(await warehouse.search(search, { ...values, raised: '[]' }));
  await warehouse.execute(load.statements, { ...values, raised });
}

const rejects = async () =>
  (
    await warehouse.query(
      "select source, coalesce(shard_id, object_key) from shop.rejects where reason like 'raised%' order by 1, 2",
    )
  ).map(([source]) => source);
const placesFound = async (...ids: string[]) => {
  const output = context(true);
  await forget(
    output,
    parseSubjects(
      ids.map((id) => `id=${id}`),
      {},
      [pipeline],
    ),
    [testEnvironment({ name: 'dev' })],
  );
  const [report] = (output.result() as { pipelines: [{ places: Place[] }] }).pipelines;
  return Object.fromEntries(report.places.map(({ place, ...rest }) => [place, rest]));
};

test('rejects that make statements fail are erased from every source, and those of others stay', async () => {
  raise('s1', 's2', 'h1', 'h2', 'a1', 'a2');
  await merged(record('s1'), record('s2'), record('ok'), record('fine', { kind: 'c' }));
  await loaded('logs', ...['h1', 'h2', 'h1', 'h3'].map((id) => JSON.stringify(record(id))));
  warehouse.send(record('a1'), record('a2'), record('ok'));
  const last = [5, 6, 7].map((n) => warehouse.archived(n));
  await loaded('archive', ...last);
  expect(await rejects()).toEqual(['archive', 'archive', 'history', 'history', 'history', 'stream', 'stream']);
  expect(await placesFound('s1', 'h1', 'a1', 'fine')).toMatchObject({
    rejects: { rows: 5 },
    stream: { rows: 3 },
    history: { objects: 1 },
  });
  await warehouse.mark('id', 's1', 'h1', 'a1', 'fine');
  const before = await verifyPipeline(context(), pipeline);
  expect(before.finds.filter(({ place }) => place === 'rejects')).toEqual([
    { place: 'rejects', where: 'shop.rejects', records: 1 },
    { place: 'rejects', where: 'shop.rejects', records: 4, note: 'made a statement fail' },
  ]);
  const { erased, unsearched } = await forgetPipeline(context(), pipeline, {});
  expect({ erased, unsearched }).toEqual({ erased: { events: 0, duplicates: 0, rejects: 5 }, unsearched: [] });
  expect(await rejects()).toEqual(['archive', 'history', 'stream']);
  expect(await warehouse.query('select sum(rejects), sum(skipped) from shop.runs')).toEqual([['3', '5']]);
  const after = await verifyPipeline(context(), pipeline);
  expect(after.finds.filter(({ place }) => place === 'rejects')).toEqual([]);
  expect(after.waiting).toMatchObject([{ place: 'landing', records: 2 }]);
});

test('a record that fails later, of a subject with a mark, is found and erased by the next call', async () => {
  raise('s1');
  await warehouse.mark('id', 's1');
  await forgetPipeline(context(), pipeline, {});
  expect((await statusOf(context(), pipeline, undefined)).isFinished).toBe(true);
  await merged(record('ok'), record('s1'));
  expect(await statusOf(context(), pipeline, undefined)).toMatchObject({ raisedSince: 1, isFinished: false });
  expect((await verifyPipeline(context(), pipeline)).finds).toMatchObject([{ place: 'rejects', records: 1 }]);
  expect(await forgetPipeline(context(), pipeline, {})).toMatchObject({ erased: { rejects: 1 } });
  expect((await verifyPipeline(context(), pipeline)).finds).toEqual([]);
});

test('a long record is read in pieces, and one that is too long is named by its place', async () => {
  raise('s1', 's2', 'h1');
  const long = (id: string, bytes: number) => ({ pad: 'x'.repeat(bytes), ...record(id) });
  await merged(long('s1', 70_000), long('s2', 95_000));
  await loaded('logs', JSON.stringify(long('h1', 65_000)));
  const raised = await readRaised(context(), pipeline);
  const all = { has: () => true };
  expect(keysOfSubjects(pipeline, raised, all)).toEqual([expect.stringMatching(/^shardId-0{12} \d+$/)]);
  expect(raised.unsearched).toEqual([
    expect.stringMatching(
      /^the reject of s3:\/\/history\/shop\/1\.gz, run run-\d+, .* 65\d{3} bytes; look at the record/,
    ),
    expect.stringMatching(/^the reject at shardId-0{12} \d+, .* 95\d{3} bytes; look at the record yourself$/),
  ]);
  expect(await placesFound('s1')).toMatchObject({
    rejects: { rows: 1, note: '2 rejects that made a statement fail, not searched' },
  });
  await warehouse.mark('id', 's1');
  const { erased, unsearched } = await forgetPipeline(context(), pipeline, {});
  expect([erased.rejects, unsearched]).toEqual([1, raised.unsearched]);
  expect((await verifyPipeline(context(), pipeline)).unsearched).toEqual(
    expect.arrayContaining([...raised.unsearched]),
  );
});

test('without such a reject nothing is read or erased besides', async () => {
  warehouse.send(record('x'), record('y', { kind: 'c' }));
  await warehouse.refresh();
  expect(await readRaised(context(), pipeline)).toEqual({ records: [], unsearched: [] });
  const { statements, answer } = eraseStatements(pipeline);
  expect(
    await warehouse.answerOf(statements, answer, { run_id: 'f', raised: '["shardId-000000000000 1"]' }),
  ).toMatchObject({ rejects: 0 });
});
