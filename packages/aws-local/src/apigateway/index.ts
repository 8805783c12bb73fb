import { createHash } from 'node:crypto';
import {
  BodyBudget,
  type Disposable,
  integerOf,
  NotModelledError,
  objectOf,
  type Properties,
  type ResourceContext,
  type ResourceTwin,
  requiredText,
} from 'aws-local-kit';
import { AccessLogFormat, createAccessLogs } from './access-log';
import { HttpApi, type HttpApiOptions, type Stage } from './http-api';
import { type Listener, listen } from './listener';
import { parseRouteKey } from './routes';
import { Throttle } from './throttle';

export interface ApiGatewayOptions extends Omit<HttpApiOptions, 'writeLog'> {
  readonly dataDir: string;
  /** Port that the first API takes if it is free. @default - any free port */
  readonly preferredPort?: number;
  /** Milliseconds by which throttles refill. @default performance.now */
  readonly realNow?: () => number;
}

export interface ApiGateway extends Disposable {
  readonly resources: readonly ResourceTwin[];
}

interface OpenApi {
  readonly api: HttpApi;
  readonly listener: Listener;
}

/** Integration timeout of HTTP APIs: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const longestTimeoutMs = 30_000;
const bodiesBytes = 128 * 1024 * 1024;

/** HTTP APIs of API Gateway, each on a port of its own: its root is the `$default` stage, as behind its name in AWS. */
export function createApiGateway(options: ApiGatewayOptions): ApiGateway {
  const logs = createAccessLogs(options.dataDir);
  const apis = new Map<string, OpenApi>();
  const budget = new BodyBudget(bodiesBytes);
  const realNow = options.realNow ?? (() => performance.now());
  const apiOf = (properties: Properties, where: string): HttpApi => {
    const id = requiredText(properties['ApiId'], `${where}.ApiId`);
    const open = apis.get(id);
    if (!open) throw new Error(`${where}.ApiId names the API ${id}, which does not exist`);
    return open.api;
  };
  const find = (properties: Properties): HttpApi | undefined => apis.get(String(properties['ApiId']))?.api;

  const openApi = async (properties: Properties, context: ResourceContext) => {
    const where = whereOf('Api', context);
    if (properties['ProtocolType'] !== 'HTTP')
      throw new NotModelledError(`${where}.ProtocolType ${String(properties['ProtocolType'])}`);
    requiredText(properties['Name'], `${where}.Name`);
    const id = context.previous?.ref ?? idOf(context);
    let open = apis.get(id);
    if (!open) {
      const api = new HttpApi(id, { ...options, writeLog: logs.write });
      const listener = await listen({
        preferredPort: portOf(context) ?? (apis.size === 0 ? options.preferredPort : undefined),
        budget,
        answer: (request) => api.answer(request, listener.port),
        onFault: ({ message }) =>
          options.onRun({ kind: 'trouble', at: options.clock.now(), name: `API ${id}`, message }),
      });
      open = { api, listener };
      apis.set(id, open);
    }
    return { ref: id, attributes: { ApiId: id, ApiEndpoint: `http://127.0.0.1:${open.listener.port}` } };
  };

  return {
    async dispose() {
      await Promise.all([...apis.values()].map(({ listener }) => listener.dispose()));
      await logs.dispose();
    },
    resources: [
      {
        type: 'AWS::ApiGatewayV2::Api',
        properties: ['Description', 'Name', 'ProtocolType', 'Tags'],
        attributes: ['ApiId', 'ApiEndpoint'],
        replacedBy: ['ProtocolType'],
        create: openApi,
        async delete({ ref }) {
          const open = apis.get(ref);
          apis.delete(ref);
          await open?.listener.dispose();
        },
      },
      {
        type: 'AWS::ApiGatewayV2::Integration',
        properties: [
          'ApiId',
          'ConnectionType',
          'Description',
          'IntegrationMethod',
          'IntegrationType',
          'IntegrationUri',
          'PayloadFormatVersion',
          'TimeoutInMillis',
        ],
        replacedBy: ['ApiId', 'ConnectionType', 'IntegrationType'],
        create(properties: Properties, context) {
          const where = whereOf('Integration', context);
          modelled(properties, 'IntegrationType', ['AWS_PROXY'], where);
          modelled(properties, 'PayloadFormatVersion', ['2.0'], where);
          modelled(properties, 'ConnectionType', ['INTERNET', undefined], where);
          modelled(properties, 'IntegrationMethod', ['POST', undefined], where);
          const id = context.previous?.ref ?? idOf(context);
          apiOf(properties, where).integrations.set(id, {
            functionArn: functionOf(requiredText(properties['IntegrationUri'], `${where}.IntegrationUri`), where),
            timeoutMs:
              integerOf(properties['TimeoutInMillis'], `${where}.TimeoutInMillis`, 50, longestTimeoutMs) ??
              longestTimeoutMs,
          });
          return { ref: id, attributes: {} };
        },
        delete: ({ ref }, _context, properties) => void find(properties)?.integrations.delete(ref),
      },
      {
        type: 'AWS::ApiGatewayV2::Route',
        properties: ['ApiId', 'AuthorizationType', 'OperationName', 'RouteKey', 'Target'],
        replacedBy: ['ApiId'],
        create(properties: Properties, context) {
          const where = whereOf('Route', context);
          modelled(properties, 'AuthorizationType', ['NONE', 'AWS_IAM', undefined], where);
          const api = apiOf(properties, where);
          const key = parseRouteKey(requiredText(properties['RouteKey'], `${where}.RouteKey`));
          const target = requiredText(properties['Target'], `${where}.Target`).replace(/^integrations\//, '');
          if (!api.integrations.has(target))
            throw new Error(`${where}.Target names the integration ${target}, which does not exist`);
          const id = context.previous?.ref ?? idOf(context);
          for (const [other, route] of api.routes)
            if (other !== id && route.key.text === key.text)
              throw new Error(`${where}.RouteKey ${key.text} already exists for this API`);
          const authorization = properties['AuthorizationType'] === 'AWS_IAM' ? 'AWS_IAM' : 'NONE';
          api.routes.set(id, { key, target, authorization });
          return { ref: id, attributes: { RouteId: id } };
        },
        delete: ({ ref }, _context, properties) => void find(properties)?.routes.delete(ref),
      },
      {
        type: 'AWS::ApiGatewayV2::Stage',
        properties: [
          'AccessLogSettings',
          'ApiId',
          'AutoDeploy',
          'DefaultRouteSettings',
          'Description',
          'RouteSettings',
          'StageName',
          'Tags',
        ],
        replacedBy: ['ApiId', 'StageName'],
        create(properties: Properties, context) {
          const where = whereOf('Stage', context);
          const name = requiredText(properties['StageName'], `${where}.StageName`);
          if (name !== '$default') throw new NotModelledError(`${where}.StageName ${name}`);
          if (String(properties['AutoDeploy']) !== 'true')
            throw new NotModelledError(`${where} without AutoDeploy: deployments of an API`);
          const api = apiOf(properties, where);
          api.stage = stageOf(properties, where, realNow);
          return { ref: name, attributes: {} };
        },
        delete(_state, _context, properties) {
          const api = find(properties);
          if (api) api.stage = undefined;
        },
      },
    ],
  };
}

function stageOf(properties: Properties, where: string, now: () => number): Stage {
  const throttleOf = (value: unknown, name: string): Throttle | undefined => {
    const settings = objectOf(value, ['DetailedMetricsEnabled', 'ThrottlingBurstLimit', 'ThrottlingRateLimit'], name);
    if (String(settings?.['DetailedMetricsEnabled'] ?? false) !== 'false')
      throw new NotModelledError(`${name}.DetailedMetricsEnabled`);
    const burst = integerOf(settings?.['ThrottlingBurstLimit'], `${name}.ThrottlingBurstLimit`, 0, 100_000);
    const rate = Number(settings?.['ThrottlingRateLimit'] ?? Number.NaN);
    if (burst === undefined && Number.isNaN(rate)) return undefined;
    if (burst === undefined || Number.isNaN(rate))
      throw new NotModelledError(`${name} with only one of ThrottlingBurstLimit and ThrottlingRateLimit`);
    return new Throttle(rate, burst, now);
  };
  const routes = objectOf(properties['RouteSettings'], Object.keys(properties['RouteSettings'] ?? {}), where) ?? {};
  const routeThrottles = new Map<string, Throttle>();
  for (const [key, settings] of Object.entries(routes)) {
    const throttle = throttleOf(settings, `${where}.RouteSettings.${key}`);
    if (throttle) routeThrottles.set(key, throttle);
  }
  const access = `${where}.AccessLogSettings`;
  const log = objectOf(properties['AccessLogSettings'], ['DestinationArn', 'Format'], access);
  return {
    throttle: throttleOf(properties['DefaultRouteSettings'], `${where}.DefaultRouteSettings`),
    routeThrottles,
    log: log && {
      group: groupOf(requiredText(log['DestinationArn'], `${access}.DestinationArn`), access),
      format: new AccessLogFormat(requiredText(log['Format'], `${access}.Format`), `${access}.Format`),
    },
  };
}

function groupOf(arn: string, where: string): string {
  const group = /^arn:[^:]+:logs:[^:]*:\d*:log-group:([^:]+)(?::\*)?$/.exec(arn)?.[1];
  if (group === undefined) throw new NotModelledError(`${where}.DestinationArn ${arn}`);
  return group;
}

/** The function of an integration: its ARN, or the URI of its invocation. */
function functionOf(uri: string, where: string): string {
  const arn =
    /^arn:[^:]+:apigateway:[^:]+:lambda:path\/2015-03-31\/functions\/(.+)\/invocations$/.exec(uri)?.[1] ?? uri;
  if (!/^arn:[^:]+:lambda:[^:]+:\d{12}:function:[^:]+$/.test(arn))
    throw new NotModelledError(`${where}.IntegrationUri ${uri}`);
  return arn;
}

function modelled(properties: Properties, name: string, known: readonly unknown[], where: string): void {
  if (!known.includes(properties[name]))
    throw new NotModelledError(`${where}.${name} ${JSON.stringify(properties[name])}`);
}

const whereOf = (type: string, { logicalId }: ResourceContext) => `AWS::ApiGatewayV2::${type} ${logicalId}`;

/** Ids are ten lower-case letters and digits. They are derived from the name, so they are the same after a restart. */
function idOf({ generatedName }: ResourceContext): string {
  const digest = createHash('sha256').update(generatedName).digest();
  return [...digest.subarray(0, 10)].map((byte) => 'abcdefghijklmnopqrstuvwxyz0123456789'[byte % 36]).join('');
}

function portOf({ previous }: ResourceContext): number | undefined {
  const endpoint = previous?.attributes['ApiEndpoint'];
  return endpoint === undefined ? undefined : Number(new URL(String(endpoint)).port);
}
