import { WarehouseError } from './errors';
import type { Session } from './session';

const startsBlock = /^\s*(?:(?:--[^\n]*\n|\/\*[\s\S]*?\*\/)\s*)*(?:begin|start)\b/i;

/** Whether statements that run one by one may hold a block of their own, so that they need one turn for all. */
export const mayStartBlock = (sqls: readonly string[]): boolean => sqls.some((sql) => startsBlock.test(sql));

/** BEGIN, COMMIT and ROLLBACK; a COMMIT of a block that failed undoes it. Doing twice what was done is a warning on Redshift, so nothing here. */
export async function changeBlock(session: Session, kind: 'begin' | 'commit' | 'rollback'): Promise<void> {
  if (session.batched)
    throw new WarehouseError(
      `${kind.toUpperCase()} in a batch that is a transaction is not modelled by the local warehouse (use ExecutionMode AUTO_COMMIT)`,
    );
  if (kind === 'begin') {
    session.block ??= 'open';
    return;
  }
  if (session.block === undefined) return;
  if (kind === 'commit' && session.block === 'open') await session.commit();
  else await session.rollback();
  session.block = undefined;
  await session.begin();
}

/** In a block that failed only its end is carried out. */
export function requireLiveBlock(session: Session, kind: string): void {
  if (session.block === 'aborted' && kind !== 'commit' && kind !== 'rollback')
    throw new WarehouseError('current transaction is aborted, commands ignored until end of transaction block');
}

/** A transaction stays open from one statement of a Data API session to the next on Redshift; here it would keep all other writers waiting. */
export function requireEndedBlock(session: Session): void {
  if (session.block !== undefined)
    throw new WarehouseError(
      'a transaction that is open at the end of a statement of a session is not modelled by the local warehouse',
    );
}
