import type { Client as PgClient, QueryResult } from 'pg';

/** Where a server is that speaks the PostgreSQL protocol, and who is asking. */
export interface PostgresTarget {
  /** The server's certificate has to be of this name. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** PEM of an authority to trust. @default - those that Node.js trusts */
  readonly ca?: string;
}

/** A value as the server spells it. */
export type PostgresRow = Readonly<Record<string, string | null>>;

export interface PostgresResult {
  readonly rows: readonly PostgresRow[];
  /** `type` is the type's OID. */
  readonly columns: readonly { readonly name: string; readonly type: number }[];
  /** Of the command's tag; undefined where it has none. */
  readonly count: number | undefined;
}

export interface PostgresSession {
  /** One statement. @throws PostgresError also when the answer takes longer than that */
  query(sql: string, timeoutMs: number): Promise<PostgresResult>;
  /** Never throws: whatever is open ends with it. */
  close(): Promise<void>;
}

export interface Postgres {
  /** @throws PostgresError */
  connect(): Promise<PostgresSession>;
}

/** What became of a connection or a statement. */
export class PostgresError extends Error {
  constructor(
    message: string,
    /** SQLSTATE of the server, or Node's code of a broken connection; undefined for a wait that was too long. */
    readonly code: string | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PostgresError';
  }

  /** No answer came: the statement may have been carried out or not. */
  get isLost(): boolean {
    return this.code === undefined || brokenCodes.has(this.code) || /^57P0/.test(this.code);
  }

  /** The same may succeed later: no connection, too many of them, a conflict, a shutdown, a timeout. */
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

/** The client is loaded when it is first needed, so that functions that never connect start without it. */
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
      // A connection that breaks while nobody asks is noticed by the next statement.
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
