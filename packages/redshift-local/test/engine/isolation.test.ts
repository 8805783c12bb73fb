import { createInterleaver, type Interleaver, type Step } from '../../src/faults/interleaver';
import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { admin, cluster, owner, startWarehouse, type TestWarehouse } from '../support/warehouse';

/** Transactions that are open at the same time, statement by statement, through the Data API. */
let local: TestWarehouse;
let order: Interleaver;
beforeAll(async () => {
  local = await startWarehouse(translate, ownerStatements);
  await local.run('create schema s');
});
afterAll(() => local.dispose());
beforeEach(() => {
  order = createInterleaver(({ name }) => name !== '');
  local.interleaving.by = order;
});
afterEach(() => order.release());

interface Opened {
  readonly id: number;
  /** Runs the next statement. Says `done`, `waits` or `ended`. */
  step(): Promise<string>;
  /** Runs what is left. */
  finish(): Promise<string>;
  result(index: number): Promise<unknown>;
  status(): Promise<{ Status: string; Error?: string }>;
  cancel(): Promise<void>;
}

const words: Record<Step['kind'], string> = { boundary: 'done', blocked: 'waits', ended: 'ended' };

/** Opens a transaction. It waits before its first statement. */
async function open(Sqls: string[], more: object = {}): Promise<Opened> {
  const held = new Set([...order.ready.map(({ transaction }) => transaction), ...order.blocked]);
  const place = { ClusterIdentifier: cluster, Database: 'millrace', SecretArn: owner, StatementName: 'held' };
  const { Id } = await local.call('BatchExecuteStatement', { ...place, Sqls, ...more });
  await order.arrived(held.size + 1);
  const id = order.ready.find(({ transaction }) => !held.has(transaction))!.transaction;
  const status = () => local.call('DescribeStatement', { Id, WaitTimeSeconds: 30 });
  return {
    id,
    step: async () => words[(await order.step(id)).kind],
    finish: async () => words[(await order.run(id)).kind],
    status,
    cancel: () => local.call('CancelStatement', { Id }),
    async result(index) {
      await status();
      const { Records } = await local.call('GetStatementResult', { Id: `${Id}:${index + 1}` });
      return Object.values(Records[0][0])[0];
    },
  };
}

const table = async (name: string, rows = '(1), (2)') => {
  await local.run([`create table s.${name} (a integer)`, `insert into s.${name} values ${rows}`]);
};
const setLevel = async (level: string) => {
  local.interleaving.by = undefined;
  const done = await local.run(`alter database millrace isolation level ${level}`, { user: admin });
  expect(done).toMatchObject({ Status: 'FINISHED' });
  local.interleaving.by = order;
  expect(await local.rows('select trim(isolation_level) from stv_db_isolation_level')).toEqual([
    [level === 'snapshot' ? 'Snapshot Isolation' : 'Serializable'],
  ]);
};

describe.each(['snapshot', 'serializable'])('%s isolation', (level) => {
  const t = (name: string) => `${name}_${level}`;
  beforeAll(() => setLevel(level));

  test('uncommitted rows are never read', async () => {
    await table(t('dirty'));
    const writer = await open([`update s.${t('dirty')} set a = 9`, 'select 1']);
    expect(await writer.step()).toBe('done');
    expect(await local.rows(`select sum(a) from s.${t('dirty')}`)).toEqual([[3]]);
    expect(await writer.finish()).toBe('ended');
    expect(await local.rows(`select sum(a) from s.${t('dirty')}`)).toEqual([[18]]);
  });

  test('a transaction reads one snapshot, that of its first read, and its own changes', async () => {
    await table(t('phantom'));
    await table(t('own'));
    const count = `select count(*) from s.${t('phantom')}`;
    const reader = await open([
      `insert into s.${t('own')} values (3)`,
      count,
      count,
      `select count(*) from s.${t('own')}`,
    ]);
    await local.run(`insert into s.${t('phantom')} values (3)`);
    expect([await reader.step(), await reader.step()]).toEqual(['done', 'done']);
    await local.run(`insert into s.${t('phantom')} values (4)`);
    await reader.finish();
    expect([await reader.result(1), await reader.result(2), await reader.result(3)]).toEqual([3, 3, 3]);
  });

  test('LOCK takes no snapshot: what the last holder committed is seen', async () => {
    await table(t('lock'));
    const statements = [`lock s.${t('lock')}`, `insert into s.${t('lock')} select max(a) + 1 from s.${t('lock')}`];
    const [first, second, third] = [await open(statements), await open(statements), await open(statements)];
    expect([await first.step(), await second.step(), await third.step()]).toEqual(['done', 'waits', 'waits']);
    expect(await first.finish()).toBe('ended');
    expect(order.ready.map(({ transaction, point }) => [transaction, point])).toEqual([[second.id, 'locked']]);
    expect(await second.finish()).toBe('ended');
    expect(await third.finish()).toBe('ended');
    expect(await local.rows(`select a from s.${t('lock')} order by 1`)).toEqual([[1], [2], [3], [4], [5]]);
  });

  test('LOCK makes queries wait too, and a cancelled wait ends at once', async () => {
    await table(t('readers'));
    const holder = await open([`lock s.${t('readers')}`, 'select 1']);
    await holder.step();
    const reader = await open([`select count(*) from s.${t('readers')}`]);
    expect(await reader.step()).toBe('waits');
    await reader.cancel();
    expect(await reader.status()).toMatchObject({ Status: 'ABORTED' });
    await holder.finish();
  });

  test('a lock is waited for as long as statement_timeout allows', async () => {
    await table(t('timeout'));
    const holder = await open([`lock s.${t('timeout')}`, 'select 1']);
    await holder.step();
    const waiting = await open(['set statement_timeout to 30', `select count(*) from s.${t('timeout')}`]);
    expect([await waiting.step(), await waiting.step()]).toEqual(['done', 'waits']);
    expect((await waiting.status()).Error).toMatch(/statement_timeout/);
    await holder.finish();
  });

  test('the first change of a row stops a second one that has not seen it', async () => {
    await table(t('lost'));
    const change = [`select count(*) from s.${t('lost')}`, `update s.${t('lost')} set a = a + 10 where a = 1`];
    const [first, second] = [await open(change), await open(change)];
    await Promise.all([first.step(), second.step()]);
    expect(await first.finish()).toBe('ended');
    expect(await second.finish()).toBe('ended');
    expect(await second.status()).toMatchObject({
      Status: 'FAILED',
      Error: expect.stringMatching(
        /ERROR: 1023 DETAIL: Serializable isolation violation on table - s\.lost_\w+, transactions forming the cycle are: \d+, \d+/,
      ),
    });
    expect(await local.rows(`select a from s.${t('lost')} order by 1`)).toEqual([[2], [11]]);
  });

  test.each([
    ['update', 'delete'],
    ['delete', 'update'],
    ['delete', 'delete'],
  ])('a row that one transaction would %s is not one that another could %s before', async (mine, other) => {
    const name = t(`gone_${mine}_${other}`);
    await table(name, '(1), (2), (3)');
    const changes: Record<string, (row: number) => string> = {
      update: (row) => `update s.${name} set a = a + 4 where a = ${row}`,
      delete: (row) => `delete from s.${name} where a = ${row}`,
    };
    const read = `select count(*) from s.${name}`;
    const first = await open([changes[other]!(1), `insert into s.${name} values (7)`]);
    const second = await open([read, changes[mine]!(1)]);
    const third = await open([read, changes[mine]!(3)]);
    await Promise.all([second.step(), third.step()]);
    for (const transaction of [first, second, third]) expect(await transaction.finish()).toBe('ended');
    expect(await second.status()).toMatchObject({ Status: 'FAILED', Error: expect.stringMatching(/ERROR: 1023/) });
    // Another row is not in question, unless the level counts tables.
    expect((await third.status()).Status).toBe(level === 'snapshot' ? 'FINISHED' : 'FAILED');
  });

  test('updates without an earlier snapshot wait for each other', async () => {
    await table(t('queue'), '(1)');
    const change = [`update s.${t('queue')} set a = a + 1`];
    const [first, second] = [await open(change), await open(change)];
    expect([await first.step(), await second.step()]).toEqual(['done', 'waits']);
    expect([await first.finish(), await second.finish()]).toEqual(['ended', 'ended']);
    expect(await local.rows(`select a from s.${t('queue')}`)).toEqual([[3]]);
  });

  test('a snapshot may be from before the wait: then the second update has not seen the first', async () => {
    await table(t('early'), '(1)');
    order = createInterleaver(({ name }) => name !== '', 'before-wait');
    local.interleaving.by = order;
    const change = [`update s.${t('early')} set a = a + 1`];
    const [first, second] = [await open(change), await open(change)];
    expect([await first.step(), await second.step()]).toEqual(['done', 'waits']);
    expect([await first.finish(), await second.finish()]).toEqual(['ended', 'ended']);
    expect((await second.status()).Error).toMatch(/1023/);
    expect(await local.rows(`select a from s.${t('early')}`)).toEqual([[2]]);
  });

  test('of a circle of waits the last one fails', async () => {
    await table(t('one'));
    await table(t('two'));
    const [one, two] = [`update s.${t('one')} set a = 0`, `update s.${t('two')} set a = 0`];
    const [first, second] = [await open([one, two]), await open([two, one])];
    expect([await first.step(), await second.step(), await first.step()]).toEqual(['done', 'done', 'waits']);
    expect(await second.step()).toBe('ended');
    expect(await second.status()).toMatchObject({ Error: 'Query #2 failed with ERROR: deadlock detected' });
    expect(await first.finish()).toBe('ended');
    expect((await first.status()).Status).toBe('FINISHED');
  });

  test('a table that is younger than the snapshot does not exist, nor one that was dropped since', async () => {
    await table(t('old'));
    await table(t('dropped'));
    const read = (name: string) => [`select count(*) from s.${t('old')}`, `select count(*) from s.${t(name)}`];
    const [first, second] = [await open(read('young')), await open(read('dropped'))];
    await Promise.all([first.step(), second.step()]);
    await table(t('young'));
    await local.run(`drop table s.${t('dropped')}`);
    await Promise.all([first.finish(), second.finish()]);
    expect((await first.status()).Error).toBe('Query #2 failed with ERROR: 1018 DETAIL: Relation does not exist');
    expect((await second.status()).Error).toMatch(/relation "dropped_\w+" does not exist/);
  });

  test('DDL waits for those who read the table, and they see it unchanged', async () => {
    await table(t('altered'));
    const reader = await open([`select count(*) from s.${t('altered')}`, `select * from s.${t('altered')} limit 1`]);
    await reader.step();
    const alter = await open([`alter table s.${t('altered')} add column b integer`]);
    expect(await alter.step()).toBe('waits');
    await reader.finish();
    expect(await alter.finish()).toBe('ended');
    expect((await reader.status()).Status).toBe('FINISHED');
    expect((await alter.status()).Status).toBe('FINISHED');
  });

  test('two refreshes of a view run one after the other, and rows of both are in it', async () => {
    await table(t('base'));
    await local.run(`create materialized view s.${t('view')} as select a from s.${t('base')}`);
    const insert = [`insert into s.${t('base')} values (3)`];
    const [first, second] = [await open(insert), await open([...insert, 'select 1'])];
    await first.step();
    const both = (await second.step()) === 'done';
    expect(both).toBe(level === 'snapshot');
    await first.finish();
    await local.run(`refresh materialized view s.${t('view')}`);
    await second.finish();
    expect(await local.rows(`select is_stale from svv_mv_info where name = '${t('view')}'`)).toEqual([['t']]);
    await local.run(`refresh materialized view s.${t('view')}`);
    expect(await local.rows(`select count(*) from s.${t('view')}`)).toEqual([[4]]);
  });
});

describe('snapshot isolation', () => {
  beforeAll(() => setLevel('snapshot'));

  test('INSERTs into one table go on side by side', async () => {
    await table('shared');
    const insert = ['insert into s.shared values (3)', 'select 1'];
    const [first, second] = [await open(insert), await open(insert)];
    expect([await first.step(), await second.step()]).toEqual(['done', 'done']);
    await Promise.all([first.finish(), second.finish()]);
    expect(await local.rows('select count(*) from s.shared')).toEqual([[4]]);
  });

  test('a change after an INSERT of another transaction is a deadlock, if both go on', async () => {
    await table('upgrade');
    const [insert, change] = ['insert into s.upgrade values (3)', 'delete from s.upgrade where a = 1'];
    const [first, second] = [await open([insert, change]), await open([insert, change])];
    expect([await first.step(), await second.step(), await first.step()]).toEqual(['done', 'done', 'waits']);
    expect(await second.step()).toBe('ended');
    expect((await second.status()).Error).toMatch(/deadlock detected/);
    await first.finish();
    expect((await first.status()).Status).toBe('FINISHED');
  });

  test('changes of different rows both commit: write skew', async () => {
    await table('skew', '(0), (1)');
    const read = 'select count(*) from s.skew';
    const first = await open([read, 'update s.skew set a = 0 where a = 1']);
    const second = await open([read, 'update s.skew set a = 1 where a = 0']);
    await Promise.all([first.step(), second.step()]);
    await first.finish();
    await second.finish();
    expect((await second.status()).Status).toBe('FINISHED');
    expect(await local.rows('select a from s.skew order by 1')).toEqual([[0], [1]]);
  });
});

describe('serializable isolation', () => {
  beforeAll(() => setLevel('serializable'));
  afterAll(() => setLevel('snapshot'));

  test('changes of different rows of one table do not both commit', async () => {
    await table('strict', '(0), (1)');
    const read = 'select count(*) from s.strict';
    const first = await open([read, 'update s.strict set a = 0 where a = 1']);
    const second = await open([read, 'update s.strict set a = 1 where a = 0']);
    await Promise.all([first.step(), second.step()]);
    await first.finish();
    await second.finish();
    expect((await second.status()).Error).toMatch(/1023/);
  });

  test('reads and writes that cross fail at the last statement, as the guide shows', async () => {
    await table('tab1');
    await table('tab2');
    const first = await open(['select * from s.tab1', 'insert into s.tab2 values (1)', 'select 1']);
    const second = await open(['insert into s.tab1 values (1)', 'select * from s.tab2']);
    expect([await first.step(), await first.step(), await second.step()]).toEqual(['done', 'done', 'done']);
    expect(await second.step()).toBe('ended');
    expect((await second.status()).Error).toMatch(
      new RegExp(`^Query #2 failed with ERROR: 1023 DETAIL: .* s\\.tab2, .*: ${second.id}, ${first.id}$`),
    );
    await first.finish();
    expect((await first.status()).Status).toBe('FINISHED');
  });

  test('the same statements run one after the other if each locks both tables first', async () => {
    const lock = 'lock s.tab1, s.tab2';
    const first = await open([lock, 'select * from s.tab1', 'insert into s.tab2 values (1)']);
    const second = await open([lock, 'insert into s.tab1 values (1)', 'select * from s.tab2']);
    await first.step();
    expect(await second.step()).toBe('waits');
    await first.finish();
    await second.finish();
    expect([(await first.status()).Status, (await second.status()).Status]).toEqual(['FINISHED', 'FINISHED']);
  });
});

test('the level cannot be changed in a transaction, without the right, or while others are connected', async () => {
  const change = 'alter database millrace isolation level serializable';
  expect((await local.run([change, 'select 1'], { user: admin })).Error).toMatch(/transaction block/);
  const other = await open(['select 1']);
  expect((await local.run(change, { user: admin })).Error).toMatch(/is being accessed by other users/);
  await other.finish();
  expect((await local.run('alter database other isolation level snapshot', { user: admin })).Error).toMatch(
    /"other" does not exist/,
  );
  expect((await local.run('alter database millrace rename to other', { user: admin })).Error).toMatch(
    /ALTER DATABASE RENAME is not supported/,
  );
});
