import { qualified } from './catalog';
import type { Connection } from './database';
import { duckdbName } from './ddl';
import type { Planned, Session } from './session';
import type { Transactions } from './transactions';

/** Rows of a snapshot that other transactions have changed or deleted since, by DuckDB's id. */
type Overtaken = ReadonlyMap<bigint, string>;

/** The committed state of the database. */
export interface Latest {
  readonly transactions: Transactions;
  onLatest<T>(read: (connection: Connection) => Promise<T>): Promise<T>;
}

/**
 * Executes a statement, and fails if it has changed a row that another transaction has changed or deleted since the
 * snapshot. DuckDB refuses a second update or a second deletion of a row. It does not refuse the update of a row that was
 * deleted, nor the deletion of one that was updated.
 */
export async function unlessOvertaken<T>(
  { transactions, onLatest }: Latest,
  session: Session,
  planned: Planned,
  execute: () => Promise<T>,
): Promise<T> {
  const table = changedTable(session, planned);
  if (table === undefined || !transactions.isOvertaken(session, table.name)) return execute();
  const { connection } = session;
  const rows = await onLatest((latest) => overtakenRows(connection, latest, table.inDuckdb));
  const done = await execute();
  if (await hasTouched(connection, table.inDuckdb, rows)) throw transactions.rowConflict(session, planned);
  return done;
}

/** The table in which the statement updates or deletes rows. */
function changedTable(session: Session, { statement }: Planned) {
  if (statement.kind !== 'merge' && !(statement.kind === 'change' && statement.verb !== 'insert')) return undefined;
  const entry = session.state.relation(statement.target);
  return entry && { name: qualified(statement.target), inDuckdb: duckdbName(entry) };
}

const rowsOf = async (connection: Connection, table: string) => {
  const rows = await connection.rows<{ readonly id: bigint; readonly content: string }>(
    `select rowid as id, hash(t::varchar)::varchar as content from ${table} as t`,
  );
  return new Map(rows.map(({ id, content }) => [id, content]));
};

async function overtakenRows(mine: Connection, latest: Connection, table: string): Promise<Overtaken> {
  const now = await rowsOf(latest, table);
  return new Map([...(await rowsOf(mine, table))].filter(([id, content]) => now.get(id) !== content));
}

async function hasTouched(mine: Connection, table: string, rows: Overtaken): Promise<boolean> {
  if (rows.size === 0) return false;
  const now = await rowsOf(mine, table);
  return [...rows].some(([id, content]) => now.get(id) !== content);
}
