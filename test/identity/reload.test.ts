import { gzipSync } from 'node:zlib';
import { notificationOf } from '../../lambda/load/notification';
import { reloadMessage, reloadRunId } from '../../lambda/load/reload';
import { renderAll } from '../../lambda/shared/statement';
import type { Pipeline } from '../../pipelines/definition';
import { loadPlan, retryStatements } from '../../sql';
import { columns, edition, salesQuery } from '../columns/editions';
import { World } from '../columns/world';
import { mixedPipeline } from '../history/pipeline';
import { buckets, outsider, owner } from '../support/cloud';
import { runStep } from '../support/template';
import { secondTierTest } from '../support/tier';

const { id, price } = columns;
const product = { ...columns.product, required: true };
const by = (names: readonly string[], more: Partial<Pipeline> = {}): Pipeline => {
  const made = edition([id, product, price], salesQuery);
  const views = made.views.map((view) => ({ ...view, mayShrink: 1 }));
  return { ...made, identity: { by: 'columns', columns: names }, views, ...more };
};
const coarse = by(['id']);
const fine = by(['id', 'product']);

let world: World;
const open = async (pipeline: Pipeline) => {
  world = await World.open(pipeline);
  const { port } = world.seam.cloud.s3;
  // The tests say which objects are one message, and so one run.
  await port.setNotifications(port.bucket(buckets.history), [], true);
};
beforeEach(() => open(coarse));
afterEach(() => world.dispose());

type Line = object | string;
/** Objects of these lines, loaded by one run. */
async function load(objects: Readonly<Record<string, readonly Line[]>>): Promise<void> {
  const messages: string[] = [];
  for (const [name, lines] of Object.entries(objects)) messages.push(notificationOf(await put(name, lines)));
  world.seam.queue(JSON.stringify({ Records: messages.flatMap((message) => JSON.parse(message).Records) }));
  await world.seam.pass(1);
}
async function put(name: string, lines: readonly Line[]) {
  const texts = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  const key = `in/${name}.gz`;
  const etag = await world.seam.put(key, gzipSync(texts.join('')));
  return { bucket: buckets.history, key, etag, versionId: '', size: 100 };
}
const counts = async () => {
  const [row] = await world.rows(
    'select (select count(*) from shop.events) as events, (select count(*) from shop.duplicates) as duplicates, (select count(*) from shop.rejects) as rejects',
  );
  return [Number(row!['events']), Number(row!['duplicates']), Number(row!['rejects'])];
};
const events = async () =>
  (await world.rows('select id, product, source from shop.events order by id, product')).map(
    ({ id: of, product: what, source }) => `${of} ${what} ${source}`,
  );
const runOf = async (name: string) =>
  String((await world.rows(`select run_id from shop.ledger where object_key = 'in/${name}.gz'`))[0]!['run_id']);
/** All rows of the bookkeeping tables, to be compared. */
const bookkeeping = () =>
  world.rows(
    `select 'e' as part, event_id, run_id, merged_at::varchar as at, null as place from shop.events
     union all select 'd', event_id, run_id, merged_at::varchar, null from shop.duplicates
     union all select 'r', reason, run_id, merged_at::varchar, object_key from shop.rejects
     union all select 'l', etag, run_id, loaded_at::varchar, object_key from shop.ledger order by 1, 2, 3, 4, 5`,
  );
const again = async (runId: string) => {
  world.seam.queue(reloadMessage(runId));
  await world.seam.pass(10);
};

const linesOfA = (more: object = {}): Line[] => [
  { id: 'a1', product: 'p1', ...more },
  { id: 'a1', product: 'p2' },
  { id: 's1', product: 'p2' },
  { price: 1 },
  'not JSON',
];

/** One run of two objects with duplicates in one, across both, and of an event of another run; two rejects and a line that is not JSON. */
async function history(): Promise<string> {
  await world.merge({ id: 's1', product: 'p1' });
  await load({ other: [{ id: 'o1', product: 'p1' }] });
  await load({
    a: linesOfA(),
    b: [{ id: 'a1', product: 'p3' }, { id: 'a1', product: 'p1' }, { id: 'o1', product: 'p1' }, { id: 'b1' }],
  });
  const run = await runOf('a');
  expect(await runOf('b')).toBe(run);
  expect(await counts()).toEqual([3, 5, 3]);
  return run;
}

test('a finer identity finds the events among the duplicates of a run that is loaded again, and nothing else changes', async () => {
  const run = await history();
  await world.deploy(fine);
  await world.merge();
  expect(await counts()).toEqual([3, 5, 3]);
  const [kept] = await world.rows("select event_id from shop.events where id = 'a1'");

  await again(run);
  expect(await events()).toEqual([
    'a1 p1 history',
    'a1 p2 history',
    'a1 p3 history',
    'o1 p1 history',
    's1 p1 stream',
    's1 p2 history',
  ]);
  expect(await counts()).toEqual([6, 2, 3]);
  expect(await world.rows("select event_id from shop.events where id = 'a1' and product = 'p1'")).toEqual([kept]);
  expect(
    await world.rows('select count(*) as n from shop.duplicates d inner join shop.events e on e.event_id = d.event_id'),
  ).toEqual([{ n: 2 }]);
  expect([await runOf('a'), await runOf('b')]).toEqual([reloadRunId(run), reloadRunId(run)]);
  // Where they came from is known as it was.
  expect(
    await world.rows("select object_key like '%in/a.gz' as is_a, line from shop.rejects order by object_key, line"),
  ).toEqual([
    { is_a: true, line: 4 },
    { is_a: true, line: 5 },
    { is_a: false, line: 4 },
  ]);
  expect(
    await world.rows(
      `select rows_read, events, duplicates, rejects from shop.runs where run_id = '${reloadRunId(run)}'`,
    ),
  ).toEqual([{ rows_read: 9, events: 4, duplicates: 2, rejects: 3 }]);
  expect(await world.rows('select count(*) as n from shop.staged')).toEqual([{ n: 0 }]);

  const before = await bookkeeping();
  await again(run);
  expect(await bookkeeping()).toEqual(before);
  expect(world.seam.deadLetters()).toEqual([]);
});

secondTierTest('an event that duplicates of other runs refer to is there again with its id', async () => {
  const run = await history();
  await load({
    late: [
      { id: 'a1', product: 'p1' },
      { id: 'a1', product: 'p2' },
    ],
  });
  const late = await runOf('late');
  await world.deploy(fine);
  await again(run);
  await again(late);
  expect(await counts()).toEqual([6, 4, 3]);
  expect(
    await world.rows('select count(*) as n from shop.duplicates d inner join shop.events e on e.event_id = d.event_id'),
  ).toEqual([{ n: 4 }]);
});

secondTierTest('killed anywhere, the run is there once, before or after', async () => {
  const run = await history();
  await world.deploy(fine);
  for (let call = 1; call <= 12; call += 1) {
    world.seam.kills['load'] = { call, after: call % 2 === 0 };
    world.seam.queue(reloadMessage(run));
    await world.seam.pass(1);
    expect([
      [3, 5, 3],
      [6, 2, 3],
    ]).toContainEqual(await counts());
  }
  delete world.seam.kills['load'];
  await world.seam.pass(200);
  expect(await counts()).toEqual([6, 2, 3]);
  expect(await runOf('a')).toBe(reloadRunId(run));
  expect(world.seam.waiting()).toBe(0);
});

secondTierTest.each([
  ['was overwritten', () => put('a', linesOfA({ price: 9 }))],
  ['is gone', () => world.seam.cloud.s3.port.delete(outsider, buckets.history, 'in/a.gz')],
])('a run of which an object %s stays as it is, and the reason is told', async (_, change) => {
  const run = await history();
  await world.deploy(fine);
  await change();
  await world.seam.pass(5);
  const before = (await bookkeeping()).filter(({ run_id }) => run_id === run);
  await again(run);
  expect((await bookkeeping()).filter(({ run_id }) => run_id === run)).toEqual(before);
  expect(world.seam.deadLetters()).toEqual([
    expect.objectContaining({
      reason: expect.stringMatching(/1 of its objects were not read as the bytes|does not exist/),
      original: reloadMessage(run),
    }),
  ]);
});

secondTierTest('a run whose rejects were merged again meanwhile would have them twice: it stays as it is', async () => {
  await world.dispose();
  const limited = { ...product, oneOf: ['p1', 'p2'] };
  await open(by(['id'], { columns: [id, limited, price] }));
  await load({
    a: [
      { id: 'a1', product: 'p1' },
      { id: 'a1', product: 'p2' },
      { id: 'a2', product: 'p3' },
    ],
  });
  const run = await runOf('a');
  await world.deploy(coarse);
  const statements = renderAll(retryStatements(coarse), { run_id: 'retry-1' });
  await runStep(world.seam.cloud.warehouse, { name: 'retry', mode: 'transaction', statements }, owner.name);
  await world.deploy(fine);
  expect(await counts()).toEqual([2, 1, 0]);
  const before = await bookkeeping();
  await again(run);
  expect(await bookkeeping()).toEqual(before);
  expect(world.seam.deadLetters()).toEqual([
    expect.objectContaining({ reason: expect.stringContaining('has 2 rows and its objects have 3') }),
  ]);
});

secondTierTest('events that would be rejects by now keep their run as it is', async () => {
  const run = await history();
  const strict = by(['id', 'product'], {
    columns: [id, { ...product, oneOf: ['p2', 'p3'] }, price],
  });
  await world.deploy(fine);
  world.seam.takeOver(strict);
  const before = await bookkeeping();
  await again(run);
  expect(await bookkeeping()).toEqual(before);
  expect(world.seam.deadLetters()).toEqual([expect.objectContaining({ reason: expect.stringContaining('rejects') })]);
});

secondTierTest.each([
  ['has not', false],
  ['has, and left to the first merge,', true],
])('the archive is loaded again by its positions, those that the landing view %s', async (_, landed) => {
  world.seam.send({ id: 'r1', product: 'p1' }, { id: 'r1', product: 'p2' }, { id: 'r2', product: 'p1' }, { id: 'r3' });
  const key = await world.seam.archive(await world.seam.records());
  await world.seam.notify('archive', key);
  await world.seam.pass(1);
  if (landed) await world.merge();
  expect(await counts()).toEqual([2, 1, 1]);
  const [{ run_id: run }] = (await world.rows('select run_id from shop.ledger')) as [{ run_id: string }];
  await world.deploy(fine);
  expect(await counts()).toEqual([2, landed ? 0 : 1, 1]);
  await again(run);
  expect(await counts()).toEqual([3, 0, 1]);
  expect(await events()).toEqual(['r1 p1 archive', 'r1 p2 archive', 'r2 p1 archive']);
  await world.merge();
  expect(await counts()).toEqual([3, 0, 1]);
});

secondTierTest('files with columns are loaded again, where they are as their source declares them', async () => {
  await world.dispose();
  const sheets = (...names: readonly string[]): Partial<Pipeline> => ({
    history: [
      {
        name: 'sheets',
        globs: ['in/*.gz'],
        format: 'csv',
        compression: 'gzip',
        columns: names.map((name) => ({ name })),
      },
    ],
  });
  await open(by(['id'], sheets('id', 'product')));
  await load({ a: ['id,product', 'c1,p1', 'c1,p2', 'c2,', 'c3,p1'], b: ['id,product', 'c3,p2', 'c1,p1'] });
  const run = await runOf('a');
  expect(await counts()).toEqual([2, 3, 1]);

  await world.deploy(by(['id', 'product'], sheets('product', 'id')));
  const before = await bookkeeping();
  await again(run);
  expect(await bookkeeping()).toEqual(before);
  expect(world.seam.deadLetters()).toEqual([expect.objectContaining({ reason: expect.stringContaining('header') })]);

  world.seam.takeOver(by(['id', 'product'], sheets('id', 'product')));
  await again(run);
  expect(await events()).toEqual(['c1 p1 history', 'c1 p2 history', 'c3 p1 history', 'c3 p2 history']);
  expect(await counts()).toEqual([4, 1, 1]);
});

test('a run that nobody knows, and a message that names none, are dead letters', async () => {
  const before = await bookkeeping();
  await again("nobody's; drop table shop.runs");
  const odd = '{"reload":{"runId":7}}';
  world.seam.queue(odd);
  await world.seam.pass(5);
  expect(await bookkeeping()).toEqual(before);
  expect(world.seam.deadLetters()).toEqual([
    expect.objectContaining({ reason: 'the ledger has no objects of it' }),
    expect.objectContaining({ original: odd }),
  ]);
});

test('a transaction is not longer than the Data API takes', () => {
  for (const { reload, inPlace, exact } of [fine, mixedPipeline].flatMap((pipeline) => loadPlan(pipeline).sources))
    for (const { statements, answer } of [reload.inPlace, reload.exact, inPlace, exact]) {
      expect(statements.length).toBeLessThanOrEqual(40);
      expect(statements[answer]).toMatch(/^select accepted/);
    }
});
