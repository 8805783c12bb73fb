import { physicalIdOfProperties } from '../../lambda/warehouse-object/request';
import { type ObjectResource, resourcesOf, type WarehouseObject } from '../../sql';
import type { Objects } from './objects';

type Properties = ObjectResource['properties'];

interface Deployed {
  readonly logicalId: string;
  readonly properties: Properties;
  readonly physicalId: string;
}

interface Done {
  readonly id: string;
  /** The previous object; undefined if the object was created. */
  readonly old?: Deployed;
  /** The new object and its physical id; undefined if the function never returned one. */
  readonly now?: Deployed;
}

/**
 * Deploys a stack of warehouse objects like CloudFormation: it creates before it deletes, rolls back a failure and
 * cleans up at the end.
 */
export class ObjectStack {
  private readonly deployed = new Map<string, Deployed>();
  private done: Done[] = [];
  /** Objects to delete once a deployment is complete. */
  private gone: Deployed[] = [];
  private requests = 0;

  constructor(private readonly objects: Objects) {}

  /** Adopts the objects of a warehouse that is a copy of one with this stack deployed. */
  adopt(objects: readonly WarehouseObject[]): void {
    for (const { id, properties } of resourcesOf(objects))
      this.deployed.set(id, { logicalId: id, properties, physicalId: physicalIdOfProperties(properties) });
  }

  /**
   * @param wanted the objects in the order of their creation
   * @param final called when all objects exist. It replaces the functions; old objects are deleted after that.
   */
  async deploy(wanted: readonly WarehouseObject[], final: () => void | Promise<void>): Promise<void> {
    this.done = [];
    const resources = resourcesOf(wanted);
    for (const { id, properties } of resources) {
      const old = this.deployed.get(id);
      if (old && same(old.properties, properties)) continue;
      const now = await this.change(id, properties, old);
      if (old && old.physicalId !== now.physicalId) this.gone.push(old);
    }
    await final();
    const removed = [...this.deployed].filter(([id]) => !resources.some((resource) => resource.id === id));
    for (const [id, object] of removed) {
      this.gone.push(object);
      this.deployed.delete(id);
    }
    // The deployment is complete now, whether or not the cleanup succeeds.
    this.done = [];
    for (let object = this.gone.at(-1); object; object = this.gone.at(-1)) {
      await this.remove(object).catch(() => this.remove(object!));
      this.gone.pop();
    }
  }

  /** Rolls back the last deployment, which failed. */
  async rollBack(): Promise<void> {
    const done = this.done.reverse();
    this.gone = [];
    for (const { id, old, now } of done) {
      if (!now || !old) continue;
      await this.request('Update', old, now.physicalId, now.properties);
      this.deployed.set(id, old);
    }
    for (const { id, old, now } of done) {
      if (!now || now.physicalId === old?.physicalId) continue;
      await this.remove(now);
      if (!old) this.deployed.delete(id);
    }
    this.done = [];
  }

  private async change(id: string, properties: Properties, old?: Deployed): Promise<Deployed> {
    const now = { logicalId: id, properties, physicalId: physicalIdOfProperties(properties) };
    try {
      await this.request(old ? 'Update' : 'Create', now, old?.physicalId, old?.properties);
    } catch (error) {
      this.done.push({ id, old, now: this.objects.named === undefined ? undefined : now });
      throw error;
    }
    this.done.push({ id, old, now });
    this.deployed.set(id, now);
    return now;
  }

  private remove(deployed: Deployed): Promise<string> {
    return this.request('Delete', deployed, deployed.physicalId);
  }

  private request(
    type: 'Create' | 'Update' | 'Delete',
    { logicalId, properties }: Deployed,
    physicalId?: string,
    old?: Properties,
  ): Promise<string> {
    this.requests += 1;
    return this.objects.request({
      type,
      requestId: `request-${this.requests}`,
      logicalId,
      properties,
      physicalId,
      old,
    });
  }
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
