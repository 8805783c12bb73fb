import type { Name, Statement, TableChange } from '../statement';
import { type BrokenState, qualified, type RelationEntry } from './catalog';
import { identifier } from './database';
import { duckdbName } from './ddl';
import { WarehouseError } from './errors';
import { forgetRecords } from './kept-records';
import { requireOwner } from './privileges';
import type { Session } from './session';
import { followInKeys, keysAfter, withKey } from './table-keys';

type Alter = Extract<Statement, { kind: 'alter-table' }>;

/** State of the materialized views over a table after a change of it (r_SVV_MV_INFO). */
const breaks: Partial<Record<TableChange['kind'], BrokenState>> = {
  'drop-column': 101,
  'alter-type': 102,
  rename: 103,
  'rename-column': 104,
};

/** Executes ALTER TABLE, except ADD COLUMN. */
export async function alterTable(session: Session, { table, change, duckdb }: Alter): Promise<void> {
  const entry = session.state.relation(table);
  if (!entry) throw new WarehouseError(`relation "${table.name}" does not exist`);
  requireOwner(session, entry);
  if (change.kind === 'append') return append(session, entry, change.from, duckdb);
  const state = breaks[change.kind];
  if (state !== undefined && change.kind !== 'rename') refuseUnderViews(session, entry, change.kind);
  if (change.kind === 'rename' && session.state.relation({ schema: entry.schema, name: change.to }))
    throw new WarehouseError(`relation "${change.to}" already exists`);
  if (change.kind === 'owner' && !session.state.get('user', change.to))
    throw new WarehouseError(`user "${change.to}" does not exist`);
  for (const statement of duckdb) await session.connection.run(statement);
  const changed = described(entry, change);
  followInKeys(session, entry, change);
  if (change.kind === 'rename') await followInViews(session, entry, changed);
  if (state !== undefined) breakViews(session, entry, changed, state);
  if (qualified(changed) !== qualified(entry)) move(session, entry, changed);
  session.state.put('relation', qualified(changed), changed);
}

function described({ keys, ...entry }: RelationEntry, change: TableChange): RelationEntry {
  const kept = keys && { keys: keysAfter(keys, entry, entry, change) };
  return { ...withChange(entry, change), ...(change.kind === 'key' ? { keys: withKey(keys, change, entry) } : kept) };
}

function withChange(entry: RelationEntry, change: TableChange): RelationEntry {
  const { columns } = entry;
  switch (change.kind) {
    case 'drop-column':
      return { ...entry, columns: columns.filter(({ name }) => name !== change.column) };
    case 'rename':
      return { ...entry, name: change.to };
    case 'rename-column':
      return {
        ...entry,
        columns: columns.map((column) => (column.name === change.column ? { ...column, name: change.to } : column)),
      };
    case 'alter-type':
      return {
        ...entry,
        columns: columns.map((column) => (column.name === change.column ? { ...column, type: change.type } : column)),
      };
    case 'owner':
      return { ...entry, owner: change.to };
    default:
      return entry;
  }
}

const readersOf = (session: Session, table: Name): RelationEntry[] =>
  session.state.all('relation').filter((other) => other.reads?.some((read) => qualified(read) === qualified(table)));

/**
 * Refuses a change of a table that a bound view reads. The effect depends on the columns that the view uses, which are
 * not recorded.
 */
function refuseUnderViews(session: Session, entry: RelationEntry, what: string): void {
  const view = readersOf(session, entry).find(({ kind }) => kind === 'view');
  if (view)
    throw new WarehouseError(
      `ALTER TABLE (${what.replace('-', ' ')}) of ${qualified(entry)}, which the view ${qualified(view)} reads, is not modelled by the local warehouse`,
    );
}

const renamedReads = ({ reads = [] }: RelationEntry, from: string, { schema, name }: RelationEntry): Name[] =>
  reads.map((read) => (qualified(read) === from ? { schema, name } : read));

/**
 * Lets the bound views over a renamed relation read it under its new name. In Redshift a view holds the relation itself,
 * not its name.
 */
async function followInViews(session: Session, entry: RelationEntry, changed: RelationEntry): Promise<void> {
  for (const view of readersOf(session, entry).filter(({ kind }) => kind === 'view')) {
    const query = view.query === undefined ? undefined : renamedIn(view.query, entry, changed);
    if (query === undefined)
      throw new WarehouseError(
        `RENAME of ${qualified(entry)}, which the view ${qualified(view)} reads, is not modelled by the local warehouse for this view`,
      );
    const columns = view.columns.map((column) => identifier(column.name)).join(', ');
    await session.connection.run(`create or replace view ${duckdbName(view)} (${columns}) as ${query}`);
    const reads = renamedReads(view, qualified(entry), changed);
    session.state.put('relation', qualified(view), { ...view, query, reads });
  }
}

/** Renames a relation in a translated query. Undefined if its name cannot be told from a column's. */
function renamedIn(query: string, from: RelationEntry, to: RelationEntry): string | undefined {
  if (query.includes(` as ${identifier(from.schema)}`)) return undefined;
  const name = duckdbName(from).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const reference = new RegExp(`\\b(from |join )${name}(?= as ")`, 'g');
  // Text in quotes is no name.
  return query
    .split(/('(?:[^']|'')*')/)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(reference, (_, word) => `${word}${duckdbName(to)}`)))
    .join('');
}

function breakViews(session: Session, entry: RelationEntry, changed: RelationEntry, state: BrokenState): void {
  const [from, to] = [qualified(entry), qualified(changed)];
  for (const view of readersOf(session, entry).filter(({ kind }) => kind !== 'view')) {
    const reads = renamedReads(view, from, changed);
    const seen = Object.fromEntries(
      Object.entries(view.seen ?? {}).map(([name, version]) => [name === from ? to : name, version]),
    );
    session.state.put('relation', qualified(view), { ...view, reads, seen, broken: view.broken ?? state });
  }
}

/** Moves what is stored under the old name to the new one. */
function move(session: Session, entry: RelationEntry, changed: RelationEntry): void {
  const { state } = session;
  const [from, to] = [qualified(entry), qualified(changed)];
  state.remove('relation', from);
  state.put('version', to, { value: Math.max(state.version(from), state.version(to)) });
  for (const grant of state.all('grant').filter(({ type, object }) => type === 'table' && object === from)) {
    state.remove('grant', `table/${from}/${grant.privilege}/${grant.grantee}`);
    state.put('grant', `table/${to}/${grant.privilege}/${grant.grantee}`, { ...grant, object: to });
  }
}

async function append(session: Session, target: RelationEntry, from: Name, duckdb: readonly string[]): Promise<void> {
  const source = session.state.relation(from);
  if (!source) throw new WarehouseError(`relation "${from.name}" does not exist`);
  if (session.batched || session.block)
    throw new WarehouseError('ALTER TABLE APPEND cannot run inside a transaction block');
  if (source.kind !== 'table' && !source.stream)
    throw new WarehouseError(`cannot append from "${source.name}": it is neither a table nor a streaming view`);
  requireOwner(session, source);
  for (const statement of duckdb) await session.connection.run(statement);
  await forgetRecords(session, source);
  session.changed(qualified(target));
  session.changed(qualified(source));
}
