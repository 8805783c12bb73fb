import type { Log } from '../shared/log';
import { WarehouseAsleepError } from '../shared/warehouse';

export interface AwakeHost {
  readonly log: Log;
  readonly sleep: (ms: number) => Promise<void>;
  /** Until the function has to answer. */
  readonly remainingMs: () => number;
}

/** A resume, a reboot or a resize takes minutes. */
const lookEveryMs = 10_000;
/** No attempt begins with less time than that. */
const attemptMs = 60_000;

/**
 * Does the work, and does it again as long as the warehouse is on its way back and there is time. CloudFormation gives onEvent one call: an error fails the
 * deployment. A warehouse that is paused is not waited for.
 * @throws WarehouseAsleepError saying what to do
 */
export async function whenAwake<T>({ log, sleep, remainingMs }: AwakeHost, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof WarehouseAsleepError)) throw error;
      if (!error.returning || remainingMs() < lookEveryMs + attemptMs)
        throw new WarehouseAsleepError(`${error.message}. Nothing was changed; deploy again then`, error.returning, {
          cause: error,
        });
      log('the warehouse is on its way back, waiting', { error: error.message });
      await sleep(lookEveryMs);
    }
  }
}
