import { join } from 'node:path';
import {
  type Authorizer,
  AwsError,
  type Clock,
  type Disposable,
  type EventBusPort,
  type JsonOperations,
  jsonService,
  type KinesisPort,
  type Principal,
  type ResourceTwin,
  type S3Port,
  type SecretsPort,
  type Service,
  type StsPort,
} from 'aws-local-kit';
import { controlPlane } from './control-plane';
import { availableState } from './control-plane-state';
import { Executor } from './data-api/executor';
import type { StatementFaults } from './data-api/faults';
import { fileJournal } from './data-api/journal';
import { AwsLogins, type Logins } from './data-api/logins';
import { type DataApiOptions, dataApiOperations } from './data-api/operations';
import { ResultFiles } from './data-api/results';
import { Sessions } from './data-api/sessions';
import { StatementStore } from './data-api/store';
import { throttled } from './data-api/throttle';
import { WarehouseError } from './engine/errors';
import { scalarOf } from './engine/result';
import { notReached } from './not-reached';
import { warehouseTwins } from './resources';
import { type ClusterPause, scheduledActions } from './scheduled-actions';
import type { ManagedSecrets } from './secret-attachment';
import type { Translate } from './statement';
import { Warehouses } from './warehouses';
import { serveWire, type WireServer } from './wire/server';
import { warehouseLogins } from './wire/warehouse-logins';

/** Room for statements of the longest kind whose characters are escaped: one, or the 40 of a batch. */
const bodyLimits = { ExecuteStatement: 4 * 1024 * 1024, BatchExecuteStatement: 32 * 1024 * 1024 };

export interface WarehouseOptions {
  /** The runtime's data folder. The warehouse writes only to `warehouse/` below it. */
  readonly dataDir: string;
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly sts: StsPort & { userIdOf(principal: Principal): string };
  readonly s3: S3Port;
  readonly kinesis: KinesisPort;
  readonly secrets: SecretsPort & ManagedSecrets;
  readonly bus: EventBusPort;
  /** The front end. */
  readonly translate: Translate;
  /** @default - no faults */
  readonly faults?: StatementFaults;
  /** DuckDB threads of each warehouse. @default - one per core, at most 8 */
  readonly threads?: number;
  /** True if the tables are small: statements are planned in less time, and large ones run slower. @default false */
  readonly smallData?: boolean;
}

/** In-process access to the warehouse, for its operator. */
export interface WarehousePort {
  /** Runs a read-only query as a superuser. Returns values as JSON scalars. */
  query(sql: string): Promise<{ columns: string[]; rows: unknown[][] }>;
  /** Number of statements that are not in a terminal status. */
  activeStatements(): number;
}

/** A cluster or workgroup that others made. Quoted identifiers fold their case, as they do unless a parameter says otherwise. */
export type OutsideWarehouse = {
  readonly database: string;
  /** ARNs of the attached roles. They need not exist yet. */
  readonly roleArns: readonly string[];
  readonly admin: { readonly name: string; password(): string };
} & (
  | { readonly kind: 'cluster'; readonly name: string }
  | { readonly kind: 'workgroup'; readonly name: string; readonly arn: string; readonly namespace: string }
);

/** A port for clients of PostgreSQL, and who may log in there. */
export interface PromptPort {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** The administrator. Every other database user may log in too. */
  readonly user: string;
  readonly password: string;
}

export interface LocalWarehouse extends Disposable {
  readonly port: WarehousePort;
  /**
   * Opens a port on 127.0.0.1 for psql, dbt and other clients of PostgreSQL or Redshift. It closes with the warehouse.
   * @throws Error naming a port that is in use, WarehouseError unless there is exactly one warehouse
   */
  listen(options: { readonly port: number }): Promise<PromptPort>;
  /** Makes a warehouse that no template has, unless it is open. No deployment changes or deletes it. */
  makeOutside(made: OutsideWarehouse): Promise<void>;
  readonly pause: ClusterPause;
  readonly operations: JsonOperations;
  readonly service: Service;
  /** The services `redshift` and `redshift-serverless`. */
  readonly controlPlane: readonly Service[];
  readonly resources: ResourceTwin[];
}

/** Parts of a Data API whose warehouses the caller opens. */
export interface DataApiParts {
  /** Folder for data that outlives the process. */
  readonly directory: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly bus: EventBusPort;
  readonly logins: Logins;
  readonly find: DataApiOptions['find'];
  readonly databases: DataApiOptions['databases'];
  readonly arnOf: DataApiOptions['arnOf'];
  readonly userIdOf: DataApiOptions['userIdOf'];
  readonly faults?: StatementFaults;
  /** True while the warehouse takes no new statements. @default - never */
  readonly isPaused?: () => boolean;
  /** Refuses calls above the rates that AWS documents. @default false */
  readonly throttle?: boolean;
}

export function composeDataApi(parts: DataApiParts) {
  const { clock, directory, faults } = parts;
  const results = new ResultFiles(join(directory, 'results'));
  const store = new StatementStore(clock, fileJournal(join(directory, 'statements.jsonl'), clock), results);
  const executor = new Executor(store, clock, parts.bus, results, faults);
  const sessions = new Sessions(clock);
  const api = dataApiOperations({ ...parts, store, executor, results, sessions });
  const reachable = refusing(api, parts.isPaused);
  const unthrottled = faults ? faulty(reachable, faults) : reachable;
  const operations = parts.throttle ? throttled(unthrottled, clock) : unthrottled;
  /** Cancels running statements and closes sessions. The warehouses may be closed afterwards. */
  const stop = async () => {
    await executor.stop();
    sessions.close();
  };
  return {
    store,
    stop,
    operations,
    service: jsonService('redshift-data', 'json-1.1', 'RedshiftData', operations, bodyLimits),
  };
}

/** Composes the warehouse with the caller's front end. */
export function composeWarehouse(options: WarehouseOptions): LocalWarehouse {
  const directory = join(options.dataDir, 'warehouse');
  const warehouses = new Warehouses({
    ...options,
    directory,
    systemViews: options.faults?.systemViews,
    onOpen: (warehouse) => store.reconcile(warehouse),
  });
  const { twin: scheduledAction, pause } = scheduledActions({ ...options, warehouses });
  const { store, stop, operations, service } = composeDataApi({
    ...options,
    directory,
    logins: new AwsLogins(options),
    userIdOf: (principal) => options.sts.userIdOf(principal),
    find: async (kind, name) => warehouses.find(kind, name),
    databases: (kind, name) => [warehouses.find(kind, name)!.database],
    arnOf: (kind, name) => warehouses.arnOf(kind, name),
    isPaused: () => pause.state() !== undefined,
  });
  const wires: WireServer[] = [];
  return {
    pause,
    makeOutside: (made) => makeOutside(warehouses, options, made),
    async listen({ port }) {
      const { database, admin } = only(warehouses.definitionsOfAll());
      const refusal = () => (pause.state() === undefined ? undefined : notReached);
      const wire = await serveWire({ port, logins: warehouseLogins(warehouses, refusal) });
      wires.push(wire);
      return { host: wire.host, port: wire.port, database, user: admin.name, password: admin.password() };
    },
    port: { query: (sql) => query(warehouses, sql), activeStatements: () => store.active() },
    operations,
    service,
    controlPlane: controlPlane({
      warehouses,
      authorizer: options.authorizer,
      pause,
      state: () => pause.state() ?? options.faults?.state?.() ?? availableState,
    }),
    resources: warehouseTwins(warehouses, { ...options, scheduledAction }),
    async dispose() {
      await Promise.all(wires.map((wire) => wire.dispose()));
      await stop();
      warehouses.close();
    },
  };
}

async function makeOutside(
  warehouses: Warehouses,
  { account }: WarehouseOptions,
  made: OutsideWarehouse,
): Promise<void> {
  const { kind, name, database, roleArns, admin } = made;
  if (warehouses.find(kind, name)) return;
  const common = { database, roleArns, admin, caseSensitiveIdentifiers: false };
  await warehouses.create(
    made.kind === 'cluster'
      ? {
          ...common,
          target: { kind, name, arn: warehouses.arnOf(kind, name) },
          userScope: name,
          storage: name,
          port: 5439,
        }
      : {
          ...common,
          target: { kind, name, arn: made.arn },
          userScope: `serverless-${account}-${made.arn.split('/').at(-1)}`,
          storage: made.namespace,
        },
  );
}

const submissions = ['ExecuteStatement', 'BatchExecuteStatement'];

/** Refuses new statements while the warehouse is paused. Running ones continue. */
function refusing(operations: JsonOperations, isPaused: (() => boolean) | undefined): JsonOperations {
  if (isPaused === undefined) return operations;
  const entries = submissions.map((name): [string, JsonOperations[string]] => [
    name,
    (input, principal) => {
      if (isPaused()) throw new AwsError('ValidationException', notReached);
      return operations[name]!(input, principal);
    },
  ]);
  return { ...operations, ...Object.fromEntries(entries) };
}

function faulty(operations: JsonOperations, faults: StatementFaults): JsonOperations {
  const entries = Object.entries(operations).map(([name, run]): [string, JsonOperations[string]] => [
    name,
    (input, principal) => faults.call(name, async () => run(input, principal)),
  ]);
  return Object.fromEntries(entries);
}

/** @throws WarehouseError unless there is exactly one warehouse */
function only<T>(all: readonly T[]): T {
  if (all.length === 1) return all[0]!;
  throw new WarehouseError(`a query needs exactly one warehouse, there are ${all.length}`);
}

/** Runs a query as a superuser. @throws WarehouseError unless there is exactly one warehouse */
async function query(warehouses: Warehouses, sql: string): Promise<{ columns: string[]; rows: unknown[][] }> {
  const result = await only(warehouses.all()).engine.query(sql);
  return {
    columns: result.columns.map((column) => column.name),
    rows: result.records.map((record) => record.map(scalarOf)),
  };
}
