import type { Statement } from '../statement';
import { type BrokenState, qualified, type RelationEntry } from './catalog';
import { errorText, WarehouseError } from './errors';
import { fill, newViewName } from './new-view';
import { requireOwner, requireRefresher, requireRelation } from './privileges';
import type { Planned, Session } from './session';
import { loadStream, nothingNew } from './streaming';

export async function createMaterializedView(
  session: Session,
  planned: Planned,
  statement: Extract<Statement, { kind: 'create-materialized-view' }>,
): Promise<void> {
  const name = newViewName(session, planned, statement);
  const bases = statement.reads.map((read) => {
    const base = session.state.relation(read);
    if (!base || base.kind === 'view') throw new WarehouseError(`a materialized view cannot read "${qualified(read)}"`);
    return base;
  });
  const entry: RelationEntry = {
    schema: name.schema,
    name: name.name,
    kind: 'materialized-view',
    owner: session.user.name,
    columns: statement.columns,
    text: statement.text,
    reads: bases.map((base) => ({ schema: base.schema, name: base.name })),
    query: statement.query,
    autoRefresh: statement.autoRefresh,
    recomputeReason: statement.recomputeReason,
    mutable: statement.mutable,
    seen: versionsOf(session, bases),
  };
  await fill(session, entry, 'create');
  session.state.put('relation', qualified(name), entry);
  session.changed(qualified(name));
}

/** Executes REFRESH. With `cascade`, it first refreshes the views below this one, all in one transaction. */
export async function refresh(
  session: Session,
  { view, cascade }: Extract<Statement, { kind: 'refresh' }>,
): Promise<void> {
  const entry = session.state.relation(view);
  if (entry?.kind !== 'materialized-view')
    throw new WarehouseError(`materialized view "${qualified(view)}" does not exist`);
  requireRefresher(session, entry, cascade);
  if (cascade) await refreshBases(session, entry);
  await refreshOne(session, entry);
}

/** Refreshes the base views. If one of them cannot be refreshed, no view above it is refreshed. */
async function refreshBases(session: Session, entry: RelationEntry): Promise<void> {
  const done = new Set<string>();
  for (const base of basesOf(session, entry)) {
    try {
      await refreshBelow(session, base, done);
    } catch (error) {
      const status = `Cascade refresh failed because materialized view ${qualified(base)} was not refreshed.`;
      await logRefresh(session, entry, status).catch(() => undefined);
      throw error;
    }
  }
}

async function refreshBelow(session: Session, entry: RelationEntry, done: Set<string>): Promise<void> {
  if (entry.kind !== 'materialized-view' || done.has(qualified(entry))) return;
  done.add(qualified(entry));
  for (const base of basesOf(session, entry)) await refreshBelow(session, base, done);
  await refreshOne(session, session.state.relation(entry)!);
}

/** The status of a refresh that fails because a base was changed (r_SVL_MV_REFRESH_STATUS). */
const failures: Record<BrokenState, string> = {
  101: 'Refresh failed. A base table column was dropped',
  102: 'Refresh failed. A base table column type was changed',
  103: 'Refresh failed. A base table was renamed',
  104: 'Refresh failed. A base table column was renamed',
};

async function refreshOne(session: Session, entry: RelationEntry): Promise<void> {
  if (entry.broken !== undefined) {
    await logRefresh(session, entry, failures[entry.broken]);
    throw new WarehouseError(`materialized view "${entry.name}" cannot be refreshed: ${failures[entry.broken]}`);
  }
  await logRefresh(session, entry, await update(session, entry));
}

const update = (session: Session, entry: RelationEntry) =>
  entry.stream ? loadStream(session, entry) : recompute(session, entry);

/** Refreshes a view with AUTO REFRESH YES, as its owner. A refresh that finds nothing new is not logged. */
export async function refreshAutomatically(session: Session, entry: RelationEntry): Promise<void> {
  const status = await update(session, entry);
  if (status !== nothingNew) await logRefresh(session, entry, status, 'Auto');
}

/** Logs an automatic refresh that failed. */
export const logFailure = (session: Session, entry: RelationEntry, error: unknown) =>
  logRefresh(session, entry, `Refresh failed. ${errorText(error)}`, 'Auto');

/** Executes ALTER MATERIALIZED VIEW … AUTO REFRESH. */
export function alterView(session: Session, { view, autoRefresh }: Extract<Statement, { kind: 'alter-view' }>): void {
  const entry = session.state.relation(view)!;
  requireOwner(session, entry);
  if (autoRefresh && entry.mutable) throw new WarehouseError('AUTO REFRESH YES is not allowed with a mutable function');
  if (autoRefresh && basesOf(session, entry).some(({ kind }) => kind === 'materialized-view'))
    throw new WarehouseError('AUTO REFRESH YES is not allowed on a view over another materialized view');
  session.state.put('relation', qualified(entry), { ...entry, autoRefresh });
}

const logRefresh = (session: Session, entry: RelationEntry, status: string, type: 'Manual' | 'Auto' = 'Manual') =>
  session.log('sys_mv_refresh_history', {
    user_id: session.user.id,
    transaction_id: session.transactionId,
    database_name: session.options.database,
    schema_name: entry.schema,
    mv_name: entry.name,
    refresh_type: type,
    status,
    start_time: { epochMs: session.now },
    end_time: { epochMs: session.options.clock.now() },
    duration: (session.options.clock.now() - session.now) * 1000,
  });

async function recompute(session: Session, entry: RelationEntry): Promise<string> {
  const bases = basesOf(session, entry);
  for (const base of bases) requireRelation(session, base, 'select');
  const stale = bases.find((base) => base.kind === 'materialized-view' && session.state.isStale(base));
  const seen = versionsOf(session, bases);
  if (!entry.mutable && Object.entries(seen).every(([base, version]) => entry.seen?.[base] === version)) {
    if (!stale) return 'MV was already updated';
    return `MV was already updated; it depends on another materialized view that is not up to date: ${qualified(stale)}`;
  }
  await fill(session, entry, 'create or replace');
  session.state.put('relation', qualified(entry), { ...entry, seen });
  session.changed(qualified(entry));
  return entry.recomputeReason === undefined
    ? 'Refresh successfully updated MV incrementally'
    : 'Refresh successfully recomputed MV from scratch';
}

function basesOf(session: Session, entry: RelationEntry): RelationEntry[] {
  return (entry.reads ?? []).map((read) => {
    const base = session.state.relation(read);
    if (!base)
      throw new WarehouseError(
        `Refresh failed. relation "${qualified(read)}" of materialized view ${entry.name} was not found`,
      );
    return base;
  });
}

const versionsOf = (session: Session, bases: readonly RelationEntry[]): Record<string, number> =>
  Object.fromEntries(bases.map((base) => [qualified(base), session.state.version(qualified(base))]));
