import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock, Principal, S3Port, StsPort } from 'aws-local-kit';
import { PostgresConnection } from 'pg-gateway';
import { type Certificate, selfSigned } from './certificate';
import { type AwsConnection, Connections } from './connections';
import { Data, type Engine, type TableContent } from './engine';
import { answerMessages, errorMessage, readyMessage, SqlError } from './messages';
import { Session } from './session';

export { selfSigned } from './certificate';
export { SqlError } from './messages';

/** Materialize, "AWS connections": the role with which the hosted service assumes its customers' roles. */
export const materializeRole = 'arn:aws:iam::664411391173:role/MaterializeConnection';

/** Wraps each statement: runs it or not, and may cut the client's connection at any moment. */
export type AroundStatement = (sql: string, run: () => Promise<Buffer>, cut: () => void) => Promise<Buffer>;

export interface MaterializeOptions {
  readonly s3: S3Port;
  readonly sts: Pick<StsPort, 'assumeRole'>;
  readonly clock: Clock;
  /** `materializeRole`, as a caller. */
  readonly jumpRole: Principal;
  /** The password of a user; undefined when there is none. */
  readonly passwordOf: (user: string) => string | undefined | Promise<string | undefined>;
  /** @default ['quickstart'] */
  readonly clusters?: readonly string[];
  /** UUID. @default - a new one */
  readonly environmentId?: string;
  /** The certificate's name. @default localhost */
  readonly host?: string;
  /** On loopback. @default - a free one */
  readonly port?: number;
  readonly around?: AroundStatement;
  /** Called before the first statement of each client; the client gets its error. @default - nothing */
  readonly prepare?: () => Promise<void>;
}

/** A small Materialize: the PostgreSQL protocol over TLS, a few statements, and COPY TO as the sentinel protocol has it. */
export interface Materialize {
  readonly host: string;
  readonly port: number;
  /** PEM of what signs the server's certificate. */
  readonly ca: string;
  readonly connections: readonly AwsConnection[];
  /** Statements as the superuser, for what fills tables. */
  run(sql: string): Promise<void>;
  /** Creates a connection, or gives it another role or external id. @param externalId @default - one of this environment */
  connect(name: string, roleArn: string, externalId?: string): Promise<AwsConnection>;
  replaceTable(content: TableContent): Promise<void>;
  dispose(): Promise<void>;
}

/** @throws Error naming the port when it is in use */
export async function createMaterialize(options: MaterializeOptions): Promise<Materialize> {
  const { s3, sts, jumpRole, clock, host = 'localhost', clusters = ['quickstart'], around } = options;
  const data = await Data.open();
  const connections = new Connections({ environmentId: options.environmentId ?? randomUUID(), jumpRole, sts });
  let sinks = 0;
  const sinkId = () => `t${++sinks}`;
  const open = async () => {
    const engine = await data.connect();
    return { engine, session: new Session({ engine, connections, s3, clock, sinkId, clusters }) };
  };
  const withEngine = async (work: (engine: Engine) => Promise<void>) => {
    const engine = await data.connect();
    await work(engine).finally(() => engine.close());
  };
  const certificate = selfSigned(host);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, certificate, { open, passwordOf: options.passwordOf, around, prepare: options.prepare });
  });
  const port = await listening(server, options.port ?? 0);
  return {
    host,
    port,
    ca: certificate.cert,
    connections: connections.all,
    async run(sql) {
      const { engine, session } = await open();
      try {
        await session.run(sql);
      } finally {
        engine.close();
      }
    },
    async connect(name, roleArn, externalId) {
      const connection = connections.ensure(name, roleArn, externalId);
      await withEngine((engine) => engine.recordConnection(connection));
      return connection;
    },
    replaceTable: (content) => withEngine((engine) => engine.replaceTable(content)),
    async dispose() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      data.close();
    },
  };
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address) resolve(address.port);
    });
  });
}

interface ServeOptions {
  readonly open: () => Promise<{ engine: { close(): void }; session: Session }>;
  readonly passwordOf: MaterializeOptions['passwordOf'];
  readonly around: AroundStatement | undefined;
  readonly prepare: MaterializeOptions['prepare'];
}

/** One client. It is let in over TLS and with its password only, and asks by the simple query protocol. */
function serve(socket: Socket, { key, cert }: Certificate, { open, passwordOf, around, prepare }: ServeOptions): void {
  let opened: ReturnType<ServeOptions['open']> | undefined;
  let prepared: Promise<void> | undefined;
  let working: Promise<unknown> = Promise.resolve();
  // A client that breaks off, in the middle of the handshake too, is not this server's fault.
  socket.on('error', () => undefined);
  socket.on('close', async () => {
    const session = await opened;
    session?.session.close();
    await working.catch(() => undefined);
    session?.engine.close();
  });
  const connection: PostgresConnection = new PostgresConnection(socket, {
    serverVersion: '9.5.0',
    authMode: 'cleartextPassword',
    tls: { key: Buffer.from(key), cert: Buffer.from(cert) },
    onTlsUpgrade() {
      connection.socket.on('error', () => undefined);
    },
    onStartup() {
      if (connection.secureSocket) return false;
      connection.socket.end(errorMessage(new SqlError('TLS encryption is required', '08004'), 'FATAL'));
      return true;
    },
    async validateCredentials(credentials) {
      const expected = await passwordOf(credentials.user);
      return (
        credentials.authMode === 'cleartextPassword' && expected !== undefined && credentials.password === expected
      );
    },
    async onMessage(message, { isAuthenticated }) {
      const code = String.fromCharCode(message[0]!);
      if (!isAuthenticated || code === 'X') return false;
      opened ??= open();
      const { session } = await opened;
      prepared ??= prepare?.();
      const run = () => answerOf(session, message, prepared);
      const cut = () => void socket.destroy();
      const answer = around ? around(textOf(message), run, cut) : run();
      working = answer;
      const bytes = await answer;
      if (!socket.destroyed) connection.sendData(Buffer.concat([bytes, readyMessage(session.status)]));
      return true;
    },
  });
}

/** `Q` (PostgreSQL, "Message formats"). */
const queryCode = 0x51;
const textOf = (message: Uint8Array) => Buffer.from(message.subarray(5, -1)).toString('utf8');

async function answerOf(session: Session, message: Uint8Array, prepared: Promise<void> | undefined): Promise<Buffer> {
  try {
    await prepared;
    if (message[0] !== queryCode)
      throw new SqlError('only the simple query protocol is modelled by the local Materialize', '0A000');
    return answerMessages(await session.run(textOf(message)));
  } catch (error) {
    if (error instanceof SqlError) return errorMessage(error);
    return errorMessage(new SqlError((error as Error).message, 'XX000'));
  }
}
