import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { resourceType, type WarehouseObjectPlan } from '../../lambda/warehouse-object/contract';
import type { Texts } from '../../lambda/warehouse-object/properties';
import { stackName } from '../cloud/names';
import { Failure } from '../failure';
import { type ObjectState, statesOf } from './state';

interface Resource {
  readonly Type?: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: string | readonly string[];
}

/**
 * Reads the warehouse objects of a template, each after its dependencies. Values that only CloudFormation knows show as
 * `<LogicalId>`.
 */
export function statesOfTemplate(file: string): ObjectState[] {
  const resources = (readJson(file) as { Resources?: Record<string, Resource> } | null)?.Resources;
  if (typeof resources !== 'object' || resources === null)
    throw new Failure(`--from ${file} is not a CloudFormation template: it has no Resources`, 2);
  const objects = Object.entries(resources).filter(([, { Type }]) => Type === resourceType);
  if (objects.length === 0)
    throw new Failure(
      `--from ${file} has no resource of type ${resourceType}: name the template of the stack millrace-<environment>-pipelines`,
      2,
    );
  const texts = textsBeside(file);
  return inOrder(objects).flatMap(([id, resource]) => statesOfResource(file, id, resource, texts));
}

function statesOfResource(
  file: string,
  id: string,
  { Properties, DeletionPolicy = 'Delete' }: Resource,
  texts: Texts,
): ObjectState[] {
  const onRemoval = DeletionPolicy.startsWith('Retain') ? 'keep' : 'drop';
  try {
    return statesOf({ onRemoval, ...(resolved(Properties) as object) }, texts);
  } catch (error) {
    throw new Failure(`--from ${file}: ${id} cannot be read by this version: ${(error as Error).message}`, 1, {
      cause: error,
    });
  }
}

/** Reads long statements, which are in the asset of the function beside the template in its assembly. */
function textsBeside(file: string): Texts {
  const folders = [dirname(file), dirname(dirname(file))];
  const plans = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith('asset.'))
      .map((name) => join(folder, name, 'plan.json'))
      .filter((path) => existsSync(path)),
  );
  return Object.assign(
    {},
    ...plans.map((path) => (readJson(path) as Partial<WarehouseObjectPlan>).texts ?? {}),
  ) as Texts;
}

function inOrder(objects: readonly (readonly [string, Resource])[]): (readonly [string, Resource])[] {
  const all = new Map(objects);
  const done = new Map<string, Resource>();
  const visit = (id: string, resource: Resource, path: readonly string[]) => {
    if (done.has(id) || path.includes(id)) return;
    for (const before of [resource.DependsOn ?? []].flat())
      if (all.has(before)) visit(before, all.get(before)!, [...path, id]);
    done.set(id, resource);
  };
  for (const [id, resource] of objects) visit(id, resource, []);
  return [...done];
}

/** Replaces intrinsics by text. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const [[name, argument] = ['', undefined], ...others] = Object.entries(value);
  if (others.length > 0 || !(name === 'Ref' || name.startsWith('Fn::')))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolved(member)]));
  if (name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]];
    return parts.map(resolved).join(separator);
  }
  // The text becomes part of JSON text, where quotes would end it.
  return `<${JSON.stringify(argument)
    .replace(/["[\]{}]/g, '')
    .replaceAll(',', '.')}>`;
}

/**
 * Returns the templates of an environment that have warehouse objects, the main one first, in a cloud assembly or one
 * of its stages.
 */
export function templatesIn(folder: string, environment: string): string[] {
  const wanted = stackName(environment, 'pipelines');
  const found = templatesOf(folder).find(({ stack }) => stack === wanted);
  const more = templatesOf(folder).filter(({ stack }) => stack.startsWith(`${wanted}-`));
  if (found) return [found, ...more].map(({ file }) => file);
  const stacks = templatesOf(folder).map(({ stack }) => stack);
  throw new Failure(
    stacks.length === 0
      ? `--from ${folder} is not a cloud assembly: it has no manifest.json with stacks`
      : `--from ${folder} has no stack ${wanted}, only ${stacks.join(', ')}`,
    2,
  );
}

interface Manifest {
  readonly artifacts?: Readonly<
    Record<string, { readonly type?: string; readonly properties?: Readonly<Record<string, string>> }>
  >;
}

/** Lists the stacks of a cloud assembly and of its stages, with the files of their templates. */
export function templatesOf(folder: string): { stack: string; file: string }[] {
  const manifest = join(folder, 'manifest.json');
  if (!existsSync(manifest)) return [];
  const { artifacts = {} } = (readJson(manifest) ?? {}) as Manifest;
  return Object.entries(artifacts).flatMap(([id, { type, properties = {} }]) => {
    if (type === 'cdk:cloud-assembly' && properties['directoryName'])
      return templatesOf(join(folder, properties['directoryName']));
    if (type !== 'aws:cloudformation:stack' || !properties['templateFile']) return [];
    return [{ stack: properties['stackName'] ?? id, file: join(folder, properties['templateFile']) }];
  });
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new Failure(`--from ${file} is not JSON: ${cause.message}`, 2, { cause });
  }
}

export const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();
