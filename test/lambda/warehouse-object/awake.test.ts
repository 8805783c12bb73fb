import { WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import { whenAwake } from '../../../lambda/warehouse-object/awake';
import { setUp, view } from './host';

const away = (returning: boolean) =>
  new WarehouseAsleepError(`the cluster c is ${returning ? 'resuming' : 'paused: resume it'}`, returning);

function waiting(errors: unknown[], minutes: number) {
  let leftMs = minutes * 60_000;
  let attempts = 0;
  const sleep = async (ms: number) => {
    leftMs -= ms;
  };
  const done = whenAwake(
    { log: () => undefined, sleep },
    () => leftMs,
    async () => {
      attempts += 1;
      if (errors.length > 0) throw errors.shift();
      return 'done';
    },
  );
  return { done, attempts: () => attempts, usedMs: () => minutes * 60_000 - leftMs };
}

test('a warehouse that comes back is waited for', async () => {
  const { done, attempts, usedMs } = waiting(Array(30).fill(away(true)), 14);
  expect(await done).toBe('done');
  expect([attempts(), usedMs()]).toEqual([31, 300_000]);
});

test('one that stays away is waited for until the function has to answer', async () => {
  const { done, usedMs } = waiting(Array(1000).fill(away(true)), 14);
  await expect(done).rejects.toThrow('the cluster c is resuming. Nothing was changed; deploy again then');
  expect(usedMs()).toBeGreaterThan(12 * 60_000);
});

test('one that is paused is not waited for', async () => {
  const { done, attempts } = waiting([away(false)], 14);
  await expect(done).rejects.toThrow('the cluster c is paused: resume it. Nothing was changed; deploy again then');
  expect(attempts()).toBe(1);
});

test('any other error is not retried', async () => {
  const { done, attempts } = waiting([new Error('denied')], 14);
  await expect(done).rejects.toThrow('denied');
  expect(attempts()).toBe(1);
});

describe('while statements are followed', () => {
  const failedUnder = (kind: 'paused' | 'returning') => ({
    status: 'FAILED' as const,
    error: 'ERROR: Query canceled; the cluster c is away',
    warehouse: { kind, status: 'x' },
  });

  test('a warehouse that is coming back is waited for', async () => {
    const { world, isComplete, changes } = setUp(view);
    world.answer = () => failedUnder('returning');
    expect(await isComplete()).toEqual({ IsComplete: false });
    expect(changes()).toHaveLength(1);
  });

  test('a paused one fails the deployment, with what to do', async () => {
    const { world, isComplete } = setUp(view);
    world.answer = () => failedUnder('paused');
    await expect(isComplete()).rejects.toThrow('the cluster c is away');
  });

  test('a query that failed while the warehouse was coming back is retried', async () => {
    const { owner, isComplete } = setUp(view);
    const { submit } = owner;
    owner.submit = async () => {
      throw away(true);
    };
    expect(await isComplete()).toEqual({ IsComplete: false });
    owner.submit = submit;
    expect(await isComplete()).toEqual({ IsComplete: true });
  });
});
