import { createClock } from '../src/clock';

const clockAt = (start: number, onError?: (error: unknown) => void) => createClock({ start, rate: 0, onError });

test('fires timers in the order of their moments, and of their making at the same moment', () => {
  const clock = clockAt(1_000);
  const fired: string[] = [];
  clock.at(1_300, () => void fired.push(`b ${clock.now()}`));
  clock.at(1_200, () => void fired.push(`a ${clock.now()}`));
  clock.at(1_300, () => void fired.push(`c ${clock.now()}`));
  expect(clock.nextTimerAt()).toBe(1_200);
  clock.advanceTo(1_500);
  expect(fired).toEqual(['a 1200', 'b 1300', 'c 1300']);
  expect(clock.now()).toBe(1_500);
  expect(clock.nextTimerAt()).toBeUndefined();
});

test('a timer that a callback sets on the way fires on the same way', () => {
  const clock = clockAt(0);
  const fired: number[] = [];
  const tick = () => {
    fired.push(clock.now());
    clock.at(clock.now() + 10, tick);
  };
  clock.at(10, tick);
  clock.advanceTo(35);
  expect(fired).toEqual([10, 20, 30]);
});

test('never goes back', () => {
  const clock = clockAt(5_000);
  clock.advanceTo(4_000);
  expect(clock.now()).toBe(5_000);
});

test('a cancelled timer does not fire, an overdue one does', () => {
  const clock = clockAt(100);
  const fired: string[] = [];
  clock.at(150, () => void fired.push('cancelled')).cancel();
  clock.at(50, () => void fired.push('overdue'));
  clock.advanceTo(200);
  expect(fired).toEqual(['overdue']);
});

test('reports what a callback throws or rejects with, and goes on', async () => {
  const errors: unknown[] = [];
  const clock = clockAt(0, (error) => errors.push((error as Error).message));
  clock.at(1, () => {
    throw new Error('thrown');
  });
  clock.at(2, async () => {
    throw new Error('rejected');
  });
  clock.advanceTo(3);
  await Promise.resolve();
  await Promise.resolve();
  expect(errors).toEqual(['thrown', 'rejected']);
  expect(clock.now()).toBe(3);
});

test('runs on its own at a rate, and faster at a higher one', async () => {
  const clock = createClock({ start: 0, rate: 1 });
  const reached = new Promise<number>((resolve) => clock.at(3_600_000, () => resolve(clock.now())));
  clock.setRate(3_600_000);
  expect(await reached).toBeGreaterThanOrEqual(3_600_000);
  clock.dispose();
});

test('after dispose it stands still and forgets its timers', () => {
  const clock = clockAt(0);
  const fired: string[] = [];
  clock.at(10, () => void fired.push('late'));
  clock.dispose();
  clock.advanceTo(20);
  expect(fired).toEqual([]);
  expect(clock.nextTimerAt()).toBeUndefined();
});

test('refuses a rate that would run backwards', () => {
  expect(() => createClock({ start: 0, rate: -1 })).toThrow('the rate of the clock must be 0 or more, got -1');
});

test('a leap sets the clock first and runs what is overdue once: a schedule goes on from there', () => {
  const clock = createClock({ start: 0, rate: 0 });
  const times: number[] = [];
  const everySecond = () => {
    times.push(clock.now());
    clock.at(clock.now() + 1000, everySecond);
  };
  clock.at(1000, everySecond);
  clock.leapTo(3_600_500);
  expect(times).toEqual([3_600_500]);
  expect(clock.nextTimerAt()).toBe(3_601_500);
  clock.leapTo(1000);
  expect(clock.now()).toBe(3_600_500);
});
