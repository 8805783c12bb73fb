import { CfnDeletionPolicy, type CfnResource, CustomResource, Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
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
  type WarehouseObject,
} from '../../sql';
import type { Bundles } from '../shared/bundles';
import { acknowledgeWildcards, grant } from '../shared/grant';
import { Handler, handlerRole, logStatement } from '../shared/handler';
import type { ReviewScript } from '../shared/review-script';
import { dataApiStatements, warehouseVariables } from './data-api';
import type { Lanes } from './lanes';
import { StatementTexts } from './statement-texts';
import type { Warehouse } from './warehouse';

export interface WarehouseObjectProviderProps {
  readonly environment: Environment;
  /** What the environment runs. */
  readonly pipelines: readonly Pipeline[];
  readonly bundles: Bundles;
  readonly key: IKey;
  readonly warehouse: Warehouse;
  readonly ownerSecretArn: string;
}

/** CloudFormation waits no longer for a custom resource (ServiceTimeout). */
const totalTimeout = Duration.hours(1);
/** As long as a warehouse that is on its way back may take: Lambda's 15 minutes, less what the framework's own function needs around the call. */
const onEventTimeout = Duration.minutes(14);

/**
 * Creates, changes and deletes warehouse objects as CloudFormation does everything else. Asynchronous: a statement may run for
 * an hour, which no function can wait for, so a state machine asks every few seconds.
 */
export class WarehouseObjectProvider extends Construct {
  readonly serviceToken: string;
  /** What all other objects come after: the identity that owns them, then what they are recorded in. */
  private readonly base: CustomResource[] = [];
  private readonly texts: StatementTexts;

  constructor(
    scope: Construct,
    id: string,
    { environment, pipelines, bundles, key, warehouse, ownerSecretArn }: WarehouseObjectProviderProps,
  ) {
    super(scope, id);
    this.texts = new StatementTexts(pipelines);
    // One role for both: the Data API shows a statement only to the role that submitted it.
    const role = handlerRole(this, 'Role', 'Creates and changes warehouse objects');
    const secretArns = [ownerSecretArn, warehouse.adminSecretArn];
    grant(role, ...dataApiStatements({ warehouse, key, secretArns, sees: 'role', lists: true, cancels: true }));
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
    for (const resource of resourcesOf([ownerObject(environment.database), registryObject()]))
      this.base.push(this.add(this, resource, environment.retainData));
    // Also keeps the role's policy until the last object is gone.
    this.base[0]!.node.addDependency(provider, role);
    const declared = environmentObject(environment.name, environmentDeclaration(environment, pipelines));
    for (const resource of resourcesOf([declared])) this.base.push(this.add(this, resource, false));
  }

  /** What CDK's framework makes and cdk-nag asks about. */
  private explain(provider: Provider, handlers: readonly IFunction[]): void {
    const framework = ['framework-isComplete', 'framework-onTimeout'].map(
      (id) => provider.node.findChild(id) as IFunction,
    );
    const versions = [...handlers, ...framework].map(({ functionArn }) => `${functionArn}:*`);
    acknowledgeWildcards(this, versions, 'The provider framework may call any version of its own functions');
    Validations.of(provider).acknowledge({
      id: 'AwsSolutions-SF1',
      reason: 'The waiter only repeats a call until it says that it is complete; the functions log what they do',
    });
    Validations.of(provider).acknowledge({
      id: 'AwsSolutions-SF2',
      reason: 'The waiter lives for minutes during a deployment, whose own events tell of it',
    });
  }

  /** @param retain whether the object outlives its stack; an old version that was replaced goes in any case */
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

  /** Adds the objects of a pipeline, each after those that it depends on and after others of its lane. */
  addPipeline(scope: Construct, { objects, script, lanes, retainData }: Omit<PipelineObjectsProps, 'provider'>): void {
    const place = lanes.next();
    const made = new Map<string, CustomResource>();
    for (const resource of resourcesOf(objects.map((object) => this.texts.shorten(object)))) {
      const one = this.add(scope, resource, retainData && resource.retain);
      const before = new Set(resource.dependsOn.map((id) => made.get(id)!));
      const last = place(one, before);
      if (last) before.add(last);
      if (before.size > 0) one.node.addDependency(...before);
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
  /** Shows what the properties only refer to. */
  readonly script: ReviewScript;
  /** Of the stack. */
  readonly lanes: Lanes;
  /** Keeps what says of itself that it holds data. */
  readonly retainData: boolean;
}

/** The warehouse objects of one pipeline, in their order. */
export class PipelineObjects extends Construct {
  constructor(scope: Construct, id: string, { provider, ...props }: PipelineObjectsProps) {
    super(scope, id);
    provider.addPipeline(this, props);
  }
}
