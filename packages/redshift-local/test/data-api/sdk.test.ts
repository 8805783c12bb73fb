import {
  BatchExecuteStatementCommand,
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  ListSessionsCommand,
  RedshiftDataClient,
} from '@aws-sdk/client-redshift-data';
import { createGateway, type Gateway } from 'aws-local-kit';
import { translate } from '../../src/sql';
import { region } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { caller, cluster, owner, startWarehouse, type TestWarehouse } from '../support/warehouse';

describe('the real SDK client', () => {
  let local: TestWarehouse;
  let gateway: Gateway;
  let client: RedshiftDataClient;
  const request = { ClusterIdentifier: cluster, Database: 'millrace', SecretArn: owner, WaitTimeSeconds: 30 };
  beforeAll(async () => {
    local = await startWarehouse(translate, ownerStatements);
    gateway = await createGateway({
      callerOf: () => ({ principal: caller, secretAccessKey: 'secret' }),
      services: [local.warehouse.service],
    });
    client = new RedshiftDataClient({
      region,
      endpoint: gateway.endpoint,
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
      maxAttempts: 1,
    });
  });
  afterAll(async () => {
    client.destroy();
    await gateway.dispose();
    await local.dispose();
  });

  test('runs a query and reads its result', async () => {
    const { Id, Status, CreatedAt, HasResultSet } = await client.send(
      new ExecuteStatementCommand({
        ...request,
        Sql: `select 1 as one, 'a' as letter, json_parse('{"k":[1]}') as payload, null::integer as none`,
      }),
    );
    expect([Status, HasResultSet, CreatedAt]).toEqual(['FINISHED', true, new Date(local.clock.now())]);
    const { Records, ColumnMetadata } = await client.send(new GetStatementResultCommand({ Id }));
    expect(Records).toEqual([[{ longValue: 1 }, { stringValue: 'a' }, { stringValue: '{"k":[1]}' }, { isNull: true }]]);
    expect(ColumnMetadata?.map(({ name, typeName }) => [name, typeName])).toEqual([
      ['one', 'int4'],
      ['letter', 'varchar'],
      ['payload', 'super'],
      ['none', 'int4'],
    ]);
  });

  test('binds parameters', async () => {
    const { Id } = await client.send(
      new ExecuteStatementCommand({
        ...request,
        Sql: 'select :name as name',
        Parameters: [{ name: 'name', value: `it's` }],
      }),
    );
    expect((await client.send(new GetStatementResultCommand({ Id }))).Records).toEqual([[{ stringValue: `it's` }]]);
  });

  test('runs a batch and describes it', async () => {
    const { Id } = await client.send(
      new BatchExecuteStatementCommand({
        ...request,
        Sqls: [
          'create schema s',
          'create table s.t (a integer)',
          'insert into s.t select 1',
          'select nothing from s.t',
        ],
      }),
    );
    const described = await client.send(new DescribeStatementCommand({ Id }));
    expect([described.Status, described.ExecutionMode, described.SubStatements?.map(({ Status }) => Status)]).toEqual([
      'FAILED',
      'TRANSACTION',
      ['FINISHED', 'FINISHED', 'FINISHED', 'FAILED'],
    ]);
    expect(described.Error).toMatch(/^Query #4 failed with line 1, column 8: /);
  });

  test('gets the errors of AWS by name', async () => {
    await expect(
      client.send(new GetStatementResultCommand({ Id: '00000000-0000-4000-8000-000000000000' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(client.send(new ListSessionsCommand({}))).rejects.toThrow(
      'operation redshift-data:ListSessions is not modelled by the local runtime',
    );
  });
});
