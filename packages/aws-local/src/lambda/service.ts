import { AwsError, NotModelledError, type Service, type ServiceRequest, type ServiceResponse } from 'aws-local-kit';
import type { Functions } from './functions';
import type { LambdaInvoker, LambdaOptions } from './options';

/** Lambda's limits of a payload, in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const maxSyncPayloadBytes = 6 * 1024 * 1024;
const maxAsyncPayloadBytes = 1024 * 1024;

/** The REST API of Lambda: Invoke, and what the SDK's waiter for an active function asks. */
export function lambdaService(options: LambdaOptions, port: LambdaInvoker, functions: Functions): Service {
  return {
    signingName: 'lambda',
    protocol: 'rest-json',
    async handle(request) {
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

  function describe({ principal }: ServiceRequest, name: string, configurationOnly: boolean): ServiceResponse {
    const found = functions.get(name);
    const action = configurationOnly ? 'lambda:GetFunctionConfiguration' : 'lambda:GetFunction';
    options.authorizer.authorize({ principal, action, resource: found.arn });
    const configuration = {
      FunctionName: found.name,
      FunctionArn: found.arn,
      Role: found.roleArn,
      Timeout: found.timeoutSeconds,
      State: 'Active',
      LastUpdateStatus: 'Successful',
    };
    return {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(configurationOnly ? configuration : { Configuration: configuration }),
    };
  }
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
