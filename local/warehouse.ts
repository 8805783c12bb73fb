import type { ExtensionBase } from 'aws-local';
import type { EventBusPort } from 'aws-local-kit';
import { createWarehouse, type LocalWarehouse, type WarehouseFaults } from 'redshift-local';

export interface WarehouseSettings {
  readonly faults?: WarehouseFaults;
  /** Threads of the database. @default - one per core, at most 8 */
  readonly threads?: number;
}

/** Creates the warehouse of a runtime over its streams, buckets, secrets and roles. */
export function warehouseOf(base: ExtensionBase, { faults, threads }: WarehouseSettings = {}): LocalWarehouse {
  return createWarehouse({ ...base, bus: watched(base), faults: faults?.statements, threads });
}

/** The event bus, which also reports every statement that ended as a line of progress. */
function watched({ bus, clock, onRun }: ExtensionBase): EventBusPort {
  return {
    publish(event) {
      const { statementName, state, error } = (event.detail ?? {}) as {
        statementName?: string;
        state?: string;
        error?: string;
      };
      if (statementName && state) onRun({ kind: 'statement', at: clock.now(), name: statementName, state, error });
      bus.publish(event);
    },
  };
}
