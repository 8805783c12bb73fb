import type { WarehouseObjectProperties } from '../../../lambda/warehouse-object/contract';
import { isCompleteFunction, onEventFunction } from '../../../lambda/warehouse-object/object';
import { FakeWarehouse } from '../fakes';
import { fakeHost } from './host';

const minuteMs = 60_000;
const properties: WarehouseObjectProperties = {
  name: 'estore.hourly_1a2b3c4d',
  kind: 'materialized-view',
  version: '1a2b3c4d',
  identity: 'owner',
  create: JSON.stringify([{ name: 'create', mode: 'single', statements: ['create materialized view v as select 1'] }]),
  delete: JSON.stringify([{ name: 'drop', mode: 'single', statements: ['drop materialized view if exists v'] }]),
};

function setUp() {
  const warehouse = new FakeWarehouse();
  const host = { ...fakeHost(warehouse), limitMs: 56 * minuteMs };
  // The create hangs; all else ends at once.
  warehouse.outcome = ({ statements }) => (/^create mat/.test(statements[0]!) ? undefined : {});
  const event = (RequestType: string, RequestId: string, StackId = 'stack-a') => ({
    RequestType,
    RequestId,
    StackId,
    ...(RequestType === 'Create' ? {} : { PhysicalResourceId: 'estore.hourly_1a2b3c4d@1a2b3c4d' }),
    ResourceProperties: { ServiceToken: 'arn', ...properties },
  });
  const begin = (...args: Parameters<typeof event>) => onEventFunction(host)(event(...args), () => 500);
  const ask = (...args: Parameters<typeof event>) => isCompleteFunction(host)(event(...args), () => 500);
  const hanging = () =>
    warehouse.statements.find(({ submission }) => submission.statements[0]?.startsWith('create mat'))!;
  return { warehouse, begin, ask, hanging };
}

test('a statement that does not end is cancelled before CloudFormation gives up, and the deployment says so', async () => {
  const { warehouse, begin, ask, hanging } = setUp();
  await begin('Create', 'r1');
  expect(await ask('Create', 'r1')).toEqual({ IsComplete: false });
  warehouse.now += 55 * minuteMs;
  expect(await ask('Create', 'r1')).toEqual({ IsComplete: false });
  expect(hanging().status).toBe('STARTED');
  warehouse.now += 2 * minuteMs;
  await expect(ask('Create', 'r1')).rejects.toThrow(
    /^materialized-view estore.hourly_1a2b3c4d: statement id-\d+ of step 0 did not end within 56 minutes of the deployment's first, and was cancelled/,
  );
  expect(hanging().status).toBe('ABORTED');
});

test('a statement that finishes while it is cancelled has succeeded', async () => {
  const { warehouse, begin, ask, hanging } = setUp();
  await begin('Create', 'r1');
  await ask('Create', 'r1');
  warehouse.now += 57 * minuteMs;
  warehouse.cancel = async () => void Object.assign(hanging(), { status: 'FINISHED' });
  expect(await ask('Create', 'r1')).toEqual({ IsComplete: true });
});

test('a delete cancels the statement that its create left running', async () => {
  const { begin, ask, hanging } = setUp();
  await begin('Create', 'r1');
  await ask('Create', 'r1');
  await begin('Delete', 'r2');
  expect(hanging().status).toBe('ABORTED');
  expect(await ask('Delete', 'r2')).toEqual({ IsComplete: true });
  // The abandoned request fails with the same reason.
  await expect(ask('Create', 'r1')).rejects.toThrow('step 0 (create), statement 1 of 1 aborted: Query was cancelled');
});

test('the statement of another stack is not cancelled, and nothing is begun beside it', async () => {
  const { warehouse, begin, ask, hanging } = setUp();
  await begin('Create', 'r1');
  await ask('Create', 'r1');
  const before = warehouse.statements.length;
  for (const type of ['Create', 'Update', 'Delete'])
    await expect(begin(type, 'r2', 'stack-b')).rejects.toThrow(
      /^materialized-view estore.hourly_1a2b3c4d: another stack has a statement active on it since 2026-11-21T05:00:0\dZ?.*: millrace\/dev\/deploy\/estore.hourly_1a2b3c4d\/[0-9a-f]{8}\/r1\/0/,
    );
  expect(hanging().status).toBe('STARTED');
  expect(warehouse.statements).toHaveLength(before);
  // The other stack no longer waits for it.
  warehouse.now += 57 * minuteMs;
  await begin('Create', 'r3', 'stack-b');
  expect(hanging().status).toBe('ABORTED');
});

test('the same request, asked twice, keeps its own statement', async () => {
  const { begin, ask, hanging } = setUp();
  await begin('Create', 'r1');
  await ask('Create', 'r1');
  await begin('Create', 'r1');
  expect(hanging().status).toBe('STARTED');
});
