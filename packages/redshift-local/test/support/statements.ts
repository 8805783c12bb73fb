import type { ColumnInfo, RedshiftType, Statement } from '../../src/statement';
import { say } from './json-translate';
import { owner } from './warehouse';

/** Statements as the front end hands them over, for tests of the engine alone. */

const types = {
  bigint: { name: 'bigint' },
  text: { name: 'varchar', length: 256 },
  super: { name: 'super' },
  timestamp: { name: 'timestamp' },
  decimal: { name: 'decimal', precision: 12, scale: 2 },
  boolean: { name: 'boolean' },
  double: { name: 'double precision' },
  bytes: { name: 'varbyte', length: 64000 },
} as const satisfies Record<string, RedshiftType>;
export type TypeName = keyof typeof types;

export const columns = (of: Record<string, TypeName>): ColumnInfo[] =>
  Object.entries(of).map(([name, type]) => ({ name, type: types[type] }));

const name = (qualified: string) => {
  const [schema, table] = qualified.split('.') as [string, string | undefined];
  return table === undefined ? { name: schema } : { schema, name: table };
};

export const query = (duckdb: string, of: Record<string, TypeName>, reads: string[] = []) =>
  say({ reads, statement: { kind: 'query', duckdb, columns: columns(of) } });
export const count = (relation: string) => query(`select count(*) from ${relation}`, { n: 'bigint' }, [relation]);
export const insert = (table: string, values: string, reads: string[] = []) =>
  say({
    reads: [...reads, ...(table.includes('.') ? [table] : [])],
    statement: { kind: 'change', verb: 'insert', target: name(table), duckdb: `insert into ${table} ${values}` },
  });
export const createSchema = (schema: string) => say({ kind: 'create-schema', schema, ifNotExists: false });
export const createTable = (table: string, of: Record<string, TypeName>, duckdb: string, temp = false) =>
  say({
    kind: 'create-table',
    table: name(table),
    temp,
    ifNotExists: false,
    duckdb: `create ${temp ? 'temp ' : ''}table ${table} (${duckdb})`,
    columns: columns(of).map((column) => ({ ...column, notNull: false })),
  });
export const drop = (what: 'table' | 'view' | 'materialized view', relation: string, cascade = false) =>
  say({ kind: 'drop', what, name: name(relation), ifExists: false, cascade });
export const refresh = (view: string, cascade = false) => say({ kind: 'refresh', view: name(view), cascade });
export const materializedView = (
  view: string,
  reads: string[],
  duckdb: string,
  of: Record<string, TypeName>,
  recomputeReason?: string,
) =>
  say({
    reads,
    statement: {
      kind: 'create-materialized-view',
      view: name(view),
      columns: columns(of),
      autoRefresh: false,
      reads: reads.map(name),
      query: duckdb,
      recomputeReason,
      text: duckdb,
    } as Statement,
  });
export const grant = (privilege: string, type: 'schema' | 'table', object: string, to: string) =>
  say({ kind: 'grant', privileges: [privilege], on: [{ type, name: object }], to: [to] });

/** What the admin of a fresh cluster runs so that millrace_owner can work. */
export const ownerStatements = [
  say(
    { kind: 'create-user', user: owner, password: 'Owner1pw' },
    { kind: 'grant', privileges: ['create'], on: [{ type: 'database', name: 'millrace' }], to: [owner] },
  ),
];
