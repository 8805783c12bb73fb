import type { Name, StoredConstraint, StoredKeys, TableChange } from '../statement';
import { qualified, type RelationEntry } from './catalog';
import { WarehouseError } from './errors';
import type { Session } from './session';

/** Adds a key to those that a table declares. */
export function withKey(
  keys: StoredKeys | undefined,
  { constraint }: Extract<TableChange, { kind: 'key' }>,
  table: Name,
): StoredKeys {
  const before = keys?.constraints ?? [];
  if (constraint.kind === 'primary' && before.some(({ kind }) => kind === 'primary'))
    throw new WarehouseError(`multiple primary keys for table "${table.name}" are not allowed`);
  if (before.some(({ name }) => name === constraint.name))
    throw new WarehouseError(`constraint "${constraint.name}" for relation "${table.name}" already exists`);
  return { sortkey: [], ...keys, constraints: [...before, constraint] };
}

/**
 * The keys of a table after a change of a table, which may be the same or one that they refer to. A key goes with each of
 * its columns.
 * @param owner the table whose keys they are
 */
export function keysAfter(keys: StoredKeys, owner: Name, table: Name, change: TableChange): StoredKeys {
  if (!keys.constraints) return keys;
  const isOwn = qualified(owner) === qualified(table);
  const refers = (key: StoredConstraint) => key.table === qualified(table);
  const names = (key: StoredConstraint, column: string) =>
    (isOwn && key.columns.includes(column)) || (refers(key) && (key.references?.includes(column) ?? false));
  switch (change.kind) {
    case 'drop-column':
      return { ...keys, constraints: keys.constraints.filter((key) => !names(key, change.column)) };
    case 'rename': {
      const renamed = qualified({ ...table, name: change.to });
      return { ...keys, constraints: keys.constraints.map((key) => (refers(key) ? { ...key, table: renamed } : key)) };
    }
    case 'rename-column': {
      const followed = (columns: readonly string[]) =>
        columns.map((column) => (column === change.column ? change.to : column));
      return {
        ...keys,
        constraints: keys.constraints.map((key) => ({
          ...key,
          columns: isOwn ? followed(key.columns) : key.columns,
          ...(refers(key) && key.references && { references: followed(key.references) }),
        })),
      };
    }
    default:
      return keys;
  }
}

/** The other tables with foreign keys to a table. */
function referringTo(session: Session, table: Name): RelationEntry[] {
  return session.state
    .all('relation')
    .filter((other) => qualified(other) !== qualified(table))
    .filter(({ keys }) => keys?.constraints?.some((key) => key.table === qualified(table)));
}

/** The foreign keys of other tables to a table, which keep it from being dropped without CASCADE. */
export function foreignKeysTo(session: Session, table: Name): string[] {
  return referringTo(session, table).flatMap((other) =>
    other
      .keys!.constraints!.filter((key) => key.table === qualified(table))
      .map(({ name }) => `constraint ${name} on table ${other.name}`),
  );
}

export function dropForeignKeysTo(session: Session, table: Name): void {
  for (const other of referringTo(session, table)) {
    const constraints = other.keys!.constraints!.filter((key) => key.table !== qualified(table));
    session.state.put('relation', qualified(other), { ...other, keys: { ...other.keys!, constraints } });
  }
}

/** Lets the foreign keys of other tables follow a change of the table that they refer to. */
export function followInKeys(session: Session, table: RelationEntry, change: TableChange): void {
  for (const other of referringTo(session, table)) {
    const keys = keysAfter(other.keys!, other, table, change);
    if (keys !== other.keys) session.state.put('relation', qualified(other), { ...other, keys });
  }
}
