import type { Name, Statement } from '../statement';
import type { RelationEntry } from './catalog';
import { identifier } from './database';
import { duckdbName } from './ddl';
import { WarehouseError } from './errors';
import { requireCreateIn, requireReads } from './privileges';
import type { Planned, Session } from './session';

type NewView = Extract<Statement, { kind: 'create-materialized-view' | 'create-streaming-view' }>;

/**
 * Returns the full name of a materialized view that the session may create.
 * @throws WarehouseError if a privilege is missing or the name is taken
 */
export function newViewName(session: Session, planned: Planned, { view }: NewView): Required<Name> {
  const name = { schema: view.schema ?? 'public', name: view.name };
  requireReads(session, planned);
  requireCreateIn(session, name.schema);
  if (session.state.relation(name)) throw new WarehouseError(`Relation "${name.name}" already exists`);
  return name;
}

/** Creates the table of a materialized view, with the rows of its query. */
export const fill = (session: Session, entry: RelationEntry, verb: 'create' | 'create or replace') =>
  session.connection.run(
    `${verb} table ${duckdbName(entry)} (${entry.columns.map((column) => identifier(column.name)).join(', ')}) as ${entry.query}`,
  );
