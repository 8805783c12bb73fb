import { pauseKey } from '../../../lambda/shared/pause';
import { assertAwake } from '../../../lambda/shared/paused-workgroup';
import { FakeObjects } from '../fakes';

const until = Date.parse('2026-11-22T09:00:00Z');
const objectsIn = (phase: string) => {
  const objects = new FakeObjects();
  objects.held.set(
    `work/${pauseKey}`,
    JSON.stringify({ phase, by: 'person', since: until - 1, until, retention: {}, now: false }),
  );
  return objects;
};
const workgroup = { kind: 'serverless', name: 'millrace-dev' } as const;

test('a workgroup of a paused environment takes no statement, and says until when', async () => {
  await expect(assertAwake(workgroup, objectsIn('paused'), 'work')).rejects.toMatchObject({
    name: 'WarehouseAsleepError',
    returning: false,
    message: expect.stringContaining('the workgroup millrace-dev is paused until 2026-11-22T09:00:00.000Z'),
  });
});

test.each(['pausing', 'resumed'])('it takes statements in the phase %s', async (phase) => {
  await expect(assertAwake(workgroup, objectsIn(phase), 'work')).resolves.toBeUndefined();
  await expect(assertAwake(workgroup, new FakeObjects(), 'work')).resolves.toBeUndefined();
});

test('a cluster refuses statements itself, so nothing is read', async () => {
  const get = jest.fn();
  await assertAwake({ kind: 'provisioned', name: 'millrace-dev' }, { get }, 'work');
  expect(get).not.toHaveBeenCalled();
});
