import type { Template } from '../support/template';
import { anExport, openTemplate, shop, World } from './world';

const day = '2026-11-21';
let template: Template;
let world: World;

beforeAll(async () => {
  template = await openTemplate(
    shop(
      anExport('sold'),
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
  expect(world.metrics.filter(({ values }) => values.LateRows)).toEqual([
    { at: Date.parse(`${day}T06:00:00Z`), values: { LateRows: 3 } },
  ]);
});
