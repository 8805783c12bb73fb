import { ArnFormat, CfnOutput, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { CfnApi, CfnStage } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Environment, Partner } from '../../environments/environment';
import { names } from '../shared/names';
import { partnerPaths } from './routes';
import { defaultRequestsPerSecond } from './share';

export interface EndpointApiProps {
  readonly environment: Environment;
  readonly key: IKey;
}

/** The HTTP API of an environment, and the keys that sign its tokens. Functions of any stack add their routes. */
export class EndpointApi extends Construct {
  readonly apiId: string;
  /** Key ids and keys, as JSON. `millrace api rotate-keys` adds one. */
  readonly keys: Secret;

  constructor(scope: Construct, id: string, { environment, key }: EndpointApiProps) {
    super(scope, id);
    const { requestsPerSecond = defaultRequestsPerSecond } = environment.endpoints ?? {};
    const api = new CfnApi(this, 'Api', {
      name: names.api(environment.name),
      description: `Endpoints of Millrace ${environment.name}`,
      protocolType: 'HTTP',
    });
    this.apiId = api.ref;
    const logs = new LogGroup(this, 'AccessLogs', {
      // Logs of API Gateway are delivered under this prefix without an entry in the account's resource policy, which has a limit.
      logGroupName: `/aws/vendedlogs/${names.api(environment.name)}`,
      retention: environment.logRetentionDays,
      removalPolicy: environment.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    new CfnStage(this, 'Stage', {
      apiId: this.apiId,
      stageName: '$default',
      autoDeploy: true,
      accessLogSettings: { destinationArn: logs.logGroupArn, format: JSON.stringify(accessLog) },
      defaultRouteSettings: { throttlingRateLimit: requestsPerSecond, throttlingBurstLimit: requestsPerSecond },
    });
    this.keys = new Secret(this, 'Keys', {
      description: `Keys that sign the tokens of endpoints of Millrace ${environment.name}`,
      encryptionKey: key,
      generateSecretString: {
        secretStringTemplate: '{}',
        generateStringKey: 'k1',
        passwordLength: 64,
        excludePunctuation: true,
      },
      // Tokens live for a day at most, so a new key costs little.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    Validations.of(this.keys).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: '`millrace api rotate-keys` rotates the keys and keeps the old one for a day, as long as its tokens live',
    });
    new CfnOutput(this, 'Url', { key: 'ApiUrl', value: api.attrApiEndpoint, description: 'Endpoints' });
    new CfnOutput(this, 'KeysSecretArn', {
      key: 'ApiKeysSecretArn',
      value: this.keys.secretArn,
      description: 'Keys that sign the tokens of endpoints',
    });
  }

  /** @param path `<method>/<path>`, with wildcards */
  routeArn(path: string): string {
    return Stack.of(this).formatArn({
      service: 'execute-api',
      resource: this.apiId,
      resourceName: `$default/${path}`,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    });
  }

  /** ARNs of the routes that the partner may call. */
  partnerRoutes(partner: Partner): string[] {
    return partnerPaths(partner).map((path) => this.routeArn(`GET/${path}`));
  }
}

/** A line for each request. The path has no values of parameters; they are in the query. */
const accessLog = {
  requestId: '$context.requestId',
  at: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  caller: '$context.identity.caller',
  method: '$context.httpMethod',
  path: '$context.path',
  route: '$context.routeKey',
  status: '$context.status',
  bytes: '$context.responseLength',
  milliseconds: '$context.responseLatency',
  functionMilliseconds: '$context.integrationLatency',
  functionStatus: '$context.integrationStatus',
  error: '$context.error.message',
  functionError: '$context.integrationErrorMessage',
} as const;
