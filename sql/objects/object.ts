import type {
  Step,
  ViewChecks,
  WarehouseGroupProperties,
  WarehouseObjectKind,
  WarehouseObjectProperties,
} from '../../lambda/warehouse-object/contract';
import { hashDefinition } from '../text/definition';

/**
 * One object. It is a custom resource of its own or shares one with its group. Its create statements fail if the
 * object exists. The function that runs them accepts that only if the existing object is the same, which `if not
 * exists` would hide.
 */
export interface WarehouseObject {
  /** Construct id within its pipeline's scope. Edits do not change it: `Events`, `HourlyViews`. */
  readonly id: string;
  /** Ids of the objects of the same pipeline that must exist first. */
  readonly dependsOn: readonly string[];
  readonly properties: WarehouseObjectProperties;
  /** True for an object with data. An environment that retains its data keeps the object when the stack is deleted. */
  readonly retain: boolean;
  /** The custom resource that it shares with other objects. @default - it has one of its own */
  readonly group?: ObjectGroup;
}

/**
 * Objects that share one custom resource. They are created one after the other, and a new name replaces all of them.
 */
export interface ObjectGroup {
  /** Construct id of the custom resource. */
  readonly id: string;
  /** Its physical id: `estore.bookkeeping`. */
  readonly name: string;
}

/** A custom resource of the template: one object, or the objects of one group. */
export interface ObjectResource {
  readonly id: string;
  /** Ids of the resources that must exist first. */
  readonly dependsOn: readonly string[];
  readonly properties: WarehouseObjectProperties | WarehouseGroupProperties;
  readonly retain: boolean;
}

/** The custom resources of the objects, each after those it depends on. Throws if a group cannot be one resource. */
export function resourcesOf(objects: readonly WarehouseObject[]): ObjectResource[] {
  const resourceOf = new Map(objects.map(({ id, group }) => [id, group?.id ?? id]));
  const made = new Set<string>();
  return [...new Set(resourceOf.values())].map((id) => {
    const members = objects.filter((object) => resourceOf.get(object.id) === id);
    const before = members.flatMap(({ dependsOn }) => dependsOn).map((name) => resourceOf.get(name) ?? name);
    const dependsOn = [...new Set(before)].filter((other) => other !== id);
    for (const other of dependsOn)
      if (!made.has(other)) throw new Error(`warehouse object ${id} must depend on objects before it, got ${other}`);
    made.add(id);
    const [{ group, retain, properties }] = members as [WarehouseObject];
    if (members.some((member) => member.retain !== retain))
      throw new Error(`the objects of group ${id} must all be retained or all not`);
    return { id, dependsOn, retain, properties: group ? groupProperties(group, members) : properties };
  });
}

const groupProperties = ({ name }: ObjectGroup, members: readonly WarehouseObject[]): WarehouseGroupProperties => ({
  name,
  kind: 'group',
  ...(members[0]?.properties.pipeline === undefined ? {} : { pipeline: members[0].properties.pipeline }),
  order: members.map(({ id }) => id),
  members: Object.fromEntries(members.map(({ id, properties }) => [id, properties])),
});

export interface ObjectOptions {
  readonly create: readonly Step[];
  readonly delete: readonly Step[];
  readonly columns?: string;
  readonly fill?: string;
  readonly rebuild?: string;
  readonly identityVersion?: string;
  readonly version?: string;
  readonly declaration?: string;
  readonly checks?: ViewChecks;
  readonly unread?: string;
  readonly events?: string;
  readonly identity?: 'admin' | 'owner';
  readonly dependsOn?: readonly string[];
  readonly retain: boolean;
  readonly group?: ObjectGroup;
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
    ...(options.fill === undefined ? {} : { fill: options.fill }),
    ...(options.rebuild ? { rebuild: options.rebuild } : {}),
    ...(options.identityVersion ? { identityVersion: options.identityVersion } : {}),
    ...(options.declaration ? { declaration: options.declaration } : {}),
    ...(options.checks ? { checks: JSON.stringify(options.checks) } : {}),
    ...(options.unread ? { unread: options.unread } : {}),
    ...(options.events ? { events: options.events } : {}),
  };
  const { dependsOn = [], retain, group } = options;
  return { id, dependsOn, properties, retain, ...(group ? { group } : {}) };
}

export function single(name: string, statement: string): Step {
  return { name, mode: 'single', statements: [statement] };
}

export function step(name: string, statements: readonly string[]): Step {
  return { name, mode: 'transaction', statements };
}
