import type { Context } from '../context';

const POLL_MS = 2000;
/** A look that takes long is not repeated at once: looks take a fifth of the time at most. */
const POLL_SHARE = 4;
/** Left for the last look. */
const MARGIN_MS = 5000;

/** A load has the time of its statement in the ledger and in `runs`, and commits later: so much at most, since the load function takes 10 minutes at most. */
export const COMMIT_DELAY_MS = 15 * 60_000;

/** Looks again and again until a look answers that all is settled, or the time is up. */
export async function pollUntilSettled(context: Context, look: () => Promise<boolean>): Promise<void> {
  for (;;) {
    const began = performance.now();
    if ((await look()) || context.remainingMs() < POLL_MS + MARGIN_MS) return;
    await context.sleep(Math.max(POLL_MS, POLL_SHARE * (performance.now() - began)));
  }
}
