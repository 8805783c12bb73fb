import { randomUUID } from 'node:crypto';
import {
  type Authorizer,
  AwsError,
  type Clock,
  NotModelledError,
  type Principal,
  type RunListener,
  type SignedCallerOptions,
  signedCaller,
} from 'aws-local-kit';
import type { Metrics } from '../cloudwatch';
import type { LambdaInvoker } from '../lambda';
import type { AccessLogFormat, LogValues } from './access-log';
import { answerOf, gatewayAnswer, type HttpAnswer } from './answer';
import { commonLogTime, type HttpRequest, proxyEvent, type SignedCaller } from './event';
import type { Incoming } from './listener';
import { matchRoute, type RouteKey } from './routes';
import type { Throttle } from './throttle';

export interface HttpApiOptions {
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly lambda: LambdaInvoker;
  readonly authorizer: Authorizer;
  readonly callerOf: SignedCallerOptions['callerOf'];
  readonly userIdOf: (principal: Principal) => string;
  readonly metrics: Metrics;
  readonly onRun: RunListener;
  readonly writeLog: (group: string, line: string) => void;
}

export interface Integration {
  readonly functionArn: string;
  readonly timeoutMs: number;
}

export interface Route {
  readonly key: RouteKey;
  readonly authorization: 'NONE' | 'AWS_IAM';
  /** Id of its integration. */
  readonly target: string;
}

/** The `$default` stage. */
export interface Stage {
  readonly throttle?: Throttle;
  readonly routeThrottles: ReadonlyMap<string, Throttle>;
  readonly log?: { readonly group: string; readonly format: AccessLogFormat };
}

/** What an answer's log line says about how it came about. */
interface Outcome {
  readonly answer: HttpAnswer;
  readonly routeKey?: string;
  readonly error?: string;
  readonly integrationMs?: number;
  readonly integrationStatus?: number;
  readonly functionStatus?: number;
  readonly caller?: SignedCaller;
}

/** One API: its routes, and the way from a request to its answer. */
export class HttpApi {
  readonly routes = new Map<string, Route>();
  readonly integrations = new Map<string, Integration>();
  stage: Stage | undefined;

  constructor(
    readonly id: string,
    private readonly options: HttpApiOptions,
  ) {}

  async answer(incoming: Incoming, port: number): Promise<HttpAnswer> {
    const started = performance.now();
    const requestId = newRequestId();
    const path = decoded(incoming.encodedPath);
    const request: HttpRequest = { ...incoming, path: path ?? '', requestId, at: this.options.clock.now() };
    const outcome =
      path === undefined || !path.startsWith('/')
        ? { answer: gatewayAnswer(400, 'Bad Request'), error: 'Bad Request' }
        : await this.#outcome(request, incoming, port);
    this.#record(request, outcome, performance.now() - started);
    const { status, headers, body } = outcome.answer;
    return { status, headers: { ...headers, 'apigw-requestid': requestId }, body };
  }

  async #outcome(request: HttpRequest, incoming: Incoming, port: number): Promise<Outcome> {
    const { stage } = this;
    const match = matchRoute(this.routes.values(), request.method, request.path);
    if (!stage || !match) return refused(404, 'Not Found');
    const { route, values } = match;
    const routeKey = route.key.text;
    const throttle = stage.routeThrottles.get(routeKey) ?? stage.throttle;
    if (throttle && !throttle.take()) return { ...refused(429, 'Too Many Requests'), routeKey };
    let caller: SignedCaller | undefined;
    if (route.authorization === 'AWS_IAM') {
      try {
        caller = this.#signedCaller(request, incoming);
      } catch (error) {
        if (error instanceof NotModelledError) this.#trouble(error.message);
        else if (!(error instanceof AwsError)) throw error;
        return { ...refused(403, 'Forbidden'), error: (error as Error).message, routeKey };
      }
    }
    const integration = this.integrations.get(route.target);
    if (!integration) return { ...refused(500, 'Internal Server Error'), routeKey };
    const { account: accountId } = this.options;
    const domainName = request.headers.get('host')?.[0] ?? '';
    const event = proxyEvent(request, { accountId, apiId: this.id, domainName, port, routeKey, values, caller });
    return { ...(await this.#invoke(route, integration, event)), routeKey, caller };
  }

  /** @throws AwsError if the signature is wrong or the caller may not call the route */
  #signedCaller(request: HttpRequest, incoming: Incoming): SignedCaller {
    const { region, account, authorizer, callerOf, userIdOf } = this.options;
    const { method, rawQuery: query, headers, encodedPath } = incoming;
    const wire = { method, path: encodedPath, query, headers };
    const signing = { signingName: 'execute-api', region, callerOf, now: Date.now() };
    const { principal, accessKeyId } = signedCaller(wire, request.body, signing);
    authorizer.authorize({
      principal,
      action: 'execute-api:Invoke',
      resource: `arn:aws:execute-api:${region}:${account}:${this.id}/$default/${request.method}${request.path}`,
    });
    return { principal, accessKey: accessKeyId, userId: userIdOf(principal) };
  }

  async #invoke(route: Route, { functionArn, timeoutMs }: Integration, event: unknown): Promise<Outcome> {
    const { lambda, account, region } = this.options;
    const gateway: Principal = { kind: 'service', arn: 'apigateway.amazonaws.com', account };
    const sourceArn = `arn:aws:execute-api:${region}:${account}:${this.id}/$default/${sourceOf(route.key)}`;
    const started = performance.now();
    const taken = () => performance.now() - started;
    let timer: NodeJS.Timeout | undefined;
    const timedOut = new Promise<'timeout'>((resolve) => {
      timer = setTimeout(() => resolve('timeout'), timeoutMs);
    });
    try {
      const invocation = lambda.invoke(gateway, functionArn, event, { sourceArn, throttles: true });
      const result = await Promise.race([invocation, timedOut]);
      if (result === 'timeout') {
        invocation.catch(() => undefined);
        const error = 'Endpoint request timed out';
        return { ...refused(503, 'Service Unavailable'), error, integrationMs: taken(), integrationStatus: 504 };
      }
      const about = { integrationMs: taken(), integrationStatus: 200 };
      if (result.error) return { ...refused(500, 'Internal Server Error'), ...about, error: result.error.errorMessage };
      const answer = answerOf(result.payload);
      if (answer) return { ...about, answer, functionStatus: answer.status };
      return {
        ...refused(500, 'Internal Server Error'),
        ...about,
        error: 'The response from the Lambda function is malformed',
      };
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const about = { error: error.message, integrationMs: taken(), integrationStatus: error.statusCode };
      if (error.code === 'TooManyRequestsException') return { ...refused(503, 'Service Unavailable'), ...about };
      this.#trouble(`${route.key.text}: ${error.message}`);
      return { ...refused(500, 'Internal Server Error'), ...about };
    } finally {
      clearTimeout(timer);
    }
  }

  #trouble(message: string): void {
    this.options.onRun({ kind: 'trouble', at: this.options.clock.now(), name: `API ${this.id}`, message });
  }

  #record(request: HttpRequest, outcome: Outcome, latencyMs: number): void {
    const { metrics, account, writeLog } = this.options;
    const { status, body } = outcome.answer;
    const values: Record<string, number> = {
      Count: 1,
      '4xx': status >= 400 && status < 500 ? 1 : 0,
      '5xx': status >= 500 ? 1 : 0,
      Latency: latencyMs,
      ...(outcome.integrationMs !== undefined && { IntegrationLatency: outcome.integrationMs }),
    };
    for (const [name, value] of Object.entries(values)) {
      const metric = { namespace: 'AWS/ApiGateway', name, value, at: request.at };
      metrics.record({ ...metric, dimensions: { ApiId: this.id } });
      metrics.record({ ...metric, dimensions: { ApiId: this.id, Stage: '$default' } });
    }
    const log = this.stage?.log;
    if (!log) return;
    writeLog(
      log.group,
      log.format.line({ accountId: account, apiId: this.id, ...logValues(request, outcome, latencyMs, body.length) }),
    );
  }
}

function logValues(request: HttpRequest, outcome: Outcome, latencyMs: number, length: number): LogValues {
  const { caller, error, integrationMs, integrationStatus, functionStatus } = outcome;
  const latency = integrationMs === undefined ? undefined : Math.round(integrationMs);
  const integrationError = functionStatus === undefined && integrationStatus !== undefined ? error : undefined;
  return {
    domainName: request.headers.get('host')?.[0],
    domainPrefix: undefined,
    'error.message': functionStatus === undefined ? error : undefined,
    extendedRequestId: request.requestId,
    httpMethod: request.method,
    'identity.accountId': caller?.principal.account,
    'identity.caller': caller?.userId,
    'identity.sourceIp': request.sourceIp,
    'identity.user': caller?.userId,
    'identity.userAgent': request.headers.get('user-agent')?.[0],
    'identity.userArn': caller?.principal.arn,
    'integration.error': integrationError,
    integrationErrorMessage: integrationError,
    'integration.integrationStatus': functionStatus,
    'integration.status': integrationStatus,
    integrationStatus: functionStatus,
    'integration.latency': latency,
    integrationLatency: latency,
    path: request.path,
    protocol: request.protocol,
    requestId: request.requestId,
    requestTime: commonLogTime(request.at),
    requestTimeEpoch: request.at,
    responseLatency: Math.round(latencyMs),
    responseLength: length,
    routeKey: outcome.routeKey,
    stage: '$default',
    status: outcome.answer.status,
  };
}

/** 16 characters, as API Gateway's. Node.js keeps random bytes ready for UUIDs only. */
const newRequestId = () => Buffer.from(randomUUID().replaceAll('-', '').slice(8), 'hex').toString('base64url');

const refused = (status: number, message: string) => ({ answer: gatewayAnswer(status, message), error: message });

/** The part of a route's ARN that names it: `GET/v1/{proxy+}`, `*\/v1/{proxy+}` for any method, or `$default`. */
const sourceOf = ({ method, text }: RouteKey): string => {
  if (method === undefined) return text;
  return `${method === 'ANY' ? '*' : method}${text.slice(text.indexOf(' ') + 1)}`;
};

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
