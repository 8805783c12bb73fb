import http from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';

/** How long an address with a signature is used, and how long it is valid. */
const usedMs = 10 * 60_000;
const validSeconds = 15 * 60;
/** Longest time of a read, in milliseconds. The caller then asks again through the SDK. */
const longestMs = 1_000;

interface Held {
  readonly address: URL;
  readonly madeAt: number;
  etag?: string;
  text?: string;
}

/**
 * Reads small objects that change rarely, thousands of times. The SDK takes ten times as long to sign a request as Node.js to send it, so the address is
 * signed once for many reads, and S3 sends the object only if it has changed. Every read asks S3.
 * @returns undefined for any answer that is not the object: the SDK can then retry, or find out why
 */
export function directReads(client: S3Client, now: () => number = Date.now) {
  const held = new Map<string, Held>();
  const agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true }),
  };
  return async (bucket: string, key: string): Promise<string | undefined> => {
    const id = `${bucket}/${key}`;
    try {
      let each = held.get(id);
      if (!each || now() - each.madeAt > usedMs) {
        each = { address: await signedAddress(client, bucket, key), madeAt: now() };
        held.set(id, each);
      }
      const { address, etag } = each;
      const answer = await ask(address, agents[address.protocol as keyof typeof agents], etag);
      if (answer.status === 304 && each.text !== undefined) return each.text;
      if (answer.status === 200) {
        Object.assign(each, { etag: answer.etag, text: answer.body });
        return answer.body;
      }
    } catch {
      // The caller asks again.
    }
    held.delete(id);
    return undefined;
  };
}

function ask(
  address: URL,
  agent: http.Agent,
  etag: string | undefined,
): Promise<{ status: number; etag?: string; body: string }> {
  const { request } = address.protocol === 'https:' ? https : http;
  const headers = etag === undefined ? {} : { 'if-none-match': etag };
  return new Promise((resolve, reject) => {
    const sent = request(address, { agent, headers, signal: AbortSignal.timeout(longestMs) }, (response) => {
      const { statusCode: status = 0, headers: answered } = response;
      text(response).then((body) => resolve({ status, etag: answered.etag, body }), reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The address of the object where the SDK would ask for it, with its credentials. */
async function signedAddress(client: S3Client, Bucket: string, Key: string): Promise<URL> {
  const command = new GetObjectCommand({ Bucket, Key });
  let found: Parameters<SignatureV4['presign']>[0] | undefined;
  command.middlewareStack.add(
    () =>
      async ({ request }) => {
        found = request as typeof found;
        return { response: undefined, output: { $metadata: {} } };
      },
    { step: 'build', priority: 'low' },
  );
  await client.send(command);
  const { credentials, region, sha256 } = client.config;
  const signer = new SignatureV4({ credentials, region, service: 's3', sha256, uriEscapePath: false });
  const headers = { host: hostOf(found!), 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
  const request = { ...found!, headers };
  const { protocol, path, query = {} } = await signer.presign(request, { expiresIn: validSeconds });
  const address = new URL(`${protocol}//${hostOf(found!)}${path}`);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, String(value));
  return address;
}

const hostOf = ({ hostname, port }: { readonly hostname: string; readonly port?: number }) =>
  port === undefined ? hostname : `${hostname}:${port}`;
