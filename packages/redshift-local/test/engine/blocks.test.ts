import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { admin, startWarehouse, type TestWarehouse } from '../support/warehouse';

describe('statements of one session', () => {
  let local: TestWarehouse;
  beforeEach(async () => {
    local = await startWarehouse(translate, ownerStatements);
    await local.run(['create schema s', 'create table s.t (a bigint)']);
  });
  afterEach(() => local.dispose());

  const inTurn = (...sqls: string[]) => local.run(sqls, { mode: 'AUTO_COMMIT' });
  const statuses = (done: { SubStatements: { Status: string }[] }) => done.SubStatements.map(({ Status }) => Status);

  test('a block that failed refuses everything until it ends, and its end undoes it', async () => {
    const done = await inTurn(
      'begin',
      'insert into s.t values (1)',
      'select x from s.t',
      'select 1',
      'commit',
      'select 2',
    );
    expect(statuses(done)).toEqual(['FINISHED', 'FINISHED', 'FAILED', 'FAILED', 'FINISHED', 'FINISHED']);
    expect(done.SubStatements[3].Error).toBe(
      'ERROR: current transaction is aborted, commands ignored until end of transaction block',
    );
    expect(await local.rows('select count(*) from s.t')).toEqual([[0]]);
  });

  test('a block that is READ ONLY reads, refuses what writes, and the next block writes again', async () => {
    const writes = [
      'insert into s.t values (1)',
      'delete from s.t',
      'update s.t set a = 1',
      'create table s.u (a bigint)',
      'create temp table u (a bigint)',
      'drop table s.t',
    ];
    for (const sql of writes) {
      const { SubStatements } = await inTurn('begin read only', 'select count(*) from s.t', sql, 'rollback');
      expect([sql, SubStatements.map(({ Status }: { Status: string }) => Status), SubStatements[2].Error]).toEqual([
        sql,
        ['FINISHED', 'FINISHED', 'FAILED', 'FINISHED'],
        'ERROR: transaction is read-only',
      ]);
    }
    const unknown = await inTurn('begin read only', 'truncate s.t', 'rollback');
    expect(unknown.SubStatements[1].Error).toMatch(/TRUNCATE in a transaction that is READ ONLY is not modelled/);
    const after = await inTurn('begin isolation level serializable, read only', 'end', 'begin', writes[0]!, 'end');
    expect(statuses(after)).toEqual(Array(5).fill('FINISHED'));
    expect(await local.rows('select count(*) from s.t')).toEqual([[1]]);
  });

  test('what a block has committed stays, whatever fails after it', async () => {
    const done = await inTurn(
      'begin',
      'insert into s.t values (1)',
      'end',
      'select x from s.t',
      'insert into s.t values (2)',
    );
    expect(statuses(done)).toEqual(['FINISHED', 'FINISHED', 'FINISHED', 'FAILED', 'FINISHED']);
    expect(await local.rows('select a from s.t order by 1')).toEqual([[1], [2]]);
  });

  test('a block in one text is one too, and a text without its end is undone', async () => {
    await local.run('begin; insert into s.t values (1); commit; begin; insert into s.t values (2)');
    expect(await local.rows('select a from s.t')).toEqual([[1]]);
  });

  test('of several statements in a text the last alone may have a result, and none parameters', async () => {
    expect(await local.rows('insert into s.t values (1); select a from s.t')).toEqual([[1]]);
    expect((await local.run('select 1; insert into s.t values (2)')).Error).toBe(
      'line 1, column 1: a result before the last statement of a text is not supported by the local warehouse',
    );
    const Parameters = [{ name: 'n', value: '3' }];
    expect((await local.run('insert into s.t values (:n::int); select 1', { Parameters })).Error).toBe(
      'ERROR: cannot insert multiple commands into a prepared statement',
    );
    expect(await local.rows('select a from s.t')).toEqual([[1]]);
  });

  test('a batch that is a transaction takes no block', async () => {
    const done = await local.run(['begin', 'insert into s.t values (1)']);
    expect(done.Error).toMatch(
      /^Query #1 failed with line 1, column 1: BEGIN in a batch that is a transaction is not modelled/,
    );
  });

  test('GETDATE goes by the statement, SYSDATE by the transaction', async () => {
    await local.run('create table s.times (g timestamp, s timestamp)');
    const list = local.s3.list.bind(local.s3);
    local.s3.list = async (...input) => {
      local.clock.advanceTo(local.clock.now() + 2_000);
      return list(...input);
    };
    const done = await inTurn(
      'begin',
      'insert into s.times select getdate(), sysdate',
      `unload ('select 1 as a') to 's3://bucket/out/' iam_role 'arn:aws:iam::000000000000:role/unload' format parquet`,
      'insert into s.times select getdate(), sysdate',
      'commit',
    );
    expect(done.Error).toBeUndefined();
    expect(await local.rows('select datediff(s, min(g), max(g)) >= 2, min(s) = max(s) from s.times')).toEqual([
      [true, true],
    ]);
  });

  test('an identity goes on after a restart, and its table can be dropped and made again', async () => {
    await local.run('create table s.i (id bigint identity(1, 1), a int)');
    await local.run('insert into s.i (a) values (1), (2)');
    local = await local.restart();
    await local.run('insert into s.i (a) values (3)');
    expect(await local.rows('select count(distinct id), min(id) from s.i')).toEqual([[3, 1]]);
    await local.run([
      'drop table s.i',
      'create table s.i (id bigint identity(7, 1), a int)',
      'insert into s.i (a) values (1)',
    ]);
    expect(await local.rows('select id from s.i')).toEqual([[7]]);
  });

  test('late-binding views outlive a restart, and their tables', async () => {
    await local.run('create view s.v as select * from s.t with no schema binding');
    local = await local.restart();
    expect((await local.run('drop table s.t')).Status).toBe('FINISHED');
    expect((await local.run('select * from s.v')).Error).toMatch(/^in view "v": .*relation "s.t" does not exist/);
    await local.run(['create table s.t (z int)', 'insert into s.t values (4)']);
    expect(await local.rows('select z from s.v')).toEqual([[4]]);
  });

  test('only the owner refreshes; an administrator may cascade', async () => {
    await local.run('create materialized view s.m as select a from s.t');
    expect((await local.run('refresh materialized view s.m', { user: admin })).Error).toBe(
      'ERROR: must be owner of materialized view m to refresh it',
    );
    expect((await local.run('refresh materialized view s.m cascade', { user: admin })).Status).toBe('FINISHED');
  });

  test.each([
    [
      'with names that the session alone folds',
      ['set enable_case_sensitive_identifier to false', ...Array(10).fill('insert into s."T" values (1)')],
    ],
    [
      'in a block behind a mistake',
      ['select nosuch', 'begin', ...Array(10).fill('insert into s.t values (1)'), 'commit'],
    ],
  ])('changes %s run one after the other with all other changes', async (_, sqls) => {
    const numbers = Array.from({ length: 12 }, (_, i) => i);
    const changed = numbers.map(() => inTurn(...sqls));
    await Promise.all(numbers.map((i) => local.run([`create table s.made_${i} as select ${i} as a`])));
    for (const done of await Promise.all(changed)) expect(statuses(done).slice(1)).not.toContain('FAILED');
    expect(await local.rows('select count(*) from s.t')).toEqual([[120]]);
    for (const i of numbers) expect(await local.rows(`select a from s.made_${i}`)).toEqual([[i]]);
  });
});
