import type { ExportItem } from '../../../lambda/export/contract';
import { exporter } from '../../../lambda/export/export';
import { holds } from '../../../lambda/export/manifest';
import { parseRunEvent } from '../../../lambda/shared/run-event';
import { parseTimestamp } from '../../../lambda/shared/timestamp';
import { type Submission, WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import { FakeObjects, FakeWarehouse, type Outcome, quiet, recordMetrics } from '../fakes';

const item: ExportItem = {
  name: 'purchases',
  format: 'parquet',
  windowMinutes: 60,
  latenessMinutes: 15,
  next: 'select next',
  unload:
    "unload ('select * where {{window_start:nested}} <= t and t < {{window_end:nested}}') to {{target}} iam_role {{unload_role}}",
  count: 'select count {{window_start}} {{window_end}}',
  record: 'insert {{window_start}} {{window_end}} {{run_id}} {{rows}} {{files}} {{location}}',
};
const base = 'exports/estore/purchases/';
const nameOf = (window: string, { tick = '0830', ordinal = 1, attempt = 1 } = {}) =>
  `millrace/dev/estore/export/purchases@20261121T${window}Z@20261121T${tick}Z/unload-${ordinal}/${attempt}`;
const prefixOf = (window: string, { tick = '0830', attempt = 1 } = {}) =>
  `${base}window=20261121T${window}Z/run=20261121T${tick}Z-${attempt}/`;

/** A warehouse with an hourly export that has rows from 05:00 on, three an hour, all merged until 08:20. */
function setUp(options: { item?: ExportItem; maxWindows?: number } = {}) {
  const warehouse = new FakeWarehouse();
  const objects = new FakeObjects();
  const { metrics, recorded } = recordMetrics();
  const ledger: string[] = [];
  const world = { mergedUntil: '2026-11-21 08:20:00', rows: 3, first: '2026-11-21 05:00:00' as string | null };
  const text = (literals: string) => [...literals.matchAll(/'([^']*)'/g)].map(([, value]) => value!);
  warehouse.outcome = ({ statements: [sql] }: Submission): Outcome | undefined => {
    if (sql!.startsWith('select next')) {
      const last = ledger.at(-1);
      const next = last
        ? new Date(Date.parse(`${last}Z`) + 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
        : world.first;
      return { rows: [{ next_start: next, merged_until: world.mergedUntil }] };
    }
    if (sql!.startsWith('select count')) return { rows: [{ rows: world.rows }] };
    if (sql!.startsWith('insert')) {
      const [start] = text(sql!);
      if (!ledger.includes(start!)) ledger.push(start!);
      return {};
    }
    return undefined;
  };
  const on = exporter({
    environment: 'dev',
    bucket: 'exports',
    unloadRoleArn: 'arn:role',
    plan: { pipeline: 'estore', exports: [options.item ?? item] },
    warehouse,
    objects,
    log: quiet,
    metrics,
    maxWindows: options.maxWindows,
  });
  const tick = (time: string) =>
    on(parseRunEvent({ kind: 'start', scheduledTime: `2026-11-21T${time}:00Z` }), () => 60_000);
  /** What UNLOAD leaves behind. */
  const unloaded = (prefix: string, records = 3) => {
    const url = `s3://exports/${prefix}data/0000_part_00.parquet`;
    const entries = [{ url, meta: { content_length: 1000, record_count: records } }];
    objects.held.set(`exports/${prefix}data/0000_part_00.parquet`, 'PAR1');
    objects.held.set(
      `exports/${prefix}data/manifest`,
      JSON.stringify({ entries, schema: { elements: [{ name: 'a' }] } }),
    );
  };
  const tell = (name: string) => {
    const { id, status } = warehouse.of(name);
    const detail = { statementName: name, statementId: id, state: status };
    return on(parseRunEvent({ source: 'aws.redshift-data', detail }), () => 60_000);
  };
  const end = (name: string, outcome: Outcome = {}) => {
    warehouse.end(name, outcome);
    return tell(name);
  };
  const unloads = () => warehouse.names.filter((name) => name.includes('/unload-'));
  const read = (key: string) => JSON.parse(objects.held.get(`exports/${key}`) ?? 'null');
  const incomplete = () => [...objects.held.keys()].filter((key) => key.endsWith('/INCOMPLETE'));
  return { warehouse, objects, recorded, ledger, world, tick, unloaded, tell, end, unloads, read, incomplete };
}

test('publishes every closed window in order, each complete before its sentinel goes', async () => {
  const { tick, unloaded, end, unloads, objects, ledger, incomplete, read } = setUp();
  await tick('08:30');
  for (const [i, window] of ['0500', '0600', '0700'].entries()) {
    const name = nameOf(window, { ordinal: i + 1 });
    expect(unloads()).toHaveLength(i + 1);
    expect(incomplete()).toEqual([`exports/${prefixOf(window)}INCOMPLETE`]);
    unloaded(prefixOf(window));
    await end(name);
  }
  expect(unloads()).toHaveLength(3);
  expect(incomplete()).toEqual([]);
  expect(ledger).toEqual(['2026-11-21 05:00:00', '2026-11-21 06:00:00', '2026-11-21 07:00:00']);
  expect(objects.calls.slice(0, 5)).toEqual([
    `put ${prefixOf('0500')}INCOMPLETE`,
    `put ${prefixOf('0500')}success.json`,
    `put ${base}latest.json`,
    `delete ${prefixOf('0500')}INCOMPLETE`,
    `put ${prefixOf('0600')}INCOMPLETE`,
  ]);
  expect(read(`${base}latest.json`)).toEqual({
    window: { start: '2026-11-21T07:00:00.000Z', end: '2026-11-21T08:00:00.000Z' },
    prefix: prefixOf('0700'),
    rows: 3,
    files: [`${prefixOf('0700')}data/0000_part_00.parquet`],
    publishedAt: expect.stringMatching(/^2026-11-21T05:/),
  });
  expect(read(`${prefixOf('0500')}success.json`)).toMatchObject({
    export: 'purchases',
    rows: 3,
    bytes: 1000,
    schema: { elements: [{ name: 'a' }] },
  });
});

test('unloads a window below a prefix of the run that holds nothing else', async () => {
  const { tick, warehouse } = setUp();
  await tick('08:30');
  expect(warehouse.of(nameOf('0500')).submission).toMatchObject({
    mode: 'single',
    withEvent: true,
    statements: [
      "unload ('select * where ''2026-11-21 05:00:00'' <= t and t < ''2026-11-21 06:00:00''') " +
        `to 's3://exports/${prefixOf('0500')}data/' iam_role 'arn:role'`,
    ],
  });
});

test.each([
  ['its lateness is not over', '06:14', '2026-11-21 08:20:00'],
  ['the merge has not come that far', '08:30', '2026-11-21 06:14:59.999'],
])('a window stays open while %s', async (_, time, mergedUntil) => {
  const { tick, unloads, world, incomplete } = setUp();
  world.mergedUntil = mergedUntil;
  await tick(time);
  expect([unloads(), incomplete()]).toEqual([[], []]);
});

test('with nothing to export yet nothing happens', async () => {
  const { tick, unloads, world } = setUp();
  world.first = null;
  await tick('08:30');
  expect(unloads()).toEqual([]);
});

test('a tick does nothing while an UNLOAD of the export runs', async () => {
  const { tick, unloads } = setUp();
  await tick('08:30');
  await tick('08:45');
  expect(unloads()).toEqual([nameOf('0500')]);
});

test('a tick publishes no more windows than it may, the next tick goes on', async () => {
  const { tick, unloaded, end, unloads } = setUp({ maxWindows: 1 });
  await tick('08:30');
  unloaded(prefixOf('0500'));
  await end(nameOf('0500'));
  expect(unloads()).toHaveLength(1);
  await tick('08:45');
  expect(unloads().at(-1)).toBe(nameOf('0600', { tick: '0845' }));
});

test('a lost event is made up for by the next tick, which then goes on', async () => {
  const { tick, unloaded, warehouse, unloads, incomplete } = setUp();
  await tick('08:30');
  unloaded(prefixOf('0500'));
  warehouse.end(nameOf('0500'));
  await tick('08:45');
  expect(incomplete()).toEqual([`exports/${prefixOf('0600', { tick: '0845' })}INCOMPLETE`]);
  expect(unloads()).toEqual([nameOf('0500'), nameOf('0600', { tick: '0845' })]);
});

test('a duplicate event of a published window touches no object', async () => {
  const { tick, tell, unloaded, end, objects, warehouse } = setUp();
  await tick('08:30');
  unloaded(prefixOf('0500'));
  await end(nameOf('0500'));
  const before = [objects.calls.length, warehouse.names.length];
  await tell(nameOf('0500'));
  expect([objects.calls.length, warehouse.names.length]).toEqual(before);
});

test('duplicate events and ticks change nothing', async () => {
  const { tick, tell, unloaded, end, unloads, incomplete, ledger } = setUp({ maxWindows: 1 });
  await tick('07:20');
  unloaded(prefixOf('0500', { tick: '0720' }));
  await end(nameOf('0500', { tick: '0720' }));
  await tell(nameOf('0500', { tick: '0720' }));
  expect([unloads().length, incomplete(), ledger.length]).toEqual([1, [], 1]);
  await tick('07:20');
  expect(unloads().at(-1)).toBe(nameOf('0600', { tick: '0720' }));
  await tick('07:20');
  expect(unloads()).toHaveLength(2);
});

describe('when the function is killed', () => {
  const steps: [string, (given: ReturnType<typeof setUp>) => void][] = [
    [
      'before the sentinel',
      ({ objects }) => (objects.crashOn = (call, key) => call === 'put' && key.endsWith('INCOMPLETE')),
    ],
    [
      'before UNLOAD is submitted',
      ({ warehouse }) => (warehouse.crashOn = (call, name) => call === 'submit' && name.includes('/unload-')),
    ],
    [
      'after UNLOAD is submitted',
      ({ warehouse }) => (warehouse.crashOn = (call, name) => call === 'submitted' && name.includes('/unload-')),
    ],
    [
      'before the rows are counted',
      ({ warehouse }) => (warehouse.crashOn = (call, name) => call === 'submit' && name.includes('/count/')),
    ],
    [
      'before the success file',
      ({ objects }) => (objects.crashOn = (call, key) => call === 'put' && key.endsWith('success.json')),
    ],
    [
      'before the ledger',
      ({ warehouse }) => (warehouse.crashOn = (call, name) => call === 'submit' && name.includes('/record/')),
    ],
    [
      'after the ledger',
      ({ warehouse }) => (warehouse.crashOn = (call, name) => call === 'submitted' && name.includes('/record/')),
    ],
    [
      'before the pointer',
      ({ objects }) => (objects.crashOn = (call, key) => call === 'put' && key.endsWith('latest.json')),
    ],
    [
      'before the sentinel goes',
      ({ objects }) => (objects.crashOn = (call, key) => call === 'delete' && key.endsWith('INCOMPLETE')),
    ],
    [
      'before the next window',
      ({ warehouse }) => (warehouse.crashOn = (call, name) => call === 'submit' && name.includes('/next-2/')),
    ],
  ];

  test.each(steps)('%s, the next ticks publish every window once', async (_, crash) => {
    const given = setUp();
    const { warehouse, objects, tick, end, unloaded, unloads, incomplete, ledger, read } = given;
    crash(given);
    /** Runs to the end what was submitted, as Redshift would, and tells the function. */
    const settle = async () => {
      for (const name of unloads()) {
        if (warehouse.of(name).status !== 'STARTED') continue;
        const [, window, at] = /purchases@20261121T(\d{4})Z@20261121T(\d{4})Z/.exec(name)!;
        unloaded(prefixOf(window!, { tick: at, attempt: Number(name.split('/').at(-1)) }));
        await end(name);
      }
    };
    await expect(tick('08:30').then(settle)).rejects.toThrow('killed at');
    warehouse.crashOn = () => false;
    objects.crashOn = () => false;
    for (const time of ['08:45', '09:00']) {
      await tick(time);
      for (let i = 0; i < 4; i += 1) await settle();
    }
    expect(ledger).toEqual(['2026-11-21 05:00:00', '2026-11-21 06:00:00', '2026-11-21 07:00:00']);
    expect(incomplete()).toEqual([]);
    expect(read(`${base}latest.json`).window.start).toBe('2026-11-21T07:00:00.000Z');
    for (const window of ['0500', '0600', '0700']) {
      const keys = [...objects.held.keys()].filter(
        (key) => key.includes(`window=20261121T${window}Z/`) && key.endsWith('success.json'),
      );
      expect(keys).toHaveLength(1);
    }
  });
});

describe('a run that was interrupted before its sentinel went, more than a day ago', () => {
  const interrupted = async (step: 'ledger' | 'sentinel') => {
    const given = setUp({ maxWindows: 1 });
    const { warehouse, objects, tick, end, unloaded } = given;
    await tick('08:30');
    unloaded(prefixOf('0500'));
    if (step === 'ledger') warehouse.crashOn = (call, name) => call === 'submit' && name.includes('/record/');
    else objects.crashOn = (call) => call === 'delete';
    await expect(end(nameOf('0500'))).rejects.toThrow('killed');
    warehouse.crashOn = () => false;
    objects.crashOn = () => false;
    // Redshift forgets its statements after a day.
    warehouse.statements.length = 0;
    return given;
  };

  test.each(['ledger', 'sentinel'] as const)('before the %s, is finished by the next tick', async (step) => {
    const { tick, ledger, incomplete, read, unloads, objects } = await interrupted(step);
    await tick('08:45');
    expect(ledger).toEqual(['2026-11-21 05:00:00']);
    expect(incomplete()).toEqual([`exports/${prefixOf('0600', { tick: '0845' })}INCOMPLETE`]);
    expect(read(`${base}latest.json`)).toMatchObject({ prefix: prefixOf('0500'), rows: 3 });
    expect(objects.held.has(`exports/${prefixOf('0500')}data/manifest`)).toBe(true);
    expect(unloads()).toEqual([nameOf('0600', { tick: '0845' })]);
  });

  test('without its success file is begun anew', async () => {
    const { tick, objects, warehouse, unloads, incomplete } = setUp();
    await tick('08:30');
    warehouse.statements.length = 0;
    await tick('08:45');
    expect(unloads()).toEqual([nameOf('0500', { tick: '0845' })]);
    expect(incomplete()).toEqual([`exports/${prefixOf('0500', { tick: '0845' })}INCOMPLETE`]);
    expect(objects.calls).toContain(`delete ${prefixOf('0500')}INCOMPLETE`);
  });
});

test('a sleeping warehouse is nothing to do and no failure', async () => {
  const { tick, warehouse, recorded, incomplete } = setUp();
  warehouse.submit = async () => {
    throw new WarehouseAsleepError('The cluster is paused');
  };
  await tick('08:30');
  expect([recorded, incomplete()]).toEqual([[], []]);
});

describe('a failed UNLOAD', () => {
  test('is repeated below another prefix when its reason passes, and leaves nothing behind', async () => {
    const { tick, end, unloaded, unloads, objects } = setUp();
    await tick('08:30');
    unloaded(prefixOf('0500'));
    await end(nameOf('0500'), {
      status: 'FAILED',
      error: 'ERROR: 1023 DETAIL: Serializable isolation violation on table',
    });
    expect(unloads().at(-1)).toBe(nameOf('0500', { attempt: 2 }));
    expect([...objects.held.keys()]).toEqual([`exports/${prefixOf('0500', { attempt: 2 })}INCOMPLETE`]);
    expect(objects.calls.at(-2)).toBe(`delete ${prefixOf('0500')}INCOMPLETE`);
  });

  test.each(['FAILED', 'ABORTED'] as const)(
    'that is %s for good fails aloud, deletes only its own files, and the next tick tries again',
    async (status) => {
      const { tick, end, unloaded, unloads, objects, recorded } = setUp();
      objects.held.set('exports/exports/estore/purchases/window=20261121T0500Z/run=other/data/x', 'kept');
      await tick('08:30');
      unloaded(prefixOf('0500'));
      await expect(end(nameOf('0500'), { status, error: 'disk full' })).rejects.toThrow('disk full');
      expect([...objects.held.values()]).toEqual(['kept']);
      expect(recorded.map(({ values }) => values)).toEqual([{ ExportFailed: 1 }]);
      await tick('08:45');
      expect(unloads().at(-1)).toBe(nameOf('0500', { tick: '0845' }));
    },
  );
});

test('files that do not hold the rows of the window are not published', async () => {
  const { tick, end, unloaded, unloads, ledger, read } = setUp();
  await tick('08:30');
  for (const attempt of [1, 2]) {
    unloaded(prefixOf('0500', { attempt }), 2);
    await end(nameOf('0500', { attempt }));
  }
  unloaded(prefixOf('0500', { attempt: 3 }), 2);
  await expect(end(nameOf('0500', { attempt: 3 }))).rejects.toThrow('the files hold 2 records, the window 3 rows');
  expect(unloads()).toHaveLength(3);
  expect(ledger).toEqual([]);
  expect(read(`${base}latest.json`)).toBeNull();
});

test('a window without rows is published without files', async () => {
  const { tick, end, world, read, incomplete } = setUp({ maxWindows: 1 });
  world.rows = 0;
  await tick('08:30');
  await end(nameOf('0500'));
  expect(read(`${prefixOf('0500')}success.json`)).toMatchObject({ rows: 0, files: [], bytes: 0 });
  expect(incomplete()).toEqual([]);
});

test('the pointer never goes back to an older window', async () => {
  const { tick, end, unloaded, objects, read } = setUp({ maxWindows: 1 });
  const newer = { window: { start: '2026-11-21T07:00:00.000Z' } };
  objects.held.set(`exports/${base}latest.json`, JSON.stringify(newer));
  await tick('08:30');
  unloaded(prefixOf('0500'));
  await end(nameOf('0500'));
  expect(read(`${base}latest.json`)).toEqual(newer);
});

test('foreign statements are ignored', async () => {
  const { warehouse, end, objects } = setUp();
  for (const name of [
    '',
    'report',
    'millrace/dev/estore/export/carts@20261121T0500Z@20261121T0830Z/unload-1/1',
    'millrace/dev/estore/refresh/20261121T0500Z/merge/1',
  ]) {
    await warehouse.submit({ name, mode: 'single', statements: ['x'] });
    await end(name, { status: 'FAILED' });
  }
  expect(objects.calls).toEqual([]);
});

test.each([
  ['parquet', 10, 10, 2, true],
  ['parquet', 12, 10, 2, false],
  ['csv', 10, 10, 2, true],
  ['csv', 12, 10, 2, true],
  ['csv', 11, 10, 2, false],
] as const)('%s files with %d records hold %d rows in %d files: %s', (format, records, rows, files, equal) => {
  const manifest = { files: Array.from({ length: files }, () => 'f'), bytes: 0, records, schema: null };
  expect(holds(manifest, rows, format)).toBe(equal);
});

test('timestamps are read as UTC to the millisecond, anything else is refused', () => {
  expect(parseTimestamp('2026-11-21 05:00:00.123456', 'f')).toBe(Date.parse('2026-11-21T05:00:00.123Z'));
  expect(() => parseTimestamp('2026-11-21', 'next_start')).toThrow('next_start must be a timestamp');
  expect(() => parseTimestamp(undefined, 'next_start')).toThrow('next_start must be a timestamp');
});
