import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Disposable, Principal, Service, ServiceRequest, ServiceResponse } from '../ports';
import { AwsError } from '../ports';
import { decodeAwsChunked, isAwsChunked } from './chunked';
import { asAwsError, errorResponse } from './errors';
import type { JsonService } from './json';
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
  readonly principalOf: (accessKeyId: string, sessionToken?: string) => Principal | undefined;
  readonly services: readonly Service[];
  /** Handlers by path prefix, tried before any service; the longest matching prefix wins. */
  readonly internal?: Readonly<Record<string, InternalHandler>>;
  /** The region that requests must be signed for. @default - any region */
  readonly region?: string;
  /** Largest request body in bytes. @default - 1 GiB for rest-xml, 16 MiB for every other service */
  readonly maxBodyBytes?: number;
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
  addInternal(pathPrefix: string, handler: InternalHandler): void;
  /** Returns how many requests are being answered. */
  inFlight(): number;
}

type Incoming = Readable & { method?: string; url?: string; headers: http.IncomingHttpHeaders };
type Outgoing = Writable & {
  writeHead(status: number, headers: Record<string, string>): unknown;
  headersSent: boolean;
};

const http2Preface = 'PRI * HTTP/2';
const jsonBodyBytes = 16 * 1024 * 1024;
const xmlBodyBytes = 1024 * 1024 * 1024;

/**
 * Opens the one port of the local runtime. It speaks HTTP/1.1 and HTTP/2 with prior knowledge; the first bytes of a
 * connection decide which. The credential scope of the SigV4 signature names the service, and the access key id names
 * the caller. Signatures are not verified, since the port listens on loopback only. A request with
 * `X-Forwarded-Proto: http` counts as one without TLS, any other request as one with TLS.
 * @throws Error naming the port when it is in use
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const services = new Map<string, Service>();
  const internal = new Map<string, InternalHandler>(Object.entries(options.internal ?? {}));
  const sockets = new Set<net.Socket>();
  let inFlight = 0;
  const add = (...added: Service[]) => {
    for (const service of added) services.set(service.signingName, service);
  };
  add(...options.services);

  const onRequest = (incoming: Incoming, outgoing: Outgoing) => {
    inFlight++;
    answer(incoming, outgoing, { options, services, internal })
      .catch((error) => {
        if (!isDisconnect(error)) fault(options, error, `${incoming.method} ${incoming.url}`);
        outgoing.destroy();
      })
      .finally(() => {
        inFlight--;
      });
  };
  const plain = http.createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, onRequest as http.RequestListener);
  const multiplexed = http2.createServer({}, onRequest as unknown as Parameters<typeof http2.createServer>[1]);
  multiplexed.on('sessionError', () => {});
  const listener = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    sniff(socket, plain, multiplexed);
  });
  const port = await listen(listener, options.port ?? 0);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    add,
    addInternal: (prefix, handler) => void internal.set(prefix, handler),
    inFlight: () => inFlight,
    async dispose() {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function sniff(socket: net.Socket, plain: http.Server, multiplexed: http2.Http2Server): void {
  let seen: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const start = seen.toString('latin1', 0, http2Preface.length);
    if (start.length < http2Preface.length && http2Preface.startsWith(start)) return;
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
  readonly internal: ReadonlyMap<string, InternalHandler>;
}

async function answer(incoming: Incoming, outgoing: Outgoing, routes: Routes): Promise<void> {
  const method = incoming.method ?? 'GET';
  const url = incoming.url ?? '/';
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const given = new URLSearchParams(question < 0 ? '' : url.slice(question + 1));
  const signed = signedRequest(plainHeaders(incoming.headers), given, (routes.options.wallClock ?? Date.now)());
  const { headers, query } = signed;
  let service: Service | undefined;
  let response: ServiceResponse;
  try {
    const handler = internalHandler(routes.internal, path);
    if (handler) {
      const body = await readBody(incoming, routes.options.maxBodyBytes ?? jsonBodyBytes);
      response = await handler({ method, path, query, headers, body });
    } else {
      const routed = route(signed, routes);
      const { principal } = routed;
      service = routed.service;
      const limit = routes.options.maxBodyBytes ?? (service.protocol === 'rest-xml' ? xmlBodyBytes : jsonBodyBytes);
      const request = decoded({ principal, method, path, query, headers, body: await readBody(incoming, limit) });
      response = await service.handle(request);
    }
  } catch (thrown) {
    if (isDisconnect(thrown)) throw thrown;
    const error = asAwsError(thrown);
    if (thrown instanceof ProtocolError) service = thrown.service;
    if (!(thrown instanceof AwsError))
      fault(routes.options, thrown, `${method} ${path} ${headers['x-amz-target'] ?? ''}`);
    response = errorResponse(protocolOf(signed, service), error, path);
  }
  await send(method, response, outgoing);
  // The rest of a refused body must be read, or the connection hangs.
  if (!incoming.readableEnded && !incoming.destroyed) incoming.resume();
}

function internalHandler(internal: ReadonlyMap<string, InternalHandler>, path: string): InternalHandler | undefined {
  let found: { length: number; handler: InternalHandler } | undefined;
  for (const [prefix, handler] of internal)
    if (path.startsWith(prefix) && prefix.length > (found?.length ?? -1)) found = { length: prefix.length, handler };
  return found?.handler;
}

/** Chooses the protocol of an error response. */
function protocolOf({ headers, query, credential }: SignedRequest, service: Service | undefined): WireProtocol {
  const signingName = service?.signingName ?? credential?.split('/')[3];
  return signingName === undefined ? 'json-1.1' : wireProtocol(headers, query, signingName, service);
}

/** Finds service and caller from the signature: `Credential=<key id>/<date>/<region>/<signing name>/aws4_request`. */
function route(signed: SignedRequest, routes: Routes): { service: Service; principal: Principal } {
  const { headers, credential, accessKeyV2 } = signed;
  if (accessKeyV2 !== undefined) return routeV2(signed, accessKeyV2, routes);
  if (!credential) {
    if (headers['authorization'])
      throw new AwsError('IncompleteSignatureException', 'the Authorization header has no Credential', 400);
    return unsigned(headers, routes);
  }
  const [accessKeyId = '', , region = '', signingName = '', terminator] = credential.split('/');
  if (terminator !== 'aws4_request')
    throw new AwsError(
      'IncompleteSignatureException',
      `credential scope ${credential} does not end in aws4_request`,
      400,
    );
  const service = routes.services.get(signingName);
  if (!service) throw new AwsError('NotModelled', `service ${signingName} is not modelled by the local runtime`, 501);
  const principal = callerOf(service, accessKeyId, signed, routes);
  if (routes.options.region && region !== routes.options.region)
    throw new ProtocolError(
      service,
      service.protocol === 'rest-xml' ? 'AuthorizationHeaderMalformed' : 'InvalidSignatureException',
      `the request to ${signingName} is signed for region ${region}, expected ${routes.options.region}`,
      service.protocol === 'rest-xml' ? 400 : 403,
    );
  return { service, principal };
}

/** Routes a request with a version 2 signature, which only S3 accepts. */
function routeV2(signed: SignedRequest, accessKeyId: string, routes: Routes) {
  const service = routes.services.get('s3');
  if (!service) throw new AwsError('NotModelled', 'service s3 is not modelled by the local runtime', 501);
  return { service, principal: callerOf(service, accessKeyId, signed, routes) };
}

function callerOf(service: Service, accessKeyId: string, signed: SignedRequest, routes: Routes): Principal {
  const { headers, sessionToken, refused } = signed;
  if (refused) throw new ProtocolError(service, refused.code, refused.message, refused.statusCode);
  let principal: Principal | undefined;
  try {
    principal = routes.options.principalOf(accessKeyId, sessionToken);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const code = service.protocol === 'rest-xml' ? error.code.replace(/Exception$/, '') : error.code;
    throw new ProtocolError(service, code, error.message, error.statusCode);
  }
  if (principal) return headers['x-forwarded-proto'] === 'http' ? { ...principal, unencrypted: true } : principal;
  const code = { 'rest-xml': 'InvalidAccessKeyId', query: 'InvalidClientTokenId' }[service.protocol as string];
  const message = `The security token included in the request is invalid: access key id ${accessKeyId} is not known here`;
  throw new ProtocolError(service, code ?? 'UnrecognizedClientException', message, 403);
}

/** An error raised before the service was called. It is still answered in the service's wire format. */
class ProtocolError extends AwsError {
  constructor(
    readonly service: Service,
    code: string,
    message: string,
    statusCode: number,
  ) {
    super(code, message, statusCode);
    this.name = code;
  }
}

/** Routes an unsigned request. Only S3 has anonymous callers; any other API refuses the request. */
function unsigned(
  headers: Readonly<Record<string, string>>,
  routes: Routes,
): { service: Service; principal: Principal } {
  const target = headers['x-amz-target'];
  const s3 = routes.services.get('s3');
  const prefix = target?.slice(0, target.lastIndexOf('.'));
  const named = [...routes.services.values()].find(
    (service) => prefix && (service as Partial<JsonService>).targetPrefix === prefix,
  );
  const form = headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  if (named || target || form || !s3) {
    const missing = 'Missing Authentication Token: the request is not signed';
    const service = named ?? (form ? routes.services.get('sts') : undefined);
    if (service) throw new ProtocolError(service, 'MissingAuthenticationTokenException', missing, 403);
    throw new AwsError('MissingAuthenticationTokenException', missing, 403);
  }
  return { service: s3, principal: { kind: 'anonymous', arn: 'anonymous', account: 'anonymous' } };
}

function decoded(request: ServiceRequest): ServiceRequest {
  if (!isAwsChunked(request.headers)) return request;
  const { body, trailers } = decodeAwsChunked(request.body);
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

function readBody(incoming: Incoming, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else reject(new AwsError('RequestEntityTooLargeException', `the request body exceeds ${limit} bytes`, 413));
    });
    incoming.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    incoming.once('error', reject);
    incoming.once('aborted', () => reject(Object.assign(new Error('the caller went away'), { code: 'ECONNRESET' })));
  });
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
