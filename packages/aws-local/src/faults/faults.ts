import { AwsError, type Clock } from 'aws-local-kit';
import type { DeliveryPoint, FaultSource, Kill } from './source';

/** Injects faults into the twins. */
export interface Faults {
  readonly deliver: (point: DeliveryPoint) => (send: () => Promise<void>) => Promise<void>;
  /** Runs an operation of Kinesis or fails it. */
  readonly kinesis: (operation: string, input: unknown, run: () => unknown) => unknown;
  readonly kill: (functionName: string) => Kill | undefined;
  /** Stops injecting faults. Delayed deliveries still arrive. */
  stop(): void;
  /** Time of the last delayed delivery, in epoch milliseconds. Undefined if there is none. */
  lateUntil(): number | undefined;
}

export function createFaults({ clock, source }: { readonly clock: Clock; readonly source: FaultSource }): Faults {
  let stopped = false;
  const late = new Set<{ readonly at: number }>();
  return {
    deliver: (point) => async (send) => {
      const deliveries = (stopped ? undefined : source.delivery(point)) ?? [0];
      for (const ms of deliveries)
        if (ms === 0) await send();
        else {
          const delivery = { at: clock.now() + ms };
          late.add(delivery);
          clock.at(delivery.at, () => {
            late.delete(delivery);
            return send();
          });
        }
    },
    async kinesis(operation, input, run) {
      const fault = stopped ? undefined : source.kinesisCall?.(operation);
      if (fault === 'throttle') return throttledKinesis(operation, input);
      const answer = await run();
      if (fault === 'answer-lost') throw new AwsError('InternalFailureException', 'The answer was lost', 500);
      return answer;
    },
    kill: (functionName) => (stopped ? undefined : source.kill?.(functionName)),
    stop() {
      stopped = true;
    },
    lateUntil: () => (late.size === 0 ? undefined : Math.max(...[...late].map(({ at }) => at))),
  };
}

/** PutRecords reports throttling per record in a successful answer (Kinesis API reference). Other operations fail. */
function throttledKinesis(operation: string, input: unknown): unknown {
  const ErrorCode = 'ProvisionedThroughputExceededException';
  const ErrorMessage = 'Rate exceeded';
  const { Records } = (input ?? {}) as { Records?: unknown };
  if (operation !== 'PutRecords' || !Array.isArray(Records)) throw new AwsError(ErrorCode, ErrorMessage);
  return { FailedRecordCount: Records.length, Records: Records.map(() => ({ ErrorCode, ErrorMessage })) };
}
