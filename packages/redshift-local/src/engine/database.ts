import { mkdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname } from 'node:path';
import {
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBScalarFunction,
  type DuckDBValue,
  VARCHAR,
} from '@duckdb/node-api';
import { jsonFault } from '../json-fault';
import { faultFunction, typesVariable } from '../json-text';
import { callOwn, ownFunctionName } from '../own-functions';
import { isFatal, isSpillLimit } from './errors';

const gibibyte = 2 ** 30;

export interface DatabaseOptions {
  /** DuckDB threads. @default - one per core, at most 8 */
  readonly threads?: number;
  /**
   * Skips the steps of planning that pay off for large tables only. For a few rows they take longer than the statement.
   * @default false
   */
  readonly smallData?: boolean;
}

/** Steps of DuckDB's optimizer. None changes a result. The first two take most of its time. */
const forLargeData = [
  'expression_rewriter',
  'common_subexpressions',
  'join_order',
  'common_subplan',
  'statistics_propagation',
];

/** One DuckDB file. Queries run in DuckDB's own threads, so the event loop stays free without worker threads. */
export class Database {
  private readonly connections = new Set<Connection>();
  private broken = false;
  private closed = false;

  private constructor(
    private instance: DuckDBInstance,
    readonly file: string,
    private readonly options: DatabaseOptions,
  ) {}

  static async open(file: string, options: DatabaseOptions = {}): Promise<Database> {
    return new Database(await Database.instanceOf(file, options), file, options);
  }

  private static async instanceOf(
    file: string,
    { threads = Math.min(8, availableParallelism()), smallData = false }: DatabaseOptions,
  ): Promise<DuckDBInstance> {
    mkdirSync(dirname(file), { recursive: true });
    const memory = Math.max(gibibyte, Math.min(3 * gibibyte, Math.floor(totalmem() * 0.4)));
    const instance = await DuckDBInstance.create(file, {
      storage_compatibility_version: 'latest',
      // This turns shredding off: a shredded VARIANT reads 5 to 14 times slower.
      variant_minimum_shredding_size: '-1',
      threads: String(threads),
      memory_limit: `${Math.floor(memory / 2 ** 20)}MiB`,
      temp_directory: `${file}.tmp`,
      checkpoint_threshold: '256MB',
      // Without these methods, writing events takes two thirds of the time, and the file is up to three times as large.
      disabled_compression_methods: 'zstd,fsst,dict_fsst',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      disabled_optimizers: smallData ? forLargeData.join(',') : '',
    });
    const connection = await instance.connect();
    defineFunctions(connection);
    connection.closeSync();
    return instance;
  }

  async connect(): Promise<Connection> {
    const raw = await this.instance.connect();
    const connection: Connection = new Connection(raw, {
      onFatal: () => {
        this.broken = true;
      },
      onSpillLimit: () => this.liftSpillLimit(),
      onClose: () => this.connections.delete(connection),
    });
    this.connections.add(connection);
    await connection.run(`set timezone = 'UTC'; ${setJsonTypes}`);
    return connection;
  }

  /**
   * At the first spill, DuckDB limits spilled rows for good to the space that is free then. Without a limit they may use
   * what is free at any time.
   */
  private async liftSpillLimit(): Promise<void> {
    const connection = await this.instance.connect();
    await connection.run(`set max_temp_directory_size = '1000TiB'`);
    connection.closeSync();
  }

  /** True after a fatal error, such as a checkpoint that the disk had no room for. */
  get isBroken(): boolean {
    return this.broken;
  }

  /**
   * Opens the file again after a fatal error. It holds what was committed. Open connections end.
   * @throws the error of DuckDB, for example if the disk is still full
   */
  async reopen(): Promise<void> {
    // DuckDB refuses all statements now, so those that still run end soon.
    await Promise.all([...this.connections].map((connection) => connection.idle()));
    for (const connection of [...this.connections]) connection.close();
    if (!this.closed) this.instance.closeSync();
    this.closed = true;
    this.instance = await Database.instanceOf(this.file, this.options);
    this.closed = false;
    this.broken = false;
  }

  close(): void {
    if (!this.closed) this.instance.closeSync();
    this.closed = true;
  }
}

/** Redshift's names of JSON types (https://docs.aws.amazon.com/redshift/latest/dg/r_json_typeof.html). */
const jsonTypes = {
  OBJECT: 'object',
  ARRAY: 'array',
  VARCHAR: 'string',
  BOOLEAN: 'boolean',
  NULL: 'null',
  UBIGINT: 'number',
  BIGINT: 'number',
  HUGEINT: 'number',
  DOUBLE: 'number',
};
/** Sets the variable that JSON_TYPEOF reads. Each connection needs it. */
export const setJsonTypes = `set variable ${typesVariable} = map {${Object.entries(jsonTypes)
  .map(([duckdb, name]) => `'${duckdb}': '${name}'`)
  .join(', ')}}`;

/** Defines the JavaScript functions for every connection of the instance. */
export function defineFunctions(connection: DuckDBConnection): void {
  defineFaults(connection);
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: ownFunctionName,
      parameterTypes: [VARCHAR, VARCHAR, VARCHAR],
      returnType: VARCHAR,
      mainFunction: (_, input, output) => {
        const [names, texts, others] = [0, 1, 2].map((column) => input.getColumnVector(column));
        for (let row = 0; row < input.rowCount; row += 1)
          output.setItem(row, callOwn(names!.getItem(row), texts!.getItem(row), others!.getItem(row)));
        output.flush();
      },
    }),
  );
}

/** Defines `faultFunction`, which returns the result of `jsonFault`, or NULL. */
function defineFaults(connection: DuckDBConnection): void {
  connection.registerScalarFunction(
    DuckDBScalarFunction.create({
      name: faultFunction,
      parameterTypes: [VARCHAR],
      returnType: VARCHAR,
      mainFunction: (_, input, output) => {
        const texts = input.getColumnVector(0);
        for (let row = 0; row < input.rowCount; row += 1) {
          const text = texts.getItem(row);
          output.setItem(row, typeof text === 'string' ? (jsonFault(text) ?? null) : null);
        }
        output.flush();
      },
    }),
  );
}

const endsTransaction = /^(?:commit|rollback)$/;

/** A query has more rows than allowed. */
export class TooManyRows extends Error {}

/** The result of a query that has ended. */
export interface EndedQuery {
  readonly rows: number;
  chunks(): AsyncIterable<DuckDBValue[][]>;
}

let nextPid = 1_073_742_000;

/** One session with the database. Temporary objects and variables live as long as the session. */
export class Connection {
  /** The last values of the variables. A rollback does not restore earlier ones. */
  private readonly variables = new Map<string, string>();
  /** Values that the next call sets before its own statements. */
  private readonly pending = new Map<string, string>();
  private readonly running = new Set<Promise<unknown>>();
  private isClosed = false;
  /** Id of the server process that would serve the connection. */
  readonly pid = nextPid++;

  constructor(
    private readonly raw: DuckDBConnection,
    private readonly events: { onFatal(): void; onSpillLimit(): Promise<void>; onClose(): void },
  ) {}

  private async call<T>(send: () => Promise<T>): Promise<T> {
    if (this.isClosed) throw new Error('terminating connection: the warehouse had to open its file again');
    const answer = send();
    this.running.add(answer);
    try {
      return await answer;
    } catch (error) {
      if (isFatal(error)) this.events.onFatal();
      if (isSpillLimit(error)) await this.events.onSpillLimit();
      throw error;
    } finally {
      this.running.delete(answer);
    }
  }

  get isOpen(): boolean {
    return !this.isClosed;
  }

  /** Waits until nothing runs. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.running);
  }

  /**
   * Gives variables these values, written as SQL, before the next statement runs. They go out with that statement,
   * because each call costs a switch of threads.
   */
  set(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values))
      if (this.variables.get(name) === value) this.pending.delete(name);
      else this.pending.set(name, value);
  }

  /** Runs statements after those that set variables. */
  private async withVariables<T>(sql: string, send: (sql: string) => Promise<T>): Promise<T> {
    // An aborted transaction refuses to set variables. Its end needs none.
    if (this.pending.size === 0 || endsTransaction.test(sql)) return this.call(() => send(sql));
    const changed = [...this.pending];
    // If the call fails, the values of these variables are unknown, so the next one sets them again.
    for (const [name] of changed) this.variables.delete(name);
    const statements = changed.map(([name, value]) => `set variable ${name} = ${value}`);
    const answer = await this.call(() => send([...statements, sql].join('; ')));
    for (const [name, value] of changed) {
      this.variables.set(name, value);
      this.pending.delete(name);
    }
    return answer;
  }

  /** Runs one or more statements and returns the number of rows that the last one changed. */
  async run(sql: string): Promise<number> {
    return (await this.withVariables(sql, (all) => this.raw.run(all))).rowsChanged;
  }

  /** Returns all rows as objects of JavaScript values. */
  async rows<T>(sql: string): Promise<T[]> {
    const reader = await this.withVariables(sql, (all) => this.raw.runAndReadAll(all));
    return reader.getRowObjectsJS() as T[];
  }

  /**
   * Returns all rows in chunks. The query has ended before the first chunk. Streaming is not used, because to this
   * client a stream that breaks off, by an error or an interrupt, looks like one that ends.
   * @param sql without its own limit
   * @param mostRows most rows that are allowed
   * @throws Error of DuckDB, TooManyRows
   */
  async *chunks(sql: string, mostRows: number): AsyncIterable<DuckDBValue[][]> {
    const result = await this.limited(sql, mostRows);
    if (result.rowCount === 0) return;
    // A small result is read at once: each fetch would cost a switch of threads.
    if (result.chunkCount === 1) {
      yield result.getChunk(0).getRows();
      return;
    }
    for (;;) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) return;
      yield chunk.getRows();
    }
  }

  private async limited(sql: string, mostRows: number) {
    const result = await this.withVariables(`${sql} limit ${mostRows + 1}`, (all) => this.raw.run(all));
    if (result.rowCount > mostRows) throw new TooManyRows(`the query has more than ${mostRows} rows`);
    return result;
  }

  /** Like `chunks`, but returns when the query has ended. The chunks can be read while other statements run. */
  async ended(sql: string, mostRows: number): Promise<EndedQuery> {
    let result: Awaited<ReturnType<Connection['limited']>> | undefined = await this.limited(sql, mostRows);
    return {
      rows: result.rowCount,
      async *chunks() {
        while (result) {
          const chunk = await result.fetchChunk();
          // DuckDB's memory is free when nothing holds the result.
          if (!chunk || chunk.rowCount === 0) result = undefined;
          else yield chunk.getRows();
        }
      },
    };
  }

  /** Interrupts the running query, which fails with an error. */
  interrupt(): void {
    if (!this.isClosed) this.raw.interrupt();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.raw.closeSync();
    this.events.onClose();
  }
}

/** Returns a literal for SQL that the engine writes. Statements of users arrive translated. */
export const literal = (value: string | number | boolean | null | undefined): string => {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  return String(value);
};

export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Returns epoch milliseconds as a DuckDB timestamp. */
export const timestampLiteral = (epochMs: number): string => `make_timestamp(${Math.round(epochMs * 1000)})`;
