import { AwsError, type Clock } from 'aws-local-kit';
import type { DeliveryPoint, FaultSource, Kill } from './source';

/** Makes things go wrong in the twins that ask it. */
export interface Faults {
  readonly deliver: (point: DeliveryPoint) => (send: () => Promise<void>) => Promise<void>;
  /** In place of an operation of Kinesis, whose input is given. */
  readonly kinesis: (operation: string, input: unknown, run: () => unknown) => unknown;
  readonly kill: (functionName: string) => Kill | undefined;
  /** From now on nothing goes wrong, but for what is under way: late deliveries still come. */
  stop(): void;
  /** When the last of the deliveries under way is made, in epoch milliseconds; undefined when there is none. */
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

/** PutRecords refuses record by record, in an answer that is no error (Kinesis API reference). */
function throttledKinesis(operation: string, input: unknown): unknown {
  const ErrorCode = 'ProvisionedThroughputExceededException';
  const ErrorMessage = 'Rate exceeded';
  const { Records } = (input ?? {}) as { Records?: unknown };
  if (operation !== 'PutRecords' || !Array.isArray(Records)) throw new AwsError(ErrorCode, ErrorMessage);
  return { FailedRecordCount: Records.length, Records: Records.map(() => ({ ErrorCode, ErrorMessage })) };
}
