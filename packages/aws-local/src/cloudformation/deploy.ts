import type { ResourceTwin } from 'aws-local-kit';
import { Actions, type ActionsOptions } from './actions';
import type { Assembly, Stack } from './assembly';
import { cleanUp } from './cleanup';
import type { Properties } from './custom-resources';
import { inOrder } from './order';
import { rollBack, settle } from './rollback';
import { newStack, type StackStatus, type StateFile, type StoredResource, type StoredStack } from './state';
import { importsOf, isSamePhysical, StackUpdate } from './update';
import { validateAssembly } from './validate';

export interface DeployedResource {
  readonly stackName: string;
  readonly logicalId: string;
  readonly type: string;
  /** Construct path, for example `dev/Data/Stream/Resource`. Undefined if CDK did not record one. */
  readonly path?: string;
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Properties with intrinsic functions resolved. Dynamic references stay unresolved. */
  readonly properties: Properties;
}
export interface Deployment {
  readonly resources: readonly DeployedResource[];
  /** Output values by stack name and output name. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Stack status by stack name. */
  readonly statuses: Readonly<Record<string, StackStatus>>;
}

export interface CloudFormationOptions extends Omit<ActionsOptions, 'twins'> {
  readonly twins: readonly ResourceTwin[];
  readonly state: StateFile;
  readonly account: string;
  readonly region: string;
}

/** Thrown if a deployment failed. Its changes were rolled back, unless the message says otherwise. */
export class DeploymentError extends Error {
  constructor(
    /** One line for each resource that failed. */
    readonly failures: readonly string[],
    /** Status of the failed stack. Undefined if the deployment failed before it changed a stack. */
    readonly status?: StackStatus,
  ) {
    super(failures.join('\n'));
    this.name = 'DeploymentError';
  }
}

/**
 * CloudFormation over the twins: a stack update either succeeds as a whole or is rolled back.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks.html
 *
 * AWS leaves some behaviour open or leaves it to the operator. The choices here:
 * - If one resource fails, the others in progress are awaited, not cancelled.
 * - The next deployment retries resources that a cleanup could not delete.
 * - The next deployment repairs a stack whose rollback or creation failed. The operator need not act.
 */
export class CloudFormation {
  private readonly twins: ReadonlyMap<string, ResourceTwin>;
  private readonly state: StateFile;

  constructor(private readonly options: CloudFormationOptions) {
    this.twins = new Map(options.twins.map((twin) => [twin.type, twin]));
    this.state = options.state;
    for (const stored of Object.values(this.state.stacks)) {
      stored.account ||= options.account;
      stored.region ||= options.region;
    }
  }

  /**
   * Opens the stored resources. Twins keep state in memory, so a new process rebuilds it from the data folder. What uses a
   * changed attribute, such as an output, is updated by the next deployment.
   */
  async open(): Promise<void> {
    for (const [name, stored] of Object.entries(this.state.stacks)) {
      const actions = this.actionsOf(name);
      const present = physicalResources(stored);
      const dependenciesOf = (id: string) => present.get(id)!.flatMap(({ dependsOn }) => dependsOn);
      for (const id of inOrder(present.keys(), dependenciesOf))
        for (const resource of present.get(id)!) {
          const attributes = await actions.open(id, resource);
          if (stored.resources[id] === resource) stored.resources[id] = { ...resource, attributes };
        }
    }
  }

  /**
   * Deploys the stacks one after the other. First it finishes what an earlier deployment left unfinished: it rolls back
   * an incomplete update and completes a cleanup.
   * @throws DeploymentError
   */
  async deploy(assembly: Assembly): Promise<Deployment> {
    const problems = validateAssembly(assembly, this.twins);
    if (problems.length > 0) throw new DeploymentError(problems);
    for (const [name, stored] of Object.entries(this.state.stacks)) await this.finish(name, stored);
    for (const stack of assembly.stacks) {
      for (const user of this.usersOfRemoved(stack, assembly)) await this.update(user);
      await this.update(stack);
    }
    const present = new Set(assembly.stacks.map(({ name }) => name));
    const gone = Object.keys(this.state.stacks).filter((name) => !present.has(name));
    for (const name of gone.reverse()) await this.remove(name);
    return this.deployment();
  }

  /** The current resources, outputs and statuses, also after a failed deployment. */
  deployment(): Deployment {
    const stacks = Object.entries(this.state.stacks);
    return {
      resources: stacks.flatMap(([stackName, { resources }]) =>
        Object.entries(resources).map(([logicalId, { type, path, ref, attributes, properties = {} }]) => ({
          stackName,
          logicalId,
          type,
          path,
          ref,
          attributes,
          properties,
        })),
      ),
      outputs: Object.fromEntries(stacks.map(([name, { outputs }]) => [name, outputs])),
      statuses: Object.fromEntries(stacks.map(([name, { status }]) => [name, status])),
    };
  }

  /** S3 keys of the code of every deployed function and of every function that an unfinished operation may need. */
  codeKeys(): ReadonlySet<string> {
    const keys = Object.values(this.state.stacks).flatMap((stored) =>
      [...physicalResources(stored).values()]
        .flat()
        .map(({ properties }) => (properties?.['Code'] as { S3Key?: unknown } | undefined)?.S3Key),
    );
    return new Set(keys.filter((key) => typeof key === 'string'));
  }

  private async update(stack: Stack): Promise<void> {
    const { account, region } = this.options;
    this.state.stacks[stack.name] ??= newStack(
      stack.account ?? account,
      stack.region ?? region,
      this.options.clock.now(),
    );
    const stored = this.state.stacks[stack.name]!;
    const update = new StackUpdate({
      stack,
      stored,
      actions: this.actionsOf(stack.name),
      save: () => this.state.save(),
      exported: (name) => this.exported(name),
      output: (other, output) => this.state.stacks[other]?.outputs[output],
      checkExports: (exports) => this.checkExports(stack.name, exports),
    });
    this.tell(stack.name, Object.keys(stored.resources).length === 0 ? 'CREATE_IN_PROGRESS' : 'UPDATE_IN_PROGRESS');
    if (await update.run()) return this.conclude(stack.name, stored);
    stored.reason = update.failures.join('\n');
    await this.rollBack(stack.name, stored, update.failures);
    throw new DeploymentError(update.failures, stored.status);
  }

  /** Runs the cleanup. A resource that cannot be deleted does not fail the stack. */
  private async conclude(name: string, stored: StoredStack): Promise<void> {
    if (stored.leftovers.length > 0) {
      this.tell(name, stored.status);
      await cleanUp(stored, this.actionsOf(name), () => this.state.save());
    }
    if (stored.status === 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS') stored.status = 'UPDATE_COMPLETE';
    if (stored.status === 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS') stored.status = 'UPDATE_ROLLBACK_COMPLETE';
    this.state.save();
    this.tell(name, stored.status, stored.reason);
  }

  private async rollBack(name: string, stored: StoredStack, why: readonly string[]): Promise<void> {
    const save = () => this.state.save();
    const actions = this.actionsOf(name);
    if (stored.operation) {
      this.tell(name, stored.operation.kind === 'create' ? 'ROLLBACK_IN_PROGRESS' : 'UPDATE_ROLLBACK_IN_PROGRESS');
      const failures = await rollBack(stored, actions, save);
      if (failures.length > 0) this.giveUp(name, stored, [...why, ...failures.map((line) => `rollback: ${line}`)]);
    }
    if (stored.status !== 'ROLLBACK_IN_PROGRESS' && stored.status !== 'ROLLBACK_FAILED')
      return this.conclude(name, stored);
    const failures = await cleanUp(stored, actions, save);
    stored.status = failures.length > 0 ? 'ROLLBACK_FAILED' : 'ROLLBACK_COMPLETE';
    save();
    if (failures.length > 0) this.giveUp(name, stored, [...why, ...failures.map((line) => `rollback: ${line}`)]);
    this.tell(name, stored.status, stored.reason);
  }

  private giveUp(name: string, { status, reason }: StoredStack, failures: readonly string[]): never {
    this.tell(name, status, reason);
    throw new DeploymentError(failures, status);
  }

  /** Continues an operation that failed or was interrupted by the end of its process. */
  private async finish(name: string, stored: StoredStack): Promise<void> {
    switch (stored.status) {
      case 'CREATE_IN_PROGRESS':
      case 'UPDATE_IN_PROGRESS':
        stored.reason = 'the deployment was interrupted';
        await settle(stored, this.actionsOf(name), () => this.state.save());
        return this.rollBack(name, stored, []);
      case 'ROLLBACK_IN_PROGRESS':
      case 'ROLLBACK_FAILED':
      case 'UPDATE_ROLLBACK_IN_PROGRESS':
      case 'UPDATE_ROLLBACK_FAILED':
        return this.rollBack(name, stored, []);
      case 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS':
      case 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS':
        return this.conclude(name, stored);
      default:
        return undefined;
    }
  }

  /** Deletes a stack that is no longer in the assembly. */
  private async remove(name: string): Promise<void> {
    const stored = this.state.stacks[name]!;
    const importers = this.importers(name, Object.keys(stored.exports));
    if (importers.length > 0) throw new DeploymentError(importers, stored.status);
    stored.status = 'DELETE_IN_PROGRESS';
    for (const [logicalId, resource] of Object.entries(stored.resources))
      if (!resource.deletionPolicy.startsWith('Retain')) stored.leftovers.push({ ...resource, logicalId });
    Object.assign(stored, { resources: {}, exports: {}, outputs: {}, imports: [] });
    this.state.save();
    this.tell(name, stored.status);
    const failures = await cleanUp(stored, this.actionsOf(name), () => this.state.save());
    if (failures.length > 0) stored.status = 'DELETE_FAILED';
    else delete this.state.stacks[name];
    this.state.save();
    this.tell(name, failures.length > 0 ? 'DELETE_FAILED' : 'DELETE_COMPLETE', failures.join('\n') || undefined);
  }

  /**
   * Checks the exports as CloudFormation does.
   * @throws Error if another stack imports an export that is removed or changed, or exports the same name
   */
  private checkExports(name: string, exports: Readonly<Record<string, unknown>>): void {
    const before = this.state.stacks[name]!.exports;
    const changed = Object.keys(before).filter((item) => exports[item] !== before[item]);
    const problems = this.importers(name, changed);
    for (const [other, stored] of Object.entries(this.state.stacks))
      for (const item of Object.keys(exports))
        if (other !== name && item in stored.exports)
          problems.push(`Export with name ${item} is already exported by stack ${other}`);
    if (problems.length > 0) throw new Error(problems.join('; '));
  }

  private importers(name: string, exports: readonly string[]): string[] {
    return Object.entries(this.state.stacks).flatMap(([other, { imports }]) =>
      imports
        .filter((item) => other !== name && exports.includes(item))
        .map((item) => `Export ${item} cannot be deleted or updated as it is in use by ${other}`),
    );
  }

  /**
   * Stacks that must be updated before `stack`: it drops exports that they import today and no longer import in the new
   * assembly. On AWS the operator has to choose this order too.
   */
  private usersOfRemoved(stack: Stack, { stacks }: Assembly): Stack[] {
    const stored = this.state.stacks[stack.name];
    if (!stored) return [];
    const kept = new Set(Object.values(stack.template.Outputs ?? {}).map(({ Export }) => Export?.Name));
    const dropped = Object.keys(stored.exports).filter((name) => !kept.has(name));
    const isDropped = (name: string) => dropped.includes(name);
    return stacks.filter((user) => {
      const wanted = importsOf(user);
      const imports = this.state.stacks[user.name]?.imports ?? [];
      return (
        user !== stack &&
        imports.some(isDropped) &&
        !wanted.some(isDropped) &&
        wanted.every((item) => this.exported(item) !== undefined)
      );
    });
  }

  private exported(name: string): unknown {
    return Object.values(this.state.stacks).find(({ exports }) => name in exports)?.exports[name];
  }

  private actionsOf(name: string): Actions {
    return new Actions(name, this.state.stacks[name]!, { ...this.options, twins: this.twins });
  }

  private tell(name: string, status: StackStatus, reason?: string): void {
    this.options.onRun({ kind: 'stack', at: this.options.clock.now(), name, status, reason });
  }
}

/** Physical resources by logical id. The stack's current resource is the last of each list. */
function physicalResources(stored: StoredStack): Map<string, StoredResource[]> {
  const found = new Map<string, StoredResource[]>();
  const add = (id: string, resource: StoredResource) => found.set(id, [...(found.get(id) ?? []), resource]);
  for (const { logicalId, ...resource } of stored.leftovers) add(logicalId, resource);
  for (const [id, resource] of Object.entries(stored.operation?.before ?? {})) {
    const now = stored.resources[id];
    if (!now || !isSamePhysical(now, resource)) add(id, resource);
  }
  for (const [id, resource] of Object.entries(stored.resources)) add(id, resource);
  return found;
}
