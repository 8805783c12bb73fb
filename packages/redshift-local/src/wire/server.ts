import { createServer, type Server, type Socket } from 'node:net';
import type { Disposable } from 'aws-local-kit';
import { Connection, type WireHost, type WireLimits } from './connection';
import { problemOf, WireError } from './errors';
import type { WireLogins } from './logins';
import { problemResponse } from './messages';

const defaultLimits: WireLimits = {
  startupMs: 30_000,
  idleMs: 4 * 3_600_000,
  sendMs: 60_000,
  maxMessageBytes: 64 * 1024 * 1024,
  maxConnections: 100,
};

export interface WireOptions {
  /** Port on 127.0.0.1. The value 0 selects a free one. */
  readonly port: number;
  readonly logins: WireLogins;
  /** @default - 100 connections, messages of 64 MiB, 30 seconds to log in, 4 hours of silence, a minute to read */
  readonly limits?: Partial<WireLimits>;
}

/** A port that speaks the PostgreSQL protocol. */
export interface WireServer extends Disposable {
  readonly host: '127.0.0.1';
  readonly port: number;
}

const address = '127.0.0.1';

/** Listens on 127.0.0.1 only. @throws Error naming a port that is in use */
export async function serveWire({ port, logins, limits }: WireOptions): Promise<WireServer> {
  const all = { ...defaultLimits, ...limits };
  const connections = new Map<Connection, Promise<void>>();
  const byPid = new Map<number, Connection>();
  const host: WireHost = {
    logins,
    limits: all,
    opened: (connection) => byPid.set(connection.pid!, connection),
    cancel(pid, secret) {
      const other = byPid.get(pid);
      if (other?.secret === secret) other.cancelStatement();
    },
  };
  const server = createServer({ keepAlive: true, noDelay: true }, (socket) => {
    // A client may vanish at any time; its connection notices.
    socket.on('error', () => undefined);
    if (connections.size >= all.maxConnections) return full(socket, all.maxConnections);
    const connection = new Connection(socket, host);
    const served = connection.serve().finally(() => {
      connections.delete(connection);
      if (connection.pid !== undefined) byPid.delete(connection.pid);
    });
    connections.set(connection, served);
  });
  await listening(server, port);
  return {
    host: address,
    port: (server.address() as { port: number }).port,
    async dispose() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections.keys()) connection.stop();
      await Promise.all(connections.values());
      await closed;
    },
  };
}

function full(socket: Socket, most: number): void {
  const error = new WireError('53300', `${most} connections are open, which is the limit of the local warehouse`, true);
  socket.end(problemResponse(problemOf(error)));
  setTimeout(() => socket.destroy(), 1000).unref();
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`port ${port} of 127.0.0.1 is in use, choose another one with --pg-port`, { cause: error })
          : error,
      ),
    );
    server.listen({ host: address, port, exclusive: true }, resolve);
  });
}
