import type { CallFault } from 'aws-local-kit';

export type { CallFault };

/**
 * A delivery that can fail:
 * - `notification`: from S3 to a queue
 * - `message`: from a queue to a function; a lost message returns after its visibility timeout
 * - `event`: from the event bus to a function
 * - `tick`: from a schedule to a function
 */
export type DeliveryPoint = 'notification' | 'message' | 'event' | 'tick';

/**
 * Delays in milliseconds, one per delivery: `[0]` on time, `[]` lost, `[0, 0]` duplicated, `[86_400_000]` a day late.
 */
export type Deliveries = readonly number[];

/**
 * The point where an invocation is killed: its nth call of AWS (1 is the first), before the call or after its answer.
 */
export interface Kill {
  readonly call: number;
  readonly after: boolean;
}

/** Decides the faults, one occasion after the other. Undefined means no fault. */
export interface FaultSource {
  delivery(point: DeliveryPoint): Deliveries | undefined;
  /**
   * @param operation name of the Kinesis operation
   * @default - no fault
   */
  kinesisCall?(operation: string): CallFault | undefined;
  /** Decides whether the next invocation of a function is killed. @default - never */
  kill?(functionName: string): Kill | undefined;
}
