import { AwsError } from '../ports';

/**
 * Decodes the content coding aws-chunked and its trailing headers. Chunk signatures are optional and not verified.
 * Format: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<trailers>\r\n\r\n`.
 */
export function decodeAwsChunked(body: Buffer): { body: Buffer; trailers: Record<string, string> } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const eol = body.indexOf('\r\n', at, 'latin1');
    if (eol < 0) throw incomplete(`no chunk header at byte ${at}`);
    const header = body.toString('latin1', at, eol);
    const size = /^([0-9a-fA-F]+)(?:;.*)?$/.exec(header)?.[1];
    if (size === undefined) throw incomplete(`chunk header ${JSON.stringify(header)}`);
    const length = Number.parseInt(size, 16);
    at = eol + 2;
    if (length === 0) break;
    if (at + length + 2 > body.length) throw incomplete(`a chunk of ${length} bytes is cut off`);
    parts.push(body.subarray(at, at + length));
    at += length + 2;
  }
  const trailers: Record<string, string> = {};
  for (const line of body.toString('latin1', at).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { body: Buffer.concat(parts), trailers };
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
