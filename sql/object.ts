import type {
  Step,
  ViewChecks,
  WarehouseObjectKind,
  WarehouseObjectProperties,
} from '../lambda/warehouse-object/contract';
import { hashDefinition } from './definition';

/**
 * One custom resource. Its create statements fail where the object exists already: whoever runs them takes that for success only if
 * what exists is the same, which `if not exists` would hide.
 */
export interface WarehouseObject {
  /** Construct id within its pipeline's scope, stable over edits: `Events`, `HourlyViews`. */
  readonly id: string;
  /** Ids, of the same pipeline, of the objects that must exist first. */
  readonly dependsOn: readonly string[];
  readonly properties: WarehouseObjectProperties;
  /** Holds data: an environment that retains its data keeps it when the stack goes. */
  readonly retain: boolean;
}

export interface ObjectOptions {
  readonly create: readonly Step[];
  readonly delete: readonly Step[];
  readonly columns?: string;
  readonly fill?: string;
  readonly rebuild?: string;
  readonly books?: string;
  readonly version?: string;
  readonly declaration?: string;
  readonly checks?: ViewChecks;
  readonly unread?: string;
  readonly events?: string;
  readonly identity?: 'admin' | 'owner';
  readonly dependsOn?: readonly string[];
  readonly retain: boolean;
}

export function object(id: string, name: string, kind: WarehouseObjectKind, options: ObjectOptions): WarehouseObject {
  const create = JSON.stringify(options.create);
  const definition = options.create.flatMap(({ statements }) => statements).join(';\n');
  const properties: WarehouseObjectProperties = {
    name,
    kind,
    version: options.version ?? hashDefinition(definition),
    identity: options.identity ?? 'owner',
    create,
    delete: JSON.stringify(options.delete),
    ...(options.columns ? { columns: options.columns } : {}),
    ...(options.fill ? { fill: options.fill } : {}),
    ...(options.rebuild ? { rebuild: options.rebuild } : {}),
    ...(options.books ? { books: options.books } : {}),
    ...(options.declaration ? { declaration: options.declaration } : {}),
    ...(options.checks ? { checks: JSON.stringify(options.checks) } : {}),
    ...(options.unread ? { unread: options.unread } : {}),
    ...(options.events ? { events: options.events } : {}),
  };
  return { id, dependsOn: options.dependsOn ?? [], properties, retain: options.retain };
}

export function single(name: string, statement: string): Step {
  return { name, mode: 'single', statements: [statement] };
}

export function step(name: string, statements: readonly string[]): Step {
  return { name, mode: 'transaction', statements };
}
