import { randomUUID } from 'node:crypto';
import type { JsonOperations, Service, ServiceRequest, ServiceResponse } from '../ports';
import { AwsError, NotModelledError } from '../ports';
import { decodeCbor, encodeCbor } from './cbor';
import { queryInput, queryOutput } from './query';
import { xmlDocument } from './xml';

export interface AnyProtocolOptions {
  /** The service's name in a SigV4 credential scope. */
  readonly signingName: string;
  /** The service's name before the dot of X-Amz-Target, and in the path of rpc-v2-cbor. */
  readonly shapeName: string;
  /** The XML namespace of query responses. */
  readonly namespace: string;
}

/**
 * Makes a service that speaks query, json-1.0 and rpc-v2-cbor, as CloudWatch does; SDKs differ in which one they use.
 * Operations accept a timestamp as a Date, an ISO 8601 string or epoch seconds, and a number also as a string. They
 * return a timestamp as a Date.
 */
export function anyProtocolService(options: AnyProtocolOptions, operations: JsonOperations): Service {
  const { signingName, shapeName, namespace } = options;
  return {
    signingName,
    protocol: 'query',
    async handle(request: ServiceRequest): Promise<ServiceResponse> {
      const { operation, input, answer } = call(request, shapeName, namespace);
      const run = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
      if (!run) throw new NotModelledError(`operation ${signingName}:${operation}`);
      return answer(((await run(input, request.principal)) ?? {}) as object);
    },
  };
}

interface Call {
  readonly operation: string;
  readonly input: unknown;
  answer(output: object): ServiceResponse;
}

function call({ headers, path, body }: ServiceRequest, shapeName: string, namespace: string): Call {
  const requestId = randomUUID();
  const common = { 'x-amzn-requestid': requestId };
  if (headers['smithy-protocol'] === 'rpc-v2-cbor') {
    const [, name, operation] = /\/service\/([^/]+)\/operation\/([^/]+)$/.exec(path) ?? [];
    if (name !== shapeName || !operation) throw new AwsError('UnknownOperationException', `${path} is no operation`);
    return {
      operation,
      input: body.length === 0 ? {} : parsed(() => decodeCbor(body)),
      answer: (output) => ({
        headers: { ...common, 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor' },
        body: encodeCbor(output),
      }),
    };
  }
  const target = headers['x-amz-target'];
  if (target !== undefined) {
    const [name, operation = ''] = target.split('.');
    if (name !== shapeName) throw new AwsError('UnknownOperationException', `${target} is no operation`);
    return {
      operation,
      input: body.length === 0 ? {} : parsed(() => JSON.parse(body.toString('utf8'))),
      answer: (output) => ({
        headers: { ...common, 'content-type': 'application/x-amz-json-1.0' },
        body: JSON.stringify(withEpochSeconds(output)),
      }),
    };
  }
  const form = new URLSearchParams(body.toString('utf8'));
  const operation = form.get('Action') ?? '';
  return {
    operation,
    input: queryInput(form),
    answer: (output) => ({
      headers: { ...common, 'content-type': 'text/xml' },
      body: xmlDocument(
        `${operation}Response`,
        { [`${operation}Result`]: queryOutput(output), ResponseMetadata: { RequestId: requestId } },
        namespace,
      ),
    }),
  };
}

function parsed(read: () => unknown): unknown {
  try {
    return read();
  } catch (cause) {
    throw new AwsError('SerializationException', `the request body cannot be read: ${(cause as Error).message}`);
  }
}

function withEpochSeconds(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (Array.isArray(value)) return value.map(withEpochSeconds);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withEpochSeconds(member)]));
}
