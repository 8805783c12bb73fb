import type { Statement } from '../statement';
import { WarehouseError } from './errors';
import { requireCreateInDatabase } from './privileges';
import type { Session } from './session';

/**
 * Executes ALTER DATABASE … ISOLATION LEVEL (https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DATABASE.html). The
 * level is that of the transactions that begin afterwards.
 */
export function alterDatabase(
  session: Session,
  { database, isolation }: Extract<Statement, { kind: 'alter-database' }>,
): void {
  if (database !== session.options.database) throw new WarehouseError(`database "${database}" does not exist`);
  requireCreateInDatabase(session);
  if (session.batched || session.block)
    throw new WarehouseError('ALTER DATABASE ISOLATION LEVEL cannot run inside a transaction block');
  if (database === 'dev') throw new WarehouseError('the isolation level of the database "dev" cannot be altered');
  if (session.othersAreConnected()) throw new WarehouseError(`database "${database}" is being accessed by other users`);
  session.state.put('database', database, { isolation });
}
