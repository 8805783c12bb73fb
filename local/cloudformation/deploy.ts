import { createHash } from 'node:crypto';
import type { RunListener } from '../activity';
import type { Clock, Principal, ResourceState, ResourceTwin, SecretsPort } from '../ports';
import type { Assembly, Stack, Template, TemplateResource } from './assembly';
import { asText, CustomResourceError, type CustomResources, type Properties } from './custom-resources';
import { resolveDynamicReferences } from './dynamic-references';
import { resolve, type Scope, stackId } from './intrinsics';
import type { PendingDelete, StateFile, StoredResource } from './state';
import { dependenciesOf, isCustom, validateAssembly } from './validate';

export interface DeployedResource {
  readonly stackName: string;
  readonly logicalId: string;
  readonly type: string;
  /** Construct path, as `dev/Data/Stream/Resource`; undefined where CDK did not record one. */
  readonly path?: string;
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Resolved properties. */
  readonly properties: Properties;
}
export interface Deployment {
  readonly resources: readonly DeployedResource[];
  /** Values of the outputs, by stack name and output name. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface DeployOptions {
  readonly assembly: Assembly;
  readonly twins: readonly ResourceTwin[];
  readonly customResources: CustomResources;
  readonly secrets: SecretsPort;
  /** Reads the secrets of dynamic references. */
  readonly principal: Principal;
  readonly state: StateFile;
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly onRun: RunListener;
}

/** Some resources could not be brought to what the templates say. What succeeded stays; a deployment of the mended assembly goes on from there. */
export class DeploymentError extends Error {
  constructor(readonly failures: readonly string[]) {
    super(failures.join('\n'));
    this.name = 'DeploymentError';
  }
}

/**
 * Deploys the stacks one after the other, the resources of each in the order of their dependencies and concurrently where they have none.
 * There is no rollback: what failed is told, what succeeded is kept.
 * @throws DeploymentError
 */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const twins = new Map(options.twins.map((twin) => [twin.type, twin]));
  const problems = validateAssembly(options.assembly, twins);
  if (problems.length > 0) throw new DeploymentError(problems);
  const exported = new Map<string, unknown>();
  const deployed: DeployedResource[] = [];
  const outputs: Record<string, Record<string, unknown>> = {};
  for (const stack of options.assembly.stacks) {
    const deployment = new StackDeployment(stack, twins, exported, outputs, options);
    deployed.push(...(await deployment.run()));
    outputs[stack.name] = deployment.outputs();
    await cleanUp(stack.name, stack.template.Resources, options);
  }
  const present = new Set(options.assembly.stacks.map(({ name }) => name));
  const known = [...options.state.entries(), ...options.state.pendingDeletes].map(({ stackName }) => stackName);
  for (const name of new Set(known)) if (!present.has(name)) await cleanUp(name, {}, options);
  options.state.save();
  return { resources: deployed, outputs };
}

class StackDeployment {
  private readonly account: string;
  private readonly region: string;
  private readonly resources: Readonly<Record<string, TemplateResource>>;
  private readonly created = new Map<string, ResourceState>();
  private readonly resolved = new Map<string, Properties>();
  private readonly failures: string[] = [];
  private readonly scope: Scope;
  private order = 0;

  constructor(
    private readonly stack: Stack,
    private readonly twins: ReadonlyMap<string, ResourceTwin>,
    private readonly exported: Map<string, unknown>,
    private readonly earlierOutputs: Deployment['outputs'],
    private readonly options: DeployOptions,
  ) {
    this.account = stack.account ?? options.account;
    this.region = stack.region ?? options.region;
    this.scope = this.makeScope();
    const all = Object.entries(stack.template.Resources);
    this.resources = Object.fromEntries(
      all.filter(([, { Condition }]) => Condition === undefined || this.scope.condition(Condition)),
    );
  }

  async run(): Promise<DeployedResource[]> {
    const started = new Map<string, Promise<void>>();
    const start = (id: string): Promise<void> => {
      const known = started.get(id);
      if (known) return known;
      const resource = this.resources[id]!;
      const dependencies = [...dependenciesOf(resource, this.resources)].filter(
        (dependency) => dependency in this.resources,
      );
      const work = Promise.all(dependencies.map(start)).then(() => this.bring(id, resource));
      started.set(id, work);
      return work;
    };
    await Promise.all(Object.keys(this.resources).map(start));
    this.options.state.save();
    if (this.failures.length > 0) throw new DeploymentError(this.failures);
    return [...this.created].map(([logicalId, state]) => ({
      stackName: this.stack.name,
      logicalId,
      type: this.resources[logicalId]!.Type,
      path:
        (this.resources[logicalId]!.Metadata?.['aws:cdk:path'] as string | undefined) ?? this.stack.paths[logicalId],
      ...state,
      properties: this.resolved.get(logicalId)!,
    }));
  }

  outputs(): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const [name, { Value, Export, Condition }] of Object.entries(this.stack.template.Outputs ?? {})) {
      if (Condition !== undefined && !this.scope.condition(Condition)) continue;
      values[name] = resolve(Value, this.scope);
      if (Export) this.exported.set(String(resolve(Export.Name, this.scope)), values[name]);
    }
    return values;
  }

  /** After a failure nothing new is begun. */
  private async bring(id: string, resource: TemplateResource): Promise<void> {
    if (this.failures.length > 0) return;
    try {
      const properties = (await resolveDynamicReferences(
        resolve(resource.Properties ?? {}, this.scope),
        this.options,
      )) as Properties;
      const state = isCustom(resource.Type)
        ? await this.bringCustom(id, resource, properties)
        : await this.bringTwin(id, resource, properties);
      this.resolved.set(id, properties);
      this.created.set(id, state);
    } catch (error) {
      const path = this.stack.paths[id] ?? `${this.stack.displayName}/${id}`;
      this.failures.push(`${path} (${resource.Type}): ${(error as Error).message}`);
    }
  }

  private async bringTwin(id: string, resource: TemplateResource, properties: Properties): Promise<ResourceState> {
    const previous = this.options.state.get(this.stack.name, id);
    const state = await this.twins.get(resource.Type)!.create(properties, {
      stackName: this.stack.name,
      logicalId: id,
      account: this.account,
      region: this.region,
      generatedName: generatedName(this.stack.name, id),
      previous: previous?.type === resource.Type ? { ref: previous.ref, attributes: previous.attributes } : undefined,
    });
    this.store(id, resource, state);
    return state;
  }

  private async bringCustom(id: string, resource: TemplateResource, resolved: Properties): Promise<ResourceState> {
    const properties = asText(resolved) as Properties;
    const previous = this.options.state.get(this.stack.name, id);
    if (!previous) return this.createCustom(id, resource, properties);
    if (previous.type !== resource.Type)
      throw new Error(`its type changed from ${previous.type}, which CloudFormation does not allow`);
    if (previous.properties?.['ServiceToken'] !== properties['ServiceToken'])
      throw new Error('its ServiceToken changed, which CloudFormation does not allow');
    if (sameValue(previous.properties, properties)) {
      this.store(id, resource, previous, properties);
      return previous;
    }
    const answer = await this.ask(id, resource, 'Update', {
      properties,
      oldProperties: previous.properties,
      physicalId: previous.ref,
    });
    if (answer.physicalId !== previous.ref && resource.UpdateReplacePolicy !== 'Retain') {
      this.options.state.addPending(this.pendingDelete(id, resource.Type, previous));
    }
    const state = { ref: answer.physicalId, attributes: answer.data };
    this.store(id, resource, state, properties);
    this.options.state.save();
    return state;
  }

  private async createCustom(id: string, resource: TemplateResource, properties: Properties): Promise<ResourceState> {
    try {
      const answer = await this.ask(id, resource, 'Create', { properties });
      const state = { ref: answer.physicalId, attributes: answer.data };
      this.store(id, resource, state, properties);
      this.options.state.save();
      return state;
    } catch (error) {
      // CloudFormation has what was begun undone before it forgets the resource.
      const physicalId = error instanceof CustomResourceError ? error.physicalId : undefined;
      if (physicalId)
        await this.ask(id, resource, 'Delete', { properties, physicalId }).catch((undo: Error) =>
          this.trouble(id, `could not be undone: ${undo.message}`),
        );
      throw error;
    }
  }

  private async ask(
    id: string,
    resource: TemplateResource,
    requestType: 'Create' | 'Update' | 'Delete',
    values: { properties: Properties; oldProperties?: Properties; physicalId?: string },
  ) {
    const { onRun, clock, customResources } = this.options;
    const event = {
      kind: 'resource',
      name: this.stack.paths[id] ?? id,
      type: resource.Type,
      action: requestType.toLowerCase() as 'create',
    } as const;
    onRun({ ...event, at: clock.now(), done: false });
    const answer = await customResources.request({
      requestType,
      stackId: stackId(this.scope),
      logicalId: id,
      type: resource.Type,
      ...values,
    });
    onRun({ ...event, at: clock.now(), done: true });
    return answer;
  }

  private store(
    id: string,
    resource: TemplateResource,
    { ref, attributes }: ResourceState,
    properties?: Properties,
  ): void {
    this.order += 1;
    const retain = (resource.DeletionPolicy ?? 'Delete').startsWith('Retain');
    this.options.state.put(this.stack.name, id, {
      type: resource.Type,
      ref,
      attributes,
      properties,
      retain,
      order: this.order,
    });
  }

  private pendingDelete(id: string, type: string, previous: StoredResource): PendingDelete {
    return {
      stackName: this.stack.name,
      logicalId: id,
      type,
      physicalId: previous.ref,
      properties: previous.properties!,
      order: previous.order,
    };
  }

  private trouble(id: string, message: string): void {
    this.options.onRun({ kind: 'trouble', at: this.options.clock.now(), name: this.stack.paths[id] ?? id, message });
  }

  private makeScope(): Scope {
    const { template } = this.stack;
    const known = (id: string): ResourceState => {
      const state = this.created.get(id);
      if (!state) throw new Error(`${id} is needed but was not created`);
      return state;
    };
    const scope: Scope = {
      stackName: this.stack.name,
      account: this.account,
      region: this.region,
      parameter: (name) => template.Parameters?.[name]?.Default,
      mapping: (map, top, second) => {
        const value = template.Mappings?.[map]?.[top]?.[second];
        if (value === undefined) throw new Error(`mapping ${map} has no ${top}.${second}`);
        return value;
      },
      condition: (name) => resolve(template.Conditions?.[name], scope) === true,
      ref: (id) => known(id).ref,
      attribute: (id, attribute) => {
        const { attributes } = known(id);
        if (!(attribute in attributes))
          throw new Error(`attribute ${attribute} of ${id} (${this.resources[id]!.Type}) is not modelled`);
        return attributes[attribute];
      },
      importValue: (name) => {
        if (!this.exported.has(name)) throw new Error(`no stack exports ${name}`);
        return this.exported.get(name);
      },
      stackOutput: (stackName, outputName) => {
        const value = this.earlierOutputs[stackName]?.[outputName];
        if (value === undefined) throw new Error(`stack ${stackName} has no output ${outputName}`);
        return value;
      },
    };
    return scope;
  }
}

/**
 * Deletes old versions and what the template has no more, the last created first. What cannot be deleted is told and tried again at the
 * next start, since the stack itself is done.
 */
async function cleanUp(
  stackName: string,
  resources: Template['Resources'],
  { state, customResources, account, region, clock, onRun }: DeployOptions,
): Promise<void> {
  for (const { logicalId, resource } of state
    .entries()
    .filter((entry) => entry.stackName === stackName && !(entry.logicalId in resources))) {
    const { type, ref, properties, order, retain } = resource;
    if (isCustom(type) && !retain)
      state.addPending({ stackName, logicalId, type, physicalId: ref, properties: properties!, order });
    state.remove(stackName, logicalId);
  }
  state.save();
  const pending = state.pendingDeletes
    .filter((item) => item.stackName === stackName)
    .sort((left, right) => right.order - left.order);
  for (const item of pending) {
    const { logicalId, type, properties, physicalId } = item;
    const event = { kind: 'resource', name: physicalId, type, action: 'delete' } as const;
    try {
      onRun({ ...event, at: clock.now(), done: false });
      await customResources.request({
        requestType: 'Delete',
        stackId: stackId({ account, region, stackName }),
        logicalId,
        type,
        properties,
        physicalId,
      });
      onRun({ ...event, at: clock.now(), done: true });
      state.removePending(item);
      state.save();
    } catch (error) {
      onRun({
        kind: 'trouble',
        at: clock.now(),
        name: logicalId,
        message: `${physicalId} could not be deleted: ${(error as Error).message}`,
      });
    }
  }
}

/** `<stack>-<logical id>-<12 characters>`, at most 62 characters long, so that it fits every service. */
export function generatedName(stackName: string, logicalId: string): string {
  const digest = createHash('sha256').update(`${stackName}/${logicalId}`).digest();
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const suffix = [...digest.subarray(0, 12)].map((byte) => alphabet[byte % 32]).join('');
  return `${stackName.slice(0, 24)}-${logicalId.slice(0, 24)}-${suffix}`;
}

function sameValue(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
