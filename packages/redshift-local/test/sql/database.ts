import { DuckDBInstance } from '@duckdb/node-api';
import { defineFunctions, setJsonTypes } from '../../src/engine/database';
import { systemViews } from '../../src/engine/system-views';
import { translate } from '../../src/sql';
import type { Catalog, ColumnInfo, Name, Relation, Statement } from '../../src/statement';

/** A real engine with the smallest catalog that can carry out translated statements. */
export interface Database {
  /** Runs statements and returns the rows of the last query. */
  run(sql: string, parameters?: Record<string, string>): Promise<unknown[][]>;
  /** Translates without running. */
  translate(sql: string, parameters?: Record<string, string>): Statement[];
  readonly catalog: Catalog & { add(relation: Relation): void };
  statements: Statement[];
  dispose(): void;
}

const external = { roleArn: 'arn:aws:iam::000000000000:role/stream' };

function fakeCatalog(caseSensitiveIdentifiers: boolean) {
  const relations = new Map<string, Relation>();
  const schemas = new Set<string>();
  return {
    caseSensitiveIdentifiers,
    find: (schema: string | undefined, name: string) =>
      schema === undefined
        ? (relations.get(`temp.${name}`) ?? relations.get(`public.${name}`) ?? systemView(name))
        : relations.get(`${schema}.${name}`),
    externalSchema: (schema: string) => (schemas.has(schema) ? external : undefined),
    add: (relation: Relation) =>
      void relations.set(`${relation.kind === 'temp-table' ? 'temp' : relation.schema}.${relation.name}`, relation),
    remove: (schema: string, name: string) => void relations.delete(`${schema}.${name}`),
    addExternal: (schema: string) => void schemas.add(schema),
  };
}

const systemView = (name: string): Relation | undefined => {
  const view = systemViews.get(name);
  return view && { schema: 'pg_catalog', name, kind: 'system-view', columns: view.columns };
};

const noRecords = `stream_records as (
  select null::timestamp approximate_arrival_timestamp, ''::varchar partition_key, ''::varchar shard_id, ''::varchar sequence_number,
    null::timestamp refresh_time, ''::blob kinesis_data
  where false
)`;

const quoted = (name: Name) => (name.schema ? `"${name.schema}"."${name.name}"` : `temp.main."${name.name}"`);

export async function openDatabase({
  caseSensitive = true,
  now = '2026-03-04 05:06:07.891234',
} = {}): Promise<Database> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  defineFunctions(connection);
  const catalog = fakeCatalog(caseSensitive);
  for (const sql of [
    setJsonTypes,
    'create schema public',
    'create schema millrace_system',
    `set variable millrace_now = '${now}'`,
    `set variable millrace_user = 'millrace_owner'`,
    'set variable millrace_last_copy_id = 7',
  ])
    await connection.run(sql);
  for (const [name, { columns }] of systemViews) {
    const list = columns.map(
      (column) => `"${column.name}" ${/char$/.test(column.type.name) ? 'varchar' : column.type.name}`,
    );
    await connection.run(`create table millrace_system."${name}" (${list.join(', ')})`);
  }
  const register = (name: Name, kind: Relation['kind'], columns: readonly ColumnInfo[]) =>
    catalog.add({ schema: name.schema ?? 'temp', name: name.name, kind, columns });
  const rowsOf = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
  const execute = async (statement: Statement): Promise<unknown[][] | undefined> => {
    switch (statement.kind) {
      case 'query':
      case 'unload':
        return rowsOf(statement.duckdb);
      case 'create-schema':
        await connection.run(`create schema if not exists "${statement.schema}"`);
        break;
      case 'create-external-schema':
        catalog.addExternal(statement.schema);
        break;
      case 'create-table':
      case 'create-table-as':
        await connection.run(statement.duckdb);
        register(statement.table, statement.temp ? 'temp-table' : 'table', statement.columns);
        break;
      case 'create-view':
      case 'create-materialized-view':
      case 'create-streaming-view': {
        const view = statement.kind === 'create-view';
        const records = statement.kind === 'create-streaming-view' ? `with ${noRecords} ` : '';
        await connection.run(
          `create ${view ? 'or replace view' : 'table'} ${quoted(statement.view)} as ${records}${statement.query}`,
        );
        register(statement.view, view ? 'view' : 'materialized-view', statement.columns);
        break;
      }
      case 'drop': {
        const { what, name } = statement;
        await connection.run(`drop ${what === 'materialized view' ? 'table' : what} if exists ${quoted(name)}`);
        catalog.remove(name.schema ?? 'temp', name.name);
        break;
      }
      case 'change':
      case 'add-column':
        await connection.run(statement.duckdb);
    }
    return undefined;
  };
  const database: Database = {
    catalog,
    statements: [],
    translate: (sql, parameters) => [...translate(sql, catalog, parameters)],
    async run(sql, parameters) {
      let rows: unknown[][] = [];
      this.statements = [];
      for (const statement of translate(sql, catalog, parameters)) {
        this.statements.push(statement);
        rows = (await execute(statement)) ?? rows;
      }
      return rows;
    },
    dispose: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
  return database;
}
