import { RedshiftDataClient } from '@aws-sdk/client-redshift-data';
import { forgetKeys } from '../../lambda/shared/forget-keys';
import { redshiftData } from '../../lambda/shared/redshift-data';
import { redshiftStatus } from '../../lambda/shared/redshift-status';
import type { Row, Warehouse } from '../../lambda/shared/warehouse';
import type { WarehouseGroupProperties, WarehouseObjectProperties } from '../../lambda/warehouse-object/contract';
import type { ObjectHost } from '../../lambda/warehouse-object/host';
import { isCompleteFunction, onEventFunction } from '../../lambda/warehouse-object/object';
import { registryObject } from '../../sql';
import {
  admin,
  type Cloud,
  cluster,
  createCloud,
  database,
  environment,
  forgetSecret,
  owner,
  roleOf,
  userPassword,
} from './cloud';
import { inProcess } from './sdk';

/** A request of CloudFormation to the function behind a warehouse object. */
export interface ObjectRequest {
  readonly type: 'Create' | 'Update' | 'Delete';
  readonly requestId: string;
  readonly properties: WarehouseObjectProperties | WarehouseGroupProperties;
  readonly physicalId?: string;
  /** The previous properties, for Update. */
  readonly old?: WarehouseObjectProperties | WarehouseGroupProperties;
  /** @default - one resource for all */
  readonly logicalId?: string;
  /** @default - one stack for all */
  readonly stackId?: string;
}

/**
 * Called before and after each call to the Data API. Throws if the function is killed there.
 * @param changes true if the call submits a statement that is not a read, which a repeated call would find again
 * @param statement the name of the submitted statement
 */
export type Kill = (call: string, changes: boolean, statement?: string) => void | Promise<void>;

/** The real core of the function, over a real SDK client that talks to the warehouse of the cloud. */
const target = { kind: 'provisioned', name: cluster, database } as const;

export class Objects {
  kill: Kill = () => undefined;
  /** The physical id of the last request's object, once the function has returned it. */
  named: string | undefined;

  /** One client for each identity, since creating a client takes longer than its calls. */
  private readonly warehouses = new Map<'admin' | 'owner', Warehouse>();
  private outside: RedshiftDataClient | undefined;

  constructor(readonly cloud: Cloud) {}

  /** Returns the identity's warehouse, with one client for all calls, as in the function's environment. */
  warehouse(identity: 'admin' | 'owner'): Warehouse {
    const known = this.warehouses.get(identity) ?? this.connect(identity === 'admin' ? admin.name : owner.name);
    this.warehouses.set(identity, known);
    return known;
  }

  private connect(secretArn: string): Warehouse {
    const around: Parameters<typeof inProcess>[2] = async (operation, { body }, run) => {
      const statement = /Execute/.test(operation) ? String(JSON.parse(body.toString()).StatementName) : undefined;
      const submits = statement !== undefined && isChange(statement);
      await this.kill(`before ${operation}`, submits, statement);
      const response = await run();
      await this.kill(`after ${operation}`, submits, statement);
      return response;
    };
    return redshiftData(
      new RedshiftDataClient(inProcess(this.cloud.warehouse.service, roleOf('deployment'), around)),
      { ...target, secretArn },
      redshiftStatus(target, inProcess(this.cloud.warehouse.controlPlane[0]!, roleOf('deployment'), around)),
      async () => undefined,
    );
  }

  host(): ObjectHost {
    return {
      texts: {},
      environment,
      as: (identity) => this.warehouse(identity),
      asUser: (secretArn) => this.connect(secretArn),
      ownerSecret: async () => JSON.stringify({ username: owner.name, password: owner.password }),
      secret: async (username) => JSON.stringify({ username, password: userPassword }),
      forgetKeys: async (pipeline) => forgetKeys(forgetSecret, pipeline),
      now: this.cloud.clock.now,
      sleep: async () => undefined,
      limitMs: 56 * 60_000,
      log: () => undefined,
    };
  }

  /** Carries out a request like CDK's provider framework. Returns the physical id. */
  async request({
    type,
    requestId,
    properties,
    physicalId,
    old,
    stackId = 'stack',
    logicalId = 'one',
  }: ObjectRequest): Promise<string> {
    const event = {
      RequestType: type,
      RequestId: requestId,
      StackId: stackId,
      LogicalResourceId: logicalId,
      ...(physicalId === undefined ? {} : { PhysicalResourceId: physicalId }),
      ResourceProperties: { ServiceToken: 'arn', ...properties },
      ...(old ? { OldResourceProperties: { ServiceToken: 'arn', ...old } } : {}),
    };
    const remaining = () => 60_000;
    this.named = undefined;
    const { PhysicalResourceId } = await onEventFunction(this.host())(event, remaining);
    this.named = PhysicalResourceId;
    for (let asked = 0; asked < 100; asked += 1) {
      const named = { ...event, PhysicalResourceId };
      if ((await isCompleteFunction(this.host())(named, remaining)).IsComplete) return PhysicalResourceId;
    }
    throw new Error(`${type} of ${properties.name} is not complete after 100 calls`);
  }

  /** Runs one statement and returns its rows. */
  async run(sql: string, identity: 'admin' | 'owner' = 'owner'): Promise<Row[]> {
    this.outside ??= new RedshiftDataClient(
      inProcess(this.cloud.warehouse.service, roleOf('outsider'), (_, __, run) => run()),
    );
    const warehouse = redshiftData(
      this.outside,
      { ...target, secretArn: identity === 'admin' ? admin.name : owner.name },
      async () => ({ kind: 'available', status: 'available' }),
    );
    const { id } = await warehouse.submit({ name: 'test', mode: 'single', statements: [sql] });
    const state = await warehouse.describe(id, 30);
    if (state.status !== 'FINISHED') throw new Error(`${state.status}: ${state.error}: ${sql}`);
    return /^\s*(select|with)/i.test(sql) ? warehouse.rows(id) : [];
  }
}

/** Makes a warehouse that has only the owner and the registry. The caller disposes its cloud. */
export async function emptyWarehouse(startMs: number): Promise<Objects> {
  const nothing = { delivery: () => undefined, statement: () => undefined, call: () => undefined };
  const cloud = await createCloud({
    startMs,
    streamName: 'none',
    shards: 1,
    retentionHours: 24,
    faults: nothing,
    killNext: () => undefined,
    handlers: () => ({}),
  });
  const objects = new Objects(cloud);
  await objects.run(`create user ${owner.name} password '${owner.password}'`, 'admin');
  await objects.run(`grant create on database ${database} to ${owner.name}`, 'admin');
  await objects.request({ type: 'Create', requestId: 'registry', properties: registryObject().properties });
  return objects;
}

/** True for statements that change something: the last part of their name has a number, that of reads has none. */
const isChange = (statementName: string) => /\d[^/]*$/.test(statementName);
