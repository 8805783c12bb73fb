import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { hasToken, refusalOf } from 'aws-local-kit';
import { pageAccess, pageAddress, writePort } from './access';
import { type Asset, buildPage } from './bundle';
import { inputOf, isCall, keyOf } from './input';
import { Live } from './live';
import { Refusal, type Source } from './source';

export interface Page {
  /** `http://127.0.0.1:<port>/#token=…`: whoever has it can use the page. */
  readonly address: string;
  dispose(): Promise<void>;
}

const LARGEST_BODY = 1_000_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** No script, style, image or request but the page's own; no frame around it. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Serves the page of one data folder on 127.0.0.1: on the port that it had before, or on a free one. What belongs to
 * the page itself is open; everything that reads or changes something needs the folder's token.
 */
export async function servePage(dataDir: string, source: Source): Promise<Page> {
  const { token, port: before } = pageAccess(dataDir);
  const live = new Live(source);
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const { port } = server.address() as AddressInfo;
    answer(request, response, { token, port, source, live, page }).catch((error: Error) => fail(response, error));
  });
  const page = lazily(buildPage);
  const port = await listen(server, before);
  writePort(dataDir, port);
  return {
    address: pageAddress({ token, port }),
    async dispose() {
      live.dispose();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Serving {
  readonly token: string;
  readonly port: number;
  readonly source: Source;
  readonly live: Live;
  readonly page: () => Promise<ReadonlyMap<string, Asset>>;
}

async function answer(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const { method = 'GET', url = '/' } = request;
  const path = url.split('?')[0]!;
  const names = [`127.0.0.1:${serving.port}`, `localhost:${serving.port}`];
  const refusal = refusalOf(request.headers, (host) => names.includes(host));
  if (refusal !== undefined) return json(response, 403, { error: refusal });
  if (!path.startsWith('/api/')) {
    const asset = (await serving.page()).get(path);
    if (asset === undefined) return json(response, 404, { error: `there is nothing at ${path.slice(0, 200)}` });
    if (method !== 'GET' && method !== 'HEAD') return json(response, 405, { error: 'the method must be GET' });
    return sendAsset(request, response, asset);
  }
  if (!hasToken(request.headers, serving.token))
    return json(response, 401, {
      error: 'the token is missing or wrong: open the address that npm start or millrace ui printed',
    });
  if (path === '/api/live' && method === 'GET') {
    const lastId = request.headers['last-event-id'];
    return serving.live.open(response, typeof lastId === 'string' ? lastId : undefined);
  }
  if (method !== 'POST') return json(response, 405, { error: 'the method must be POST' });
  if (path === '/api/exports/file') return download(response, serving.source, await bodyOf(request));
  if (!isCall(path)) return json(response, 404, { error: `there is no call ${path.slice(0, 200)}` });
  const input = inputOf(path, await bodyOf(request));
  json(response, 200, await (serving.source.calls[path] as (given: unknown) => Promise<unknown>)(input));
}

function sendAsset(request: IncomingMessage, response: ServerResponse, { type, body, gzip, etag }: Asset): void {
  response.setHeader('etag', etag);
  response.setHeader('cache-control', 'no-cache');
  if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end();
  const zipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  const bytes = zipped ? gzip : body;
  response.writeHead(200, {
    'content-type': type,
    'content-length': bytes.length,
    vary: 'accept-encoding',
    ...(zipped ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

async function download(response: ServerResponse, source: Source, body: string): Promise<void> {
  const file = await source.download(keyOf(body));
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.bytes });
  await pipeline(file.body, response);
}

/** Reads a body to its end, also one that is too large: a caller that is still sending would not see the answer. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= LARGEST_BODY) chunks.push(chunk);
  }
  if (bytes > LARGEST_BODY) throw new Refusal(`the body must have at most ${LARGEST_BODY} bytes`);
  return Buffer.concat(chunks).toString('utf8');
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

function fail(response: ServerResponse, error: Error): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  json(response, error instanceof Refusal || error.name === 'Failure' ? 400 : 500, { error: error.message });
}

/** A browser that still shows the page finds it again under the same port. */
async function listen(server: Server, wanted = 0): Promise<number> {
  const once = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve((server.address() as AddressInfo).port);
      });
    });
  try {
    return await once(wanted);
  } catch (error) {
    if (wanted === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return once(0);
  }
}

/** Runs once it is first asked; again after it failed. */
function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
