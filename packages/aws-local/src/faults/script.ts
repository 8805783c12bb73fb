import { turns } from 'aws-local-kit';
import type { CallFault, Deliveries, DeliveryPoint, FaultSource, Kill } from './source';

/** A fixed list of faults. The nth entry is for the nth occasion, and after the last entry there are no faults. */
export interface FaultScript {
  readonly notifications?: readonly (Deliveries | undefined)[];
  readonly messages?: readonly (Deliveries | undefined)[];
  readonly events?: readonly (Deliveries | undefined)[];
  readonly ticks?: readonly (Deliveries | undefined)[];
  readonly kinesisCalls?: readonly (CallFault | undefined)[];
  /** Faults of a function's nth invocation, by a part of the function's name. */
  readonly kills?: Readonly<Record<string, readonly (Kill | undefined)[]>>;
}

const scriptOf = {
  notification: 'notifications',
  message: 'messages',
  event: 'events',
  tick: 'ticks',
} as const satisfies Record<DeliveryPoint, keyof FaultScript>;

export function scriptedFaults(script: FaultScript): FaultSource {
  const next = turns();
  return {
    delivery: (point) => next(point, script[scriptOf[point]]),
    kinesisCall: () => next('kinesis', script.kinesisCalls),
    kill(functionName) {
      const part = Object.keys(script.kills ?? {}).find((name) => functionName.includes(name));
      return part === undefined ? undefined : next(`kill/${part}`, script.kills?.[part]);
    },
  };
}
