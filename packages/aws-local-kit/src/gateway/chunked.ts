import { AwsError } from '../ports';
import type { ChunkSignatures } from './chunk-signatures';

/**
 * Decodes the content coding aws-chunked and its trailing headers. Format: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<trailers>\r\n\r\n`.
 * @param signatures verifies the signatures of the chunks. @default - they are not verified
 */
export function decodeAwsChunked(
  body: Buffer,
  signatures?: ChunkSignatures,
): { body: Buffer; trailers: Record<string, string> } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const eol = body.indexOf('\r\n', at, 'latin1');
    if (eol < 0) throw incomplete(`no chunk header at byte ${at}`);
    const header = body.toString('latin1', at, eol);
    const [, size, signature] = /^([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?(?:;.*)?$/.exec(header) ?? [];
    if (size === undefined) throw incomplete(`chunk header ${JSON.stringify(header)}`);
    const length = Number.parseInt(size, 16);
    at = eol + 2;
    if (length > 0 && at + length + 2 > body.length) throw incomplete(`a chunk of ${length} bytes is cut off`);
    const bytes = body.subarray(at, at + length);
    signatures?.chunk(bytes, signature);
    if (length === 0) break;
    parts.push(bytes);
    at += length + 2;
  }
  const trailers: Record<string, string> = {};
  for (const line of body.toString('latin1', at).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  if (signatures && Object.keys(trailers).length > 0) verifyTrailers(trailers, signatures);
  return { body: Buffer.concat(parts), trailers };
}

function verifyTrailers(trailers: Record<string, string>, signatures: ChunkSignatures): void {
  const { 'x-amz-trailer-signature': signature, ...others } = trailers;
  const lines = Object.entries(others).map(([name, value]) => `${name}:${value}\n`);
  signatures.trailer(lines.join(''), signature);
  delete trailers['x-amz-trailer-signature'];
}

/** True when the request's headers announce an aws-chunked body. */
export function isAwsChunked(headers: Readonly<Record<string, string>>): boolean {
  return (
    (headers['content-encoding'] ?? '').split(',').some((coding) => coding.trim() === 'aws-chunked') ||
    (headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-')
  );
}

function incomplete(detail: string): AwsError {
  return new AwsError('IncompleteBody', `the aws-chunked body is malformed: ${detail}`);
}
