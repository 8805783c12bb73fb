import { createHash } from 'node:crypto';
import {
  type Clock,
  NotModelledError,
  type Principal,
  type ResourceContext,
  type ResourceState,
  type ResourceTwin,
  type RunEvent,
  type RunListener,
  type SecretsPort,
} from 'aws-local-kit';
import { asText, type CustomResources, type Properties } from './custom-resources';
import { resolveDynamicReferences } from './dynamic-references';
import { stackId } from './intrinsics';
import type { Definition, StoredResource, StoredStack } from './state';
import { isCustomType, sameValue } from './values';

export interface ActionsOptions {
  readonly twins: ReadonlyMap<string, ResourceTwin>;
  readonly customResources: CustomResources;
  readonly secrets: SecretsPort;
  /** The principal that reads the secrets of dynamic references. */
  readonly principal: Principal;
  readonly clock: Clock;
  readonly onRun: RunListener;
}

/** One physical resource of a stack. */
export interface Subject {
  readonly logicalId: string;
  readonly definition: Definition;
  /** Id of the request to a custom resource. */
  readonly requestId: string;
}

/**
 * Creates, updates and deletes the resources of one stack, and reports each step as a run event.
 * A custom resource is handled by its own function, any other resource by the twin of its type.
 */
export class Actions {
  constructor(
    private readonly stackName: string,
    private readonly stack: Pick<StoredStack, 'account' | 'region'>,
    private readonly options: ActionsOptions,
  ) {}

  isCustom(type: string): boolean {
    return isCustomType(type) && !this.options.twins.has(type);
  }

  /**
   * Opens a stored resource: its twin rebuilds the in-memory state.
   * @returns the attributes, which differ if for example a port is in use now
   */
  async open(logicalId: string, resource: StoredResource): Promise<StoredResource['attributes']> {
    if (this.isCustom(resource.type) || resource.properties === undefined) return resource.attributes;
    const context = this.contextOf(logicalId, resource, resource);
    const { attributes } = await this.twin(resource.type).create(await this.secret(resource.properties), context);
    return attributes;
  }

  create(subject: Subject): Promise<ResourceState> {
    return this.told(subject, 'create', async () => {
      const { logicalId, definition } = subject;
      if (this.isCustom(definition.type)) return this.ask(subject, 'Create', {});
      return this.twin(definition.type).create(
        await this.secret(definition.properties),
        this.contextOf(logicalId, definition),
      );
    });
  }

  /**
   * Updates the resource. A custom resource that answers with another physical id counts as replaced.
   * @param from the resource before the update
   */
  update(subject: Subject, from: StoredResource): Promise<ResourceState> {
    return this.told(subject, 'update', async () => {
      const { logicalId, definition } = subject;
      if (this.isCustom(definition.type))
        return this.ask(subject, 'Update', { oldProperties: from.properties, physicalId: from.ref });
      const twin = this.twin(definition.type);
      const context = this.contextOf(logicalId, definition, from);
      const properties = await this.secret(definition.properties);
      if (twin.update && from.properties) return twin.update(properties, context, await this.secret(from.properties));
      return twin.create(properties, context);
    });
  }

  async delete(logicalId: string, resource: StoredResource, requestId: string): Promise<void> {
    const subject = { logicalId, definition: resource, requestId };
    await this.told(subject, 'delete', async () => {
      if (this.isCustom(resource.type)) {
        await this.ask(subject, 'Delete', { physicalId: resource.ref });
        return;
      }
      const twin = this.options.twins.get(resource.type);
      if (!twin?.delete) throw new NotModelledError(`deleting a resource of type ${resource.type}`);
      await twin.delete(resource, this.contextOf(logicalId, resource, resource), resource.properties ?? {});
    });
  }

  /**
   * True if the changed properties require a new physical resource.
   * Always false for a custom resource: only its function's answer shows a replacement.
   * @throws Error if a replacement is required but the template keeps the old resource's name
   */
  replaces({ type, properties = {} }: Definition, from: StoredResource): boolean {
    if (this.isCustom(type) || from.properties === undefined) return false;
    const { replacedBy = [] } = this.twin(type);
    const changed = replacedBy.filter((name) => !sameValue(properties[name], from.properties![name]));
    if (changed.length === 0) return false;
    const name = replacedBy.find((property) => /(Name|Identifier)$/.test(property) && properties[property]);
    if (name !== undefined && ownNames[type] === name && !changed.includes(name))
      throw new Error(
        `CloudFormation cannot update a stack when a custom-named resource requires replacing (a change of ${changed.join(', ')} does). Rename ${JSON.stringify(properties[name])} and update the stack again`,
      );
    return true;
  }

  /** Name that CloudFormation generates. It is also the physical id of a custom resource whose function gave none. */
  generatedName(logicalId: string, { generation }: Definition): string {
    return generatedName(this.stackName, logicalId, generation);
  }

  trouble(name: string, message: string): void {
    this.options.onRun({ kind: 'trouble', at: this.options.clock.now(), name, message });
  }

  private async ask(
    { logicalId, definition, requestId }: Subject,
    requestType: 'Create' | 'Update' | 'Delete',
    values: { readonly oldProperties?: Properties; readonly physicalId?: string },
  ): Promise<ResourceState> {
    const { stackName, options, stack } = this;
    const { physicalId, data } = await options.customResources.request({
      requestType,
      requestId,
      stackId: stackId({ ...stack, stackName }),
      logicalId,
      type: definition.type,
      properties: asText(definition.properties ?? {}) as Properties,
      oldProperties: values.oldProperties && (asText(values.oldProperties) as Properties),
      physicalId: values.physicalId,
    });
    return { ref: physicalId, attributes: data };
  }

  private async told<T>(
    { logicalId, definition: { type, path } }: Subject,
    action: 'create' | 'update' | 'delete',
    work: () => Promise<T>,
  ): Promise<T> {
    const { onRun, clock } = this.options;
    const tell = (rest: Pick<RunEvent & { kind: 'resource' }, 'done' | 'error'>) =>
      onRun({ kind: 'resource', at: clock.now(), name: path ?? logicalId, type, action, ...rest });
    tell({ done: false });
    try {
      const result = await work();
      tell({ done: true });
      return result;
    } catch (error) {
      tell({ done: false, error: (error as Error).message });
      throw error;
    }
  }

  private twin(type: string): ResourceTwin {
    const twin = this.options.twins.get(type);
    if (!twin) throw new NotModelledError(`resource type ${type}`);
    return twin;
  }

  private secret(properties: Properties = {}): Promise<unknown> {
    return resolveDynamicReferences(properties, this.options);
  }

  private contextOf(logicalId: string, definition: Definition, previous?: ResourceState): ResourceContext {
    return {
      stackName: this.stackName,
      logicalId,
      account: this.stack.account,
      region: this.stack.region,
      generatedName: this.generatedName(logicalId, definition),
      previous: previous && { ref: previous.ref, attributes: previous.attributes },
    };
  }
}

/** The property that names the physical resource, for types that other properties replace too. */
const ownNames: Readonly<Record<string, string>> = {
  'AWS::KinesisFirehose::DeliveryStream': 'DeliveryStreamName',
  'AWS::IAM::Role': 'RoleName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::Logs::MetricFilter': 'FilterName',
  'AWS::Redshift::Cluster': 'ClusterIdentifier',
  'AWS::Redshift::ClusterParameterGroup': 'ParameterGroupName',
  'AWS::RedshiftServerless::Workgroup': 'WorkgroupName',
  'AWS::Scheduler::Schedule': 'Name',
  'AWS::StepFunctions::StateMachine': 'StateMachineName',
};

/** `<stack>-<logical id>-<12 characters>`. It has at most 62 characters, which every service accepts. */
export function generatedName(stackName: string, logicalId: string, generation = 0): string {
  const seed = generation === 0 ? `${stackName}/${logicalId}` : `${stackName}/${logicalId}/${generation}`;
  const digest = createHash('sha256').update(seed).digest();
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const suffix = [...digest.subarray(0, 12)].map((byte) => alphabet[byte % 32]).join('');
  return `${stackName.slice(0, 24)}-${logicalId.slice(0, 24)}-${suffix}`;
}
