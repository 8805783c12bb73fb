import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { roles, startWarehouse, type TestWarehouse } from '../support/warehouse';

describe('AUTO REFRESH YES', () => {
  let local: TestWarehouse;
  const run = async (...statements: string[]) => {
    for (const sql of statements) expect((await local.run(sql)).Error).toBeUndefined();
  };
  const history = () =>
    local.rows(
      'select trim(mv_name), trim(refresh_type), trim(status) from sys_mv_refresh_history order by start_time, 1',
    );
  beforeEach(async () => {
    local = await startWarehouse(translate, ownerStatements);
    await run('create schema s', 'create table s.t (a int)', 'insert into s.t values (1)');
  });
  afterEach(() => local.dispose());

  test('a view follows its table; one without it does not', async () => {
    await run(
      'create materialized view s.auto auto refresh yes as select a, count(*) as n from s.t group by a',
      'create materialized view s.manual as select a from s.t',
      'insert into s.t values (2), (2)',
    );
    expect(await local.rows('select a, n from s.auto order by a')).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(await local.rows('select a from s.manual')).toEqual([[1]]);
    expect(await history()).toEqual([['auto', 'Auto', 'Refresh successfully updated MV incrementally']]);
  });

  test('it can be turned on and off', async () => {
    await run(
      'create materialized view s.v as select a from s.t',
      'alter materialized view s.v auto refresh yes',
      'insert into s.t values (2)',
      'alter materialized view s.v auto refresh no',
      'insert into s.t values (3)',
    );
    expect(await local.rows('select a from s.v order by a')).toEqual([[1], [2]]);
    expect(await local.rows(`select trim(autorefresh) from svv_mv_info`)).toEqual([['f']]);
  });

  test.each([
    ['select getdate() as now, a from s.t', 'AUTO REFRESH YES is not allowed with a mutable function'],
    ['select a from s.base', 'AUTO REFRESH YES is not allowed on a view over another materialized view'],
  ])('nor is it turned on for %s', async (query, message) => {
    await run('create materialized view s.base as select a from s.t', `create materialized view s.v as ${query}`);
    expect((await local.run('alter materialized view s.v auto refresh yes')).Error).toContain(message);
  });

  test('a refresh that fails is logged, and the statement runs', async () => {
    await run(
      'create materialized view s.v auto refresh yes as select 10 / a as q from s.t',
      'insert into s.t values (0)',
    );
    expect(await local.rows('select q from s.v')).toEqual([[10]]);
    expect(await history()).toContainEqual(['v', 'Auto', expect.stringContaining('Refresh failed.')]);
  });

  test('a streaming view follows its stream', async () => {
    local.kinesis.create('clicks');
    local.kinesis.put('clicks', [{ data: '{"n":1}' }]);
    await run(
      `create external schema kds from kinesis iam_role '${roles.stream}'`,
      'create materialized view s.v auto refresh yes as select json_parse(kinesis_data) as p from kds.clicks',
    );
    local.kinesis.put('clicks', [{ data: '{"n":2}' }]);
    expect(await local.rows('select p.n::int from s.v order by 1')).toEqual([[1], [2]]);
    expect(await history()).toHaveLength(1);
  });
});
