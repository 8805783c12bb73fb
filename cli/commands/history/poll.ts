import type { Context } from '../context';

const POLL_MS = 2000;
/** Polls take at most a fifth of the time, so a slow one is not repeated at once. */
const POLL_SHARE = 4;
/** Time reserved for the last poll. */
const MARGIN_MS = 5000;

/**
 * A load records its statement's time in the ledger and in `runs`, and commits later. The load function takes 10
 * minutes at most.
 */
export const COMMIT_DELAY_MS = 15 * 60_000;

/** Repeats the poll until it returns true, or until the time is up. */
export async function pollUntilSettled(context: Context, look: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const began = performance.now();
    if ((await look()) || context.remainingMs() < POLL_MS + MARGIN_MS) return;
    await context.sleep(Math.max(POLL_MS, POLL_SHARE * (performance.now() - began)));
  }
}
