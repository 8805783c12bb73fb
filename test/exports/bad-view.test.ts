import type { Pipeline, ViewDefinition } from '../../pipelines/definition';
import { pipelineTables } from '../../sql';
import { owner } from '../support/cloud';
import { SeamWorld } from '../support/seam';
import { runStep } from '../support/template';
import { anExport, shop } from './world';

const aView = (name: string, query: string): ViewDefinition => ({ name, query, file: `views/${name}.sql` });
const content = { kind: 'incremental', timeColumn: 'at', window: 'hour', corrections: true } as const;
const exportOf = (view: string) => anExport(view, { query: `select id, at from shop.${view}`, content });
const pipeline: Pipeline = {
  ...shop(exportOf('sold'), exportOf('ratio'), exportOf('joined')),
  history: [{ name: 'files', globs: ['in/*.gz'], format: 'ndjson', compression: 'gzip' }],
  views: [
    aView('sold', 'select id, at from shop.events'),
    aView('ratio', 'select id, 100 / weight::int as ratio, at from shop.events'),
    aView('above', 'select id, at from shop.ratio where ratio > 1'),
    aView('joined', 'select s.id, s.at from shop.sold s join shop.above a on a.id = s.id'),
  ],
};

let world: SeamWorld;
beforeEach(async () => {
  world = await SeamWorld.open(pipeline);
});
afterEach(() => world.dispose());

const sale = (id: string, weight: number, at = '2026-11-21T01:10:00Z') => ({ id, amount: 1, weight, at });
const ids = async (view: string) => (await world.query(`select id from shop.${view} order by id`)).map(([id]) => id);
const published = async () =>
  (await world.query('select export, row_count from shop.exports order by export, window_start, revision')).map((row) =>
    row.map(String).join(' '),
  );
const merge = async (...sales: object[]) => {
  world.send(...sales);
  await world.tick('refresh');
};

test('a view that fails keeps itself, its readers and their exports as they were, all others go on until it is mended', async () => {
  await merge(sale('a', 10));
  await merge(sale('b', 0));
  await world.pass(60);
  // The second run shows that everything from before the first one is merged.
  await world.tick('refresh');
  await world.tick('refresh');
  expect(await ids('events')).toEqual(['a', 'b']);
  expect(await ids('sold')).toEqual(['a', 'b']);
  for (const view of ['ratio', 'above', 'joined']) expect(await ids(view)).toEqual(['a']);
  expect(await world.query('select view_name, waits_for, error from shop.view_failures order by 1')).toEqual([
    ['above', 'ratio', null],
    ['joined', 'ratio', null],
    ['ratio', null, expect.stringMatching(/divi/i)],
  ]);

  await world.tick('export');
  expect(await published()).toEqual(['sold 2']);
  const waiting = world.logged('the export waits: a view that it reads could not be refreshed');
  // A tick may begin at any export.
  expect(waiting.map((entry) => entry['export']).sort()).toEqual(['joined', 'ratio']);

  const since = () => world.query("select failing_since from shop.view_failures where view_name = 'ratio'");
  const before = await since();
  await merge(sale('c', 5));
  expect(await since()).toEqual(before);

  const repair = `delete from ${pipelineTables(pipeline).events} where id = 'b'`;
  await runStep(world.cloud.warehouse, { name: 'repair', mode: 'single', statements: [repair] }, owner.name);
  await world.pass(60);
  await world.tick('refresh');
  await world.tick('refresh');
  expect(await world.query('select * from shop.view_failures')).toEqual([]);
  for (const view of ['ratio', 'above', 'joined']) expect(await ids(view)).toEqual(['a', 'c']);
  await world.tick('export');
  expect(await published()).toEqual(['joined 2', 'ratio 2', 'sold 2', 'sold 2', 'sold 0']);
});
