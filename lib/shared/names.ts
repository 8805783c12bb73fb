import { existingStream, existingWarehouse } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';

/** The construct id of a name: `purchases_by_hour` and `purchases-by-hour` are `PurchasesByHour`. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|[_-])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Fixed names, because others refer to them: role trusts name the cluster, external schemas name the stream. */
export const names = {
  /** Cluster identifier, and workgroup and namespace name. */
  warehouse: (environment: string) => `millrace-${environment}`,
  /** The stack of pipelines that name no stack, or that name this one. */
  pipelinesStack: (environment: string, stack?: string) =>
    `millrace-${environment}-pipelines${stack === undefined ? '' : `-${stack}`}`,
  /** The HTTP API of endpoints. */
  api: (environment: string) => `millrace-${environment}-api`,
  /** Lower case, since Redshift folds identifiers. */
  stream: (environment: string, pipeline: string) => `millrace-${environment}-${pipeline.replaceAll('_', '-')}`,
} as const;

/** Cluster identifier or workgroup name. */
export const warehouseName = (environment: Pick<Environment, 'name' | 'warehouse'>): string =>
  existingWarehouse(environment)?.name ?? names.warehouse(environment.name);

/** The roles that SQL statements name, by the construct ids of lib/warehouse/warehouse-roles.ts. */
export const warehouseRoles = ['StreamRead', 'Load', 'Unload', 'FullExport'] as const;
export type WarehouseRole = (typeof warehouseRoles)[number];

/** Fixed where the owner of an existing warehouse attaches the roles, and so has to know their names. */
export const warehouseRoleName = (environment: string, role: WarehouseRole) =>
  `millrace-${environment}-warehouse-${{ StreamRead: 'stream-read', Load: 'load', Unload: 'unload', FullExport: 'full-export' }[role]}`;

/** The name of a pipeline's stream, which its landing view reads. */
export function streamName(environment: Pick<Environment, 'name' | 'pipelines'>, pipeline: string): string {
  const existing = existingStream(environment, pipeline)?.existing;
  return existing === undefined
    ? names.stream(environment.name, pipeline)
    : existing.slice(existing.indexOf(':stream/') + ':stream/'.length);
}

/** Tag of everything in an environment, with its name. */
export const costTag = 'millrace:environment';

/** Creates the owner of the warehouse objects. Used for nothing else. */
export const adminUser = 'millrace_admin';
