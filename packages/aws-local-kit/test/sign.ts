import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';

/** Node's SHA-256 in the form that the SDK's signer takes. */
class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
  reset(): void {}
}

export interface Signing {
  readonly service: string;
  readonly region?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  readonly at?: Date;
  /** Lifetime of a presigned URL. */
  readonly seconds?: number;
}

export const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

const signer = ({
  service,
  region = 'eu-west-1',
  accessKeyId = 'KNOWN',
  secretAccessKey = secret,
  sessionToken,
}: Signing) =>
  new SignatureV4({
    service,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    sha256: Sha256 as never,
    uriEscapePath: service !== 's3',
    applyChecksum: true,
  });

const requestOf = (
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | Buffer },
) => {
  const { hostname, port, host, pathname, searchParams } = new URL(url);
  return {
    method: init.method ?? 'GET',
    protocol: 'http:',
    hostname,
    port: Number(port),
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: { host, ...init.headers },
    body: init.body,
  };
};

/** The headers of a request with those of its signature, which the SDK's own signer makes. */
export async function signedHeaders(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | Buffer },
  signing: Signing,
): Promise<Record<string, string>> {
  const { headers } = await signer(signing).sign(requestOf(url, init), { signingDate: signing.at ?? new Date() });
  const { host: _, ...others } = headers;
  return others;
}

export async function signedFetch(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | Buffer },
  signing: Signing,
): Promise<Response> {
  return fetch(url, { ...init, headers: await signedHeaders(url, init, signing) } as RequestInit);
}

/** A presigned URL, as the SDK's own signer makes it. */
export async function presignedUrl(
  url: string,
  init: { method?: string; headers?: Record<string, string> },
  signing: Signing,
): Promise<string> {
  const unsigned: Record<string, string> =
    signing.service === 's3' ? { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } : {};
  const request = requestOf(url, { ...init, headers: { ...init.headers, ...unsigned } });
  const { query } = await signer(signing).presign(request, {
    expiresIn: signing.seconds ?? 900,
    signingDate: signing.at ?? new Date(),
    unhoistableHeaders: new Set(),
  });
  const text = Object.entries(query as Record<string, string>).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return `${url.split('?')[0]}?${text.join('&')}`;
}
