import type { Name } from '../statement';
import { type CatalogState, qualified, type RelationEntry, type UserEntry } from './catalog';
import { WarehouseError } from './errors';
import type { Planned, Session } from './session';

/**
 * Privilege checks. Superusers may do everything. Owners of an object or its schema may use what they own. Other users
 * may do what was granted to them or to public.
 */

const granted = (state: CatalogState, user: UserEntry, privilege: string, type: string, object: string): boolean =>
  [user.name, 'public'].some(
    (grantee) => state.get('grant', `${type}/${object}/${privilege}/${grantee}`) !== undefined,
  );

export function mayUse(state: CatalogState, user: UserEntry, schema: string): boolean {
  if (user.superuser || schema === 'public' || state.get('schema', schema)?.owner === user.name) return true;
  return granted(state, user, 'usage', 'schema', schema);
}

export function requireRelation(session: Session, name: Name, privilege: string): void {
  const entry = session.state.relation(name);
  if (!entry) return;
  if (!mayUse(session.state, session.user, entry.schema))
    throw new WarehouseError(`permission denied for schema ${entry.schema}`);
  if (owns(session, entry) || granted(session.state, session.user, privilege, 'table', qualified(entry))) return;
  throw new WarehouseError(`permission denied for relation ${entry.name}`);
}

/** Checks the relations that the statement reads, except its target. */
export function requireReads(session: Session, planned: Planned, target?: Name): void {
  const own = target && qualified(target);
  for (const found of planned.found) {
    if (found === own) continue;
    const entry = session.state.get('relation', found);
    if (entry) requireRelation(session, entry, 'select');
  }
  for (const schema of planned.externals)
    if (!mayUse(session.state, session.user, schema))
      throw new WarehouseError(`permission denied for schema ${schema}`);
}

export function requireCreateIn(session: Session, schema: string): void {
  const entry = session.state.get('schema', schema);
  if (!entry) throw new WarehouseError(`schema "${schema}" does not exist`);
  if (entry.streamRoleArn !== undefined)
    throw new WarehouseError(`cannot create a relation in external schema "${schema}"`);
  if (session.user.superuser || entry.owner === session.user.name || schema === 'public') return;
  if (!granted(session.state, session.user, 'create', 'schema', schema))
    throw new WarehouseError(`permission denied for schema ${schema}`);
}

export function requireCreateInDatabase(session: Session): void {
  if (session.user.superuser || granted(session.state, session.user, 'create', 'database', session.options.database))
    return;
  throw new WarehouseError(`permission denied for database ${session.options.database}`);
}

const owns = (session: Session, entry: RelationEntry): boolean =>
  session.user.superuser || entry.owner === session.user.name;

/** Requires the owner of the relation or of its schema, for drops. */
export function requireOwner(session: Session, entry: RelationEntry): void {
  if (owns(session, entry) || session.state.get('schema', entry.schema)?.owner === session.user.name) return;
  throw new WarehouseError(`must be owner of relation ${entry.name}`);
}

/**
 * Requires the owner, as the Redshift guide says of REFRESH MATERIALIZED VIEW. Not even a superuser may refresh, except
 * with CASCADE.
 */
export function requireRefresher(session: Session, entry: RelationEntry, cascade: boolean): void {
  if (entry.owner === session.user.name || (cascade && session.user.superuser)) return;
  throw new WarehouseError(`must be owner of materialized view ${entry.name} to refresh it`);
}

export function requireSuperuser(session: Session, what: string): void {
  if (!session.user.superuser) throw new WarehouseError(`permission denied to ${what}: must be superuser`);
}
