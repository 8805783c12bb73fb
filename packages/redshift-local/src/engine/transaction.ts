import type { Statement } from '../statement';
import { WarehouseError } from './errors';
import type { Session } from './session';

const startsBlock = /^\s*(?:(?:--[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)\s*)*(?:begin|start)\b/i;

/** Says whether statements that run one by one may contain a block, which is one transaction. */
export const mayStartBlock = (sqls: readonly string[]): boolean => sqls.some((sql) => startsBlock.test(sql));

/**
 * Executes BEGIN, COMMIT or ROLLBACK. A COMMIT of a failed block undoes it. A repeated BEGIN, COMMIT or ROLLBACK is a
 * warning on Redshift, and does nothing here.
 */
export async function changeBlock(
  session: Session,
  statement: Extract<Statement, { kind: 'begin' | 'commit' | 'rollback' }>,
): Promise<void> {
  const { kind } = statement;
  if (session.batched)
    throw new WarehouseError(
      `${kind.toUpperCase()} in a batch that is a transaction is not modelled by the local warehouse (use ExecutionMode AUTO_COMMIT)`,
    );
  if (statement.kind === 'begin') {
    if (session.block === undefined) session.readOnly = statement.readOnly || readsOnly(session);
    session.block ??= 'open';
    return;
  }
  if (session.block === undefined) return;
  if (kind === 'commit' && session.block === 'open') await session.commit();
  else await session.rollback();
  session.block = undefined;
  await session.begin();
}

/** True if the setting `readonly` lets the session's transactions only read. */
const readsOnly = (session: Session) => session.catalog.setting('readonly') === 'on';

/** What a block that is READ ONLY runs. */
const reads = ['begin', 'commit', 'rollback', 'query', 'explain', 'set'];
/**
 * AWS's own tools refuse these before they send them, since READ ONLY alone may not stop them
 * (github.com/awslabs/mcp, redshift-mcp-server, sql_guard.py).
 */
const undecided = ['unload', 'truncate', 'grant', 'revoke', 'comment', 'maintain', 'lock'];

/** Refuses all statements of a failed block, except its end, and all of a READ ONLY block that write. */
export function requireLiveBlock(session: Session, kind: string): void {
  if (session.block === 'aborted' && kind !== 'commit' && kind !== 'rollback')
    throw new WarehouseError('current transaction is aborted, commands ignored until end of transaction block');
  const isReadOnly = session.block === undefined ? readsOnly(session) : session.readOnly;
  if (!isReadOnly || reads.includes(kind)) return;
  throw new WarehouseError(
    undecided.includes(kind)
      ? `${kind.toUpperCase()} in a transaction that is READ ONLY is not modelled by the local warehouse`
      : 'transaction is read-only',
  );
}

/**
 * Refuses a block that is still open at the end of a Data API statement. AWS does not document whether it stays open for
 * the session's next statement.
 */
export function requireEndedBlock(session: Session): void {
  if (session.block !== undefined)
    throw new WarehouseError(
      'a transaction that is open at the end of a statement of a session is not modelled by the local warehouse',
    );
}
