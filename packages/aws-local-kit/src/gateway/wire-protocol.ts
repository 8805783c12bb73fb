import type { Service } from '../ports';

/** How a request is written. EC2 has error documents of its own. */
export type WireProtocol = Service['protocol'] | 'ec2-query' | 'rest-xml-wrapped' | 'rpc-v2-cbor';

/** Services that the runtime does not model and that speak REST with XML (service models of botocore), by signing name. */
const restXml = ['cloudfront', 'route53', 's3-outposts', 's3-object-lambda', 's3express'];

/**
 * The protocol of a request, so that an error can be read by the client that sent it: of a service that is not modelled, and of a client that
 * speaks another protocol than the model does.
 * @param service undefined for one that is not modelled
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
