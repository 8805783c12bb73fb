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
  /** Undefined where it was created. */
  readonly old?: Deployed;
  /** What it became, and is called by; undefined where the function never named it. */
  readonly now?: Deployed;
}

/** What CloudFormation does with a stack of warehouse objects: creates before it deletes, takes back what failed, cleans up in the end. */
export class ObjectStack {
  private readonly deployed = new Map<string, Deployed>();
  private done: Done[] = [];
  /** What is to go once a deployment is complete. */
  private gone: Deployed[] = [];
  private requests = 0;

  constructor(private readonly objects: Objects) {}

  /** The warehouse is a copy of one into which a stack of these objects was deployed. */
  adopt(objects: readonly WarehouseObject[]): void {
    for (const { id, properties } of resourcesOf(objects))
      this.deployed.set(id, { logicalId: id, properties, physicalId: physicalIdOfProperties(properties) });
  }

  /**
   * @param wanted in the order of their creation
   * @param final called when all are there: functions change over, and the old objects go after that
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
    // It is complete now, whatever becomes of the cleanup.
    this.done = [];
    for (let object = this.gone.at(-1); object; object = this.gone.at(-1)) {
      await this.remove(object).catch(() => this.remove(object!));
      this.gone.pop();
    }
  }

  /** Takes back what the last deployment did until it failed. */
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
