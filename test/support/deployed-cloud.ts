import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudFormation,
  type CustomResourceAnswer,
  CustomResourceError,
  type CustomResourceRequest,
  type Deployment,
  openState,
  type TemplateResource,
} from 'aws-local/twins';
import type { ResourceTwin } from 'aws-local-kit';
import { registryTexts } from '../../lambda/warehouse-object/contract';
import { isCompleteFunction, onEventFunction } from '../../lambda/warehouse-object/object';
import type { StatementFault } from '../../local/faults';
import type { Pipeline } from '../../pipelines/definition';
import {
  type ObjectResource,
  ownerObject,
  registryObject,
  resourcesOf,
  type WarehouseObject,
  warehouseObjects,
} from '../../sql';
import {
  account,
  type Cloud,
  createCloud,
  database,
  environment,
  type Handlers,
  outsider,
  region,
  roles,
} from './cloud';
import { functionsOf } from './functions';
import { memoryFolder } from './memory';
import { Objects } from './objects';
import { withUsers } from './users';

const minuteMs = 60_000;
const startMs = Date.UTC(2026, 10, 21);
const retentionHours = 168;

export interface Deployed extends Pipeline {
  /** The pipeline's data stays when it is no longer deployed. @default false */
  readonly retainData?: boolean;
}

/** The deployed pipelines, each with its functions. */
export type Tree = readonly Deployed[];

/** Names of the pipelines that have a stream and rules. */
const names = ['sim', 'other'];
const purposes = ['refresh', 'export'] as const;

const streamOf = (pipeline: string) => `millrace-${environment}-${pipeline}`;

/** A deployed tree on disk: streams, warehouse and CloudFormation's state. */
export interface Image {
  readonly tree: Tree;
  readonly folder: string;
  /** The time of its clock, in epoch milliseconds. */
  readonly nowMs: number;
}

/**
 * A point where a kill has another effect than at the previous point: a request is about to begin, a change was
 * submitted and may still run, or a change is over. Reads are no points: a kill there leaves the same state as one
 * before them.
 */
export type Point = { readonly number: number; readonly what: string };

/** Thrown to end the function that makes the call. After the process was killed, every call throws it. */
export class Killed extends Error {}

interface Attempt {
  readonly objects: Objects;
  dead: boolean;
  /** Requests whose last change is known to be over. Nothing changes until they submit another one. */
  readonly calm: Set<string>;
}

const never = () => new Promise<never>(() => undefined);

/**
 * A cloud in one process. The local CloudFormation deploys its warehouse objects and functions. The custom resource's
 * core, refresh and export are the real ones, on the real twins.
 */
export class DeployedCloud {
  /** Called at each point of a deployment. It throws `Killed`, or returns whether the process ends here. */
  at: (point: Point) => 'go on' | 'kill the process' = () => 'go on';
  /** Returns the fault of a deployment's statement. */
  fault: (name: string) => StatementFault | undefined = () => undefined;
  handlers: Handlers = {};
  cloud!: Cloud;
  private calls = 0;
  /** Called when the process is killed. */
  private onDeath: () => void = () => undefined;

  private constructor(private readonly folder: string) {}

  static async start(image?: Image): Promise<DeployedCloud> {
    const folder = mkdtempSync(join(memoryFolder() ?? tmpdir(), 'millrace-deployed-'));
    const world = new DeployedCloud(folder);
    if (image) cpSync(join(image.folder, 'state.json'), join(folder, 'state.json'));
    world.cloud = await createCloud({
      startMs: image?.nowMs ?? startMs,
      streamName: streamOf(names[0]!),
      shards: 1,
      retentionHours,
      dataFolder: image && join(image.folder, 'data'),
      handlers: () => world.handlers,
      killNext: () => undefined,
      faults: {
        delivery: () => undefined,
        call: () => undefined,
        statement: (name) => (name.includes('/deploy/') ? world.fault(name) : undefined),
      },
    });
    const settings = { mode: 'PROVISIONED', retentionHours, maxRecordBytes: 2 ** 20 } as const;
    for (const name of names) {
      world.cloud.kinesis.port.open(streamOf(name), settings, 1);
      for (const purpose of purposes)
        world.cloud.onStatements(`millrace/${environment}/${name}/${purpose}/`, `${name}-${purpose}`);
    }
    return world;
  }

  /**
   * Deploys the tree into an empty cloud and saves the result.
   * @param begin called after the deployment, before the result is saved
   * @throws Error if the deployment made anything but the content of the tree
   */
  static async image(tree: Tree, begin: (world: DeployedCloud) => Promise<void>): Promise<Image> {
    const world = await DeployedCloud.start();
    await world.deploy(tree);
    const [found, wanted] = [await world.content(), contentOf(tree)].map((content) => content.join('\n'));
    if (found !== wanted) throw new Error(`a first deployment made\n${found}\ninstead of\n${wanted}`);
    await begin(world);
    const folder = mkdtempSync(join(memoryFolder() ?? tmpdir(), 'millrace-image-'));
    cpSync(join(world.folder, 'state.json'), join(folder, 'state.json'));
    const nowMs = world.cloud.clock.now();
    await world.dispose((data) => cpSync(data, join(folder, 'data'), { recursive: true }));
    return { tree, folder, nowMs };
  }

  /**
   * Deploys as a new process would: it reads the state from disk.
   * @param repair a token that makes the deployment check every object
   * @returns undefined if the process was killed
   * @throws DeploymentError
   */
  async deploy(tree: Tree, repair?: string): Promise<Deployment | undefined> {
    const state = openState(this.folder);
    const objects = new Objects(this.cloud);
    const attempt: Attempt = { objects, dead: false, calm: new Set() };
    const died = new Promise<undefined>((resolve) => {
      this.onDeath = () => {
        attempt.dead = true;
        state.close();
        resolve(undefined);
      };
    });
    this.calls = 0;
    objects.kill = (what, changes, statement) => this.reach(attempt, what, changes, statement);
    const cloud = new CloudFormation({
      twins: [this.functionTwin(attempt)],
      customResources: {
        request: (request) => this.provide(attempt, request),
        handler: () => ({ status: 404 }),
      },
      secrets: { getSecretString: async () => '' },
      principal: outsider,
      state,
      account,
      region,
      clock: this.cloud.clock,
      onRun: () => undefined,
    });
    await cloud.open();
    const stacks = [
      { name: 'sim', displayName: 'sim/one', template: { Resources: templateOf(tree, repair) }, paths: {} },
    ];
    const deploying = cloud.deploy({ stacks, assets: new Map() });
    deploying.catch(() => undefined);
    return Promise.race([deploying, died]);
  }

  private reach(attempt: Attempt, what: string, changes: boolean, statement: string | undefined): void {
    if (attempt.dead) throw new Killed('killed');
    // The number of status polls depends on speed, so polls are not points. The statements are always the same.
    if (statement === undefined) return;
    const request = statement.split('/').slice(0, 6).join('/');
    if (what.startsWith('before')) {
      if (attempt.calm.has(request)) return;
      attempt.calm.add(request);
    } else {
      if (!changes) return;
      attempt.calm.delete(request);
    }
    this.calls += 1;
    if (this.at({ number: this.calls, what: `${what} ${statement}` }) === 'go on') return;
    this.onDeath();
    throw new Killed('killed');
  }

  /** Carries out a request like CDK's provider framework and its state machine. */
  private async provide(attempt: Attempt, request: CustomResourceRequest): Promise<CustomResourceAnswer> {
    if (attempt.dead) return never();
    const marker = 'AWSCDK::CustomResourceProviderFramework::CREATE_FAILED';
    if (request.requestType === 'Delete' && request.physicalId === marker) return { physicalId: marker, data: {} };
    const event = {
      RequestType: request.requestType,
      RequestId: request.requestId,
      ...(request.physicalId !== undefined && { PhysicalResourceId: request.physicalId }),
      ResourceProperties: request.properties,
      ...(request.oldProperties && { OldResourceProperties: request.oldProperties }),
    };
    const remaining = () => 60_000;
    let physicalId = request.physicalId ?? marker;
    try {
      const answer = await onEventFunction(attempt.objects.host())(event, remaining);
      physicalId = answer.PhysicalResourceId;
      for (let asked = 0; asked < 50; asked += 1) {
        const named = { ...event, PhysicalResourceId: physicalId };
        const { IsComplete } = await isCompleteFunction(attempt.objects.host())(named, remaining);
        if (attempt.dead) return never();
        if (IsComplete) return { physicalId, data: {} };
      }
      throw new Error('is not complete after 50 calls');
    } catch (error) {
      if (attempt.dead) return never();
      throw new CustomResourceError((error as Error).message, physicalId);
    }
  }

  /** The twin of all pipelines' functions as one resource, whose code is their plans. */
  private functionTwin(attempt: Attempt): ResourceTwin {
    return {
      type: 'AWS::Lambda::Function',
      properties: ['Code'],
      create: ({ Code }, { previous }) => {
        if (attempt.dead) return never();
        const functions = (JSON.parse(Code.ZipFile) as Pipeline[]).flatMap((pipeline) =>
          Object.entries(functionsOf(this.cloud, pipeline)).map(([name, handler]) => [
            `${pipeline.name}-${name}`,
            handler,
          ]),
        );
        this.handlers = Object.fromEntries(functions);
        return { ref: previous?.ref ?? 'functions', attributes: {} };
      },
      delete: () => undefined,
    };
  }

  put(pipeline: string, lines: readonly string[]): void {
    const Records = lines.map((line, n) => ({ Data: Buffer.from(line).toString('base64'), PartitionKey: `k${n}` }));
    this.cloud.kinesis.operations.PutRecords({ StreamName: streamOf(pipeline), Records }, outsider);
  }

  /** Lets a minute pass and fires the schedules of the deployed pipelines. It does not wait for the runs. */
  tick(purpose: (typeof purposes)[number] = 'refresh'): void {
    const { clock } = this.cloud;
    clock.advanceTo(Math.floor(clock.now() / minuteMs + 1) * minuteMs);
    const event = { kind: 'start', scheduledTime: new Date(clock.now()).toISOString() };
    for (const name of Object.keys(this.handlers))
      if (name.endsWith(`-${purpose}`)) void this.cloud.invokeAsync(name, event);
  }

  async query(sql: string): Promise<string[][]> {
    const { rows } = await this.cloud.warehouse.port.query(sql);
    return rows.map((row) => row.map(String));
  }

  /** Returns the names of all relations, and all records of the registry. */
  async content(): Promise<string[]> {
    const relations = await this.query(
      "select table_schema || '.' || table_name from svv_tables where table_schema in ('sim', 'other', 'millrace') union all select trim(schema_name) || '.' || trim(name) || ' (materialized)' from svv_mv_info",
    );
    const records = await this.query("select 'record of ' || name || ' ' || version from millrace.objects");
    return [...relations, ...records].flat().sort();
  }

  /** Reads CloudFormation's state from its file. */
  state(): { status: string; operation?: unknown; leftovers: readonly unknown[] } {
    return openState(this.folder).stacks['sim']!;
  }

  /** @param keep receives the path of the data folder before it is removed */
  async dispose(keep?: (dataFolder: string) => void): Promise<void> {
    await this.cloud.dispose((_, dataFolder) => keep?.(dataFolder));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const objectsOf = (pipeline: Pipeline) =>
  warehouseObjects(pipeline, { streamName: streamOf(pipeline.name), streamRoleArn: roles.stream, database });

function itemsOf({ properties: { name, kind, version } }: WarehouseObject): string[] {
  const record = `record of ${name} ${version}`;
  if (kind === 'landing-view' || kind === 'materialized-view') return [record, name, `${name} (materialized)`];
  return kind === 'table' || kind === 'public-view' ? [record, name] : [record];
}

/** Returns the content of the warehouse when the tree is deployed. */
export const contentOf = (tree: Tree): string[] =>
  [registryTexts, ...[registryObject(), ...tree.flatMap(objectsOf)].flatMap(itemsOf)].sort();

/** Returns the content that stays when the tree's pipelines are no longer deployed. */
export const keptOf = (tree: Tree): string[] =>
  tree
    .filter(({ retainData }) => retainData)
    .flatMap(objectsOf)
    .filter(({ retain }) => retain)
    .flatMap(itemsOf);

/** Makes the template of a tree, with the same dependencies as the project's stack. */
function templateOf(tree: Tree, repair: string | undefined): Record<string, TemplateResource> {
  const resources: Record<string, TemplateResource> = {};
  const add = (
    id: string,
    { properties }: Pick<ObjectResource, 'properties'>,
    dependsOn: readonly string[],
    keep = false,
  ) => {
    resources[id] = {
      Type: 'Custom::WarehouseObject',
      Properties: {
        ServiceToken: 'provider',
        ...properties,
        onRemoval: keep ? 'keep' : 'drop',
        ...(repair && { repair }),
      },
      DependsOn: dependsOn,
      DeletionPolicy: keep ? 'Retain' : 'Delete',
      UpdateReplacePolicy: 'Delete',
    };
  };
  add('Owner', ownerObject(database), []);
  add('Registry', registryObject(), ['Owner']);
  const all: string[] = [];
  for (const pipeline of tree) {
    for (const resource of resourcesOf(withUsers(pipeline, objectsOf(pipeline)))) {
      const id = `${pipeline.name}${resource.id}`;
      const dependsOn = ['Owner', 'Registry', ...resource.dependsOn.map((before) => `${pipeline.name}${before}`)];
      add(id, resource, dependsOn, pipeline.retainData && resource.retain);
      all.push(id);
    }
  }
  resources['Functions'] = {
    Type: 'AWS::Lambda::Function',
    Properties: { Code: { ZipFile: JSON.stringify(tree) } },
    DependsOn: all,
  };
  return resources;
}
