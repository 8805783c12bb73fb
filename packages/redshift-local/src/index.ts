import { composeWarehouse, type LocalWarehouse, type WarehouseOptions } from './compose';
import { translate } from './sql';

export type { LocalWarehouse, OutsideWarehouse, PromptPort, WarehouseOptions, WarehousePort } from './compose';
export type { ControlPlaneState } from './control-plane-state';
export type { StatementFaults } from './data-api/faults';
export type { Boundary, Interleaving, SnapshotTime } from './engine/interleaving';
export {
  createWarehouseFaults,
  lostConnection,
  serializableConflict,
  type WarehouseFaults,
} from './faults/faults';
export { createInterleaver, type Interleaver, type Step } from './faults/interleaver';
export type { CallFault, ScanFault, StatementFault, SystemViewLag, WarehouseFaultSource } from './faults/source';
export { notReached } from './not-reached';
export type { ClusterPause, PauseEvent } from './scheduled-actions';
export { openScratchWarehouse, type ScratchWarehouse } from './scratch';
export type { ManagedSecrets } from './secret-attachment';
export { type ServedWarehouse, type ServeOptions, serveWarehouse } from './standalone';

/** The Redshift Data API over DuckDB, and the twins of the Redshift resources. */
export function createWarehouse(options: Omit<WarehouseOptions, 'translate'>): LocalWarehouse {
  return composeWarehouse({ ...options, translate });
}
