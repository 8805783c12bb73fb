import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { keepsData } from '../environments/declaration';
import type { Environment } from '../environments/environment';
import type { Pipeline } from '../pipelines/definition';
import { endpointsPlan, openApiDocument, type UserPurpose, warehouseObjects } from '../sql';
import type { DataStack } from './data-stack';
import { EndpointApi } from './endpoints/endpoint-api';
import { EndpointFunction } from './endpoints/endpoint-function';
import { stacksWithEndpoints } from './endpoints/share';
import { Exports } from './export/export';
import { MaterializeAccess } from './export/materialize';
import { ExportNotifications } from './export/notifications';
import { Load } from './history/load';
import { Reconcile } from './history/reconcile';
import { Archive, ArchiveTransform } from './ingest/archive';
import { EnvironmentDashboard, type WatchedPipeline } from './monitoring/dashboard';
import { ApiMonitoring, watchEndpointFunction } from './monitoring/endpoints';
import { AlarmTopic, alarmAction, Monitoring, type WatchedAlarm } from './monitoring/monitoring';
import { PartnerRole } from './partners/partner-role';
import { EnvironmentBudget } from './pause/budget';
import { EnvironmentPause } from './pause/environment-pause';
import { Refresh } from './refresh/refresh';
import type { Bundles } from './shared/bundles';
import type { Handler } from './shared/handler';
import { pascalCase, streamName } from './shared/names';
import { ReviewScript } from './shared/review-script';
import { Lanes } from './warehouse/lanes';
import { PipelineUsers } from './warehouse/pipeline-users';
import { PipelineObjects, WarehouseObjectProvider } from './warehouse/warehouse-objects';

export interface PipelinesStackProps extends StackProps {
  readonly environment: Environment;
  readonly pipelines: readonly Pipeline[];
  readonly data: DataStack;
  readonly bundles: Bundles;
}

/** Everything that moves data: functions, schedules, delivery streams, warehouse objects, partner roles and alarms. It holds no data. */
export class PipelinesStack extends Stack {
  /** For the stacks of other pipelines. */
  readonly shared: Shared;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: PipelinesStackProps,
  ) {
    const { environment, pipelines, data, bundles, ...stackProps } = props;
    super(scope, id, stackProps);
    this.shared = new Shared(this, environment, pipelines, data, bundles);
    this.shared.place(
      this,
      pipelines.filter(({ stack }) => stack === undefined),
    );
    const notifications = environment.exportNotifications ?? [];
    if (notifications.length > 0)
      new ExportNotifications(this, 'ExportNotifications', { environment, notifications, key: data.key });
    for (const partner of environment.partners) {
      const role = new PartnerRole(new Construct(this, `Partner${pascalCase(partner.name)}`), 'Access', {
        environment: environment.name,
        partner,
        bucket: data.exports,
        key: data.key,
        routes: this.shared.api?.partnerRoutes(partner),
        retain: environment.retainData,
      });
      new CfnOutput(role, 'RoleArn', { value: role.role.roleArn, description: `For ${partner.name}` });
      for (const [generation, secret] of role.generatedIds)
        new CfnOutput(role, `ExternalId${generation === 1 ? '' : generation}SecretArn`, {
          value: secret.secretArn,
          description: `External id ${generation} for ${partner.name}`,
        });
    }
  }

  /** Adds the dashboard of the environment. Call it when the pipelines of all stacks are placed. */
  addDashboard(): void {
    const { environment, data } = this.props;
    if (environment.dashboard === false) return;
    const { history, archive, exports } = data;
    new EnvironmentDashboard(this, 'Dashboard', {
      environment,
      pipelines: this.shared.watched,
      apiAlarms: this.shared.apiAlarms,
      bucketNames: {
        history: history.bucketName,
        archive: archive.bucketName,
        exports: exports.bucketName,
      },
    });
  }
}

export interface MorePipelinesProps extends StackProps {
  readonly main: PipelinesStack;
  /** The pipelines of this stack. */
  readonly pipelines: readonly Pipeline[];
}

/** Pipelines that name a stack of their own, because the main stack has no room for them. */
export class MorePipelinesStack extends Stack {
  constructor(scope: Construct, id: string, { main, pipelines, ...props }: MorePipelinesProps) {
    super(scope, id, props);
    main.shared.place(this, pipelines);
  }
}

/** What the pipelines of an environment share. */
class Shared {
  /** Every pipeline that was placed. */
  readonly watched: WatchedPipeline[] = [];
  /** Alarms of the HTTP API and its functions. */
  readonly apiAlarms: WatchedAlarm[] = [];
  private readonly transform: ArchiveTransform;
  private readonly provider: WarehouseObjectProvider;
  private readonly topic: AlarmTopic;
  private readonly materialize: MaterializeAccess | undefined;
  /** Undefined where no pipeline has an endpoint. */
  readonly api: EndpointApi | undefined;
  /** Stacks with a function for endpoints, in order; undefined is the main one. */
  private readonly endpointStacks: readonly (string | undefined)[];

  constructor(
    stack: Stack,
    private readonly environment: Environment,
    private readonly pipelines: readonly Pipeline[],
    private readonly data: DataStack,
    private readonly bundles: Bundles,
  ) {
    this.endpointStacks = stacksWithEndpoints(pipelines);
    if (this.endpointStacks.length > 0) this.api = new EndpointApi(stack, 'Endpoints', { environment, key: data.key });
    this.transform = new ArchiveTransform(stack, 'ArchiveTransform', { environment, pipelines, bundles });
    this.provider = new WarehouseObjectProvider(stack, 'WarehouseObjects', {
      environment,
      pipelines,
      bundles,
      key: data.key,
      warehouse: data.warehouse,
      ownerSecretArn: data.ownerSecret.secretArn,
      forgetSecretArn: data.forgetSecret.secretArn,
    });
    const { materialize: region } = environment;
    this.materialize = region && new MaterializeAccess(stack, 'Materialize', { environment, region, key: data.key });
    const { warehouse, work } = data;
    const pause = new EnvironmentPause(stack, 'Pause', { environment, pipelines, bundles, warehouse, work });
    this.topic = new AlarmTopic(stack, 'Alarms', { key: data.key, email: environment.alarmEmail });
    if (environment.budget)
      new EnvironmentBudget(stack, 'Spending', {
        environment: environment.name,
        budget: environment.budget,
        alarms: this.topic,
        key: data.key,
        email: environment.alarmEmail,
        pause: pause.handler,
      });
    if (this.api) {
      const { watched } = new ApiMonitoring(this.api, 'Monitoring', {
        environment,
        topic: this.topic,
        apiId: this.api.apiId,
      });
      this.apiAlarms.push(...watched);
    }
  }

  /** Adds the functions, alarms and warehouse objects of these pipelines to a stack of this environment. */
  place(stack: Stack, pipelines: readonly Pipeline[]): void {
    const lanes = new Lanes(pipelines.length);
    const placed = pipelines.map((pipeline) =>
      this.pipeline(new Construct(stack, pascalCase(pipeline.name)), pipeline, pipelines.length, lanes),
    );
    this.endpoints(stack, placed);
  }

  /** Adds the function of the stack's endpoints, if it has some. */
  private endpoints(stack: Stack, placed: readonly PlacedPipeline[]): void {
    const { api, environment, data, bundles } = this;
    const served = placed.filter(({ pipeline: { endpoints = [] } }) => endpoints.length > 0);
    if (!api || served.length === 0) return;
    const [{ pipeline: first }] = served as [PlacedPipeline];
    const made = new EndpointFunction(stack, 'EndpointFunction', {
      environment,
      served: served.map(({ pipeline, users }) => ({
        pipeline,
        secretArn: users.secretArn('endpoint'),
      })),
      owner: first.stack ?? 'main',
      api,
      bundles,
      key: data.key,
      warehouse: data.warehouse,
      work: data.work,
      functions: this.endpointStacks.length,
      openapi: this.endpointStacks[0] === first.stack ? openApiOf(environment, this.pipelines) : undefined,
    });
    const { handler } = made;
    for (const { objects } of served) handler.function.node.addDependency(objects);
    const watching = { handler, action: alarmAction(this.topic), stack: first.stack };
    this.apiAlarms.push(watchEndpointFunction(made, environment, watching));
  }

  /** @param pipelines how many share the stack */
  private pipeline(scope: Construct, pipeline: Pipeline, pipelines: number, lanes: Lanes): PlacedPipeline {
    const { environment, data, bundles } = this;
    const stream = data.stream(pipeline);
    const script = new ReviewScript(pipeline, pipelines);
    const users = new PipelineUsers(scope, 'Users', {
      pipeline,
      warehouse: data.warehouse,
      key: data.key,
      creator: this.provider.role,
    });
    const objects = new PipelineObjects(scope, 'Objects', {
      provider: this.provider,
      users,
      lanes,
      script,
      objects: warehouseObjects(pipeline, {
        // Built from the name. A cross-stack reference would take one of the data stack's 200 outputs.
        streamName: streamName(environment, pipeline.name),
        streamRoleArn: [data.roles.streamRead.roleArn, ...(stream.roleArn === undefined ? [] : [stream.roleArn])].join(
          ',',
        ),
        database: environment.database,
      }),
      retainData: keepsData(environment, pipeline.name),
    });
    const common = {
      objects,
      script,
      environment,
      pipeline,
      bundles,
      key: data.key,
      warehouse: data.warehouse,
    };
    const archive =
      stream.roleArn === undefined
        ? new Archive(scope, 'Archive', {
            environment,
            pipelineName: pipeline.name,
            stream,
            bucket: data.archive,
            transform: this.transform,
            key: data.key,
          })
        : undefined;
    const forgetSecretArn = pipeline.subject === undefined ? undefined : data.forgetSecret.secretArn;
    const handlers: Record<string, Handler> = {};
    const unloadRoleArn = data.roles.unload.roleArn;
    const refresh = new Refresh(scope, 'Refresh', {
      ...common,
      secretArn: data.ownerSecret.secretArn,
      forgetSecretArn,
      work: data.work,
      unloadRoleArn,
    });
    handlers['refresh'] = refresh.handler;
    const objectsOf = { history: data.history, work: data.work, loadRoleArn: data.roles.load.roleArn };
    const queues = data.queues(pipeline);
    const of = (purpose: UserPurpose) => ({ ...common, secretArn: users.secretArn(purpose) });
    handlers['load'] = new Load(scope, 'Load', {
      ...of('load'),
      forgetSecretArn,
      ...objectsOf,
      historyKey: data.historyKey,
      archive: data.archive,
      queues,
    }).handler;
    if (pipeline.history) {
      const { backlog } = queues;
      handlers['reconcile'] = new Reconcile(scope, 'Reconcile', { ...of('reconcile'), ...objectsOf, backlog }).handler;
    }
    if (pipeline.exports.length > 0) {
      const exports = new Exports(scope, 'Exports', {
        ...of('export'),
        bucket: data.exports,
        work: data.work,
        unloadRoleArn,
        materialize: this.materialize,
      });
      handlers['export'] = exports.handler;
    }
    // A function names the objects it was compiled with, so it is updated after the new ones exist and before the old ones are deleted.
    for (const handler of Object.values(handlers)) handler.function.node.addDependency(objects);
    const { watched: alarms } = new Monitoring(scope, 'Monitoring', {
      environment,
      pipeline,
      topic: this.topic,
      delivery: archive?.deliveryStream,
      handlers: { ...handlers, archive: this.transform },
      queues,
    });
    this.watched.push({ pipeline, alarms, queues });
    return { pipeline, users, objects };
  }
}

/** What a pipeline's endpoints need of it. */
interface PlacedPipeline {
  readonly pipeline: Pipeline;
  readonly users: PipelineUsers;
  readonly objects: PipelineObjects;
}

/** The address is the one that the document comes from. */
const openApiOf = ({ name }: Environment, pipelines: readonly Pipeline[]): unknown =>
  openApiDocument(endpointsPlan(pipelines), { environment: name });
