import { randomUUID } from 'node:crypto';
import type { ResourceState } from 'aws-local-kit';
import type { Actions } from './actions';
import type { Stack, TemplateResource } from './assembly';
import { CustomResourceError, type Properties } from './custom-resources';
import { resolve, type Scope } from './intrinsics';
import { type ScopeOptions, scopeOf } from './scope';
import type { Definition, Leftover, Step, StoredResource, StoredStack } from './state';
import { dependenciesOf } from './validate';
import { sameValue } from './values';

export interface UpdateOptions {
  readonly stack: Stack;
  readonly stored: StoredStack;
  readonly actions: Actions;
  readonly save: () => void;
  readonly exported: ScopeOptions['exported'];
  readonly output: ScopeOptions['output'];
  /** Throws if other stacks still import an export that is removed or changed. */
  readonly checkExports: (exports: Readonly<Record<string, unknown>>) => void;
}

/** Records a successful step. The operation keeps the earlier state for a rollback. */
export function took(stored: StoredStack, logicalId: string, definition: Definition, state: ResourceState): void {
  stored.resources[logicalId] = { ...definition, ref: state.ref, attributes: state.attributes };
  delete stored.operation!.underway[logicalId];
}

/** True if both records describe the same physical resource. */
export const isSamePhysical = (left: StoredResource, right: StoredResource) =>
  left.ref === right.ref && left.generation === right.generation;

/**
 * Updates the resources of one stack to its template. A resource waits for its dependencies; independent resources are
 * updated concurrently. Replaced and removed resources are left to the cleanup. After a failure no new step starts, and
 * the steps in progress are awaited.
 */
export class StackUpdate {
  /** One line for each failure. */
  readonly failures: string[] = [];
  private readonly resources: Readonly<Record<string, TemplateResource>>;
  private readonly scope: Scope;
  /** Logical ids of the resources that match the new template. */
  private readonly done = new Set<string>();

  constructor(private readonly options: UpdateOptions) {
    const { stack, stored } = options;
    this.scope = scopeOf(stack, {
      account: stored.account,
      region: stored.region,
      resource: (id) => (this.done.has(id) ? stored.resources[id] : undefined),
      exported: options.exported,
      output: options.output,
    });
    const all = Object.entries(stack.template.Resources);
    this.resources = Object.fromEntries(
      all.filter(([, { Condition }]) => Condition === undefined || this.scope.condition(Condition)),
    );
  }

  /**
   * Runs the update.
   * @returns true if it succeeded; the stack is then complete except for its cleanup
   */
  async run(): Promise<boolean> {
    const { stored, save } = this.options;
    const isNew = Object.keys(stored.resources).length === 0;
    stored.operation = { kind: isNew ? 'create' : 'update', before: { ...stored.resources }, underway: {} };
    stored.status = isNew ? 'CREATE_IN_PROGRESS' : 'UPDATE_IN_PROGRESS';
    stored.reason = undefined;
    save();
    const started = new Map<string, Promise<void>>();
    const start = (id: string): Promise<void> => {
      const known = started.get(id);
      if (known) return known;
      const work = Promise.all(this.dependenciesOf(id).map(start)).then(() => this.bring(id));
      started.set(id, work);
      return work;
    };
    await Promise.all(Object.keys(this.resources).map(start));
    if (this.failures.length === 0) this.attempt(this.options.stack.displayName, () => this.complete());
    save();
    return this.failures.length === 0;
  }

  private dependenciesOf(id: string): string[] {
    return [...dependenciesOf(this.resources[id]!, this.resources)].filter((other) => other in this.resources);
  }

  private attempt(where: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failures.push(`${where}: ${(error as Error).message}`);
    }
  }

  private async bring(id: string): Promise<void> {
    if (this.failures.length > 0) return;
    const definition = this.define(id);
    if (!definition) return;
    const { stored } = this.options;
    const old = stored.resources[id];
    try {
      if (!old) await this.step(id, 'create', definition);
      else if (old.type !== definition.type)
        throw new Error(`its type changed from ${old.type}, which CloudFormation does not allow`);
      else if (old.properties !== undefined && sameValue(old.properties, definition.properties))
        stored.resources[id] = { ...old, ...definition, generation: old.generation };
      else await this.change(id, definition, old);
      this.done.add(id);
    } catch (error) {
      this.fail(id, definition.type, error as Error);
    }
  }

  private async change(id: string, definition: Definition, old: StoredResource): Promise<void> {
    const { actions } = this.options;
    if (actions.isCustom(definition.type)) {
      if (old.properties?.['ServiceToken'] !== definition.properties?.['ServiceToken'])
        throw new Error('its ServiceToken changed, which CloudFormation does not allow');
      await this.step(id, 'update', { ...definition, generation: old.generation });
    } else if (actions.replaces(definition, old))
      await this.step(id, 'replace', { ...definition, generation: old.generation + 1 });
    else await this.step(id, 'update', { ...definition, generation: old.generation });
  }

  private async step(id: string, action: Step['action'], definition: Definition): Promise<void> {
    const { stored, actions, save } = this.options;
    const requestId = randomUUID();
    stored.operation!.underway[id] = { action, definition, requestId, failed: false };
    save();
    took(stored, id, definition, await perform(actions, stored, id, { action, definition, requestId }));
    save();
  }

  private fail(id: string, type: string, error: Error): void {
    const { stack, stored, save } = this.options;
    const step = stored.operation!.underway[id];
    if (step) stored.operation!.underway[id] = failed(step, error);
    save();
    this.failures.push(`${stack.paths[id] ?? `${stack.displayName}/${id}`} (${type}): ${error.message}`);
  }

  private define(id: string): Definition | undefined {
    const resource = this.resources[id]!;
    let properties: Properties;
    try {
      properties = resolve(resource.Properties ?? {}, this.scope) as Properties;
    } catch (error) {
      this.fail(id, resource.Type, error as Error);
      return undefined;
    }
    const path = (resource.Metadata?.['aws:cdk:path'] as string | undefined) ?? this.options.stack.paths[id];
    return {
      type: resource.Type,
      ...(path !== undefined && { path }),
      properties,
      deletionPolicy: resource.DeletionPolicy ?? 'Delete',
      updateReplacePolicy: resource.UpdateReplacePolicy ?? 'Delete',
      dependsOn: this.dependenciesOf(id),
      generation: 0,
    };
  }

  /** Completes the update. It can no longer be rolled back: outputs are published and old resources can be deleted. */
  private complete(): void {
    const { stack, stored } = this.options;
    const outputs: Record<string, unknown> = {};
    const exports: Record<string, unknown> = {};
    for (const [name, { Value, Export, Condition }] of Object.entries(stack.template.Outputs ?? {})) {
      if (Condition !== undefined && !this.scope.condition(Condition)) continue;
      outputs[name] = resolve(Value, this.scope);
      if (Export) exports[String(resolve(Export.Name, this.scope))] = outputs[name];
    }
    this.options.checkExports(exports);
    const { before, kind } = stored.operation!;
    stored.leftovers.push(...this.superseded(before));
    for (const id of Object.keys(stored.resources)) if (!(id in this.resources)) delete stored.resources[id];
    Object.assign(stored, { outputs, exports, imports: importsOf(stack, this.scope) });
    stored.operation = undefined;
    stored.status = kind === 'create' ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS';
  }

  /** Replaced and removed resources, except those that a policy retains. */
  private superseded(before: Readonly<Record<string, StoredResource>>): Leftover[] {
    const { resources } = this.options.stored;
    return Object.entries(before).flatMap(([logicalId, old]) => {
      const now = logicalId in this.resources ? resources[logicalId]! : undefined;
      if (now && isSamePhysical(now, old)) return [];
      const policy = now ? now.updateReplacePolicy : old.deletionPolicy;
      return policy.startsWith('Retain') ? [] : [{ ...old, logicalId }];
    });
  }
}

/** Executes a step or repeats it. */
export function perform(
  actions: Actions,
  stored: StoredStack,
  logicalId: string,
  { action, definition, requestId }: Pick<Step, 'action' | 'definition' | 'requestId'>,
): Promise<ResourceState> {
  const subject = { logicalId, definition, requestId };
  return action === 'update' ? actions.update(subject, stored.resources[logicalId]!) : actions.create(subject);
}

export function failed(step: Step, error: Error): Step {
  return { ...step, failed: true, physicalId: error instanceof CustomResourceError ? error.physicalId : undefined };
}

/** Names of the exports that the template imports. */
export function importsOf({ template }: Stack, scope?: Scope): string[] {
  const found = new Set<string>();
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    const name = (value as Record<string, unknown>)['Fn::ImportValue'];
    if (typeof name === 'string') found.add(name);
    else if (name !== undefined && scope) found.add(String(resolve(name, scope)));
    for (const member of Object.values(value)) visit(member);
  };
  visit(template.Resources);
  visit(template.Outputs);
  return [...found];
}
