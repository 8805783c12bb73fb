import { mapAtMost } from '../../../lambda/shared/at-most';

test('no more calls run at the same time than allowed, and results keep the order of the items', async () => {
  let running = 0;
  let most = 0;
  const results = await mapAtMost(3, [5, 1, 4, 2, 3, 0, 6], async (item) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < item; turn += 1) await Promise.resolve();
    running -= 1;
    return item * 10;
  });
  expect(results).toEqual([50, 10, 40, 20, 30, 0, 60]);
  expect(most).toBe(3);
});

test('after a failure no call begins, and the failure waits for those that run', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = mapAtMost(2, [0, 1, 2, 3], async (item) => {
    begun.push(item);
    if (item === 0) throw new Error('no room');
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    ended.push(item);
  });
  await expect(work).rejects.toThrow('no room');
  expect([begun, ended]).toEqual([[0, 1], [1]]);
});

test('nothing to do is done', async () => {
  expect(await mapAtMost(4, [], () => Promise.reject(new Error('not called')))).toEqual([]);
});
