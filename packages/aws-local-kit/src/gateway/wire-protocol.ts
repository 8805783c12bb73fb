import type { Service } from '../ports';

/** The wire format of a request. EC2 has its own error documents. */
export type WireProtocol = Service['protocol'] | 'ec2-query' | 'rest-xml-wrapped' | 'rpc-v2-cbor';

/** Signing names of services that speak REST with XML but are not modelled here (source: botocore's service models). */
const restXml = ['cloudfront', 'route53', 's3-outposts', 's3-object-lambda', 's3express'];

/**
 * Finds the protocol of a request, so that the client can read an error response. The client may call a service that is
 * not modelled, or speak another protocol than the modelled service does.
 * @param service undefined if it is not modelled
 */
export function wireProtocol(
  headers: Readonly<Record<string, string>>,
  query: URLSearchParams,
  signingName: string,
  service: Service | undefined,
): WireProtocol {
  if (headers['smithy-protocol'] === 'rpc-v2-cbor') return 'rpc-v2-cbor';
  const type = headers['content-type'] ?? '';
  if (headers['x-amz-target'] !== undefined) return type.includes('json-1.0') ? 'json-1.0' : 'json-1.1';
  if (service?.protocol === 'rest-xml' || service?.protocol === 'rest-json') return service.protocol;
  const isForm = type.startsWith('application/x-www-form-urlencoded') || query.has('Action');
  if (isForm) return signingName === 'ec2' ? 'ec2-query' : 'query';
  if (service) return service.protocol;
  return restXml.includes(signingName) ? 'rest-xml-wrapped' : 'rest-json';
}
