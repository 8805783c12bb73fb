import type { CallFault } from 'aws-local-kit';

export type { CallFault };

/**
 * Between whom a delivery can go wrong: S3 and a queue (`notification`), a queue and a function (`message`: a lost message comes back
 * when its visibility timeout is over), the event bus and a function (`event`), a schedule and a function (`tick`).
 */
export type DeliveryPoint = 'notification' | 'message' | 'event' | 'tick';

/** When a delivery is made, in milliseconds from now, once for each entry: `[0]` as it should be, `[]` lost, `[0, 0]` doubled, `[86_400_000]` a day late. */
export type Deliveries = readonly number[];

/** Where an invocation of a function ends without a word: at its nth call of AWS (1 is the first), before it is made or after its answer. */
export interface Kill {
  readonly call: number;
  readonly after: boolean;
}

/** Decides what goes wrong, one occasion after the other. Undefined: nothing. */
export interface FaultSource {
  delivery(point: DeliveryPoint): Deliveries | undefined;
  /** @param operation of Kinesis. @default - nothing goes wrong there */
  kinesisCall?(operation: string): CallFault | undefined;
  /** What happens to the next invocation of a function. @default - no function dies */
  kill?(functionName: string): Kill | undefined;
}
