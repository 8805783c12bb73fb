import { translateJson } from '../support/json-translate';
import * as sql from '../support/statements';
import { admin, startWarehouse, type TestWarehouse } from '../support/warehouse';

const info = sql.query(`select name, is_stale, state from millrace_system.svv_mv_info order by name`, {
  name: 'text',
  stale: 'text',
  state: 'bigint',
});
const lastStatus = sql.query(`select last(status) from millrace_system.sys_mv_refresh_history`, { status: 'text' });
const value = (view: string) => sql.query(`select n from ${view}`, { n: 'bigint' }, [view]);

describe('materialized views', () => {
  let local: TestWarehouse;
  beforeEach(async () => {
    local = await startWarehouse(translateJson, sql.ownerStatements);
    await local.run([
      sql.createSchema('s'),
      sql.createTable('s.t', { a: 'bigint' }, 'a bigint'),
      sql.materializedView('s.below', ['s.t'], 'select count(*) as n from s.t', { n: 'bigint' }),
      sql.materializedView('s.top', ['s.below'], 'select max(n) as n from s.below', { n: 'bigint' }, 'it has a window'),
    ]);
  });
  afterEach(() => local.dispose());

  test('show what was there at their last refresh, and whether they are stale', async () => {
    expect(await local.rows(info)).toEqual([
      ['below', 'f', 1],
      ['top', 'f', 0],
    ]);
    await local.run(sql.insert('s.t', 'values (1)'));
    expect(await local.rows(value('s.below'))).toEqual([[0]]);
    expect(await local.rows(info)).toEqual([
      ['below', 't', 1],
      ['top', 't', 0],
    ]);
    await local.run(sql.refresh('s.below'));
    expect(await local.rows(value('s.below'))).toEqual([[1]]);
    expect(await local.rows(info)).toEqual([
      ['below', 'f', 1],
      ['top', 't', 0],
    ]);
  });

  test('a refresh over a stale view does nothing and says so', async () => {
    await local.run(sql.insert('s.t', 'values (1)'));
    expect((await local.run(sql.refresh('s.top'))).Status).toBe('FINISHED');
    expect(await local.rows(value('s.top'))).toEqual([[0]]);
    expect(await local.rows(lastStatus)).toEqual([
      ['MV was already updated; it depends on another materialized view that is not up to date: s.below'],
    ]);
  });

  test('CASCADE refreshes what is below first', async () => {
    await local.run(sql.insert('s.t', 'values (1)'));
    await local.run(sql.refresh('s.top', true));
    expect(await local.rows(value('s.top'))).toEqual([[1]]);
    expect(await local.rows(lastStatus)).toEqual([['Refresh successfully recomputed MV from scratch']]);
  });

  test('a refresh without changes does no work', async () => {
    await local.run(sql.refresh('s.below'));
    expect(await local.rows(lastStatus)).toEqual([['MV was already updated']]);
  });

  test('only the owner refreshes, and only what exists', async () => {
    expect((await local.run(sql.refresh('s.below'), { user: admin })).Error).toBe(
      'ERROR: must be owner of materialized view below to refresh it',
    );
    expect((await local.run(sql.refresh('s.none'))).Error).toBe('ERROR: materialized view "s.none" does not exist');
  });

  test('a refresh in the transaction that changed its base is refused', async () => {
    const done = await local.run([sql.insert('s.t', 'values (1)'), sql.refresh('s.below')]);
    expect(done.Error).toMatch(/REFRESH after a change of s.t in the same transaction is not modelled/);
  });

  test('a base cannot be dropped under its views, but with CASCADE', async () => {
    expect((await local.run(sql.drop('table', 's.t'))).Error).toBe(
      'ERROR: cannot drop t because other objects depend on it: s.below',
    );
    expect((await local.run(sql.drop('view', 's.top'))).Error).toBe('ERROR: "top" is not a view');
    expect((await local.run(sql.drop('table', 's.t', true))).Status).toBe('FINISHED');
    expect(await local.rows(info)).toEqual([]);
  });
});
