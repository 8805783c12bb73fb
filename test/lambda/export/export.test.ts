import { pauseKey } from '../../../lambda/shared/pause';
import { WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import { anExport, day, World } from './host';

const incomplete = /INCOMPLETE$/;

test('a tick submits the due windows as one unload, after their sentinels, and publishes nothing yet', async () => {
  const world = new World('sold');
  await world.tick('05:30');
  expect(world.unloads).toEqual([
    `millrace/dev/shop/export/sold@20261121T0530Z@20261121T0300Z.0+20261121T0400Z.0/unload-1/1`,
  ]);
  expect((await world.keys()).filter((key) => !incomplete.test(key))).toEqual([]);
  expect(await world.keys()).toHaveLength(2);
  expect(world.published('sold')).toEqual([]);
});

test('the end of the unload publishes its windows: pointer, events, ledger, metrics, and no sentinel is left', async () => {
  const world = new World('sold');
  await world.tick('05:30');
  await world.endUnload();
  expect(world.published('sold')).toEqual(['03:00.0', '04:00.0']);
  const latest = world.read('exports/shop/sold/latest.json');
  expect(latest).toMatchObject({ export: 'shop.sold', sequence: 2, kind: 'window', rows: 1 });
  expect(world.read(String(latest['success']))).toMatchObject({ sequence: 2, previous: { sequence: 1 } });
  expect((await world.keys()).filter((key) => incomplete.test(key))).toEqual([]);
  expect(world.events.map(({ detail }) => detail)).toMatchObject([{ sequence: 1 }, { sequence: 2, bucket: 'exports' }]);
  expect(world.metrics.map(({ values }) => values)).toEqual([
    { ExportedWindows: 1, ExportedRows: 1 },
    { ExportedWindows: 1, ExportedRows: 1 },
  ]);
});

test('success files come before the pointer, sentinels, events and the ledger after it', async () => {
  const world = new World('sold');
  await world.tick('05:30');
  await world.endUnload();
  const steps = world.objects.calls.map((call) => call.replace(/ .*\//, ' '));
  expect(steps).toEqual([
    'put INCOMPLETE',
    'put INCOMPLETE',
    'put success.json',
    'put success.json',
    'put latest.json',
    'delete INCOMPLETE',
    'delete INCOMPLETE',
    'send',
    'record',
  ]);
});

test('a second tick waits for the first one, and a repeated event changes nothing', async () => {
  const world = new World('sold');
  await world.tick('05:30');
  await world.tick('05:45');
  expect(world.unloads).toHaveLength(1);
  await world.endUnload();
  const { id, name } = world.warehouse.of(world.unloads[0]!);
  const detail = { statementId: id, statementName: name, state: 'FINISHED' };
  await world.send({ source: 'aws.redshift-data', detail });
  expect(world.published('sold')).toEqual(['03:00.0', '04:00.0']);
  expect(world.events).toHaveLength(2);
});

test('the end of a statement that another role gave the name of an unload publishes nothing', async () => {
  const world = new World('sold');
  await world.tick('05:30');
  world.warehouse.foreign.add('id-99');
  const detail = { statementId: 'id-99', statementName: world.unloads[0], state: 'FINISHED' };
  await world.send({ source: 'aws.redshift-data', detail });
  await world.send({ source: 'aws.redshift-data', detail: { ...detail, state: 'FAILED' } });
  expect(world.events).toEqual([]);
  expect(world.published('sold')).toEqual([]);
  expect(world.unloads).toHaveLength(1);
});

test('an unload whose end no event reported is finished by the next tick', async () => {
  const world = new World('sold');
  await world.tick('05:30');
  const [name] = world.unloads;
  world.warehouse.end(name!, { status: 'FAILED', error: 'deadlock detected' });
  await world.tick('05:45');
  expect(world.unloads).toEqual([name, name!.replace(/1$/, '2')]);
});

test('an attempt that may pass is repeated; what fails for good is split until the faulty window is alone', async () => {
  const world = new World('sold');
  let attempts = 0;
  world.fault = (name) => {
    attempts += 1;
    if (attempts === 1) return { status: 'FAILED', error: 'deadlock detected' };
    return name.includes('T0400Z.0') ? { status: 'FAILED', error: 'permission denied' } : undefined;
  };
  await world.tick('05:30');
  for (let i = 0; i < 3; i += 1) await world.endUnload();
  await expect(world.endUnload()).rejects.toThrow('permission denied');
  expect(world.unloads.map((name) => name.split('@')[2])).toEqual([
    '20261121T0300Z.0+20261121T0400Z.0/unload-1/1',
    '20261121T0300Z.0+20261121T0400Z.0/unload-1/2',
    '20261121T0300Z.0/unload-1/1',
    '20261121T0400Z.0/unload-2/1',
  ]);
  expect(world.published('sold')).toEqual(['03:00.0']);
  expect(world.metrics.at(-1)!.values).toEqual({ ExportFailed: 1 });
  // Only the attempt after the deadlock is a retry.
  expect(world.warehouse.pauses).toHaveLength(1);
});

test('one failed export does not stop the others', async () => {
  const world = new World('sold', 'returned');
  const { outcome } = world.warehouse;
  world.warehouse.outcome = (submission) =>
    submission.statements[0] === anExport('sold').state
      ? { status: 'FAILED', error: 'relation is missing' }
      : outcome(submission);
  await expect(world.tick('05:30')).rejects.toThrow('relation is missing');
  expect(world.unloads).toEqual([expect.stringContaining('/returned@')]);
});

test('a warehouse that is asleep is no failure', async () => {
  const world = new World('sold');
  world.warehouse.submit = async () => {
    throw new WarehouseAsleepError('the cluster is paused', false);
  };
  await world.tick('05:30');
  expect(world.unloads).toEqual([]);
});

test('a request is for one export; with a window it publishes that window again', async () => {
  const world = new World('sold', 'returned');
  const request = { kind: 'request', export: 'sold', time: `${day}T05:30:00Z` };
  await world.send(request);
  await world.endUnload();
  expect(world.published('returned')).toEqual([]);
  const { outcome } = world.warehouse;
  world.warehouse.outcome = (submission) =>
    submission.statements[0]!.startsWith('revisions') ? { rows: [{ revision: 0 }] } : outcome(submission);
  await world.send({ ...request, rerun: `${day}T03:00:00Z` });
  await world.endUnload();
  expect(world.published('sold')).toEqual(['03:00.0', '04:00.0', '03:00.1']);
});

test.each([
  [
    'an unknown export',
    { kind: 'request', export: 'x', time: `${day}T05:30:00Z` },
    'export must be one of sold, got x',
  ],
  ['a request without a time', { kind: 'request', export: 'sold' }, 'event.time must be an ISO 8601 time, got nothing'],
  ['no event of the function', { kind: 'stop' }, 'event.source must be one of aws.redshift-data, got nothing'],
  ['no object', 'start', 'event must be an object, got "start"'],
])('refuses %s', async (_, event, message) => {
  await expect(new World('sold').send(event)).rejects.toThrow(message);
});

test('the end of a statement that is not an unload of this function is ignored', async () => {
  const world = new World('sold');
  const detail = { statementId: 'x', statementName: 'millrace/dev/other/refresh/r/merge/1', state: 'FINISHED' };
  await world.send({ source: 'aws.redshift-data', detail });
  expect(world.warehouse.names).toEqual([]);
});

describe('while the environment is being paused', () => {
  const since = Date.parse(`${day}T05:00:00Z`);
  const beginPause = ({ objects }: World, phase = 'pausing') =>
    objects.held.set(
      `work/${pauseKey}`,
      JSON.stringify({ phase, by: 'person', since, until: since + 1, retention: {}, now: false }),
    );
  const report = ({ objects }: World) => JSON.parse(objects.held.get('work/pause/exports/shop.json') ?? 'null');

  test('no export starts, and the function reports that none is in progress', async () => {
    const world = new World('sold', 'returned');
    beginPause(world);
    await world.tick('05:30');
    expect(world.unloads).toEqual([]);
    expect(report(world)).toEqual({ busy: false, since });
  });

  test('an unload in progress is reported until it has ended, and is published', async () => {
    const world = new World('sold');
    await world.tick('05:30');
    beginPause(world);
    await world.tick('05:45');
    expect(report(world)).toEqual({ busy: true, since });
    await world.endUnload();
    expect(world.published('sold')).toEqual(['03:00.0', '04:00.0']);
    expect(world.unloads).toHaveLength(1);
    await world.tick('06:30');
    expect(report(world)).toEqual({ busy: false, since });
    expect(world.unloads).toHaveLength(1);
  });

  test('exports go on after the pause', async () => {
    const world = new World('sold');
    beginPause(world, 'resumed');
    await world.tick('05:30');
    expect(world.unloads).toHaveLength(1);
  });
});

test('a tick without time for all exports begins with others than the tick before, so that none waits forever', async () => {
  const names = Array.from({ length: 10 }, (_, i) => `sold${i}`);
  const world = new World(...names);
  const begun: string[][] = [];
  for (const time of ['05:30', '05:45', '06:00', '06:15', '06:30', '06:45']) {
    const before = world.unloads.length;
    // Each tick has time for three exports.
    await world.tick(time, () => (world.unloads.length - before < 3 ? 60_000 : 59_999));
    begun.push(world.unloads.slice(before).map((name) => /sold\d/.exec(name)![0]));
  }
  expect(begun[0]).toHaveLength(3);
  expect(begun.flat().sort()).toEqual(names);
});
