import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createSmallDisk, type FillableDisk } from 'aws-local-kit/testing';
import { Engine, type Outcome } from '../../src/engine/engine';
import { translate } from '../../src/sql';
import { FakeKinesis, FakeS3, rolePrincipal, stoppedClock } from '../support/fakes';

const possible = createSmallDisk();
possible?.dispose();
if (!possible) console.warn('a full disk below the warehouse is left out: this user may not mount a tmpfs');
const onRealDisk = possible ? describe : describe.skip;

onRealDisk('a full disk below the warehouse', () => {
  let disk: FillableDisk;
  let engine: Engine;
  const file = () => join(disk.folder, 'db.duckdb');
  const open = async () => {
    engine = await Engine.open(
      {
        file: file(),
        database: 'millrace',
        threads: 1,
        clock: stoppedClock(),
        s3: new FakeS3(disk.folder),
        kinesis: new FakeKinesis(disk.folder),
        translate,
        assume: () => rolePrincipal('load'),
        caseSensitiveIdentifiers: true,
      },
      { name: 'admin', password: () => 'another' },
    );
  };
  const run = async (sqls: string | string[], tag?: string): Promise<Outcome> => {
    const outcomes: Outcome[] = [];
    await engine.run({
      sqls: [sqls].flat(),
      mode: 'transaction',
      user: 'admin',
      tag,
      signal: new AbortController().signal,
      onEnd: (_, outcome) => outcomes.push(outcome),
    });
    return outcomes.at(-1)!;
  };
  const done = async (sqls: string | string[]) => {
    const outcome = await run(sqls);
    if (outcome.status !== 'FINISHED') throw new Error(outcome.status === 'FAILED' ? outcome.error : outcome.status);
  };
  const count = async () =>
    Number((await engine.query('select count(*) from t')).records[0]![0]!['longValue' as never]);
  /** Doubles the rows. They do not compress. */
  const grow = 'insert into t select n + 1, md5(s || n::varchar) from t';
  beforeEach(async () => {
    disk = createSmallDisk(128)!;
    await open();
    await done(['create table t(n integer, s varchar(64))', `insert into t values (1, 'a'), (2, 'b')`]);
    for (let times = 0; times < 10; times++) await done(grow);
  });
  afterEach(() => {
    engine.close();
    disk.dispose();
  });

  test('a transaction that finds no room is undone as a whole, says so, and succeeds when there is room', async () => {
    const before = await count();
    disk.fill();
    const failed = await run([grow, grow, `create table other(n integer)`]);
    expect(failed).toMatchObject({ status: 'FAILED', error: expect.stringContaining('ERROR: Disk Full: ') });
    expect(failed).toMatchObject({
      error: expect.stringContaining(`${file()}.wal; free some space and run the statement again`),
    });
    expect(await count()).toBe(before);
    expect(await run('select * from other')).toMatchObject({ error: expect.stringContaining('does not exist') });
    disk.free();
    await done([grow, 'create table other(n integer)']);
    expect(await count()).toBe(2 * before);
    engine.close();
    await open();
    expect(await count()).toBe(2 * before);
    expect(await run('select * from other')).toMatchObject({ status: 'FINISHED' });
  });

  /** Fills the disk, and lets a checkpoint run out of room. DuckDB then refuses all statements. */
  const breakCheckpoint = async () => {
    disk.fill();
    // The field is private: the engine never checkpoints on demand.
    const connection = await engine['database'].connect();
    await expect(connection.run('checkpoint')).rejects.toThrow('No space left on device');
    connection.close();
  };

  test('a checkpoint that finds no room loses nothing, and the warehouse goes on without a restart', async () => {
    const before = await count();
    const held = await engine.openSession(engine.user('admin')!);
    await held.begin();
    await held.takeSnapshot();
    await breakCheckpoint();
    const failed = await run(grow);
    // The warehouse opens its file again, and there is no room for the rows yet.
    expect(failed.status).toBe('FAILED');
    expect(await count()).toBe(before);
    disk.free();
    await done([grow, 'create table other(n integer)']);
    expect(await count()).toBe(2 * before);
    // A session of before has lost its connection.
    await expect(held.connection.run('select 1')).rejects.toThrow('terminating connection');
    await held.rollback().catch(() => undefined);
    engine.closeSession(held, true);
    engine.close();
    await open();
    expect(await count()).toBe(2 * before);
    expect(await run('select * from other')).toMatchObject({ status: 'FINISHED' });
  });

  test('a transaction whose commit was written before the checkpoint failed counts as done', async () => {
    const before = await count();
    // The field is private: the threshold is 256 MB.
    const connection = await engine['database'].connect();
    await connection.run(`set checkpoint_threshold = '100KB'`);
    connection.close();
    const walBytes = statSync(`${file()}.wal`).size;
    // Room for the write-ahead log, and not for the blocks of the checkpoint.
    disk.fill(walBytes + 65_536);
    const outcome = await run(grow, 'statement-1');
    disk.free();
    const after = await count();
    expect([outcome.status, after]).toEqual(
      outcome.status === 'FINISHED' ? ['FINISHED', 2 * before] : ['FAILED', before],
    );
    engine.close();
    await open();
    expect(await count()).toBe(after);
  });

  test('a query whose spilled rows find no room fails alone, says so, and succeeds when there is room', async () => {
    const before = await count();
    // The field is private: the limit is a share of the memory.
    const connection = await engine['database'].connect();
    await connection.run(`set memory_limit = '40MB'`);
    connection.close();
    // Sorts more than the memory holds. Its result has one row.
    const sort = `select max(position) from (
      select row_number() over (order by md5(a.s || b.s)) as position from t a, (select s from t where n <= 4) as b
    ) as sorted`;
    disk.fill();
    const failed = await run(sort);
    expect(failed).toMatchObject({ status: 'FAILED', error: expect.stringContaining('ERROR: Disk Full: ') });
    expect(failed).toMatchObject({
      error: expect.stringContaining('free some space and run the statement again, without a restart'),
    });
    expect(await count()).toBe(before);
    disk.free();
    const found = await run(sort);
    expect('error' in found ? found.error : found.status).toBe('FINISHED');
    await done(grow);
    expect(await count()).toBe(2 * before);
  });
});
