import type { Name, Statement } from '../statement';
import { WarehouseError } from './errors';
import { requireCreateIn, requireReads } from './privileges';
import type { Planned, Session } from './session';

type NewView = Extract<Statement, { kind: 'create-materialized-view' | 'create-streaming-view' }>;

/**
 * Returns the full name of a materialized view that the session may create.
 * @throws WarehouseError if a privilege is missing, the name is taken, or the view has AUTO REFRESH YES
 */
export function newViewName(session: Session, planned: Planned, { view, autoRefresh }: NewView): Required<Name> {
  const name = { schema: view.schema ?? 'public', name: view.name };
  requireReads(session, planned);
  requireCreateIn(session, name.schema);
  if (session.state.relation(name)) throw new WarehouseError(`Relation "${name.name}" already exists`);
  if (autoRefresh) throw new WarehouseError('AUTO REFRESH YES is not modelled by the local warehouse');
  return name;
}
