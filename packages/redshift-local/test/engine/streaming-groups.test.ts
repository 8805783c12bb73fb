import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

describe('streaming views with groups', () => {
  let local: TestWarehouse;
  const run = async (...statements: string[]) => {
    for (const sql of statements) expect((await local.run(sql)).Error).toBeUndefined();
  };
  const errorOf = async (sql: string) => (await local.run(sql)).Error;
  /** Puts a sale of each amount into the shop's own shard. */
  const sell = (shop: 'a' | 'b', ...amounts: (number | string)[]) =>
    local.kinesis.put(
      'sales',
      amounts.map((amount) => ({
        data: JSON.stringify({ shop, amount }),
        shard: shop === 'a' ? 'shardId-000000000000' : 'shardId-000000000001',
      })),
    );
  const create = (attributes = '', having = '') =>
    `create materialized view s.totals ${attributes} as
     select json_extract_path_text(from_varbyte(kinesis_data, 'utf-8'), 'shop') as shop, count(*) as n,
       sum(json_extract_path_text(from_varbyte(kinesis_data, 'utf-8'), 'amount')::int) as total,
       min(json_extract_path_text(from_varbyte(kinesis_data, 'utf-8'), 'amount')::int) as least,
       max(json_extract_path_text(from_varbyte(kinesis_data, 'utf-8'), 'amount')::int) as most
     from kds.sales group by 1 ${having}`;
  const refresh = 'refresh materialized view s.totals';
  const totals = () => local.rows('select shop, n, total, least, most from s.totals order by shop');

  beforeEach(async () => {
    local = await startWarehouse(translate, ownerStatements);
    local.kinesis.create('sales');
    await run('create schema s', `create external schema kds from kinesis iam_role '${roles.stream}'`);
  });
  afterEach(() => local.dispose());

  test('each record counts once, in groups old and new, over refreshes and a restart', async () => {
    sell('a', 3, 5);
    await run(create());
    expect(await totals()).toEqual([['a', 2, 8, 3, 5]]);
    sell('a', 1);
    sell('b', 10);
    await run(refresh, refresh);
    expect(await totals()).toEqual([
      ['a', 3, 9, 1, 5],
      ['b', 1, 10, 10, 10],
    ]);
    local = await local.restart();
    sell('b', 20);
    await run(refresh);
    expect(await totals()).toEqual([
      ['a', 3, 9, 1, 5],
      ['b', 2, 30, 10, 20],
    ]);
    expect(await local.rows('select sum(scanned_rows) from sys_stream_scan_states')).toEqual([['5']]);
  });

  test('with AUTO REFRESH YES it follows its stream, and a view over it is stale', async () => {
    await run(create('auto refresh yes'), 'create materialized view s.above as select sum(total) as t from s.totals');
    sell('a', 2);
    sell('b', 5);
    expect(await totals()).toEqual([
      ['a', 1, 2, 2, 2],
      ['b', 1, 5, 5, 5],
    ]);
    await run('refresh materialized view s.above');
    expect(await local.rows('select t from s.above')).toEqual([['7']]);
    expect(await local.rows('select distinct trim(refresh_type), trim(status) from sys_mv_refresh_history')).toEqual(
      expect.arrayContaining([['Auto', 'Refresh successfully updated MV incrementally']]),
    );
  });

  test('a group that HAVING leaves out appears when it has enough records', async () => {
    await run(create('', 'having count(*) > 1'));
    sell('a', 1);
    await run(refresh);
    expect(await totals()).toEqual([]);
    sell('a', 2);
    await run(refresh);
    expect(await totals()).toEqual([['a', 2, 3, 1, 2]]);
  });

  test('groups without an aggregate, and an aggregate or HAVING without GROUP BY', async () => {
    const all = () => Promise.all(['n', 'shards', 'one'].map((view) => local.rows(`select * from s.${view}`)));
    await run(
      'create materialized view s.n as select count(*) as n from kds.sales',
      'create materialized view s.shards as select shard_id from kds.sales group by shard_id',
      'create materialized view s.one as select 1 as one from kds.sales having true',
    );
    expect(await all()).toEqual([[[0]], [], [[1]]]);
    for (const n of [1, 2]) {
      sell('a', n);
      for (const view of ['n', 'shards', 'one']) await run(`refresh materialized view s.${view}`);
      expect(await all()).toEqual([[[n]], [['shardId-000000000000']], [[1]]]);
    }
  });

  test('a refresh that fails or is rolled back leaves nothing, and reads its records again', async () => {
    await run(create());
    sell('a', 1);
    expect((await local.run([refresh, 'drop table s.missing'])).Status).toBe('FAILED');
    expect(await totals()).toEqual([]);
    await run(refresh);
    expect(await totals()).toEqual([['a', 1, 1, 1, 1]]);
    sell('a', 2, 'much');
    for (const _ of [1, 2]) expect(await errorOf(refresh)).toContain('much');
    expect(await totals()).toEqual([['a', 1, 1, 1, 1]]);
  });

  test('TRUNCATE, DELETE and APPEND start its groups again, and it keeps its position', async () => {
    sell('a', 1, 2);
    await run(create(), 'create table s.kept (shop varchar(65535), n bigint, total bigint, least int, most int)');
    for (const emptying of ['truncate s.totals', 'delete from s.totals', 'alter table s.kept append from s.totals']) {
      await run(emptying);
      expect(await totals()).toEqual([]);
      sell('a', 10);
      await run(refresh);
      expect(await totals()).toEqual([['a', 1, 10, 10, 10]]);
    }
    sell('b', 2);
    await run(refresh);
    expect(await errorOf("delete from s.totals where shop = 'a'")).toContain(
      'DELETE of some groups of the streaming view "totals" is not modelled by the local warehouse; it may delete all',
    );
    expect(await totals()).toHaveLength(2);
  });

  test('the system views show the view once, and dropping it drops its records', async () => {
    sell('a', 1);
    await run(create());
    expect(await local.rows('select trim(name), state from svv_mv_info')).toEqual([['totals', 1]]);
    expect(await local.rows('select "table" from svv_table_info')).toEqual([['totals']]);
    expect(await local.rows("select table_name from svv_tables where table_name like '%totals%'")).toEqual([
      ['totals'],
    ]);
    expect(await errorOf('select * from millrace_system."records of s.totals"')).toContain('not');
    for (const dropping of ['drop materialized view s.totals', 'drop schema kds cascade']) {
      await run(dropping);
      await run(`create external schema if not exists kds from kinesis iam_role '${roles.stream}'`, create());
      expect(await totals()).toEqual([['a', 1, 1, 1, 1]]);
    }
  });
});
