import { isCompleteFunction } from '../../../lambda/warehouse-object/object';
import { ownerObject } from '../../../sql';
import { FakeWarehouse, type Outcome } from '../fakes';
import { fakeHost } from './host';

/** Deploys the owner object on a warehouse. @param level that the database has */
function deploy(level: string, alter: Outcome = {}) {
  const warehouse = new FakeWarehouse();
  warehouse.outcome = ({ statements: [sql = ''] }) => {
    if (sql.includes('stv_db_isolation_level')) return { rows: level === 'Snapshot Isolation' ? [{ one: 1 }] : [] };
    return sql.startsWith('alter database') ? alter : {};
  };
  const ownerSecret = async () => JSON.stringify({ username: 'millrace_owner', password: 'Password1' });
  const done = isCompleteFunction({ ...fakeHost(warehouse), ownerSecret })(
    {
      RequestType: 'Create',
      PhysicalResourceId: 'millrace_owner',
      RequestId: 'r1',
      StackId: 'stack-a',
      ResourceProperties: { ServiceToken: 'arn', ...ownerObject('millrace').properties },
    },
    () => 60_000,
  );
  const altered = () => warehouse.statements.filter(({ submission }) => /^alter/.test(submission.statements[0]!));
  return { done, altered };
}

test('the deployment sets the isolation level of a database that has another one', async () => {
  const { done, altered } = deploy('Serializable');
  await done;
  expect(altered().map(({ submission }) => submission)).toMatchObject([
    { mode: 'single', statements: ['alter database "millrace" isolation level snapshot'] },
  ]);
});

test('a level that is right is left alone: Redshift sets it only while nobody else is connected', async () => {
  const { done, altered } = deploy('Snapshot Isolation');
  await done;
  expect(altered()).toEqual([]);
});

test('a level that cannot be set fails the deployment, with the reason', async () => {
  const error = 'ERROR: database "millrace" is being accessed by other users';
  const { done } = deploy('Serializable', { status: 'FAILED', error });
  await expect(done).rejects.toThrow(/step 1 \(isolation\).*being accessed by other users/);
});

test('Redshift does not change the level of the database dev', () => {
  expect(ownerObject('dev').properties.create).not.toMatch(/isolation/);
});
