import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { AwsConnection } from './connections';
import { type Answer, notModelled, SqlError } from './messages';

/** OIDs of PostgreSQL's pg_type by the types of DuckDB. */
const oids: Readonly<Record<string, number>> = {
  BOOLEAN: 16,
  BLOB: 17,
  BIGINT: 20,
  HUGEINT: 1700,
  SMALLINT: 21,
  INTEGER: 23,
  VARCHAR: 25,
  FLOAT: 700,
  DOUBLE: 701,
  DATE: 1082,
  TIME: 1083,
  TIMESTAMP: 1114,
  'TIMESTAMP WITH TIME ZONE': 1184,
  UUID: 2950,
  JSON: 3802,
};

const oidOf = (name: string, type: string): number => {
  const oid = type.startsWith('DECIMAL') ? 1700 : oids[type];
  if (oid === undefined) throw notModelled(`type ${type} of column ${name} in an answer`);
  return oid;
};

/** Functions that mean in DuckDB what they mean in Materialize, or are macros below; and words that may stand before a parenthesis. */
const known = new Set(
  `abs avg coalesce count date_trunc digest floor get_byte greatest least left length lower max md5 min nullif right round sum trim upper
  and as by else exists from in join not numeric decimal varchar char on or over select then using values when where with`.split(
    /\s+/,
  ),
);

/** The data of one environment, in memory. */
export class Data {
  private constructor(private readonly instance: DuckDBInstance) {}

  static async open(): Promise<Data> {
    const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' });
    const data = new Data(instance);
    const session = await data.connect();
    // Bytes of a digest; `get_byte` counts from 0.
    await session.raw.run(
      `create macro digest(value, kind) as case when kind = 'md5' then unhex(md5(value)) else error('not modelled') end`,
    );
    await session.raw.run(
      `create macro get_byte(bytes, place) as instr('0123456789ABCDEF', substr(hex(bytes), 2 * place + 1, 1)) * 16 + instr('0123456789ABCDEF', substr(hex(bytes), 2 * place + 2, 1)) - 17`,
    );
    await session.raw.run('create schema mz_internal');
    await session.raw.run(
      'create table mz_internal.mz_aws_connections (id varchar, assume_role_arn varchar, external_id varchar)',
    );
    await session.raw.run('create table mz_connections (id varchar, name varchar, "type" varchar)');
    session.close();
    return data;
  }

  async connect(): Promise<Engine> {
    const raw = await this.instance.connect();
    await raw.run(`set timezone = 'UTC'`);
    await raw.run('set integer_division = true');
    return new Engine(raw);
  }

  close(): void {
    this.instance.closeSync();
  }
}

export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

export interface TableColumn {
  readonly name: string;
  /** As DuckDB spells it. */
  readonly type: string;
}

/** A table that is filled from elsewhere. */
export interface TableContent {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly TableColumn[];
  /** One JSON object a line, with a text or null for each column. */
  readonly file: string;
}

/** One session with the data. */
export class Engine {
  constructor(readonly raw: DuckDBConnection) {}

  /** Rows that a statement changed or wrote. */
  async run(sql: string): Promise<number> {
    return translated(async () => {
      const result = await this.raw.runAndReadAll(sql);
      return result.rowsChanged || Number(result.getRows()[0]?.[0] ?? 0);
    });
  }

  async describe(query: string): Promise<{ name: string; type: string }[]> {
    checkFunctions(query);
    return translated(async () => {
      const reader = await this.raw.runAndReadAll(`describe ${query}`);
      return reader.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
    });
  }

  async query(sql: string): Promise<Answer> {
    checkFunctions(sql);
    return translated(async () => {
      const reader = await this.raw.runAndReadAll(sql);
      const types = reader.columnTypes().map(String);
      const columns = reader.columnNames().map((name, i) => ({ name, type: oidOf(name, types[i]!) }));
      const rows = reader.getRows().map((row) => row.map(spelled));
      return { columns, rows, tag: `SELECT ${rows.length}` };
    });
  }

  /** Shows a connection in the catalog, in place of an earlier one with the same id. */
  async recordConnection({ id, name, roleArn, externalId }: AwsConnection): Promise<void> {
    const values = (...texts: string[]) => texts.map(literal).join(', ');
    for (const catalog of ['mz_internal.mz_aws_connections', 'mz_connections'])
      await this.raw.run(`delete from ${catalog} where id = ${values(id)}`);
    await this.raw.run(`insert into mz_internal.mz_aws_connections values (${values(id, roleArn, externalId)})`);
    await this.raw.run(`insert into mz_connections values (${values(id, name, 'aws')})`);
  }

  /** Replaces a table and its rows in one step. Sessions that read it go on with the rows that they see. */
  async replaceTable({ schema, name, columns, file }: TableContent): Promise<void> {
    const list = (one: (column: TableColumn) => string) => columns.map(one).join(', ');
    const types = list((column) => `${literal(column.name)}: 'varchar'`);
    await this.raw.run(`create schema if not exists ${quoted(schema)}`);
    await this.raw.run(
      `create or replace table ${quoted(schema)}.${quoted(name)} as
       select ${list((column) => `${quoted(column.name)}::${column.type} as ${quoted(column.name)}`)}
       from read_json(${literal(file)}, format = 'newline_delimited', columns = {${types}})`,
    );
  }

  interrupt(): void {
    this.raw.interrupt();
  }

  close(): void {
    this.raw.closeSync();
  }
}

const spelled = (value: unknown): string | null => {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return String(value);
};

/** Literals, names and comments may hold anything; what is left is looked through for calls. */
export function checkFunctions(sql: string): void {
  const bare = sql.replace(/'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, ' ');
  for (const [, name] of bare.matchAll(/\b([a-z_]\w*)\s*\(/gi))
    if (!known.has(name!.toLowerCase())) throw notModelled(`function ${name!.toLowerCase()}`);
  if (/'[^']+\.(?:csv|parquet|json)'/i.test(sql) && /\bfrom\s+'/i.test(sql)) throw notModelled('reading a file');
}

async function translated<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof SqlError) throw error;
    const { message } = error as Error;
    if (/^INTERRUPT/i.test(message)) throw new SqlError('canceling statement due to statement timeout', '57014');
    const code = /^Parser Error/.test(message)
      ? '42601'
      : /^(?:Catalog|Binder) Error/.test(message)
        ? '42704'
        : 'XX000';
    throw new SqlError(message.split('\n')[0]!, code);
  }
}
