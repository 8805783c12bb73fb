import { CfnDeletionPolicy, type CfnResource, CustomResource, Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { environmentDeclaration } from '../../environments/declaration';
import type { Environment } from '../../environments/environment';
import { env, resourceType } from '../../lambda/warehouse-object/contract';
import type { Pipeline } from '../../pipelines/definition';
import {
  environmentObject,
  type ObjectResource,
  ownerObject,
  registryObject,
  resourcesOf,
  usersGroup,
  type WarehouseObject,
} from '../../sql';
import type { Bundles } from '../shared/bundles';
import { acknowledgeWildcards, grant } from '../shared/grant';
import { Handler, handlerRole, logStatement } from '../shared/handler';
import { keyUse } from '../shared/key-use';
import type { ReviewScript } from '../shared/review-script';
import { dataApiStatements, warehouseVariables } from './data-api';
import type { Lanes } from './lanes';
import type { PipelineUsers } from './pipeline-users';
import { StatementTexts } from './statement-texts';
import type { Warehouse } from './warehouse';

export interface WarehouseObjectProviderProps {
  readonly environment: Environment;
  /** All pipelines of the environment. */
  readonly pipelines: readonly Pipeline[];
  readonly bundles: Bundles;
  readonly key: IKey;
  readonly warehouse: Warehouse;
  readonly ownerSecretArn: string;
  readonly forgetSecretArn: string;
}

/** The longest that CloudFormation waits for a custom resource (ServiceTimeout). */
const totalTimeout = Duration.hours(1);
/** Covers the time that a warehouse takes to resume. Lambda's 15 minutes, less the time that the framework's function needs around the call. */
const onEventTimeout = Duration.minutes(14);

/**
 * Lets CloudFormation create, change and delete warehouse objects. A statement may run for an hour, longer than any function, so the provider is
 * asynchronous: a state machine polls every few seconds.
 */
export class WarehouseObjectProvider extends Construct {
  readonly serviceToken: string;
  /** The role of the functions. */
  readonly role: Role;
  /** Resources that all others depend on: the owner of the objects, the registry, the declaration of the environment. */
  private readonly base: CustomResource[] = [];
  private readonly texts: StatementTexts;

  constructor(
    scope: Construct,
    id: string,
    { environment, pipelines, bundles, key, warehouse, ownerSecretArn, forgetSecretArn }: WarehouseObjectProviderProps,
  ) {
    super(scope, id);
    this.texts = new StatementTexts(pipelines);
    // One role for both: the Data API shows a statement only to the role that submitted it.
    const role = handlerRole(this, 'Role', 'Creates and changes warehouse objects');
    this.role = role;
    const secretArns = [ownerSecretArn, warehouse.adminSecretArn];
    grant(
      role,
      ...dataApiStatements({ warehouse, key, secretArns, forgetSecretArn, sees: role, lists: true, cancels: true }),
    );
    if (warehouse.adminSecretKey) grant(role, keyUse(warehouse.adminSecretKey, 'secretsmanager', 'read'));
    const handler = (name: string, entry: string, description: string, timeout: Duration) =>
      new Handler(this, name, {
        code: bundles.code('warehouse-object', environment.name, this.texts.plan),
        handler: `index.${entry}`,
        description,
        role,
        timeout,
        environment: env.of({
          ENVIRONMENT: environment.name,
          ...warehouseVariables(warehouse),
          ADMIN_SECRET_ARN: warehouse.adminSecretArn,
          OWNER_SECRET_ARN: ownerSecretArn,
          FORGET_SECRET_ARN: forgetSecretArn,
          TIMEOUT_SECONDS: `${totalTimeout.toSeconds()}`,
        }),
        logRetentionDays: environment.logRetentionDays,
        retainLogs: environment.retainData,
      });
    const onEventHandler = handler(
      'OnEvent',
      'onEvent',
      'Submits the statements of a warehouse object',
      onEventTimeout,
    ).function;
    const isCompleteHandler = handler(
      'IsComplete',
      'isComplete',
      'Follows the statements of a warehouse object',
      Duration.minutes(2),
    ).function;
    const logGroup = new LogGroup(this, 'FrameworkLogs', {
      retention: environment.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const [startRole, endRole] = (['OnEvent', 'IsComplete'] as const).map((part) => {
      const frameworkRole = handlerRole(this, `Framework${part}Role`, `CDK provider framework, ${part}`);
      frameworkRole.addToPolicy(logStatement(logGroup));
      return frameworkRole;
    });
    const provider = new Provider(this, 'Provider', {
      onEventHandler,
      isCompleteHandler,
      frameworkOnEventRole: startRole,
      frameworkCompleteAndTimeoutRole: endRole,
      queryInterval: Duration.seconds(5),
      totalTimeout,
      logGroup,
    });
    this.explain(provider, [onEventHandler, isCompleteHandler]);
    this.serviceToken = provider.serviceToken;
    for (const resource of resourcesOf([ownerObject(environment.database, warehouse.isExisting), registryObject()]))
      this.base.push(this.add(this, resource, environment.retainData));
    // Also keeps the role's policy until the last object is deleted.
    this.base[0]!.node.addDependency(provider, role);
    const declared = environmentObject(environment.name, environmentDeclaration(environment, pipelines));
    for (const resource of resourcesOf([declared])) this.base.push(this.add(this, resource, false));
  }

  /** Acknowledges the findings of cdk-nag about CDK's framework. */
  private explain(provider: Provider, handlers: readonly IFunction[]): void {
    const framework = ['framework-isComplete', 'framework-onTimeout'].map(
      (id) => provider.node.findChild(id) as IFunction,
    );
    const versions = [...handlers, ...framework].map(({ functionArn }) => `${functionArn}:*`);
    acknowledgeWildcards(this, versions, 'The provider framework may call any version of its own functions');
    Validations.of(provider).acknowledge({
      id: 'AwsSolutions-SF1',
      reason: 'The waiter only repeats a call until the function reports completion; the functions log what they do',
    });
    Validations.of(provider).acknowledge({
      id: 'AwsSolutions-SF2',
      reason: 'The waiter runs for minutes during a deployment, and the events of the deployment show its result',
    });
  }

  /** @param retain whether the object outlives its stack. An old version that was replaced is deleted in any case */
  private add(scope: Construct, { id, properties }: ObjectResource, retain: boolean): CustomResource {
    const resource = new CustomResource(scope, id, {
      serviceToken: this.serviceToken,
      resourceType,
      properties: { ...properties, onRemoval: retain ? 'keep' : 'drop' },
    });
    const { cfnOptions } = resource.node.defaultChild as CfnResource;
    cfnOptions.deletionPolicy = retain ? CfnDeletionPolicy.RETAIN : CfnDeletionPolicy.DELETE;
    cfnOptions.updateReplacePolicy = CfnDeletionPolicy.DELETE;
    if (this.base.length > 0) resource.node.addDependency(...this.base);
    return resource;
  }

  /** Adds the objects of a pipeline. Each depends on the objects that it uses and on the one before it in its lane. */
  addPipeline(
    scope: Construct,
    { objects, users, script, lanes, retainData }: Omit<PipelineObjectsProps, 'provider'>,
  ): void {
    const place = lanes.next();
    const made = new Map<string, CustomResource>();
    const all = [...objects, ...users.objects(objects.map(({ id }) => id))].map((object) => this.texts.shorten(object));
    for (const resource of resourcesOf(all)) {
      const one = this.add(scope, resource, retainData && resource.retain);
      const before = new Set(resource.dependsOn.map((id) => made.get(id)!));
      const last = place(one, before);
      if (last) before.add(last);
      if (before.size > 0) one.node.addDependency(...before);
      if (resource.id === usersGroup) one.node.addDependency(users);
      made.set(resource.id, one);
      const lines = objects
        .filter(({ id, group }) => (group?.id ?? id) === resource.id)
        .flatMap(({ id }) => script.of(`objects.${id}`));
      if (lines.length > 0) (one.node.defaultChild as CfnResource).addMetadata('Statements', lines);
    }
  }
}

export interface PipelineObjectsProps {
  readonly provider: WarehouseObjectProvider;
  readonly objects: readonly WarehouseObject[];
  readonly users: PipelineUsers;
  /** Has the statements that the properties only refer to. */
  readonly script: ReviewScript;
  /** The lanes of the stack. */
  readonly lanes: Lanes;
  /** True keeps the objects that hold data when the stack is deleted. */
  readonly retainData: boolean;
}

/** The warehouse objects of one pipeline, in their order. */
export class PipelineObjects extends Construct {
  constructor(scope: Construct, id: string, { provider, ...props }: PipelineObjectsProps) {
    super(scope, id);
    provider.addPipeline(this, props);
  }
}
