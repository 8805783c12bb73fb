import { translate } from '../../src/sql';
import { ownerStatements } from '../support/sql';
import { startWarehouse, type TestWarehouse } from '../support/warehouse';

/** What dbt-redshift does with an incremental model whose columns change: one transaction alters the table and writes its rows. */
let local: TestWarehouse;
beforeAll(async () => {
  local = await startWarehouse(translate, ownerStatements);
  await local.run('create schema s');
  await local.run('create table s.source (id integer, name varchar(20), more integer)');
  await local.run("insert into s.source values (2, 'two', 22), (3, 'three', 33)");
});
afterAll(() => local.dispose());
beforeEach(async () => {
  await local.run('drop table if exists s.copy');
  await local.run('create table s.copy (id integer, name varchar(5))');
  await local.run("insert into s.copy values (1, 'one'), (2, 'old')");
});

test.each([
  ['adds a column', ['alter table s.copy add column more integer'], 'id, more'],
  [
    'adds two columns',
    ['alter table s.copy add column more integer', 'alter table s.copy add column other integer'],
    'id, more',
  ],
  ['drops a column', ['alter table s.copy drop column name'], 'id'],
  ['widens a column', ['alter table s.copy alter column name type varchar(20)'], 'id, name'],
])('a transaction that %s, deletes and inserts', async (_, alter, columns) => {
  const run = await local.run([
    ...alter,
    'delete from s.copy using s.source where s.source.id = s.copy.id',
    `insert into s.copy (${columns}) (select ${columns} from s.source)`,
  ]);
  expect(run.Error ?? run.Status).toBe('FINISHED');
  expect(await local.rows('select id from s.copy order by id')).toEqual([[1], [2], [3]]);
  expect(await local.rows(`select ${columns} from s.copy where id = 2`)).toEqual(
    await local.rows(`select ${columns} from s.source where id = 2`),
  );
});

test('a transaction that updates the column it adds, renames it and writes rows fails at its end: DuckDB cannot commit that', async () => {
  const run = await local.run([
    'alter table s.copy add column "name__dbt_alter" varchar(20)',
    'update s.copy set "name__dbt_alter" = name',
    'alter table s.copy drop column name cascade',
    'alter table s.copy rename column "name__dbt_alter" to name',
    'delete from s.copy using s.source where s.source.id = s.copy.id',
    'insert into s.copy (id, name) (select id, name from s.source)',
  ]);
  expect(run.Error).toMatch(/another transaction has altered this table/);
  expect(await local.rows('select id, name from s.copy order by id')).toEqual([
    [1, 'one'],
    [2, 'old'],
  ]);
});
