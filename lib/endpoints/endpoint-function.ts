import { Duration, Validations } from 'aws-cdk-lib';
import { CfnIntegration, CfnRoute } from 'aws-cdk-lib/aws-apigatewayv2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnPermission } from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Environment } from '../../environments/environment';
import { answersPrefix, env } from '../../lambda/endpoint/contract';
import type { Pipeline } from '../../pipelines/definition';
import { endpointsPlan } from '../../sql';
import { restsWhenPaused } from '../pause/pause-access';
import type { Bundles } from '../shared/bundles';
import { freshnessStatements } from '../shared/freshness';
import { explained } from '../shared/grant';
import { Handler } from '../shared/handler';
import { keyUse } from '../shared/key-use';
import { pascalCase } from '../shared/names';
import { dataApiStatements, warehouseVariables } from '../warehouse/data-api';
import type { Warehouse } from '../warehouse/warehouse';
import type { EndpointApi } from './endpoint-api';
import { documentRoutes, partnerGrants, partnerRoute, tokenRoute } from './routes';
import { concurrencyOf, statementBurst, statementsPerInstance } from './share';

/** A pipeline with endpoints, and the credentials of the database user that reads for them. */
export interface ServedPipeline {
  readonly pipeline: Pipeline;
  readonly secretArn: string;
}

export interface EndpointFunctionProps {
  readonly environment: Environment;
  readonly served: readonly ServedPipeline[];
  /** Name of the stack in the function's asset. */
  readonly owner: string;
  readonly api: EndpointApi;
  readonly bundles: Bundles;
  readonly key: IKey;
  readonly warehouse: Warehouse;
  readonly work: Bucket;
  /** How many functions for endpoints the environment has. */
  readonly functions: number;
  /** OpenAPI of the whole environment. @default - another function serves it */
  readonly openapi?: unknown;
}

/** Longest wait of an HTTP API for a function (API Gateway developer guide, "Quotas for HTTP APIs"), and room for its error. */
const timeout = Duration.seconds(29);

/** Answers for the endpoints of the pipelines of one stack. */
export class EndpointFunction extends Construct {
  readonly handler: Handler;

  constructor(scope: Construct, id: string, props: EndpointFunctionProps) {
    super(scope, id);
    const { environment, served, api, bundles, key, warehouse, work, functions, openapi } = props;
    const pipelines = served.map(({ pipeline }) => pipeline);
    const concurrency = concurrencyOf(environment.endpoints, functions);
    const grants = partnerGrants(environment, pipelines);
    const secrets = Object.fromEntries(served.map(({ pipeline, secretArn }) => [pipeline.name, secretArn]));
    this.handler = new Handler(this, 'Handler', {
      code: bundles.code('endpoint', props.owner, {
        environment: environment.name,
        endpoints: endpointsPlan(pipelines),
        statementsPerSecond: statementsPerInstance(concurrency, functions),
        statementBurst,
        ...(openapi === undefined ? {} : { openapi }),
      }),
      description: `Answers for the endpoints of ${environment.name}`,
      environment: env.of({
        ENVIRONMENT: environment.name,
        ...warehouseVariables(warehouse),
        READER_SECRETS: JSON.stringify(secrets),
        WORK_BUCKET: work.bucketName,
        KEY_ARN: key.keyArn,
        KEYS_SECRET_ARN: api.keys.secretArn,
        PARTNERS: JSON.stringify(grants),
      }),
      timeout,
      // Answers of up to 5 MB, 48 MB of kept ones, and a part of a processor that makes a cached answer quick.
      memoryMb: 1024,
      reservedConcurrency: environment.endpoints?.reserved === false ? undefined : concurrency,
      logRetentionDays: environment.logRetentionDays,
      retainLogs: environment.retainData,
    }).allow(
      ...dataApiStatements({
        warehouse,
        key,
        secretArns: [...Object.values(secrets), api.keys.secretArn],
        sees: 'function',
        lists: false,
        cancels: true,
        batches: false,
      }),
      ...freshnessStatements(work, pipelines, 'read'),
      explained(
        new PolicyStatement({
          actions: ['s3:GetObject', 's3:PutObject'],
          resources: pipelines.map(({ name }) => work.arnForObjects(`${answersPrefix(name)}*`)),
        }),
        'The instances share answers below the prefix of each pipeline, each named after its question and run',
      ),
      keyUse(key, 's3', 'write'),
      ...restsWhenPaused(work, warehouse),
    );
    this.addRoutes(
      props,
      Object.values(grants).flatMap(({ endpoints }) => Object.keys(endpoints)),
    );
  }

  /** @param granted endpoints that partners may ask */
  private addRoutes({ api, served, openapi }: EndpointFunctionProps, granted: readonly string[]): void {
    const { functionArn } = this.handler.function;
    new CfnPermission(this, 'Permission', {
      action: 'lambda:InvokeFunction',
      functionName: functionArn,
      principal: 'apigateway.amazonaws.com',
      sourceArn: api.routeArn('*'),
    });
    const integration = new CfnIntegration(this, 'Integration', {
      apiId: api.apiId,
      integrationType: 'AWS_PROXY',
      integrationUri: functionArn,
      payloadFormatVersion: '2.0',
      timeoutInMillis: 30_000,
    });
    const route = (id: string, routeKey: string, authorizationType: 'NONE' | 'AWS_IAM', reason?: string) => {
      const made = new CfnRoute(this, id, {
        apiId: api.apiId,
        routeKey,
        authorizationType,
        target: `integrations/${integration.ref}`,
      });
      if (reason) Validations.of(made).acknowledge({ id: 'AwsSolutions-APIG4', reason });
    };
    for (const { pipeline } of served) {
      const name = `Pipeline${pascalCase(pipeline.name)}`;
      route(name, tokenRoute(pipeline.name), 'NONE', 'The function verifies the token');
      if (granted.some((endpoint) => endpoint.startsWith(`${pipeline.name}.`)))
        route(`${name}Partners`, partnerRoute(pipeline.name), 'AWS_IAM');
    }
    if (openapi !== undefined)
      for (const [index, key] of documentRoutes.entries())
        route(`Document${index + 1}`, key, 'NONE', 'The description of the API holds no data and is for everyone');
  }
}
