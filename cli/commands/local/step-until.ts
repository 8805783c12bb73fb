import { Failure } from '../../failure';
import type { DemoRuntime } from './demo-runtime';

/** Clock time without progress that counts as a failure. It is long enough for many refreshes and export runs. */
const PATIENCE_MS = 3 * 3_600_000;

/**
 * Moves the clock from timer to timer until `left` returns 0.
 * @param stuck describes what is left after hours without progress
 */
export async function stepUntil(
  runtime: Pick<DemoRuntime, 'settle' | 'step' | 'now'>,
  signal: AbortSignal,
  left: () => Promise<number>,
  stuck: (now: number) => Promise<readonly string[]>,
): Promise<void> {
  await runtime.settle(signal);
  let least = Number.POSITIVE_INFINITY;
  let since = runtime.now();
  for (let now = await left(); now > 0; now = await left()) {
    signal.throwIfAborted();
    if (now < least) {
      least = now;
      since = runtime.now();
    } else if (runtime.now() - since > PATIENCE_MS) throw new Failure((await stuck(now)).join('\n'));
    await runtime.step(signal);
  }
}
