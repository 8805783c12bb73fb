import { randomUUID } from 'node:crypto';
import type { JsonOperations, Service, ServiceRequest, ServiceResponse } from '../ports';
import { AwsError, NotModelledError } from '../ports';
import { EventStream, eventStreamType } from './event-stream';

/** Largest body of an operation that sets none, in bytes. */
export const defaultBodyBytes = 1024 * 1024;

/** A service of the JSON protocols. The gateway finds it by the signature, or by X-Amz-Target if there is none. */
export interface JsonService extends Service {
  readonly targetPrefix: string;
}

/**
 * Makes a service of the protocols json-1.0 and json-1.1 from its operations by name. Input and output are plain JSON:
 * a blob is a base64 string, a timestamp is in epoch seconds.
 * @param signingName the service's name in a SigV4 credential scope, such as `kinesis`
 * @param targetPrefix the prefix of X-Amz-Target, such as `Kinesis_20131202`
 * @param maxBodyBytes largest body of an operation, where it is not the gateway's default
 * @throws NotModelledError from `handle`, naming an operation that is not in `operations`
 */
export function jsonService(
  signingName: string,
  protocol: 'json-1.0' | 'json-1.1',
  targetPrefix: string,
  operations: JsonOperations,
  maxBodyBytes: Readonly<Record<string, number>> = {},
): JsonService {
  const contentType = protocol === 'json-1.0' ? 'application/x-amz-json-1.0' : 'application/x-amz-json-1.1';
  return {
    signingName,
    protocol,
    targetPrefix,
    maxBodyBytes: ({ headers }) => maxBodyBytes[headers['x-amz-target']?.split('.').at(-1) ?? ''] ?? defaultBodyBytes,
    async handle(request: ServiceRequest): Promise<ServiceResponse> {
      const operation = operationOf(request, signingName, targetPrefix);
      const run = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
      if (!run) throw new NotModelledError(`operation ${signingName}:${operation}`);
      const output = await run(inputOf(request), request.principal);
      if (output instanceof EventStream)
        return {
          headers: { 'content-type': eventStreamType, 'x-amzn-requestid': randomUUID() },
          body: output.body,
        };
      const headers = { 'content-type': contentType, 'x-amzn-requestid': randomUUID() };
      return { headers, body: jsonText(output ?? {}) };
    },
  };
}

function operationOf(request: ServiceRequest, signingName: string, targetPrefix: string): string {
  const target = request.headers['x-amz-target'];
  if (target === undefined) {
    if (request.headers['smithy-protocol'] !== undefined)
      throw new NotModelledError(`protocol ${request.headers['smithy-protocol']} of ${signingName}`);
    throw new AwsError('UnknownOperationException', `the request to ${signingName} has no X-Amz-Target header`);
  }
  const dot = target.lastIndexOf('.');
  if (target.slice(0, dot) !== targetPrefix)
    throw new AwsError(
      'UnknownOperationException',
      `target ${target} does not belong to ${signingName}: expected ${targetPrefix}.<operation>`,
    );
  return target.slice(dot + 1);
}

function inputOf(request: ServiceRequest): Record<string, unknown> {
  if (request.body.length === 0) return {};
  let input: unknown;
  try {
    input = JSON.parse(request.body.toString('utf8'));
  } catch (cause) {
    throw new AwsError('SerializationException', `the request body is not JSON: ${(cause as Error).message}`);
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new AwsError('SerializationException', 'the request body must be a JSON object');
  return input as Record<string, unknown>;
}

const bigints = randomUUID();

/** Writes JSON that keeps every digit of large integers. */
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  const marked = (_: string, member: unknown) => (typeof member === 'bigint' ? `${bigints}:${member}` : member);
  return JSON.stringify(value, marked).replace(new RegExp(`"${bigints}:(-?\\d+)"`, 'g'), '$1');
}
