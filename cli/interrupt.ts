import type { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { Interrupted } from './failure';

/** How long an interrupted command may clean up. */
const GRACE_MS = 400;

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs a command until it ends or is interrupted by Ctrl-C. An interruption aborts the signal, gives the command a
 * moment to clean up, and ends with an `Interrupted`, even if the command has not ended by then. A second Ctrl-C ends
 * the process at once.
 * @param report what is done and what is not, asked at the interruption
 */
export async function interruptible<T>(
  act: (signal: AbortSignal) => Promise<T>,
  report: () => string,
  source: EventEmitter = process,
): Promise<T> {
  const controller = new AbortController();
  let interrupt = () => {};
  const interrupted = new Promise<Interrupted>((resolve) => {
    interrupt = () => {
      if (controller.signal.aborted) process.exit(130);
      const reason = new Interrupted(report());
      controller.abort(reason);
      resolve(reason);
    };
  });
  for (const name of signals) source.on(name, interrupt);
  const acting = act(controller.signal);
  try {
    const first = await Promise.race([acting, interrupted]);
    if (!controller.signal.aborted) return first as T;
    await Promise.race([acting, wait(GRACE_MS, undefined, { ref: false })]);
    throw controller.signal.reason;
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const name of signals) source.off(name, interrupt);
    // What an interrupted command does later is nobody's error.
    acting.catch(() => {});
  }
}
