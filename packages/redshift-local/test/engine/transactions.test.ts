import { say, translateJson } from '../support/json-translate';
import * as sql from '../support/statements';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

describe('transactions', () => {
  let local: TestWarehouse;
  beforeEach(async () => {
    local = await startWarehouse(translateJson, sql.ownerStatements);
    await local.run([sql.createSchema('s'), sql.createTable('s.t', { a: 'bigint' }, 'a bigint')]);
  });
  afterEach(() => local.dispose());

  const tables = () =>
    local.rows(sql.query(`select table_name from millrace_system.svv_tables order by 1`, { name: 'text' }));

  test('a failed statement undoes the whole batch, definitions included', async () => {
    const done = await local.run([
      sql.insert('s.t', 'values (1)'),
      sql.createTable('s.other', { a: 'bigint' }, 'a bigint'),
      sql.insert('s.t', `select 'not a number'::bigint`),
      sql.insert('s.t', 'values (2)'),
    ]);
    expect(done.Status).toBe('FAILED');
    expect(done.Error).toMatch(/^Query #3 failed with ERROR: invalid input syntax: "not a number"/);
    expect(done.SubStatements.map((statement: { Status: string }) => statement.Status)).toEqual([
      'FINISHED',
      'FINISHED',
      'FAILED',
      'ABORTED',
    ]);
    expect(await local.rows(sql.count('s.t'))).toEqual([[0]]);
    expect(await tables()).toEqual([['t']]);
    expect((await local.run(sql.createTable('s.other', { a: 'bigint' }, 'a bigint'))).Status).toBe('FINISHED');
  });

  test('in AUTO_COMMIT mode the others commit, and the batch is FAILED', async () => {
    const done = await local.run(
      [sql.insert('s.t', 'values (1)'), sql.insert('s.t', `select 'x'::bigint`), sql.insert('s.t', 'values (2)')],
      { mode: 'AUTO_COMMIT' },
    );
    expect(done.Status).toBe('FAILED');
    expect(done.SubStatements.map((statement: { Status: string }) => statement.Status)).toEqual([
      'FINISHED',
      'FAILED',
      'FINISHED',
    ]);
    expect(await local.rows(sql.count('s.t'))).toEqual([[2]]);
  });

  test('TRUNCATE commits what came before it', async () => {
    const truncate = say({ kind: 'truncate', table: { schema: 's', name: 't' } });
    await local.run([
      sql.insert('s.t', 'values (1)'),
      sql.createTable('s.kept', { a: 'bigint' }, 'a bigint'),
      truncate,
      sql.createTable('s.lost', { a: 'bigint' }, 'a bigint'),
      sql.insert('s.t', `select 'x'::bigint`),
    ]);
    expect(await tables()).toEqual([['kept'], ['t']]);
    expect(await local.rows(sql.count('s.t'))).toEqual([[0]]);
  });

  test('a temporary table lives as long as its batch, beside a table of the same name', async () => {
    const done = await local.run(
      [
        sql.createTable('t', { a: 'bigint' }, 'a bigint', true),
        sql.insert('temp.t', 'values (1), (2)'),
        sql.insert('s.t', 'select a from temp.t'),
      ],
      { mode: 'AUTO_COMMIT' },
    );
    expect(done.Status).toBe('FINISHED');
    expect(await local.rows(sql.count('s.t'))).toEqual([[2]]);
    expect((await local.run(sql.query('select a from temp.t', { a: 'bigint' }))).Error).toMatch(/does not exist/);
  });

  test('the time is that of the transaction', async () => {
    const now = sql.query(`select getvariable('millrace_now')`, { now: 'timestamp' });
    local.clock.advanceTo(Date.UTC(2026, 10, 21, 13, 0, 0, 250));
    expect(await local.rows(now)).toEqual([['2026-11-21 13:00:00.25']]);
  });

  test('a query does not wait for a transaction that writes, and does not see it', async () => {
    let release = () => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const list = local.s3.list.bind(local.s3);
    local.s3.list = async (...input) => {
      await blocked;
      return list(...input);
    };
    const copy = say({
      kind: 'copy',
      table: { schema: 's', name: 't' },
      from: 's3://b/none/',
      roleArn: roles.load,
      manifest: false,
      format: 'json-auto',
      compression: 'none',
      maxErrors: 0,
      options: {},
    });
    const writer = local.run([sql.insert('s.t', 'values (1)'), copy]);
    const waiting = local.run(sql.insert('s.t', 'values (2)'));
    expect(await local.rows(sql.count('s.t'))).toEqual([[0]]);
    release();
    expect((await writer).Error).toMatch(/Query #2 failed with ERROR: The specified S3 prefix 'none\/' does not exist/);
    expect((await waiting).Status).toBe('FINISHED');
    expect(await local.rows(sql.count('s.t'))).toEqual([[1]]);
  });

  test('a restart keeps what was committed: rows, catalog and users', async () => {
    await local.run([
      sql.insert('s.t', 'values (1)'),
      sql.materializedView('s.v', ['s.t'], 'select count(*) as n from s.t', { n: 'bigint' }),
    ]);
    local = await local.restart();
    expect(await local.rows(sql.count('s.t'))).toEqual([[1]]);
    await local.run(sql.insert('s.t', 'values (2)'));
    expect((await local.run(sql.refresh('s.v'))).Status).toBe('FINISHED');
    expect(await local.rows(sql.query('select n from s.v', { n: 'bigint' }, ['s.v']))).toEqual([[2]]);
  });
});
