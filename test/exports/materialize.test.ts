import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { everyNth } from '../support/tier';
import { copied, type MaterializeWorld, openMaterializeWorld } from './materialize-world';

const name = 'sold';
let mz: MaterializeWorld;
afterEach(() => mz?.dispose());

async function rowsOf(files: readonly { key: string }[]): Promise<unknown[][]> {
  const paths = files.map(({ key }) => `'${mz.world.pathOf(key)}'`).join(', ');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const reader = await connection.runAndReadAll(
    `select id, amount::varchar, sold_at::varchar from read_parquet([${paths}]) order by id`,
  );
  return reader.getRows() as unknown[][];
}

/** In a process of its own, since it is an ES module. */
function byHyparquet(path: string): unknown {
  const script = `
    import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(process.argv[1]) });
    console.log(JSON.stringify(rows.map(({ id, amount }) => [id, amount])));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script, path], { encoding: 'utf8' }));
}

test('windows are copied, published in order, each once, and read back as they were', async () => {
  mz = await openMaterializeWorld(copied(name));
  const { world } = mz;
  await mz.sell('2026-11-21 03:10:00', 1.5, 2);
  await mz.sell('2026-11-21 04:20:00', 3);
  await world.tick('2026-11-21T05:30:00Z');
  expect(world.cloud.log.filter(({ error }) => error)).toEqual([]);
  expect(world.readWindows(name)).toEqual(['03:00.0', '04:00.0']);
  const [first] = world.read(name);
  expect(first).toMatchObject({ rows: 2, columns: copied(name).columns, kind: 'window' });
  expect(await rowsOf(first!.files)).toEqual([
    ['s1', '1.50', '2026-11-21 03:10:00'],
    ['s2', '2.00', '2026-11-21 03:10:00'],
  ]);
  expect(byHyparquet(world.pathOf(first!.files[0]!.key))).toEqual([
    ['s1', 1.5],
    ['s2', 2],
  ]);
  expect(await mz.staged()).toEqual([]);
  expect(await world.leftovers(name)).toEqual([]);
  expect(world.events.map(({ sequence }) => sequence)).toEqual([1, 2]);
  await world.tick('2026-11-21T06:30:00Z');
  expect(world.read(name).map(({ rows, files }) => [rows, files.length])).toEqual([
    [2, 1],
    [1, 1],
    [0, 0],
  ]);
});

test('a snapshot in CSV has every row, quoted where it must be', async () => {
  const definition = copied(name, {
    query: 'select id, amount, sold_at from sales',
    content: { kind: 'snapshot', every: 'hour' },
    format: { kind: 'csv', header: false, gzip: false },
  });
  mz = await openMaterializeWorld(definition);
  await mz.server.run(`insert into sales values ('a,"b
c', 1, '2026-11-21 01:00:00'), (null, 2, null)`);
  await mz.world.tick('2026-11-21T05:30:00Z');
  const [snapshot] = mz.world.read(name);
  expect(snapshot).toMatchObject({ kind: 'snapshot', rows: 2 });
  const text = readFileSync(mz.world.pathOf(snapshot!.files[0]!.key), 'utf8');
  expect(text).toBe('"a,""b\nc",1.00,2026-11-21 01:00:00\n,2.00,\n');
});

/** Cuts the connection at a statement, before it, or after it was carried out. */
const cutting = (word: string, when: 'before' | 'after') => {
  let left = 1;
  return async (sql: string, run: () => Promise<Buffer>, cut: () => void) => {
    if (!sql.startsWith(word) || left === 0) return run();
    left -= 1;
    if (when === 'after') await run();
    cut();
    return Buffer.alloc(0);
  };
};

test.each([
  ['validate', 'before'],
  ['begin', 'after'],
  ['select', 'after'],
  ['copy', 'before'],
  ['copy', 'after'],
  ['commit', 'before'],
] as const)('a connection that is lost at %s, %s it: the window is published once', async (word, when) => {
  mz = await openMaterializeWorld(copied(name), { around: cutting(word, when) });
  const { world } = mz;
  await mz.sell('2026-11-21 03:10:00', 1, 2);
  await mz.sell('2026-11-21 04:10:00', 3);
  await world.tick('2026-11-21T05:30:00Z');
  await world.cloud.pass(60_000);
  expect(world.read(name).map(({ rows, window }) => [window.start.slice(11, 13), rows])).toEqual([
    ['03', 2],
    ['04', 1],
  ]);
  const recovered = world.cloud.log.filter(({ message }) =>
    String(message).startsWith('the answer of a COPY was lost'),
  );
  // A lost answer is a success if the sentinel has gone and files are there.
  expect(recovered).toHaveLength((word === 'copy' && when === 'after') || word === 'commit' ? 1 : 0);
  expect(await mz.staged()).toEqual([]);
  expect(await world.leftovers(name)).toEqual([]);
});

test('a COPY that ends in the middle leaves its sentinel: it is not published, the next attempt is, and nothing stays', async () => {
  let cut: (() => void) | undefined;
  const around = (sql: string, run: () => Promise<Buffer>, disconnect: () => void) => {
    if (sql.startsWith('copy')) cut ??= disconnect;
    return run();
  };
  const sentinels: string[] = [];
  mz = await openMaterializeWorld(copied(name), { around });
  const { world } = mz;
  const { port } = world.cloud.s3;
  const put = port.put.bind(port);
  let once = true;
  port.put = async (principal, bucket, key, ...rest) => {
    const info = await put(principal, bucket, key, ...rest);
    if (key.startsWith('partners/') && key.endsWith('INCOMPLETE')) {
      sentinels.push(key);
      if (once) {
        once = false;
        cut!();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    return info;
  };
  await mz.sell('2026-11-21 03:10:00', 1, 2);
  await world.tick('2026-11-21T04:30:00Z');
  await world.cloud.pass(60_000);
  expect(new Set(sentinels).size).toBe(2);
  expect(world.read(name).map(({ rows }) => rows)).toEqual([2]);
  expect(await mz.staged()).toEqual([]);
  expect(await world.leftovers(name)).toEqual([]);
});

test.each([
  ['hours', {}, '2026-11-21 03:10:00', '2026-11-21 03:50:00'],
  ['minutes', { window: { minutes: 20 } }, '2026-11-21 03:25:00', '2026-11-21 03:39:00'],
] as const)(
  'rows that come after their window are counted as late, by name: windows of %s',
  async (_, more, at, later) => {
    const content = { ...copied(name).content, ...more } as never;
    mz = await openMaterializeWorld(copied(name, { content }));
    const { world, server } = mz;
    await mz.sell(at, 1, 2);
    await mz.sell('2026-11-21 01:10:00', 3);
    await world.tick('2026-11-21T04:30:00Z');
    expect(world.read(name).reduce((sum, { rows }) => sum + rows, 0)).toBe(2);
    await mz.sell(later, 4, 5, 6);
    await server.run("insert into sales values ('none', 7, null)");
    await world.tick('2026-11-21T05:00:00Z');
    const late = world.cloud.log.flatMap((line) =>
      line.message === 'rows are in no file' ? [[line.reason, line.rows, line.windows]] : [],
    );
    const start = `2026-11-21T03:${_ === 'hours' ? '00' : '20'}:00.000Z`;
    expect(world.cloud.log.filter(({ error }) => error)).toEqual([]);
    expect(late.sort()).toEqual([
      ['before since', 1, []],
      ['no time', 1, []],
      ['published', 3, [start]],
    ]);
  },
);

describe('what does not pass is told and not tried again', () => {
  const failure = async (definition = copied(name), spoil: () => void = () => undefined) => {
    mz = await openMaterializeWorld(definition);
    await mz.sell('2026-11-21 03:10:00', 1);
    spoil();
    await mz.world.tick('2026-11-21T04:30:00Z');
    expect(mz.world.read(name)).toEqual([]);
    expect(await mz.staged()).toEqual([]);
    expect(await mz.world.leftovers(name)).toEqual([]);
    const told = mz.world.cloud.log.find(({ message }) => message === 'an export failed');
    return String(told?.['error']);
  };
  const target = (change: object) => () => {
    mz.world.materialize!.target = { ...mz.world.materialize!.target, ...change };
  };

  test.each([
    ['a wrong password', target({ password: 'wrong' }), /28P01/],
    ['a certificate of another name', target({ host: '127.0.0.1' }), /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['a certificate that nobody trusts', target({ ca: undefined }), /DEPTH_ZERO_SELF_SIGNED_CERT/],
    [
      'an external id that the role does not know',
      () => {
        mz.trust.externalIds = ['mz_00000000-0000-0000-0000-000000000000_u1'];
      },
      /failed to assume the role: AccessDenied/,
    ],
  ])('%s', async (_, spoil, expected) => {
    expect(await failure(copied(name), spoil)).toMatch(expected);
  });

  test('a role that opens without an external id', async () => {
    const spoil = () => {
      mz.trust.externalIds = [...mz.trust.externalIds, ''];
    };
    expect(await failure(copied(name), spoil)).toMatch(/does not require an external ID/);
  });

  test('columns that are not as declared', async () => {
    const [id, , soldAt] = copied(name).columns!;
    const columns = [id!, { name: 'amount', type: 'bigint' as const }, soldAt!];
    expect(await failure(copied(name, { columns }))).toMatch(
      /must be .*amount bigint.* Materialize has .*amount numeric/,
    );
  });
});

test('of two functions at once one publishes, and nothing stays of the other', async () => {
  mz = await openMaterializeWorld(copied(name));
  const { world } = mz;
  await mz.sell('2026-11-21 03:10:00', 1, 2);
  await mz.sell('2026-11-21 04:10:00', 3);
  await world.cloud.pass(Date.parse('2026-11-21T05:30:00Z') - world.cloud.clock.now());
  await Promise.all(
    ['05:30', '05:31', '05:31'].map((time) =>
      world.besides({ kind: 'start', scheduledTime: `2026-11-21T${time}:00Z` }),
    ),
  );
  for (const time of ['05:45', '06:00', '06:02']) await world.tick(`2026-11-21T${time}:00Z`);
  expect(world.readWindows(name)).toEqual(['03:00.0', '04:00.0']);
  await world.tick('2026-11-22T00:00:00Z');
  expect(await mz.staged()).toEqual([]);
  expect(await world.leftovers(name)).toEqual([]);
});

/** A function that ends after a call that changes nothing, here or on the connection, leaves what the call before it left. */
const changes = (call: string) =>
  /^(s3:(Put|Delete|Copy)|redshift-data:(Batch)?Execute|materialize:(connect|begin|copy|commit))/.test(call);

test('a function that ends after any of its calls: readers see whole windows, the next ticks finish', async () => {
  mz = await openMaterializeWorld(
    copied(name, { content: { ...copied(name).content, since: '2026-11-21T03:00Z' } as never }),
  );
  const { world } = mz;
  await mz.sell('2026-11-21 03:10:00', 1, 2);
  const story = async (kill?: { call: number; after: boolean }) => {
    await world.forget(name);
    const { day } = world;
    const definition = world.pipeline.exports[0]! as { content: object };
    definition.content = { ...definition.content, since: `${day}T03:00Z` };
    world.redeploy();
    await mz.sell(`${day} 03:10:00`, 1, 2);
    await mz.sell(`${day} 04:10:00`, 3);
    world.kill = (number) => (kill && number === 0 ? kill : undefined);
    for (const time of ['05:30', '05:45', '06:00']) {
      await world.tick(`${day}T${time}:00Z`);
      world.readWindows(name);
    }
    return world.read(name).map(({ rows, window, revision }) => `${window.start.slice(11, 13)}.${revision} ${rows}`);
  };
  const whole = ['03.0 2', '04.0 1'];
  expect(await story()).toEqual(whole);
  const calls = [...world.calls[0]!];
  expect(calls.filter((call) => call.startsWith('materialize:')).length).toBeGreaterThan(15);
  const kills = calls.flatMap((text, index) => (index === 0 || changes(text) ? [index + 1] : []));
  expect(kills.length).toBeGreaterThan(20);
  const problems: string[] = [];
  for (const call of everyNth(kills, 8, 2)) {
    const seen = await story({ call, after: true });
    const left = [...(await mz.staged()), ...(await world.leftovers(name))];
    if (seen.join() !== whole.join() || left.length > 0)
      problems.push(`${call} ${calls[call - 1]}: ${seen.join()} left ${left.join(' ')}`);
  }
  expect(problems).toEqual([]);
}, 600_000);

test('while Materialize cannot be reached nothing is published, and everything afterwards; comments in the query do not matter', async () => {
  const query = 'select id, amount, sold_at -- of the till\nfrom sales /* all */ ;\n';
  mz = await openMaterializeWorld(copied(name, { query }));
  const { world } = mz;
  await mz.sell('2026-11-21 03:10:00', 1, 2);
  const { target } = world.materialize!;
  world.materialize!.target = { ...target, port: 1 };
  await world.tick('2026-11-21T04:30:00Z');
  await world.cloud.pass(60_000);
  expect(world.read(name)).toEqual([]);
  expect(world.cloud.log.map(({ error }) => error)).toContainEqual(expect.stringContaining('ECONNREFUSED'));
  world.materialize!.target = target;
  await world.tick('2026-11-21T04:45:00Z');
  expect(world.readWindows(name)).toEqual(['03:00.0']);
  expect(await mz.staged()).toEqual([]);
});
