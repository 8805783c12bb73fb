import { existingStream } from '../../environments/declaration';
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

/** The name of a pipeline's stream, which its landing view reads. */
export function streamName(environment: Pick<Environment, 'name' | 'pipelines'>, pipeline: string): string {
  const existing = existingStream(environment, pipeline)?.existing;
  return existing === undefined
    ? names.stream(environment.name, pipeline)
    : existing.slice(existing.indexOf(':stream/') + ':stream/'.length);
}

/** Creates the owner of the warehouse objects. Used for nothing else. */
export const adminUser = 'millrace_admin';
