import type { Cloud } from '../../../cli/cloud/ports';
import { readOnlyCloud } from '../../../cli/cloud/read-only';

test('a cloud that only reads refuses what writes, and counts queues without a delivery', async () => {
  const called: string[] = [];
  const queues = {
    counts: async () => ({ waiting: 2, inFlight: 0, delayed: 0 }),
    receive: async () => called.push('receive'),
  };
  const cloud = readOnlyCloud({ buckets: {}, queues } as unknown as Cloud);
  await expect(cloud.buckets.put('b', 'k', Buffer.from('x'))).rejects.toThrow('writing an object is refused');
  for (const call of [
    () => cloud.queues.send('q', ['x']),
    () => cloud.queues.receive('q', 1),
    () => cloud.queues.release('q', 'r'),
    () => cloud.queues.delete('q', 'r'),
  ])
    await expect(call()).rejects.toThrow(/is refused: this page only reads/);
  expect(await cloud.queues.look('q', 10)).toEqual({ messages: [], whole: false });
  expect(called).toEqual([]);
});
