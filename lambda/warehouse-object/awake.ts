import type { RemainingMs } from '../shared/deadline';
import { WarehouseAsleepError } from '../shared/warehouse';
import type { ObjectHost } from './host';

/** A resume, a reboot or a resize takes minutes. */
const retryEveryMs = 10_000;
/** No attempt begins with less time left. */
const attemptMs = 60_000;

/**
 * Does the work, and retries it while the warehouse is coming back and time is left. CloudFormation calls onEvent once, and an error fails the
 * deployment. A paused warehouse is not waited for.
 * @throws WarehouseAsleepError that says what to do
 */
export async function whenAwake<T>(
  { log, sleep }: Pick<ObjectHost, 'log' | 'sleep'>,
  remainingMs: RemainingMs,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof WarehouseAsleepError)) throw error;
      if (!error.returning || remainingMs() < retryEveryMs + attemptMs) {
        const message = `${error.message}. Nothing was changed; deploy again then`;
        throw new WarehouseAsleepError(message, error.returning, { cause: error });
      }
      log('the warehouse is coming back, waiting', { error: error.message });
      await sleep(retryEveryMs);
    }
  }
}
