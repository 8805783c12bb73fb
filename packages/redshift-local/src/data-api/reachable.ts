import type { Engine } from '../engine/engine';
import type { WarehouseTarget } from './records';

/** A cluster or workgroup as the Data API reaches it. */
export interface ReachableWarehouse {
  readonly target: WarehouseTarget;
  readonly database: string;
  readonly engine: Engine;
}
