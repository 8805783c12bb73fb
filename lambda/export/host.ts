import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import type { ObjectStore } from '../shared/objects';
import type { Warehouse } from '../shared/warehouse';
import type { ExportPlan } from './contract';

export interface ExportHost {
  readonly environment: string;
  readonly bucket: string;
  readonly unloadRoleArn: string;
  readonly plan: ExportPlan;
  readonly warehouse: Warehouse;
  readonly objects: ObjectStore;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Windows of one export that one tick may publish. @default 48 */
  readonly maxWindows?: number;
}
