import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { admin, owner, startWarehouse, type TestWarehouse } from '../support/warehouse';

/** A regular user beside the owner: what the system views show to whom ("Visibility of data in system tables and views", Redshift developer guide). */
describe('what a user sees of the catalog', () => {
  let local: TestWarehouse;
  const rows = (sql: string, user = 'reader') => local.rows(sql, user);
  beforeAll(async () => {
    local = await startWarehouse(translate, [...ownerStatements, `create user reader password 'Reader1pw'`]);
    local.secrets.values.set('reader', JSON.stringify({ username: 'reader', password: 'Reader1pw' }));
    await local.run('create schema s');
    await local.run('create schema hidden');
    await local.run('create table s.public_rows (a integer)');
    await local.run('create table s.shut (b integer)');
    await local.run('create materialized view s.v as select a from s.public_rows');
    await local.run('grant usage on schema s to reader');
    await local.run('grant select on s.public_rows to reader');
  });
  afterAll(() => local.dispose());

  test('relations and their columns: those it has a privilege on', async () => {
    expect(await rows('select table_name from svv_tables')).toEqual([['public_rows']]);
    expect(await rows('select column_name from svv_columns')).toEqual([['a']]);
    const all = [['public_rows'], ['shut'], ['v']];
    for (const user of [owner, admin])
      expect(await rows('select table_name from svv_tables order by 1', user)).toEqual(all);
  });

  test('schemas: public, and those it may use', async () => {
    expect(await rows('select schema_name from svv_all_schemas order by 1')).toEqual([['public'], ['s']]);
    expect(await rows('select schema_name from svv_all_schemas order by 1', owner)).toEqual([
      ['hidden'],
      ['public'],
      ['s'],
    ]);
  });

  test('materialized views: its own', async () => {
    expect(await rows('select trim(name) as name from svv_mv_info')).toEqual([]);
    expect(await rows('select trim(name) as name from svv_mv_info', owner)).toEqual([['v']]);
    expect(await rows('select trim(name) as name from svv_mv_info', admin)).toEqual([['v']]);
  });

  test('users and privileges: itself and what it was granted; pg_user shows all', async () => {
    expect(await rows('select user_name from svv_user_info')).toEqual([['reader']]);
    expect(await rows('select usename from pg_user order by 1')).toEqual([[admin], [owner], ['reader']]);
    expect(await rows('select relation_name, identity_name from svv_relation_privileges')).toEqual([
      ['public_rows', 'reader'],
    ]);
  });

  test('a grant that is taken back hides the relation again', async () => {
    await local.run('revoke select on s.public_rows from reader');
    expect(await rows('select table_name from svv_tables')).toEqual([]);
    await local.run('grant select on s.public_rows to public');
    expect(await rows('select table_name from svv_tables')).toEqual([['public_rows']]);
  });
});
