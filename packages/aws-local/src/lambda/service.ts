import {
  AwsError,
  integerOf,
  NotModelledError,
  pageAfter,
  type Service,
  type ServiceRequest,
  type ServiceResponse,
} from 'aws-local-kit';
import type { Functions, LambdaFunction } from './functions';
import type { LambdaInvoker, LambdaOptions } from './options';

/** Lambda's payload limits in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const maxSyncPayloadBytes = 6 * 1024 * 1024;
const maxAsyncPayloadBytes = 1024 * 1024;
/** Most functions that one ListFunctions call returns. */
const maxListed = 50;

/** Lambda's REST API: Invoke, ListFunctions, and the operations that the SDK's waiter for an active function calls. */
export function lambdaService(options: LambdaOptions, port: LambdaInvoker, functions: Functions): Service {
  return {
    signingName: 'lambda',
    protocol: 'rest-json',
    // One byte more than the largest payload, so that the operation itself refuses it by its own limit.
    maxBodyBytes: () => maxSyncPayloadBytes + 64 * 1024,
    async handle(request) {
      if (/^\/2015-03-31\/functions\/?$/.test(request.path) && request.method === 'GET') return list(request);
      const match = /^\/2015-03-31\/functions\/([^/]+)(\/invocations|\/configuration)?\/?$/.exec(request.path);
      if (!match) throw new NotModelledError(`lambda ${request.method} ${request.path}`);
      const name = decodeURIComponent(match[1]!);
      if (match[2] === '/invocations' && request.method === 'POST') return invoke(request, name);
      if (request.method === 'GET') return describe(request, name, match[2] === '/configuration');
      throw new NotModelledError(`lambda ${request.method} ${request.path}`);
    },
  };

  async function invoke({ principal, headers, body }: ServiceRequest, name: string): Promise<ServiceResponse> {
    const { arn } = functions.get(name);
    const payload = parsePayload(body);
    const type = headers['x-amz-invocation-type'] ?? 'RequestResponse';
    const limit = type === 'Event' ? maxAsyncPayloadBytes : maxSyncPayloadBytes;
    if (body.length > limit)
      throw new AwsError(
        'RequestTooLargeException',
        `${body.length} byte payload is too large for the ${type} invocation type (limit ${limit} bytes)`,
        413,
      );
    if (type === 'Event') {
      await port.invokeAsync(principal, arn, payload);
      return { status: 202 };
    }
    if (type !== 'RequestResponse') throw new NotModelledError(`invocation type ${type}`);
    const result = await port.invoke(principal, arn, payload);
    return {
      status: 200,
      headers: {
        'content-type': 'application/json',
        'x-amz-executed-version': '$LATEST',
        ...(result.error && { 'x-amz-function-error': 'Unhandled' }),
      },
      body: JSON.stringify(result.payload),
    };
  }

  function list({ principal, query }: ServiceRequest): ServiceResponse {
    for (const name of query.keys())
      if (!['Marker', 'MaxItems'].includes(name))
        throw new NotModelledError(`parameter ${name} of lambda:ListFunctions`);
    options.authorizer.authorize({ principal, action: 'lambda:ListFunctions', resource: '*' });
    const page = pageAfter(functions.list(), ({ name }) => name, {
      size: Math.min(integerOf(query.get('MaxItems'), 'MaxItems', 1, 10_000) ?? maxListed, maxListed),
      token: query.get('Marker') || undefined,
    });
    return {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ Functions: page.items.map(configurationOf), NextMarker: page.nextToken }),
    };
  }

  function describe({ principal }: ServiceRequest, name: string, configurationOnly: boolean): ServiceResponse {
    const found = functions.get(name);
    const action = configurationOnly ? 'lambda:GetFunctionConfiguration' : 'lambda:GetFunction';
    options.authorizer.authorize({ principal, action, resource: found.arn });
    const configuration = { ...configurationOf(found), State: 'Active', LastUpdateStatus: 'Successful' };
    return {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(configurationOnly ? configuration : { Configuration: configuration }),
    };
  }
}

function configurationOf(found: LambdaFunction) {
  const { name, arn, roleArn, runtime, handler, timeoutSeconds, memoryMegabytes, variables, logGroup } = found;
  return {
    FunctionName: name,
    FunctionArn: arn,
    Role: roleArn,
    Runtime: runtime,
    Handler: handler,
    Timeout: timeoutSeconds,
    MemorySize: memoryMegabytes,
    PackageType: 'Zip',
    Version: '$LATEST',
    Environment: { Variables: variables },
    LoggingConfig: { LogGroup: logGroup },
  };
}

function parsePayload(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new AwsError(
      'InvalidRequestContentException',
      `Could not parse request body into json: ${(error as Error).message}`,
    );
  }
}
