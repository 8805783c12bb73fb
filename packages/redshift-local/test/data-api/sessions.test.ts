import { translate } from '../../src/sql';
import { rolePrincipal } from '../support/fakes';
import { ownerStatements } from '../support/sql';
import { caller, cluster, owner, startWarehouse, type TestWarehouse } from '../support/warehouse';

let local: TestWarehouse;
beforeEach(async () => {
  local = await startWarehouse(translate, ownerStatements);
});
afterEach(() => local.dispose());

const place = { ClusterIdentifier: cluster, Database: 'millrace', SecretArn: owner };
const send = (Sql: string, more: object, principal = caller) =>
  local.call('ExecuteStatement', { Sql, WaitTimeSeconds: 30, ...more }, principal);
const within = async (SessionId: string, Sql: string) => {
  const { Id } = await send(Sql, { SessionId });
  return local.call('DescribeStatement', { Id });
};
const opened = async () =>
  (await send('create temp table t (a integer)', { ...place, SessionKeepAliveSeconds: 60 })).SessionId;

test('a temporary table lives as long as the session, and nobody else sees it', async () => {
  const session = await opened();
  expect(session).toMatch(/^[0-9a-f-]{36}$/);
  expect((await within(session, 'insert into t values (1), (2)')).ResultRows).toBe(2);
  const read = await within(session, 'select sum(a) from t');
  expect(read).toMatchObject({ Status: 'FINISHED', SessionId: session, DbUser: owner, Database: 'millrace' });
  expect((await local.call('GetStatementResult', { Id: read.Id })).Records).toEqual([[{ longValue: 3 }]]);
  expect((await local.run('select a from t')).Error).toMatch(/t.* does not exist/);
  expect((await within(await opened(), 'select count(*) from t')).Status).toBe('FINISHED');
});

test('a statement that fails or is cancelled leaves the session as it was', async () => {
  const session = await opened();
  await within(session, 'insert into t values (1)');
  expect((await within(session, 'insert into t select 1 / 0')).Status).toBe('FAILED');
  const { Id } = await local.call('ExecuteStatement', {
    SessionId: session,
    Sql: 'insert into t select row_number() over (order by a.a) from t a, t b, t c',
  });
  await local.call('CancelStatement', { Id });
  expect((await local.call('DescribeStatement', { Id, WaitTimeSeconds: 30 })).Status).toBe('ABORTED');
  const counted = await within(session, 'select count(*) from t');
  expect((await local.call('GetStatementResult', { Id: counted.Id })).Records).toEqual([[{ longValue: 1 }]]);
});

test('a transaction that would stay open is refused', async () => {
  const session = await opened();
  expect(await within(session, 'begin')).toMatchObject({
    Status: 'FAILED',
    Error: expect.stringContaining('a transaction that is open at the end of a statement of a session is not modelled'),
  });
  expect(await within(session, 'begin; insert into t values (1); commit')).toMatchObject({ Status: 'FINISHED' });
});

test('it ends after the time that was last asked for, counted from the last statement', async () => {
  const session = await opened();
  local.clock.advanceTo(local.clock.now() + 50_000);
  await within(session, 'select 1');
  local.clock.advanceTo(local.clock.now() + 50_000);
  await send('select 1', { SessionId: session, SessionKeepAliveSeconds: 10 });
  local.clock.advanceTo(local.clock.now() + 11_000);
  await expect(within(session, 'select 1')).rejects.toMatchObject({ code: 'ResourceNotFoundException' });
});

test('it runs one statement at a time, for its role, and takes no other place', async () => {
  const session = await opened();
  await local.call('ExecuteStatement', { Sql: 'select 1', SessionId: session });
  await expect(within(session, 'select 1')).rejects.toThrow(`Session ${session} is busy`);
  await expect(send('select 1', { SessionId: session }, rolePrincipal('other'))).rejects.toMatchObject({
    code: 'ResourceNotFoundException',
  });
  await expect(send('select 1', { SessionId: session, Database: 'x' })).rejects.toThrow(
    'Database and SessionId cannot be specified together.',
  );
  await expect(send('select 1', { ...place, SessionKeepAliveSeconds: 86_401 })).rejects.toThrow(
    'Member must have value less than or equal to 86400',
  );
});

test('a cluster has 500', async () => {
  for (let i = 0; i < 500; i++) await send('select 1', { ...place, SessionKeepAliveSeconds: 60 });
  await expect(send('select 1', { ...place, SessionKeepAliveSeconds: 60 })).rejects.toMatchObject({
    code: 'ActiveSessionsExceededException',
  });
});
