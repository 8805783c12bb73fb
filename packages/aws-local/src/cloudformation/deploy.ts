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
  /** Construct path, as `dev/Data/Stream/Resource`; undefined where CDK did not record one. */
  readonly path?: string;
  readonly ref: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Resolved properties, but for dynamic references. */
  readonly properties: Properties;
}
export interface Deployment {
  readonly resources: readonly DeployedResource[];
  /** Values of the outputs, by stack name and output name. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** By stack name. */
  readonly statuses: Readonly<Record<string, StackStatus>>;
}

export interface CloudFormationOptions extends Omit<ActionsOptions, 'twins'> {
  readonly twins: readonly ResourceTwin[];
  readonly state: StateFile;
  readonly account: string;
  readonly region: string;
}

/** The deployment failed. What it did was taken back, as far as the message does not say otherwise. */
export class DeploymentError extends Error {
  constructor(
    /** A line for each resource that failed. */
    readonly failures: readonly string[],
    /** Of the stack that failed; undefined when nothing was begun. */
    readonly status?: StackStatus,
  ) {
    super(failures.join('\n'));
    this.name = 'DeploymentError';
  }
}

/**
 * CloudFormation over the twins: stacks are updated as a whole or not at all.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks.html
 *
 * Where AWS leaves things open, or to the person who operates it: a resource that runs when another one fails is waited for instead of cancelled;
 * what a cleanup could not delete is tried again with the next deployment; a stack whose rollback or creation failed is put in order by the next
 * deployment, without further ado.
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

  /** Opens what the data folder holds: the state of twins is in memory, and this process has just begun. */
  async open(): Promise<void> {
    for (const [name, stored] of Object.entries(this.state.stacks)) {
      const actions = this.actionsOf(name);
      const present = physicalResources(stored);
      const dependenciesOf = (id: string) => present.get(id)!.flatMap(({ dependsOn }) => dependsOn);
      for (const id of inOrder(present.keys(), dependenciesOf))
        for (const resource of present.get(id)!) await actions.open(id, resource);
    }
  }

  /**
   * Deploys the stacks one after the other. What an earlier deployment left unfinished is finished first, by taking it back where it had not yet
   * succeeded.
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

  /** What is deployed, also after a deployment that failed. */
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

  /** S3 keys of the code of every function that is there, or that an unfinished operation could need again. */
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

  /** The cleanup; what it cannot delete does not fail the stack. */
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

  /** Goes on where an earlier deployment stopped, or the end of its process stopped it. */
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

  /** A stack that is no longer in the assembly. */
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

  /** @throws Error for exports that are gone or changed while other stacks import them, as CloudFormation does */
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
   * Stacks that have to go first: the stack drops exports that they import today and will not any more. Whoever deploys to AWS has to choose this
   * order too.
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

/** By logical id; what the stack goes by is the last. */
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
