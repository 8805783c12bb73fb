import type { InternalHandler, RuntimeClock } from 'aws-local-kit';

/**
 * The time of a running environment in epoch milliseconds. It may differ from the machine's time.
 * - GET: 200 with ClockState.
 * - POST `{ to }`: 202 and moves the clock forward to this moment; 409 while another jump is in progress.
 */
export const clockPath = '/_local/clock';

export interface ClockState {
  readonly now: number;
  /** Target of the jump in progress, if any. */
  readonly jumpsTo?: number;
  /** Reason why the last jump ended early. */
  readonly error?: string;
}

export function clockHandler(
  clock: Pick<RuntimeClock, 'now'>,
  jump: (epochMs: number) => Promise<void>,
): InternalHandler {
  let jumpsTo: number | undefined;
  let error: string | undefined;
  const state = (): ClockState => ({ now: clock.now(), jumpsTo, error });

  return ({ method, body }) => {
    if (method === 'GET') return json(200, state());
    if (method !== 'POST') return { status: 405, body: 'POST or GET' };
    if (jumpsTo !== undefined) return { status: 409, body: 'a jump is under way: wait for its end' };
    const to = momentOf(body);
    if (to === undefined || to < clock.now())
      return { status: 400, body: 'to must be a moment that is still to come, in epoch milliseconds' };
    jumpsTo = to;
    error = undefined;
    void jump(to)
      .catch((cause: Error) => {
        error = cause.message;
      })
      .finally(() => {
        jumpsTo = undefined;
      });
    return json(202, state());
  };
}

function momentOf(body: Buffer): number | undefined {
  try {
    const { to } = JSON.parse(body.toString('utf8')) as { to?: unknown };
    return Number.isSafeInteger(to) ? (to as number) : undefined;
  } catch {
    return undefined;
  }
}

const json = (status: number, value: unknown) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
