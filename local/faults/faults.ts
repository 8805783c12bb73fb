import {
  type FaultSource as AwsFaultSource,
  type Faults as AwsFaults,
  createFaults as createAwsFaults,
} from 'aws-local';
import type { Clock } from 'aws-local-kit';
import { createWarehouseFaults, type WarehouseFaultSource, type WarehouseFaults } from 'redshift-local';

/** Decides what goes wrong, in the warehouse and around it, one occasion after the other. Undefined: nothing. */
export interface FaultSource extends AwsFaultSource, WarehouseFaultSource {}

/** Makes things go wrong in the twins that ask it. */
export interface Faults extends AwsFaults, WarehouseFaults {}

export function createFaults(options: { readonly clock: Clock; readonly source: FaultSource }): Faults {
  return composeFaults(createAwsFaults(options), createWarehouseFaults(options));
}

/** One `stop` for both. */
export function composeFaults(aws: AwsFaults, warehouse: WarehouseFaults): Faults {
  return {
    ...aws,
    ...warehouse,
    stop() {
      aws.stop();
      warehouse.stop();
    },
  };
}
