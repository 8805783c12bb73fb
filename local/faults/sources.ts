import type { SystemViewLag } from 'redshift-local/engine/session';
import type { CallFault, Deliveries, DeliveryPoint, FaultSource, Kill, ScanFault, StatementFault } from './faults';

/** Faults written out: the nth entry of a list is for the nth occasion, and after its end nothing goes wrong. */
export interface FaultScript {
  readonly notifications?: readonly (Deliveries | undefined)[];
  readonly messages?: readonly (Deliveries | undefined)[];
  readonly events?: readonly (Deliveries | undefined)[];
  readonly ticks?: readonly (Deliveries | undefined)[];
  /** By purpose, the fourth part of a statement's name: `load`, `refresh`. Each purpose has its own count, so that what runs side by side does not take the other's turn. */
  readonly statements?: Readonly<Record<string, readonly (StatementFault | undefined)[]>>;
  readonly calls?: readonly (CallFault | undefined)[];
  /** Of refreshes of streaming views that find records. */
  readonly scans?: readonly (ScanFault | undefined)[];
  /** Texts that records have as an attribute: each makes every statement fail that types it. */
  readonly raising?: readonly string[];
  readonly kinesisCalls?: readonly (CallFault | undefined)[];
  /** By a part of the function's name: what happens to its nth invocation. */
  readonly kills?: Readonly<Record<string, readonly (Kill | undefined)[]>>;
  /** When the warehouse's system views show what a transaction did. @default - at once */
  readonly systemViews?: SystemViewLag;
}

const scriptOf = {
  notification: 'notifications',
  message: 'messages',
  event: 'events',
  tick: 'ticks',
} as const satisfies Record<DeliveryPoint, keyof FaultScript>;

export function scriptedFaults(script: FaultScript): FaultSource {
  const taken = new Map<string, number>();
  const next = <T>(name: string, list: readonly (T | undefined)[] | undefined): T | undefined => {
    const index = taken.get(name) ?? 0;
    taken.set(name, index + 1);
    return list?.[index];
  };
  return {
    delivery: (point) => next(point, script[scriptOf[point]]),
    statement(name) {
      const purpose = name.split('/')[3] ?? '';
      return next(`statement/${purpose}`, script.statements?.[purpose]);
    },
    call: () => next('call', script.calls),
    scan: () => next('scan', script.scans),
    systemViews: () => script.systemViews,
    raising: () => script.raising ?? [],
    kinesisCall: () => next('kinesis', script.kinesisCalls),
    kill(functionName) {
      const part = Object.keys(script.kills ?? {}).find((name) => functionName.includes(name));
      return part === undefined ? undefined : next(`kill/${part}`, script.kills?.[part]);
    },
  };
}
