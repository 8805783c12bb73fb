import { translate } from '../../src/sql';
import { account, region, rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { admin, caller, cluster, owner, startWarehouse, type TestWarehouse } from '../support/warehouse';

let local: TestWarehouse;
beforeEach(async () => {
  local = await startWarehouse(translate, ownerStatements);
});
afterEach(() => local.dispose());

const asked = async (where: object, principal = caller) => {
  const { Id } = await local.call(
    'ExecuteStatement',
    { ClusterIdentifier: cluster, Database: 'millrace', Sql: 'select current_user', WaitTimeSeconds: 30, ...where },
    principal,
  );
  return local.call('DescribeStatement', { Id }, principal);
};
const actions = () => local.authorizer.requests.map(({ action, resource }) => `${action} ${resource}`);
const arn = (rest: string) => `arn:aws:redshift:${region}:${account}:${rest}`;

test('a database user is let in by GetClusterCredentials, and has to exist', async () => {
  expect(await asked({ DbUser: owner })).toMatchObject({ Status: 'FINISHED', DbUser: owner, SecretArn: undefined });
  expect(actions()).toEqual(
    expect.arrayContaining([
      `redshift:GetClusterCredentials ${arn(`dbuser:${cluster}/${owner}`)}`,
      `redshift:GetClusterCredentials ${arn(`dbname:${cluster}/millrace`)}`,
    ]),
  );
  expect(await asked({ DbUser: 'nobody' })).toMatchObject({
    Status: 'FAILED',
    Error: 'FATAL: user "nobody" does not exist',
  });
  local.authorizer.denied.add('redshift:GetClusterCredentials');
  await expect(asked({ DbUser: owner })).rejects.toMatchObject({ code: 'AccessDeniedException' });
});

test('an IAM identity is a user of its own, without rights, by GetClusterCredentialsWithIAM', async () => {
  expect(await asked({})).toMatchObject({ Status: 'FINISHED', DbUser: 'IAMR:refresh' });
  expect(await asked({}, rolePrincipal('export', 'other'))).toMatchObject({ DbUser: 'IAMR:export' });
  expect(actions()).toContain(`redshift:GetClusterCredentialsWithIAM ${arn(`dbname:${cluster}/millrace`)}`);
  expect(await asked({ Sql: 'create schema x' })).toMatchObject({
    Error: 'ERROR: permission denied for database millrace',
  });
  expect(
    await local.rows(`select user_name, superuser from svv_user_info where user_name like 'IAMR%' order by 1`, admin),
  ).toEqual([
    ['IAMR:export', false],
    ['IAMR:refresh', false],
  ]);
});

test('a wrong password and a database that is not there fail the statement', async () => {
  local.secrets.values.set('wrong', JSON.stringify({ username: owner, password: 'Wrong1pw' }));
  expect(await asked({ SecretArn: 'wrong' })).toMatchObject({
    Error: `FATAL: password authentication failed for user "${owner}"`,
  });
  expect(await asked({ SecretArn: owner, Database: 'other' })).toMatchObject({
    Error: 'FATAL: database "other" does not exist',
  });
});

describe('metadata', () => {
  beforeEach(async () => {
    await local.run('create schema s');
    await local.run(`create table s.orders (id bigint not null, amount decimal(12,2) default 1.5, note varchar(20))`);
    await local.run('create view s.order_view as select id from s.orders');
    await local.run('create table s.orderxline (id integer)');
  });
  const call = (operation: string, more: object = {}) =>
    local.call(operation, { ClusterIdentifier: cluster, Database: 'millrace', SecretArn: owner, ...more });

  test('lists databases, schemas and tables by pattern and page', async () => {
    expect(await call('ListDatabases')).toEqual({ Databases: ['millrace'] });
    expect(await call('ListSchemas')).toEqual({ Schemas: ['pg_catalog', 'public', 's'] });
    expect(await call('ListSchemas', { SchemaPattern: 'p%', MaxResults: 1 })).toEqual({
      Schemas: ['pg_catalog'],
      NextToken: 'pg_catalog',
    });
    expect(await call('ListSchemas', { SchemaPattern: 'p%', MaxResults: 1, NextToken: 'pg_catalog' })).toEqual({
      Schemas: ['public'],
    });
    const tables = (await call('ListTables', { SchemaPattern: 's', TablePattern: 'order_%' })).Tables;
    expect(tables).toEqual([
      { schema: 's', name: 'order_view', type: 'VIEW' },
      { schema: 's', name: 'orders', type: 'TABLE' },
      { schema: 's', name: 'orderxline', type: 'TABLE' },
    ]);
    expect((await call('ListTables', { TablePattern: 'order\\_%' })).Tables).toEqual([tables[0]]);
    expect((await call('ListTables', { SchemaPattern: 'pg_catalog', TablePattern: 'svv_tables' })).Tables).toEqual([
      { schema: 'pg_catalog', name: 'svv_tables', type: 'SYSTEM VIEW' },
    ]);
  });

  test('describes a table', async () => {
    const { TableName, ColumnList } = await call('DescribeTable', { Schema: 's', Table: 'orders' });
    expect(TableName).toBe('orders');
    expect(ColumnList).toMatchObject([
      { name: 'id', typeName: 'int8', nullable: 0, precision: 19, scale: 0, schemaName: 's', tableName: 'orders' },
      { name: 'amount', typeName: 'numeric', nullable: 1, precision: 12, scale: 2 },
      { name: 'note', typeName: 'varchar', nullable: 1, length: 20 },
    ]);
    expect(await call('DescribeTable', { Schema: 's', Table: 'nothing' })).toEqual({
      TableName: 'nothing',
      ColumnList: [],
    });
    await expect(call('DescribeTable', { Schema: 's' })).rejects.toThrow('Table needs to be specified.');
  });

  test('lets nobody in whom the database does not know', async () => {
    local.secrets.values.set('wrong', JSON.stringify({ username: owner, password: 'Wrong1pw' }));
    await expect(call('ListTables', { SecretArn: 'wrong' })).rejects.toMatchObject({
      code: 'DatabaseConnectionException',
    });
    local.authorizer.denied.add('redshift-data:ListTables');
    await expect(call('ListTables')).rejects.toMatchObject({ code: 'AccessDeniedException' });
    await expect(call('ListSchemas', { ConnectedDatabase: 'other' })).rejects.toThrow(
      'ConnectedDatabase other than Database is not modelled',
    );
  });
});
