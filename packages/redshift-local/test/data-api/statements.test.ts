import { account, region, rolePrincipal } from '../support/fakes';
import { translateJson } from '../support/json-translate';
import * as sql from '../support/statements';
import { caller, cluster, owner, startWarehouse, type TestWarehouse } from '../support/warehouse';

const one = sql.query('select 1', { n: 'bigint' });
const request = { ClusterIdentifier: cluster, Database: 'millrace', SecretArn: owner };

describe('the Data API', () => {
  let local: TestWarehouse;
  beforeEach(async () => {
    local = await startWarehouse(translateJson, sql.ownerStatements);
  });
  afterEach(() => local.dispose());

  const execute = (more: Record<string, unknown> = {}, principal = caller) =>
    local.call('ExecuteStatement', { Sql: one, ...request, ...more }, principal);
  const ended = (Id: string, principal = caller) =>
    local.call('DescribeStatement', { Id, WaitTimeSeconds: 30 }, principal);

  test('answers before the statement ran, and tells its end', async () => {
    const { Id, Status, CreatedAt } = await execute({ StatementName: 'shop/dev/x' });
    expect([Status, CreatedAt]).toEqual([undefined, local.clock.now() / 1000]);
    expect((await local.call('DescribeStatement', { Id })).Status).toBe('SUBMITTED');
    expect(await ended(Id)).toMatchObject({
      Id,
      Status: 'FINISHED',
      HasResultSet: true,
      ResultRows: 1,
      DbUser: owner,
      Database: 'millrace',
      ClusterIdentifier: cluster,
      QueryString: one,
    });
  });

  test('gives results as typed fields, with their columns', async () => {
    const types = {
      n: 'bigint',
      text: 'text',
      payload: 'super',
      amount: 'decimal',
      at: 'timestamp',
      yes: 'boolean',
      real: 'double',
      bytes: 'bytes',
      none: 'text',
    } as const;
    const { Id } = await execute({
      Sql: sql.query(
        `select 7, 'é', '{"a":1}'::json, 1.5::decimal(12, 2), timestamp '2026-02-28 10:00:00', true, 'nan'::double, '\\xAB'::blob, null`,
        types,
      ),
      WaitTimeSeconds: 30,
    });
    const { Records, ColumnMetadata, TotalNumRows } = await local.call('GetStatementResult', { Id });
    expect(Records).toEqual([
      [
        { longValue: 7 },
        { stringValue: 'é' },
        { stringValue: '{"a":1}' },
        { stringValue: '1.50' },
        { stringValue: '2026-02-28 10:00:00' },
        { booleanValue: true },
        { doubleValue: 'NaN' },
        { blobValue: 'qw==' },
        { isNull: true },
      ],
    ]);
    expect(TotalNumRows).toBe(1);
    expect(ColumnMetadata.map(({ name, typeName }: { name: string; typeName: string }) => [name, typeName])).toEqual([
      ['n', 'int8'],
      ['text', 'varchar'],
      ['payload', 'super'],
      ['amount', 'numeric'],
      ['at', 'timestamp'],
      ['yes', 'bool'],
      ['real', 'float8'],
      ['bytes', 'varbyte'],
      ['none', 'varchar'],
    ]);
    expect(ColumnMetadata[3]).toMatchObject({ precision: 12, scale: 2 });
  });

  test('gives long results page by page', async () => {
    const { Id } = await execute({
      Sql: sql.query(`select range::bigint, repeat('x', 1000) from range(2500)`, { n: 'bigint', text: 'text' }),
      WaitTimeSeconds: 30,
    });
    const numbers: number[] = [];
    let pages = 0;
    for (let NextToken: string | undefined; pages === 0 || NextToken; pages++) {
      const page = await local.call('GetStatementResult', { Id, NextToken });
      numbers.push(...page.Records.map(([field]: [{ longValue: number }]) => field.longValue));
      NextToken = page.NextToken;
    }
    expect(pages).toBe(3);
    expect(numbers).toEqual(Array.from({ length: 2500 }, (_, index) => index));
  });

  test('a mistake in SQL is a FAILED statement, not an error of the call', async () => {
    const { Id } = await execute({ Sql: sql.query('select 1/', { n: 'bigint' }) });
    expect(await ended(Id)).toMatchObject({
      Status: 'FAILED',
      Error: 'ERROR: the local warehouse could not run this statement',
      HasResultSet: false,
    });
    await expect(local.call('GetStatementResult', { Id })).rejects.toMatchObject({ code: 'ResourceNotFoundException' });
  });

  test('so are a wrong password and a wrong database', async () => {
    local.secrets.values.set('wrong', JSON.stringify({ username: owner, password: 'guess' }));
    expect(await ended((await execute({ SecretArn: 'wrong' })).Id)).toMatchObject({
      Status: 'FAILED',
      Error: `FATAL: password authentication failed for user "${owner}"`,
    });
    expect(await ended((await execute({ Database: 'other' })).Id)).toMatchObject({
      Status: 'FAILED',
      Error: 'FATAL: database "other" does not exist',
    });
    expect(local.secrets.readers).toContain(caller);
  });

  test('members of a batch have results and numbers of their own', async () => {
    const done = await local.run([sql.createSchema('s'), one]);
    expect(done).toMatchObject({
      Status: 'FINISHED',
      ExecutionMode: 'TRANSACTION',
      SubStatements: [
        { Id: `${done.Id}:1`, ResultRows: -1 },
        { Id: `${done.Id}:2`, HasResultSet: true },
      ],
    });
    expect((await local.call('GetStatementResult', { Id: `${done.Id}:2` })).Records).toEqual([[{ longValue: 1 }]]);
    await expect(local.call('GetStatementResult', { Id: done.Id })).rejects.toMatchObject({
      code: 'ValidationException',
    });
    await expect(local.call('DescribeStatement', { Id: `${done.Id}:3` })).rejects.toMatchObject({
      code: 'ResourceNotFoundException',
    });
  });

  test('a client token gives the same statement for 8 hours, restart or not', async () => {
    const insert = sql.insert('s.t', 'values (1)');
    await local.run([sql.createSchema('s'), sql.createTable('s.t', { a: 'bigint' }, 'a bigint')]);
    const { Id } = await execute({ Sql: insert, ClientToken: 'token' });
    expect((await execute({ Sql: insert, ClientToken: 'token', WaitTimeSeconds: 30 })).Id).toBe(Id);
    await expect(execute({ Sql: one, ClientToken: 'token' })).rejects.toMatchObject({
      code: 'ValidationException',
      message: expect.stringContaining('ClientToken token'),
    });
    local = await local.restart();
    expect(await local.rows(sql.count('s.t'))).toEqual([[1]]);
    local.clock.advanceTo(local.clock.now() + 8 * 3_600_000 - 1);
    expect((await execute({ Sql: insert, ClientToken: 'token' })).Id).toBe(Id);
    const other = await execute({ Sql: insert, ClientToken: 'token', WaitTimeSeconds: 30 }, rolePrincipal('another'));
    expect(other.Id).not.toBe(Id);
    expect(await ended(other.Id, rolePrincipal('another'))).toMatchObject({ Status: 'FINISHED', Error: undefined });
    local.clock.advanceTo(local.clock.now() + 1);
    const later = await execute({ Sql: insert, ClientToken: 'token', WaitTimeSeconds: 30 });
    expect(later.Id).not.toBe(Id);
    expect(await local.rows(sql.count('s.t'))).toEqual([[3]]);
  });

  test('a wait ends with the statement, or with its time', async () => {
    const list = blockLists(local);
    const { Id } = await execute({ Sql: slowCopy });
    let status: string | undefined;
    const wait = local.call('DescribeStatement', { Id, WaitTimeSeconds: 5 }).then((answer) => {
      status = answer.Status;
    });
    await list.reached;
    expect(status).toBeUndefined();
    local.clock.advanceTo(local.clock.now() + 5000);
    await wait;
    expect(status).toBe('STARTED');
    const end = ended(Id);
    list.release();
    expect((await end).Status).toBe('FAILED');
  });

  test('a cancelled statement is ABORTED, whether it ran or waited, and leaves nothing', async () => {
    await local.run([sql.createSchema('s'), sql.createTable('s.t', { a: 'bigint' }, 'a bigint')]);
    const running = await local.call('BatchExecuteStatement', {
      ...request,
      Sqls: [
        sql.insert('s.t', 'values (1)'),
        sql.insert('s.t', 'select count(*) from range(100000000) a, range(100000000) b'),
      ],
    });
    const waiting = await execute({ Sql: sql.insert('s.t', 'values (2)') });
    expect(local.warehouse.port.activeStatements()).toBe(2);
    while ((await local.call('DescribeStatement', { Id: `${running.Id}:2` })).Status !== 'STARTED')
      await new Promise(setImmediate);
    for (const { Id } of [waiting, running])
      expect(await local.call('CancelStatement', { Id })).toEqual({ Status: true });
    expect((await ended(running.Id)).Status).toBe('ABORTED');
    expect((await ended(waiting.Id)).Status).toBe('ABORTED');
    expect(await local.rows(sql.count('s.t'))).toEqual([[0]]);
    await expect(local.call('CancelStatement', { Id: running.Id })).rejects.toMatchObject({
      code: 'ValidationException',
    });
    expect(local.warehouse.port.activeStatements()).toBe(0);
  });

  test('lists by name, status and page, for the role or the session', async () => {
    for (const name of ['a/1', 'a/2', 'b/1']) await execute({ StatementName: name, WaitTimeSeconds: 30 });
    await execute({ StatementName: 'a/bad', Sql: sql.query('select', { n: 'bigint' }), WaitTimeSeconds: 30 });
    const names = async (input: Record<string, unknown>, principal = caller) =>
      (await local.call('ListStatements', input, principal)).Statements.map(
        (statement: { StatementName?: string }) => statement.StatementName,
      );
    expect(await names({ StatementName: 'a/' })).toEqual(['a/2', 'a/1']);
    expect(await names({ StatementName: 'a/', Status: 'ALL' })).toEqual(['a/bad', 'a/2', 'a/1']);
    expect(
      await names({ StatementName: 'a/', Status: 'ALL', RoleLevel: false }, rolePrincipal('refresh', 'other')),
    ).toEqual([]);
    expect(await names({ StatementName: 'a/', Status: 'FAILED' }, rolePrincipal('refresh', 'other'))).toEqual([
      'a/bad',
    ]);
    const page = await local.call('ListStatements', { Status: 'ALL', StatementName: 'a/', MaxResults: 2 });
    expect(await names({ Status: 'ALL', StatementName: 'a/', MaxResults: 2, NextToken: page.NextToken })).toEqual([
      'a/1',
    ]);
  });

  test('lists one warehouse, not two', async () => {
    await expect(
      local.call('ListStatements', { ClusterIdentifier: cluster, WorkgroupName: 'work' }),
    ).rejects.toMatchObject({
      code: 'ValidationException',
      message: 'ClusterIdentifier and WorkgroupName cannot be specified together.',
    });
  });

  test('names the statement that is not there', async () => {
    const id = '00000000-0000-4000-8000-000000000000';
    await expect(local.call('DescribeStatement', { Id: id })).rejects.toMatchObject({ members: { ResourceId: id } });
  });

  test('forgets after 24 hours', async () => {
    const { Id } = await execute({ WaitTimeSeconds: 30 });
    local.clock.advanceTo(local.clock.now() + 24 * 3_600_000);
    await expect(local.call('DescribeStatement', { Id })).rejects.toMatchObject({ code: 'ResourceNotFoundException' });
  });

  test('tells the event bus of the end, if asked to', async () => {
    await execute({ WaitTimeSeconds: 30 });
    const { Id } = await execute({ StatementName: 'name', WithEvent: true, WaitTimeSeconds: 30 });
    expect(local.bus.events).toEqual([
      {
        source: 'aws.redshift-data',
        'detail-type': 'Redshift Data Statement Status Change',
        resources: [`arn:aws:redshift:${region}:${account}:cluster:${cluster}`],
        detail: {
          principal: caller.arn,
          statementName: 'name',
          statementId: Id,
          redshiftQueryId: expect.any(Number),
          state: 'FINISHED',
          rows: 1,
          expireAt: local.clock.now() / 1000 + 24 * 3600,
        },
      },
    ]);
  });

  test('authorizes each operation, and shows statements to their role alone', async () => {
    const { Id } = await execute({ WaitTimeSeconds: 30 });
    await local.call('DescribeStatement', { Id });
    expect(local.authorizer.requests.slice(-2)).toEqual([
      {
        principal: caller,
        action: 'redshift-data:ExecuteStatement',
        resource: `arn:aws:redshift:${region}:${account}:cluster:${cluster}`,
      },
      {
        principal: caller,
        action: 'redshift-data:DescribeStatement',
        resource: '*',
        context: { 'redshift-data:statement-owner-iam-userid': 'AROA:function' },
      },
    ]);
    await expect(local.call('DescribeStatement', { Id }, rolePrincipal('another'))).rejects.toMatchObject({
      code: 'ResourceNotFoundException',
    });
    for (const action of ['ExecuteStatement', 'DescribeStatement'])
      local.authorizer.denied.add(`redshift-data:${action}`);
    await expect(execute()).rejects.toMatchObject({ code: 'AccessDeniedException' });
    await expect(local.call('DescribeStatement', { Id })).rejects.toMatchObject({ code: 'AccessDeniedException' });
  });

  test.each([
    ['no place', { ClusterIdentifier: undefined }, 'Either ClusterIdentifier or WorkgroupName needs to be specified.'],
    ['two places', { WorkgroupName: 'work' }, 'ClusterIdentifier and WorkgroupName cannot be specified together.'],
    ['two ways in', { DbUser: 'u' }, 'SecretArn and DbUser cannot be specified together.'],
    ['no database', { Database: undefined }, 'Database needs to be specified.'],
    ['another cluster', { ClusterIdentifier: 'other' }, `endpoint doesn't exist`],
    [
      'no statement',
      { Sql: undefined },
      "1 validation error detected: Value null at 'sql' failed to satisfy constraint: Member must not be null",
    ],
    ['an empty statement', { Sql: ' ' }, "Sql must hold a statement, got ' '."],
    ['a statement that is a number', { Sql: 1 }, 'sql must be a string, got 1'],
    [
      'too much SQL',
      { Sql: 'x'.repeat(200 * 1024 + 1) },
      'The maximum query statement size is 200 KB: Sql has 204801 bytes.',
    ],
    [
      'a long token',
      { ClientToken: 'x'.repeat(65) },
      `Value '${'x'.repeat(65)}' at 'clientToken' failed to satisfy constraint: Member must have length less than or equal to 64`,
    ],
    [
      'a long wait and an unknown format at once',
      { WaitTimeSeconds: 31, ResultFormat: 'XML' },
      "2 validation errors detected: Value 'XML' at 'resultFormat' failed to satisfy constraint: Member must satisfy enum value set: [JSON, CSV]; " +
        "Value '31' at 'waitTimeSeconds' failed to satisfy constraint: Member must have value less than or equal to 30",
    ],
    [
      'a cluster in capitals',
      { ClusterIdentifier: 'Demo' },
      "Value 'Demo' at 'clusterIdentifier' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z][a-z0-9]*(-[a-z0-9]+)*",
    ],
    [
      'an empty parameter',
      { Parameters: [{ name: 'a', value: '' }] },
      "Value '' at 'parameters.1.member.value' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      'a parameter given twice',
      {
        Parameters: [
          { name: 'a', value: '1' },
          { name: 'a', value: '2' },
        ],
      },
      'Parameters names a more than once.',
    ],
    [
      'a parameter that nothing uses',
      { Parameters: [{ name: 'a', value: '1' }] },
      'Parameter a is used by no statement.',
    ],
    ['an unknown member', { Retries: 1 }, 'ExecuteStatement.Retries is not modelled'],
  ])('refuses %s', async (_, more, message) => {
    await expect(execute(more)).rejects.toThrow(message);
  });

  test('refuses batches of more than 40, and the 501st active statement', async () => {
    await expect(local.call('BatchExecuteStatement', { ...request, Sqls: Array(41).fill(one) })).rejects.toThrow(
      `Value 'a list of 41' at 'sqls' failed to satisfy constraint: Member must have length less than or equal to 40`,
    );
    const list = blockLists(local);
    const ids = [(await execute({ Sql: slowCopy })).Id];
    await list.reached;
    for (let i = 1; i < 500; i++) ids.push((await execute({ Sql: sql.createSchema(`s${i}`) })).Id);
    await expect(execute()).rejects.toMatchObject({ code: 'ActiveStatementsExceededException' });
    list.release();
    await Promise.all(ids.map((id) => ended(id)));
    expect(
      await local.rows(sql.query(`select count(*) from millrace_system.svv_all_schemas`, { n: 'bigint' })),
    ).toEqual([[500]]);
  });
});

/** Waits in S3 as long as `blockLists` has not been released, then fails. */
const slowCopy = JSON.stringify([
  {
    statement: {
      kind: 'unload',
      duckdb: 'select 1',
      columns: [],
      to: 's3://b/',
      roleArn: `arn:aws:iam::${account}:role/unload`,
      format: 'json',
      partitionBy: [],
    },
  },
]).replace('"json"', '"parquet"');

function blockLists(local: TestWarehouse): { reached: Promise<void>; release(): void } {
  let release = () => {};
  const blocked = new Promise<void>((resolve) => {
    release = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    local.s3.list = async () => {
      resolve();
      await blocked;
      throw new Error('the list was refused');
    };
  });
  return { reached, release };
}
