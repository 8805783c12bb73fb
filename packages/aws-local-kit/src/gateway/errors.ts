import { randomUUID } from 'node:crypto';
import type { ServiceResponse } from '../ports';
import { AwsError } from '../ports';
import { encodeCbor } from './cbor';
import type { WireProtocol } from './wire-protocol';
import { xmlDocument } from './xml';

/** Converts any failure to an AwsError. One that is not an AwsError already becomes `InternalFailure`. */
export function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  return new AwsError('InternalFailure', error instanceof Error ? error.message : String(error), 500);
}

/**
 * Writes the error in the wire format of the protocol. A request that policies forbid gets `AccessDeniedException` in
 * the JSON protocols and `AccessDenied` with status 403 in the XML ones.
 */
export function errorResponse(protocol: WireProtocol, error: AwsError, resource: string): ServiceResponse {
  const requestId = randomUUID();
  const headers = { 'x-amzn-requestid': requestId, 'x-amz-request-id': requestId };
  switch (protocol) {
    case 'json-1.0':
    case 'json-1.1':
      return {
        status: error.statusCode,
        headers: { ...headers, 'content-type': `application/x-amz-${protocol}`, 'x-amzn-errortype': error.code },
        body: JSON.stringify({ __type: error.code, message: error.message, ...error.members }),
      };
    case 'rest-json':
      return {
        status: error.code === 'AccessDeniedException' ? 403 : error.statusCode,
        headers: { ...headers, 'content-type': 'application/json', 'x-amzn-errortype': error.code },
        body: JSON.stringify({ message: error.message, Message: error.message }),
      };
    case 'rest-xml':
      return {
        ...xmlStatus(error),
        headers: { ...headers, 'content-type': 'application/xml' },
        body: xmlDocument('Error', {
          Code: xmlCode(error),
          Message: error.message,
          ...error.members,
          Resource: resource,
          RequestId: requestId,
        }),
      };
    case 'ec2-query':
      return {
        ...xmlStatus(error),
        headers: { ...headers, 'content-type': 'text/xml' },
        body: xmlDocument('Response', {
          Errors: { Error: { Code: xmlCode(error), Message: error.message } },
          RequestID: requestId,
        }),
      };
    case 'rpc-v2-cbor':
      return {
        status: error.statusCode,
        headers: { ...headers, 'content-type': 'application/cbor', 'smithy-protocol': protocol },
        body: encodeCbor({ __type: error.code, message: error.message }),
      };
    case 'rest-xml-wrapped':
    case 'query': {
      const type = error.statusCode < 500 ? 'Sender' : 'Receiver';
      return {
        ...xmlStatus(error),
        headers: { ...headers, 'content-type': 'text/xml' },
        body: xmlDocument('ErrorResponse', {
          Error: { Type: type, Code: xmlCode(error), Message: error.message },
          RequestId: requestId,
        }),
      };
    }
  }
}

function xmlCode(error: AwsError): string {
  return error.code === 'AccessDeniedException' ? 'AccessDenied' : error.code;
}

function xmlStatus(error: AwsError): { status: number } {
  return { status: error.code === 'AccessDeniedException' ? 403 : error.statusCode };
}
