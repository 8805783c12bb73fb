import {
  type Outside as AwsOutside,
  type Runtime as AwsRuntime,
  type RuntimeOptions as AwsRuntimeOptions,
  startRuntime as startAwsRuntime,
} from 'aws-local';
import {
  type ClusterPause,
  createWarehouseFaults,
  type LocalWarehouse,
  type WarehouseFaults,
  type WarehousePort,
} from 'redshift-local';
import { composeFaults, type FaultSource, type Faults } from './faults';
import { materializeOf } from './materialize/of-runtime';
import { warehouseOf } from './warehouse';

/** The services in which things can be made that no template has, the warehouse among them. */
export type Outside = AwsOutside & Pick<LocalWarehouse, 'makeOutside'>;

export interface RuntimeOptions extends Omit<AwsRuntimeOptions, 'faults' | 'extensions' | 'beforeDeployment'> {
  /** Called before the first deployment of this process, to make what the templates expect to be there. @default - nothing is made */
  readonly beforeDeployment?: (made: Outside) => Promise<void> | void;
  /** Decides what goes wrong, from the deployment on. @default - nothing does */
  readonly faults?: FaultSource;
  /** Threads of the warehouse's database. @default - one per core, at most 8 */
  readonly warehouseThreads?: number;
}

/** A deployed environment on this machine, with its warehouse. */
export interface Runtime extends Omit<AwsRuntime, 'faults'> {
  readonly warehouse: WarehousePort;
  /** Opens a port for clients of PostgreSQL. It closes with the runtime. @throws Error naming a port that is in use */
  readonly listen: LocalWarehouse['listen'];
  /** The pause of the cluster. Its schedule is followed on request. */
  readonly pause: ClusterPause;
  /** To pause the cluster, and to let things go well again; only where faults were asked for. */
  readonly faults?: Faults;
}

/**
 * Deploys one environment of the assembly on this machine, warehouse included, and starts its schedules.
 * @throws DeploymentError with everything that is not modelled or failed, LockedError, Error naming a port in use
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  let warehouse: LocalWarehouse;
  let warehouseFaults: WarehouseFaults | undefined;
  const starting: Promise<AwsRuntime> = startAwsRuntime({
    ...options,
    beforeDeployment: (made) => options.beforeDeployment?.({ ...made, makeOutside: warehouse.makeOutside }),
    extensions: [
      (base) => {
        warehouseFaults = options.faults && createWarehouseFaults({ clock: base.clock, source: options.faults });
        warehouse = warehouseOf(base, { faults: warehouseFaults, threads: options.warehouseThreads });
        return {
          services: [warehouse.service, ...warehouse.controlPlane],
          resources: warehouse.resources,
          idle: () => warehouse.port.activeStatements() === 0,
          dispose: () => warehouse.dispose(),
        };
      },
      (base) => materializeOf(base, { runtime: () => starting, warehouse: () => warehouse.port }),
    ],
  });
  const runtime = await starting;
  const faults = runtime.faults && warehouseFaults && composeFaults(runtime.faults, warehouseFaults);
  const { port, pause, listen } = warehouse!;
  return Object.assign(runtime, { warehouse: port, pause, listen, faults });
}
