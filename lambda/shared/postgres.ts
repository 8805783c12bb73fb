import type { Client as PgClient, QueryResult } from 'pg';

/** A server with the PostgreSQL protocol, and a user of it. */
export interface PostgresTarget {
  /** The server's certificate must have this name. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** PEM of a trusted authority. @default - the authorities that Node.js trusts */
  readonly ca?: string;
}

/** Values as the server writes them. */
export type PostgresRow = Readonly<Record<string, string | null>>;

export interface PostgresResult {
  readonly rows: readonly PostgresRow[];
  /** `type` is the type's OID. */
  readonly columns: readonly { readonly name: string; readonly type: number }[];
  /** Rows, as the command's tag says; undefined where it says none. */
  readonly count: number | undefined;
}

export interface PostgresSession {
  /** Runs one statement. @throws PostgresError also when the answer takes longer than `timeoutMs` */
  query(sql: string, timeoutMs: number): Promise<PostgresResult>;
  /** Never throws. Ends a transaction that is open. */
  close(): Promise<void>;
}

export interface Postgres {
  /** @throws PostgresError */
  connect(): Promise<PostgresSession>;
}

/** A connection or a statement failed. */
export class PostgresError extends Error {
  constructor(
    message: string,
    /** SQLSTATE, or Node's code of a broken connection. Undefined after a timeout of the client. */
    readonly code: string | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PostgresError';
  }

  /** True when no answer came: the statement may have taken effect or not. */
  get isLost(): boolean {
    return this.code === undefined || brokenCodes.has(this.code) || /^57P0/.test(this.code);
  }

  /** True when a retry may succeed: after a lost or refused connection, a conflict, a shutdown, a timeout. */
  get mayPass(): boolean {
    return this.isLost || passingStates.test(this.code ?? '');
  }
}

const brokenCodes = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);
/** Classes 08 (connection), 40 (rollback), 53 (resources), and query_canceled, which a statement timeout is (PostgreSQL, "Error codes"). */
const passingStates = /^(?:08...|40...|53...|57014)$/;

const connectTimeoutMs = 15_000;

/** Loads the client at the first connection, so that functions that never connect start without it. */
export function postgres(target: () => Promise<PostgresTarget>): Postgres {
  return {
    async connect() {
      const { ca, ...where } = await target();
      const { Client } = await import('pg');
      const client = new Client({
        ...where,
        ssl: { rejectUnauthorized: true, servername: where.host, ...(ca === undefined ? {} : { ca }) },
        connectionTimeoutMillis: connectTimeoutMs,
        keepAlive: true,
        application_name: 'millrace',
        types: { getTypeParser: () => (value: string) => value },
      });
      // Without a listener, a connection that breaks between statements would end the process. The next statement reports it.
      client.on('error', () => undefined);
      try {
        await client.connect();
      } catch (error) {
        await end(client);
        throw asPostgresError(error);
      }
      return sessionOf(client);
    },
  };
}

function sessionOf(client: PgClient): PostgresSession {
  return {
    async query(text, timeoutMs) {
      try {
        const config = { text, query_timeout: timeoutMs } as { text: string };
        const { rows, fields, rowCount }: QueryResult<PostgresRow> = await client.query(config);
        return {
          rows,
          columns: fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID })),
          count: rowCount ?? undefined,
        };
      } catch (error) {
        throw asPostgresError(error);
      }
    },
    close: () => end(client),
  };
}

async function end(client: PgClient): Promise<void> {
  await client.end().catch(() => undefined);
}

function asPostgresError(error: unknown): PostgresError {
  const { message, code } = error as Error & { code?: string };
  return new PostgresError(message, code, { cause: error });
}
