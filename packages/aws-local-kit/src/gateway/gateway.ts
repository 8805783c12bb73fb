import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Disposable, Service, ServiceRequest, ServiceResponse } from '../ports';
import { AwsError } from '../ports';
import { hasToken, refusalOf } from './access';
import { authenticate, type Caller, ProtocolError } from './authenticate';
import { type Body, BodyBudget, type BodyLimits, readBody } from './body';
import type { ChunkSignatures } from './chunk-signatures';
import { decodeAwsChunked, isAwsChunked } from './chunked';
import { asAwsError, errorResponse } from './errors';
import { defaultBodyBytes } from './json';
import { type SignedRequest, signedRequest } from './presigned';
import { type WireProtocol, wireProtocol } from './wire-protocol';

/**
 * Handles a request to one of the runtime's own paths, outside the AWS protocols. The request carries no principal: the
 * handler decides which callers it serves.
 */
export type InternalHandler = (
  request: Omit<ServiceRequest, 'principal'>,
) => Promise<ServiceResponse> | ServiceResponse;

export interface GatewayOptions {
  /** TCP port on 127.0.0.1. @default - a free port */
  readonly port?: number;
  /** Finds the caller by access key id. Returns undefined if the key or its session token is unknown. */
  readonly callerOf: (accessKeyId: string, sessionToken?: string) => Caller | undefined;
  readonly services: readonly Service[];
  /** How to get the right credentials, for errors about wrong ones. @default - nothing */
  readonly credentialsHint?: string;
  /** Token of the runtime's own paths, expected as `Authorization: Bearer <token>`. @default - they are closed */
  readonly controlToken?: string;
  /** The region that requests must be signed for. @default - any region */
  readonly region?: string;
  /** Largest request body in bytes. @default - what each service sets for its operation */
  readonly maxBodyBytes?: number;
  /** Largest sum of all bodies in memory, in bytes. @default 536,870,912 */
  readonly maxBodiesBytes?: number;
  /** Longest time until a connection has sent all headers of a request. @default 10,000 */
  readonly headersMs?: number;
  /** Longest pause within a request's body. @default 30,000 */
  readonly bodyPauseMs?: number;
  /** The clock with which clients sign, in epoch milliseconds. Presigned URLs expire by it. @default Date.now */
  readonly wallClock?: () => number;
  /** Receives failures of the runtime itself; the caller sees `InternalFailure`. @default - writes to stderr */
  readonly onFault?: (error: unknown, what: string) => void;
}

export interface Gateway extends Disposable {
  /** `http://127.0.0.1:<port>`. */
  readonly endpoint: string;
  readonly port: number;
  /** Adds a service that was created after the gateway because it needs the gateway's endpoint. */
  add(...services: Service[]): void;
  /**
   * Adds a handler of the runtime's own. It is tried before any service; the longest matching prefix wins.
   * @param access `token` (default): the caller must send the control token. `open`: the path itself is a secret.
   */
  addInternal(pathPrefix: string, handler: InternalHandler, access?: 'token' | 'open'): void;
  /** Returns how many requests are being answered. */
  inFlight(): number;
}

type Incoming = Readable & { method?: string; url?: string; headers: http.IncomingHttpHeaders; rawHeaders: string[] };
type Outgoing = Writable & {
  writeHead(status: number, headers: Record<string, string>): unknown;
  headersSent: boolean;
};

const http2Preface = 'PRI * HTTP/2';
const internalBodyBytes = 1024 * 1024;
const allBodiesBytes = 512 * 1024 * 1024;
const longestHeadersMs = 10_000;
const longestBodyPauseMs = 30_000;

/**
 * Opens the one port of the local runtime. It speaks HTTP/1.1 and HTTP/2 with prior knowledge; the first bytes of a
 * connection decide which. The credential scope of the SigV4 signature names the service, and the access key id names
 * the caller. Signatures are verified: the port listens on loopback only, but other users of this machine and pages in
 * a browser reach it too. A request with `X-Forwarded-Proto: http` counts as one without TLS, any other request as one
 * with TLS.
 * @throws Error naming the port when it is in use
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const services = new Map<string, Service>();
  const internal = new Map<string, OwnPath>();
  const budget = new BodyBudget(options.maxBodiesBytes ?? allBodiesBytes);
  const headersMs = options.headersMs ?? longestHeadersMs;
  const sockets = new Set<net.Socket>();
  let inFlight = 0;
  const add = (...added: Service[]) => {
    for (const service of added) services.set(service.signingName, service);
  };
  add(...options.services);

  const onRequest = (incoming: Incoming, outgoing: Outgoing) => {
    inFlight++;
    answer(incoming, outgoing, { options, services, internal, budget })
      .catch((error) => {
        if (!isDisconnect(error)) fault(options, error, `${incoming.method} ${incoming.url}`);
        outgoing.destroy();
      })
      .finally(() => {
        inFlight--;
      });
  };
  const plain = http.createServer(
    {
      keepAliveTimeout: 0,
      headersTimeout: headersMs,
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1_000, headersMs),
    },
    onRequest as http.RequestListener,
  );
  // Node.js begins to watch the deadlines of connections when a server listens. This one gets its connections from another.
  plain.emit('listening');
  const multiplexed = http2.createServer(
    { maxSessionMemory: 64, settings: { maxConcurrentStreams: 1_000 } },
    onRequest as unknown as Parameters<typeof http2.createServer>[1],
  );
  multiplexed.on('sessionError', () => {});
  const listener = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    sniff(socket, plain, multiplexed, headersMs);
  });
  const port = await listen(listener, options.port ?? 0);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    add,
    addInternal: (prefix, handle, access = 'token') => void internal.set(prefix, { handle, isOpen: access === 'open' }),
    inFlight: () => inFlight,
    async dispose() {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      plain.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function sniff(socket: net.Socket, plain: http.Server, multiplexed: http2.Http2Server, headersMs: number): void {
  let seen: Buffer = Buffer.alloc(0);
  const deadline = setTimeout(() => socket.destroy(), headersMs);
  socket.once('close', () => clearTimeout(deadline));
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const start = seen.toString('latin1', 0, http2Preface.length);
    if (start.length < http2Preface.length && http2Preface.startsWith(start)) return;
    clearTimeout(deadline);
    socket.off('data', onData);
    socket.pause();
    socket.unshift(seen);
    if (start === http2Preface) {
      // The HTTP/2 session reads the unshifted bytes itself; a flowing socket would lose them.
      multiplexed.emit('connection', socket);
      return;
    }
    plain.emit('connection', socket);
    socket.resume();
  };
  socket.on('data', onData);
}

function listen(server: net.Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be opened: ${cause.message}`;
      reject(new Error(`port ${port} on 127.0.0.1 ${why}`, { cause }));
    });
    server.listen(port, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });
}

interface Routes {
  readonly options: GatewayOptions;
  readonly services: ReadonlyMap<string, Service>;
  readonly internal: ReadonlyMap<string, OwnPath>;
  readonly budget: BodyBudget;
}

/** A path of the runtime itself. */
interface OwnPath {
  readonly handle: InternalHandler;
  readonly isOpen: boolean;
}

async function answer(incoming: Incoming, outgoing: Outgoing, routes: Routes): Promise<void> {
  const method = incoming.method ?? 'GET';
  const url = incoming.url ?? '/';
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const given = new URLSearchParams(question < 0 ? '' : url.slice(question + 1));
  const now = (routes.options.wallClock ?? Date.now)();
  const signed = signedRequest(plainHeaders(incoming.headers), given, now);
  const { headers, query } = signed;
  const head = { method, path, query, headers };
  let service: Service | undefined;
  let response: ServiceResponse;
  let body: Body | undefined;
  try {
    const refusal = refusalOf(incoming.headers);
    if (refusal !== undefined) throw new AwsError('AccessDenied', refusal, 403);
    const own = internalHandler(routes.internal, path);
    if (own) {
      if (!own.isOpen) requireToken(headers, routes.options.controlToken);
      body = await readBody(incoming, limitsOf(routes, internalBodyBytes));
      response = await own.handle({ ...head, body: body.bytes });
    } else {
      const wire = { method, path, query: question < 0 ? '' : url.slice(question + 1), headers: rawHeaders(incoming) };
      const caller = authenticate(wire, given, signed, { ...routes.options, services: routes.services, now });
      service = caller.service;
      body = await readBody(
        incoming,
        limitsOf(routes, service.maxBodyBytes?.(head) ?? defaultBodyBytes, service, method),
      );
      caller.verifyBody(body.bytes);
      response = await service.handle(
        decoded({ ...head, principal: caller.principal, body: body.bytes }, caller.chunks),
      );
    }
  } catch (thrown) {
    if (isDisconnect(thrown)) throw thrown;
    if (thrown instanceof ProtocolError) service = thrown.service;
    const error = asAwsError(thrown, service?.signingName);
    if (!(thrown instanceof AwsError))
      fault(routes.options, thrown, `${method} ${path} ${headers['x-amz-target'] ?? ''}`);
    response = errorResponse(protocolOf(signed, service), error, path);
  } finally {
    body?.release();
  }
  await send(method, response, outgoing);
  // The rest of a refused body must be read, or the connection hangs.
  if (!incoming.readableEnded && !incoming.destroyed) incoming.resume();
}

function limitsOf(routes: Routes, limit: number, service?: Service, method?: string): BodyLimits {
  const isS3 = service?.protocol === 'rest-xml';
  return {
    limit: routes.options.maxBodyBytes ?? limit,
    isS3,
    isContent: isS3 && method === 'PUT',
    budget: routes.budget,
    pauseMs: routes.options.bodyPauseMs ?? longestBodyPauseMs,
  };
}

function requireToken(headers: Readonly<Record<string, string>>, token: string | undefined): void {
  if (token !== undefined && hasToken(headers, token)) return;
  throw new AwsError('AccessDenied', 'the Authorization header must be Bearer and the token of the data folder', 401);
}

/** All values of each header, also of those that Node.js keeps one value of. */
function rawHeaders({ rawHeaders: raw }: Incoming): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const values = headers.get(name);
    if (values) values.push(raw[index + 1]!);
    else headers.set(name, [raw[index + 1]!]);
  }
  return headers;
}

function internalHandler(internal: Routes['internal'], path: string): OwnPath | undefined {
  let found: { length: number; own: OwnPath } | undefined;
  for (const [prefix, own] of internal)
    if (path.startsWith(prefix) && prefix.length > (found?.length ?? -1)) found = { length: prefix.length, own };
  return found?.own;
}

/** Chooses the protocol of an error response. */
function protocolOf({ headers, query, credential }: SignedRequest, service: Service | undefined): WireProtocol {
  const signingName = service?.signingName ?? credential?.split('/')[3];
  return signingName === undefined ? 'json-1.1' : wireProtocol(headers, query, signingName, service);
}

function decoded(request: ServiceRequest, signatures: ChunkSignatures | undefined): ServiceRequest {
  if (!isAwsChunked(request.headers)) return request;
  const { body, trailers } = decodeAwsChunked(request.body, signatures);
  const expected = request.headers['x-amz-decoded-content-length'];
  if (expected !== undefined && Number(expected) !== body.length)
    throw new AwsError(
      'IncompleteBody',
      `the body has ${body.length} bytes, x-amz-decoded-content-length says ${expected}`,
    );
  const headers: Record<string, string> = { ...request.headers, ...trailers, 'content-length': String(body.length) };
  const codings = (headers['content-encoding'] ?? '').split(',').map((coding) => coding.trim());
  const remaining = codings.filter((coding) => coding !== '' && coding !== 'aws-chunked').join(',');
  delete headers['content-encoding'];
  if (remaining) headers['content-encoding'] = remaining;
  return { ...request, headers, body };
}

function plainHeaders(headers: http.IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':')) continue;
    plain[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return plain;
}

async function send(method: string, response: ServiceResponse, outgoing: Outgoing): Promise<void> {
  const headers: Record<string, string> = { ...response.headers };
  const body = response.body ?? '';
  const status = response.status ?? 200;
  if (typeof body === 'string' || Buffer.isBuffer(body)) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (method !== 'HEAD' && status !== 204 && status !== 304) headers['content-length'] ??= String(bytes.length);
    outgoing.writeHead(status, headers);
    outgoing.end(method === 'HEAD' ? undefined : bytes);
    return;
  }
  outgoing.writeHead(status, headers);
  await pipeline(body, outgoing);
}

function fault(options: GatewayOptions, error: unknown, what: string): void {
  const report = options.onFault ?? ((thrown, where) => console.error(`local runtime failed at ${where}:`, thrown));
  report(error, what);
}

function isDisconnect(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return [
    'ECONNRESET',
    'EPIPE',
    'ERR_STREAM_PREMATURE_CLOSE',
    'ERR_STREAM_DESTROYED',
    'ERR_HTTP2_INVALID_STREAM',
    'ABORT_ERR',
  ].includes(code);
}
