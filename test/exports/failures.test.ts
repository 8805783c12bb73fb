import type { Template } from '../support/template';
import { anExport, openTemplate, shop, World } from './world';

const day = '2026-11-21';
let template: Template;
let world: World;
/** Decides about each unload by its name. */
let fault: (name: string) => { kind: 'fail'; error?: string } | undefined = () => undefined;

beforeAll(async () => {
  template = await openTemplate(shop(anExport('sold')));
});
afterAll(() => template.remove());
beforeEach(async () => {
  fault = () => undefined;
  world = await World.open(template, {
    faults: { statement: (name) => (name.includes('/unload-') ? fault(name) : undefined) },
  });
  for (const hour of ['01', '02', '03', '04']) await world.sell(`${day} ${hour}:10:00`, [1, 2]);
  await world.completeUntil(`${day} 05:30:00`);
});
afterEach(() => world.dispose());

const failures = () => world.metrics.filter(({ values }) => values.ExportFailed).length;

test('an unload that met a conflict is repeated, and leaves nothing behind', async () => {
  let times = 0;
  fault = () => {
    times += 1;
    return times === 1 ? { kind: 'fail' } : undefined;
  };
  await world.tick(`${day}T05:30:00Z`);
  expect(world.readWindows('sold')).toEqual(['01:00.0', '02:00.0', '03:00.0', '04:00.0']);
  expect(await world.leftovers('sold')).toEqual([]);
  expect(failures()).toBe(0);
});

test('what fails for good is found by halves: the windows before it are published, it fails aloud, and the next tick tries again', async () => {
  fault = (name) => (name.includes('T0300Z.0') ? { kind: 'fail', error: 'permission denied' } : undefined);
  await world.tick(`${day}T05:30:00Z`);
  expect(world.readWindows('sold')).toEqual(['01:00.0', '02:00.0']);
  expect(failures()).toBeGreaterThan(0);
  expect(await world.leftovers('sold')).toEqual([]);
  fault = () => undefined;
  await world.tick(`${day}T05:45:00Z`);
  expect(world.readWindows('sold')).toEqual(['01:00.0', '02:00.0', '03:00.0', '04:00.0']);
});

test('files that do not hold the rows of the query are not published', async () => {
  world.around = async (operation, request, run) => {
    const answer = await run();
    if (operation !== 's3:GetObject' || !request.path.endsWith('/manifest')) return answer;
    const manifest = JSON.parse(String(answer.body));
    manifest.entries[0].meta.record_count += 1;
    return { ...answer, headers: {}, body: JSON.stringify(manifest) };
  };
  await world.tick(`${day}T05:30:00Z`);
  expect(world.read('sold')).toEqual([]);
  expect(failures()).toBeGreaterThan(0);
  expect(world.cloud.log).toContainEqual(
    expect.objectContaining({
      error: expect.stringContaining('the query has 2 rows, the unload wrote 2, its files hold 3'),
    }),
  );
  world.around = undefined;
  await world.tick(`${day}T05:45:00Z`);
  expect(world.readWindows('sold')).toHaveLength(4);
  expect(await world.leftovers('sold')).toEqual([]);
});

test('a file that is not as long as the manifest says is not published', async () => {
  world.around = async (operation, request, run) => {
    const answer = await run();
    if (operation !== 's3:GetObject' || !request.path.endsWith('.parquet')) return answer;
    return { ...answer, headers: {}, body: Buffer.from('PAR1') };
  };
  await world.tick(`${day}T05:30:00Z`);
  expect(world.read('sold')).toEqual([]);
  expect(world.cloud.log).toContainEqual(
    expect.objectContaining({ error: expect.stringMatching(/must have \d+ bytes, got 4/) }),
  );
});

test('a publication is asked for once more, and only of a window that was published', async () => {
  await world.tick(`${day}T05:30:00Z`);
  const request = { kind: 'request', export: 'sold', time: `${day}T05:40:00Z` };
  await world.send({ ...request, rerun: `${day}T02:00:00Z` });
  expect(world.readWindows('sold').at(-1)).toBe('02:00.1');
  expect(world.events.at(-1)).toMatchObject({ kind: 'correction', revision: 1, sequence: 5, rows: 2 });
  expect(await world.besides({ ...request, rerun: `${day}T02:30:00Z` })).toBe(false);
  expect(await world.besides({ ...request, rerun: `${day}T09:00:00Z` })).toBe(false);
  expect(await world.besides({ ...request, export: 'nothing' })).toBe(false);
  expect(world.read('sold')).toHaveLength(5);
});

test('a pointer that is older than the ledger stops the export, and says so', async () => {
  await world.tick(`${day}T05:30:00Z`);
  const { port } = world.cloud.s3;
  await port.delete(world.reader, 'exports', 'exports/shop/sold/latest.json');
  expect(await world.besides({ kind: 'start', scheduledTime: `${day}T06:00:00Z` })).toBe(false);
  expect(world.cloud.log).toContainEqual(
    expect.objectContaining({ error: expect.stringContaining('latest.json is at publication 0, the ledger at 4') }),
  );
});
