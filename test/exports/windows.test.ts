import type { Template } from '../support/template';
import { anExport, openTemplate, shop, World } from './world';

const day = '2026-11-21';
/** An export from four o'clock on, with corrections. */
const recent = anExport('recent', {
  content: { kind: 'incremental', timeColumn: 'at', window: 'hour', since: `${day}T04:00Z`, corrections: true },
});
let template: Template;
let world: World;

beforeAll(async () => {
  template = await openTemplate(
    shop(
      anExport('sold'),
      recent,
      anExport('plain', {
        content: { kind: 'incremental', timeColumn: 'at', window: 'hour', latenessMinutes: 15 },
        format: { kind: 'csv' },
      }),
    ),
  );
});
afterAll(() => template.remove());
beforeEach(async () => {
  world = await World.open(template);
  await world.sell(`${day} 02:10:00`, [1, 2]);
  await world.sell(`${day} 04:20:00`, [3]);
  await world.completeUntil(`${day} 05:30:00`);
});
afterEach(() => world.dispose());

test('publishes the windows of the past that have rows, and from the first run on every window', async () => {
  await world.tick(`${day}T05:30:00Z`);
  expect(world.cloud.log.filter(({ error }) => error)).toEqual([]);
  expect(world.readWindows('sold')).toEqual(['02:00.0', '04:00.0']);
  expect(world.readWindows('plain')).toEqual(['02:00.0', '04:00.0']);
  await world.completeUntil(`${day} 07:40:00`);
  await world.tick(`${day}T07:30:00Z`);
  expect(world.readWindows('sold')).toEqual(['02:00.0', '04:00.0', '05:00.0', '06:00.0']);
  expect(world.read('sold').map(({ rows, files }) => [rows, files.length])).toEqual([
    [2, 1],
    [1, 1],
    [0, 0],
    [0, 0],
  ]);
  expect(await world.leftovers('sold')).toEqual([]);
});

test('publishes late rows as a correction of their window, or counts them', async () => {
  await world.tick(`${day}T05:30:00Z`);
  await world.sell(`${day} 02:50:00`, [5, 6, 7]);
  await world.tick(`${day}T06:00:00Z`);
  expect(world.readWindows('sold')).toEqual(['02:00.0', '04:00.0', '02:00.1']);
  expect(world.read('sold').at(-1)).toMatchObject({ kind: 'correction', revision: 1, rows: 5 });
  expect(world.readWindows('plain')).toEqual(['02:00.0', '04:00.0']);
  const late = world.metrics.filter(({ values }) => values.LateRows);
  // A tick may begin at any export.
  expect(late.sort((one, other) => one.values.LateRows! - other.values.LateRows!)).toEqual([
    { at: Date.parse(`${day}T06:00:00Z`), values: { LateRows: 3 } },
    // Rows of `recent` that are older than its beginning.
    { at: Date.parse(`${day}T06:00:00Z`), values: { LateRows: 5 } },
  ]);
});

test('every row is in a file or counted: those before the beginning, and those that a thousand wrong clocks do not hide', async () => {
  await world.tick(`${day}T05:30:00Z`);
  expect(world.readWindows('recent')).toEqual(['04:00.0']);
  const late = () =>
    world.cloud.log.flatMap(({ message, export: name, reason, rows }) =>
      message === 'rows are in no file' && name === 'recent' ? [[reason, rows]] : [],
    );
  // There are more later windows than a survey lists.
  const wrong = Array.from(
    { length: 600 },
    (_, n) => `('f${n}', 'f${n}', 1, dateadd(hour, ${n}, '2030-01-01'::timestamp), 'stream', 'r', getdate())`,
  );
  await world.sql(
    `insert into shop.events_f790520b (event_id, id, amount, at, source, run_id, merged_at) values ${wrong.join(', ')}`,
  );
  await world.sell(`${day} 04:40:00`, [5]);
  await world.completeUntil(`${day} 06:30:00`);
  await world.tick(`${day}T06:00:00Z`);
  expect(world.readWindows('recent')).toContain('04:00.1');
  expect(late()).toEqual([['before since', 2]]);
});

test('between two surveys of everything only windows in which events were merged lately are looked at', async () => {
  const surveys = async () =>
    (await world.statements()).flatMap(({ name, rows }) =>
      /\/(survey\S*|touched)\/1$/.test(name) && name.includes('/sold:') ? [[name.split('/')[5], rows]] : [],
    );
  await world.tick(`${day}T05:30:00Z`);
  expect((await surveys()).map(([step]) => step)).toContain('survey');
  await world.completeUntil(`${day} 12:30:00`);
  await world.tick(`${day}T13:00:00Z`);
  const before = (await surveys()).length;
  await world.tick(`${day}T14:00:00Z`);
  // All was merged before the overlap, so that no row of a window is read.
  expect((await surveys()).slice(before)).toEqual([['touched', 0]]);
  await world.sell(`${day} 02:50:00`, [5]);
  await world.tick(`${day}T15:00:00Z`);
  expect(world.read('sold').at(-1)).toMatchObject({ kind: 'correction', revision: 1, rows: 3 });
  expect(
    (await surveys())
      .slice(before + 1)
      .map(([step]) => step)
      .sort(),
  ).toEqual(['survey-within-1', 'touched']);
});

test('what no event tells of is found by the survey of everything', async () => {
  await world.tick(`${day}T05:30:00Z`);
  await world.completeUntil(`${day} 12:30:00`);
  await world.tick(`${day}T16:00:00Z`);
  await world.tick(`${day}T17:00:00Z`);
  await world.sql("update shop.events_f790520b set amount = 100 where id = 's1'");
  await world.tick(`${day}T18:00:00Z`);
  const revisions = () => world.read('sold').filter(({ revision }) => revision > 0);
  expect(revisions()).toEqual([]);
  await world.tick('2026-11-22T01:00:00Z');
  expect(revisions()).toEqual([]);
  await world.tick('2026-11-22T02:00:00Z');
  expect(revisions()).toHaveLength(1);
});

test('a published window without rows any more is corrected to none, and is not late', async () => {
  await world.tick(`${day}T05:30:00Z`);
  const empty = async (tick: string) => {
    await world.tick(tick);
    return world.read('sold').filter(({ rows, revision }) => rows === 0 && revision > 0);
  };
  // A survey of changes reads from the first to the last window into which rows came.
  await world.sql("delete from shop.events_f790520b where id = 's3'");
  await world.sell(`${day} 03:10:00`, [4]);
  await world.sell(`${day} 05:10:00`, [5]);
  const corrected = { kind: 'correction', revision: 1, files: [] };
  expect(await empty(`${day}T06:30:00Z`)).toMatchObject([corrected]);
  await world.sql("delete from shop.events_f790520b where id in ('s1', 's2')");
  expect(await empty('2026-11-22T02:00:00Z')).toMatchObject([corrected, corrected]);
  expect(await empty('2026-11-23T02:00:00Z')).toHaveLength(2);
  expect(world.readWindows('plain').filter((window) => !window.endsWith('.0'))).toEqual([]);
  expect(world.cloud.log.filter(({ error }) => error)).toEqual([]);
  expect(
    world.cloud.log.filter(({ message, reason }) => message === 'rows are in no file' && reason === 'published'),
  ).toEqual([]);
});
