import { setTimeout as sleep } from 'node:timers/promises';
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

const STEP_MS = 15_000;
/** In real time. Faster, and a session of an hour would end while its commands still run. */
const PAUSE_MS = 250;

/**
 * Lets time pass while something runs. Each step waits until its work is done, so that a slow machine sees the same
 * order of things as a fast one.
 */
export async function whileTimePasses<T>(runtime: Runtime, act: () => Promise<T>): Promise<T> {
  let ended = false;
  const acting = act().finally(() => {
    ended = true;
  });
  while (!ended) {
    await passTime(runtime, STEP_MS);
    await sleep(PAUSE_MS);
  }
  return acting;
}
