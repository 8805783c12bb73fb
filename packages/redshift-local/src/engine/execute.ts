import type { Name, ResultColumn, Statement } from '../statement';
import { alterTable } from './alter';
import { qualified, temporarySchema } from './catalog';
import { copy } from './copy';
import { literal } from './database';
import * as ddl from './ddl';
import { WarehouseError } from './errors';
import { alterDatabase } from './isolation';
import { forgetDeleted } from './kept-records';
import { alterView, createMaterializedView, refresh } from './materialized';
import { requireOwner, requireReads, requireRelation } from './privileges';
import { openCursor, type ResultSet, type RowCursor, runQuery } from './result';
import type { Planned, Session } from './session';
import { createStreamingView } from './streaming';
import { changeBlock } from './transaction';
import { unload } from './unload';

/**
 * Outcome of a statement: a result, or the number of rows that it changed. `rows` is -1 if there is nothing to count.
 */
export interface Done {
  readonly rows: number;
  readonly result?: ResultSet;
  /** The rows, in a session whose client reads them at its own pace. The result then holds none. */
  readonly cursor?: RowCursor;
}

/** Executes one statement in the session's transaction. */
export async function execute(session: Session, planned: Planned): Promise<Done> {
  const { statement } = planned;
  switch (statement.kind) {
    case 'query': {
      requireReads(session, planned);
      return answer(session, statement.duckdb, statement.columns);
    }
    case 'change':
      return { rows: await change(session, planned, statement) };
    case 'merge':
      return { rows: await merge(session, planned, statement) };
    case 'copy':
      refuseIdentity(session, statement.table);
      return { rows: await copy(session, statement) };
    case 'unload': {
      requireReads(session, planned);
      const rows = await unload(session, statement);
      session.connection.set({ millrace_last_unload_count: String(rows) });
      return { rows };
    }
    case 'create-table-as':
      return { rows: await ddl.createTable(session, planned, statement) };
    case 'explain': {
      requireReads(session, planned);
      return explain(session, statement.duckdb);
    }
    default:
      await executeDefinition(session, planned, statement);
      return { rows: -1 };
  }
}

type Definition = Exclude<
  Statement,
  { kind: 'query' | 'change' | 'merge' | 'copy' | 'unload' | 'create-table-as' | 'explain' }
>;

/** Runs a query and returns its rows in the way that the session's client reads them. */
async function answer(session: Session, duckdb: string, columns: readonly ResultColumn[]): Promise<Done> {
  if (session.cursors) {
    const cursor = await openCursor(session.connection, duckdb, columns);
    return { rows: cursor.rows, cursor, result: { columns, rows: cursor.rows, records: [], bytes: 0 } };
  }
  const result = await runQuery(session.connection, duckdb, columns, session.sink);
  return { rows: result.rows, result };
}

/** The column of EXPLAIN, named as Redshift names its own. */
export const planColumns: readonly ResultColumn[] = [{ name: 'QUERY PLAN', type: { name: 'varchar', length: 65_535 } }];

/** Returns DuckDB's plan, line by line. */
async function explain(session: Session, duckdb: string): Promise<Done> {
  const plans = await session.connection.rows<{ explain_value: string }>(`explain ${duckdb}`);
  const lines = [
    'local plan (DuckDB), not one of Amazon Redshift',
    ...plans.flatMap((plan) => plan.explain_value.split('\n')),
  ];
  const list = lines.map((line) => `(${literal(line)})`).join(', ');
  return answer(session, `select * from (values ${list}) as plan(line)`, planColumns);
}

/**
 * Checks ANALYZE and VACUUM, which do nothing here because they change no rows. On Redshift, VACUUM of a base table
 * makes the views over it recompute.
 */
function maintain(session: Session, { verb, table }: Extract<Statement, { kind: 'maintain' }>): void {
  if (verb === 'vacuum' && (session.block !== undefined || session.batched))
    throw new WarehouseError('VACUUM cannot run inside a transaction block');
  const entry = table && session.state.relation(table);
  if (entry) requireOwner(session, entry);
}

function set(session: Session, { name, value }: Extract<Statement, { kind: 'set' }>): void {
  const { catalog } = session;
  if (name === 'all') {
    catalog.settings.clear();
    catalog.caseSensitiveIdentifiers = session.caseSensitive;
  } else if (name === 'enable_case_sensitive_identifier') catalog.caseSensitiveIdentifiers = value === 'on';
  else catalog.settings.set(name, value);
}

async function executeDefinition(session: Session, planned: Planned, statement: Definition): Promise<void> {
  switch (statement.kind) {
    case 'lock':
      return lock(session, statement.tables);
    case 'alter-database':
      return alterDatabase(session, statement);
    case 'create-user':
      return ddl.createUser(session, statement);
    case 'alter-user':
      return ddl.alterUser(session, statement);
    case 'alter-user-setting':
      return ddl.alterUserSetting(session, statement);
    case 'drop-user':
      return ddl.dropUser(session, statement);
    case 'grant':
    case 'revoke':
      return ddl.changeGrant(session, statement);
    case 'create-schema':
    case 'create-external-schema':
      return ddl.createSchema(session, statement);
    case 'drop-schema':
      return ddl.dropSchema(session, statement);
    case 'create-table':
      await ddl.createTable(session, planned, statement);
      return;
    case 'drop':
      return ddl.drop(session, statement);
    case 'add-column':
      return ddl.addColumn(session, statement);
    case 'truncate':
      return ddl.truncate(session, statement.table);
    case 'create-view':
      return ddl.createView(session, planned, statement);
    case 'create-materialized-view':
      return createMaterializedView(session, planned, statement);
    case 'create-streaming-view':
      return createStreamingView(session, planned, statement);
    case 'refresh':
      return refresh(session, statement);
    case 'alter-view':
      return alterView(session, statement);
    case 'alter-table':
      return alterTable(session, statement);
    case 'begin':
    case 'commit':
    case 'rollback':
      return changeBlock(session, statement);
    case 'set':
      return set(session, statement);
    case 'comment':
      return ddl.comment(session, statement);
    case 'maintain':
      return maintain(session, statement);
    default:
      throw new WarehouseError(`statement ${(statement as Statement).kind} is not modelled by the local warehouse`);
  }
}

async function change(
  session: Session,
  planned: Planned,
  statement: Extract<Statement, { kind: 'change' }>,
): Promise<number> {
  const { target } = statement;
  const temporary =
    (target.schema === undefined || target.schema === temporarySchema) && session.state.temporary.has(target.name);
  if (!temporary) {
    const entry = session.state.relation(target);
    if (entry?.stream && statement.verb !== 'delete')
      throw new WarehouseError(`cannot change materialized view "${entry.name}"`);
    if (entry && entry.kind !== 'table' && !entry.stream)
      throw new WarehouseError(`cannot change "${entry.name}": it is not a table`);
    requireRelation(session, target, statement.verb);
  }
  requireReads(session, planned, temporary ? undefined : target);
  if (statement.matches) {
    const [most] = await session.connection.rows<{ matches: number }>(statement.matches);
    if (!most) return 0;
    if (most.matches > 1)
      throw new WarehouseError('an UPDATE with several matches for a row is not modelled by the local warehouse');
  }
  const rows = await session.connection.run(statement.duckdb);
  if (!temporary && rows > 0) {
    await forgetDeleted(session, session.state.relation(target), ddl.duckdbName(target));
    session.changed(qualified(target));
  }
  return rows;
}

async function merge(
  session: Session,
  planned: Planned,
  statement: Extract<Statement, { kind: 'merge' }>,
): Promise<number> {
  const { target } = statement;
  const temporary = target.schema === temporarySchema;
  if (!temporary) for (const privilege of statement.privileges) requireRelation(session, target, privilege);
  requireReads(session, planned, temporary ? undefined : target);
  if ((await session.connection.rows(statement.conflicts)).length > 0) throw new WarehouseError(statement.conflict);
  let rows = 0;
  for (const duckdb of statement.duckdb) rows += await session.connection.run(duckdb);
  if (!temporary && rows > 0) session.changed(qualified(target));
  return rows;
}

/**
 * Refuses COPY into a table with an identity column. Redshift generates identity values while it copies; the local COPY
 * does not.
 */
function refuseIdentity(session: Session, table: Name): void {
  if (session.state.relation(table)?.columns.some(({ identity }) => identity))
    throw new WarehouseError('COPY into a table with an identity column is not modelled by the local warehouse');
}

/** Checks LOCK. Its locks are taken before, as those of every statement are. */
function lock(session: Session, tables: readonly Name[]): void {
  for (const table of tables) {
    if (!session.state.relation(table)) throw new WarehouseError(`relation "${qualified(table)}" does not exist`);
    requireRelation(session, table, 'update');
  }
}
