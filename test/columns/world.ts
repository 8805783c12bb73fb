import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { redshiftData } from '../../lambda/shared/redshift-data';
import { asked, renderAll } from '../../lambda/shared/statement';
import type { Row, Warehouse } from '../../lambda/shared/warehouse';
import { isComplete, type ObjectHost, onEvent } from '../../lambda/warehouse-object/object';
import { parseRequest } from '../../lambda/warehouse-object/request';
import type { Pipeline } from '../../pipelines/definition';
import { refreshPlan, type WarehouseObject, warehouseObjects } from '../../sql';
import {
  admin,
  type Cloud,
  cluster,
  createCloud,
  database,
  environment,
  outsider,
  owner,
  roleOf,
  roles,
} from '../support/cloud';
import { inProcess } from '../support/sdk';
import { runStep, type Template } from '../support/template';

export const startMs = Date.UTC(2026, 10, 21, 10);

/** The process that deploys is gone. */
export class Killed extends Error {}

type Objects = ReadonlyMap<string, WarehouseObject>;
const sameText = (one: WarehouseObject, other: WarehouseObject) =>
  JSON.stringify(one.properties) === JSON.stringify(other.properties);

/**
 * A pipeline in a local warehouse, its merges, and deployments of other editions as CloudFormation makes them: each object by the real core of its
 * function, in order; replaced and removed ones deleted in the end.
 */
export class World {
  /** Told of each statement of a deployment, before and after it. */
  hook: (call: string) => Promise<void> = async () => undefined;
  /** The edition whose functions run. */
  functions: Pipeline;
  readonly sent: object[] = [];
  private deployed: Objects;
  /** What the deployment on its way has done so far. */
  private changed: { readonly id: string; readonly object: WarehouseObject; readonly physicalId: string }[] = [];
  private requests = 0;
  private runs = 0;

  private constructor(
    private readonly cloud: Cloud,
    private readonly template: Template,
  ) {
    this.functions = template.pipeline;
    this.deployed = this.objectsOf(template.pipeline);
  }

  static async open(template: Template): Promise<World> {
    const nothing = { delivery: () => undefined, statement: () => undefined, call: () => undefined };
    const cloud = await createCloud({
      startMs,
      streamName: template.streamName,
      shards: 1,
      retentionHours: template.pipeline.stream.retentionHours,
      databaseFile: template.databaseFile,
      faults: nothing,
      killNext: () => undefined,
      handlers: () => ({}),
    });
    return new World(cloud, template);
  }

  private objectsOf(pipeline: Pipeline): Objects {
    const tokens = { streamName: this.template.streamName, streamRoleArn: roles.stream, database };
    return new Map(warehouseObjects(pipeline, tokens).map((object) => [object.id, object]));
  }

  send(...payloads: readonly object[]): void {
    const Records = payloads.map((payload) => ({
      Data: Buffer.from(JSON.stringify(payload)).toString('base64'),
      PartitionKey: 'k',
    }));
    this.cloud.kinesis.operations.PutRecords({ StreamName: this.template.streamName, Records }, outsider);
    this.sent.push(...payloads);
  }

  /** One run of the refresh function of the edition that is deployed. */
  async merge(): Promise<void> {
    this.cloud.clock.advanceTo(this.cloud.clock.now() + 60_000);
    this.runs += 1;
    for (const step of refreshPlan(this.functions).steps) {
      const statements = renderAll(step.statements, asked(step.statements, { run_id: `run-${this.runs}` }));
      await runStep(this.cloud.warehouse, { ...step, statements }, owner.name);
    }
  }

  /** @throws what CloudFormation would roll back for, or Killed */
  async deploy(pipeline: Pipeline): Promise<void> {
    const wanted = this.objectsOf(pipeline);
    const before = this.deployed;
    this.changed = [];
    this.pass(1);
    for (const [id, object] of wanted) {
      const old = before.get(id);
      if (old && sameText(old, object)) continue;
      await this.request(old ? 'Update' : 'Create', object, old && physicalIdOf(old), (given) =>
        this.changed.push({ id, object, physicalId: given }),
      );
    }
    this.functions = pipeline;
    this.deployed = wanted;
    for (const [id, old] of [...before].reverse()) {
      const now = wanted.get(id);
      if (!now || physicalIdOf(now) !== physicalIdOf(old)) await this.request('Delete', old, physicalIdOf(old));
    }
  }

  /** What was changed in place becomes what it was, what was created goes. The functions are those of before. */
  async rollBack(to: Pipeline): Promise<void> {
    const before = this.objectsOf(to);
    this.functions = to;
    const isNew = ({ id, physicalId }: (typeof this.changed)[number]) => {
      const old = before.get(id);
      return !old || physicalIdOf(old) !== physicalId;
    };
    for (const change of this.changed)
      if (!isNew(change)) await this.request('Update', before.get(change.id)!, change.physicalId);
      else if (before.has(change.id))
        await this.request('Update', before.get(change.id)!, physicalIdOf(before.get(change.id)!));
    for (const change of [...this.changed].reverse())
      if (isNew(change)) await this.request('Delete', change.object, change.physicalId);
    this.changed = [];
    this.deployed = before;
  }

  private async request(
    RequestType: 'Create' | 'Update' | 'Delete',
    { properties }: WarehouseObject,
    physicalId: string | undefined,
    named: (physicalId: string) => void = () => undefined,
  ): Promise<string> {
    this.requests += 1;
    const event = {
      RequestType,
      RequestId: `request-${this.requests}`,
      ...(physicalId === undefined ? {} : { PhysicalResourceId: physicalId }),
      ResourceProperties: { ServiceToken: 'arn', ...properties },
    };
    const remaining = () => 60_000;
    const { PhysicalResourceId } = await onEvent(this.host(), parseRequest(event), remaining);
    named(PhysicalResourceId);
    for (let asking = 0; asking < 50; asking += 1) {
      const request = parseRequest({ ...event, PhysicalResourceId });
      if ((await isComplete(this.host(), request, remaining)).IsComplete) return PhysicalResourceId;
    }
    throw new Error(`${RequestType} of ${properties.name} is not complete after 50 calls`);
  }

  private host(): ObjectHost {
    return {
      environment,
      as: (identity) => this.warehouse(identity),
      ownerSecret: async () => JSON.stringify({ username: owner.name, password: owner.password }),
      now: () => this.cloud.clock.now(),
      limitMs: 3_600_000,
      log: () => undefined,
    };
  }

  private warehouse(identity: 'admin' | 'owner'): Warehouse {
    const target = {
      kind: 'provisioned',
      name: cluster,
      database,
      secretArn: identity === 'admin' ? admin.name : owner.name,
    } as const;
    const client = new RedshiftDataClient(
      inProcess(this.cloud.warehouse.service, roleOf('deployment'), (_, __, run) => run()),
    );
    const warehouse = redshiftData(client, target, async () => undefined);
    return {
      ...warehouse,
      submit: async (submission) => {
        await this.hook(`before ${submission.name}`);
        const id = await warehouse.submit(submission);
        await warehouse.describe(id, 30);
        await this.hook(`after ${submission.name}`);
        return id;
      },
    };
  }

  /** Rows of a query, values as text. */
  async rows(sql: string): Promise<Row[]> {
    const target = { kind: 'provisioned', name: cluster, database, secretArn: owner.name } as const;
    const client = new RedshiftDataClient(
      inProcess(this.cloud.warehouse.service, roleOf('reader'), (_, __, run) => run()),
    );
    const warehouse = redshiftData(client, target);
    const id = await warehouse.submit({ name: 'test', mode: 'single', statements: [sql] });
    const state = await warehouse.describe(id, 30);
    if (state.status !== 'FINISHED') throw new Error(`${state.status}: ${state.error}: ${sql}`);
    return warehouse.rows(id);
  }

  /** Lets time go by. */
  pass(minutes: number): void {
    this.cloud.clock.advanceTo(this.cloud.clock.now() + minutes * 60_000);
  }

  dispose(): Promise<void> {
    return this.cloud.dispose();
  }
}

const physicalIdOf = ({ properties: { kind, name, version } }: WarehouseObject) =>
  kind === 'landing-view' || kind === 'materialized-view' ? `${name}@${version}` : name;
