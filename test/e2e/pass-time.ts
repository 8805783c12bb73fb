import type { Runtime } from '../../local/runtime';

/** Moves a runtime's clock, which does not move by itself: every timer that is due on the way runs, and all that it causes. */
export async function passTime(runtime: Runtime, ms: number): Promise<void> {
  const end = runtime.clock.now() + ms;
  await runtime.settle();
  for (let next = runtime.clock.nextTimerAt(); next !== undefined && next <= end; next = runtime.clock.nextTimerAt())
    await runtime.step();
  runtime.clock.advanceTo(end);
  await runtime.settle();
}
