import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { AwsError, type BodyBudget, readBody, refusalOf } from 'aws-local-kit';
import { gatewayAnswer, type HttpAnswer } from './answer';

/** A request before a route is known for it. */
export interface Incoming {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly encodedPath: string;
  readonly rawQuery: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
  readonly protocol: string;
  readonly sourceIp: string;
}

export interface Listener {
  readonly port: number;
  dispose(): Promise<void>;
}

export interface ListenerOptions {
  /** Port on 127.0.0.1. Another free one is taken if it is in use. @default - a free one */
  readonly preferredPort?: number;
  readonly budget: BodyBudget;
  answer(request: Incoming): Promise<HttpAnswer>;
  onFault(error: Error): void;
}

/** Quotas: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const maxBodyBytes = 10 * 1024 * 1024;
const maxHeadBytes = 10_240;
const longestBodyPauseMs = 30_000;

/** Opens the port of one API. Callers of routes prove who they are to the API or to its function; pages of other sites are refused. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const server = http.createServer({ keepAliveTimeout: 60_000, headersTimeout: 10_000, requestTimeout: 0 });
  server.on('request', (incoming, outgoing) => {
    respond(incoming, options)
      .catch((error: Error) => {
        options.onFault(error);
        return gatewayAnswer(500, 'Internal Server Error');
      })
      .then((answer) => send(incoming, outgoing, answer))
      .catch(() => outgoing.destroy());
  });
  const port = await opened(server, options.preferredPort ?? 0).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' || options.preferredPort === undefined) throw error;
    return opened(server, 0);
  });
  return {
    port,
    dispose: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function opened(server: http.Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function respond(incoming: http.IncomingMessage, options: ListenerOptions): Promise<HttpAnswer> {
  const refusal = refusalOf(incoming.headers);
  if (refusal !== undefined) return gatewayAnswer(403, refusal);
  const headers = headersOf(incoming);
  const url = incoming.url ?? '/';
  const head = [...headers].reduce((bytes, [name, values]) => bytes + name.length + values.join('').length, url.length);
  if (head > maxHeadBytes) return gatewayAnswer(431, 'Request Header Fields Too Large');
  const question = url.indexOf('?');
  const limits = { limit: maxBodyBytes, isS3: false, isContent: false };
  const read = readBody(incoming, { ...limits, budget: options.budget, pauseMs: longestBodyPauseMs });
  const body = await read.catch((error: Error) => {
    if (error instanceof AwsError) return error;
    throw error;
  });
  if (body instanceof AwsError)
    return body.statusCode === 413
      ? gatewayAnswer(413, 'Request Entity Too Large')
      : gatewayAnswer(
          body.statusCode === 408 ? 408 : 503,
          body.statusCode === 408 ? 'Request Timeout' : 'Service Unavailable',
        );
  try {
    return await options.answer({
      method: incoming.method ?? 'GET',
      encodedPath: question < 0 ? url : url.slice(0, question),
      rawQuery: question < 0 ? '' : url.slice(question + 1),
      headers,
      body: body.bytes,
      protocol: `HTTP/${incoming.httpVersion}`,
      sourceIp: incoming.socket.remoteAddress ?? '127.0.0.1',
    });
  } finally {
    body.release();
  }
}

function headersOf({ rawHeaders }: http.IncomingMessage): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    const values = headers.get(name);
    if (values) values.push(rawHeaders[at + 1]!);
    else headers.set(name, [rawHeaders[at + 1]!]);
  }
  return headers;
}

function send(incoming: http.IncomingMessage, outgoing: http.ServerResponse, answer: HttpAnswer): void {
  const { status, headers, body } = answer;
  const bodiless = status === 204 || status === 304;
  outgoing.writeHead(status, {
    ...(headers as http.OutgoingHttpHeaders),
    ...(!bodiless && { 'content-length': String(body.length) }),
  });
  outgoing.end(bodiless || incoming.method === 'HEAD' ? undefined : body);
  // The rest of a refused body must be read, or the connection hangs.
  if (!incoming.readableEnded && !incoming.destroyed) incoming.resume();
}
