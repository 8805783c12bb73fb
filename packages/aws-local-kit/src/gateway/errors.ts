import { randomUUID } from 'node:crypto';
import { FullDiskError } from '../disk';
import type { ServiceResponse } from '../ports';
import { AwsError } from '../ports';
import { encodeCbor } from './cbor';
import type { WireProtocol } from './wire-protocol';
import { xmlDocument } from './xml';

/**
 * The error codes of services for trouble of their own, by signing name. SDKs retry any error with status 500. A service
 * that is not listed has only the code of the common errors, `InternalFailure`
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and each service's API reference).
 */
const internalCodes: Readonly<Record<string, string>> = {
  events: 'InternalException',
  kms: 'KMSInternalException',
  lambda: 'ServiceException',
  monitoring: 'InternalServiceFault',
  'redshift-data': 'InternalServerException',
  s3: 'InternalError',
  secretsmanager: 'InternalServiceError',
};

/**
 * Converts any failure to an AwsError. One that is not an AwsError already, and that of a full disk, becomes the error
 * with which the service reports trouble of its own.
 */
export function asAwsError(error: unknown, signingName = ''): AwsError {
  const internal = error instanceof FullDiskError || !(error instanceof AwsError);
  if (!internal) return error;
  const code = internalCodes[signingName] ?? 'InternalFailure';
  return new AwsError(code, error instanceof Error ? error.message : String(error), 500);
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
