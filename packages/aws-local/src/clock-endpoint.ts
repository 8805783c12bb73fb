import type { InternalHandler, RuntimeClock } from 'aws-local-kit';

/** GET answers the time of a running environment, which may run faster than the machine's: `{ now }`, epoch milliseconds. */
export const clockPath = '/_local/clock';

export const clockHandler =
  (clock: Pick<RuntimeClock, 'now'>): InternalHandler =>
  () => ({
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ now: clock.now() }),
  });
