import type { Name } from '../statement';
import { qualified, type RelationEntry } from './catalog';
import { identifier } from './database';
import { WarehouseError } from './errors';
import type { Session } from './session';
import { systemSchema } from './system-views';

/**
 * Returns the hidden table with the records that a streaming view with groups has read. A refresh computes the groups
 * from all of them, because a group of earlier refreshes may get more records. The table is in no system view.
 */
export const keptRecords = (view: Name): string => `${systemSchema}.${identifier(`records of ${qualified(view)}`)}`;

const isGrouped = (entry: RelationEntry | undefined): boolean => entry?.stream?.grouped === true;

/** Creates the empty table. The temporary view `stream_records` must be defined. */
export const createKeptRecords = (session: Session, view: Name) =>
  session.connection.run(`create table ${keptRecords(view)} as select * from stream_records limit 0`);

/** Forgets the records of a view that was emptied. Its groups then start again with the records after its position. */
export async function forgetRecords(session: Session, entry: RelationEntry): Promise<void> {
  if (isGrouped(entry)) await session.connection.run(`truncate ${keptRecords(entry)}`);
}

/**
 * Forgets the records after a DELETE from a view.
 * @throws WarehouseError if the view still has rows: which records belong to the deleted groups is not known
 */
export async function forgetDeleted(session: Session, entry: RelationEntry | undefined, rows: string): Promise<void> {
  if (!entry || !isGrouped(entry)) return;
  const [left] = await session.connection.rows<{ any: boolean }>(`select exists (from ${rows}) as any`);
  if (left?.any)
    throw new WarehouseError(
      `DELETE of some groups of the streaming view "${entry.name}" is not modelled by the local warehouse; it may delete all`,
    );
  await forgetRecords(session, entry);
}

export async function dropKeptRecords(session: Session, entry: RelationEntry): Promise<void> {
  if (isGrouped(entry)) await session.connection.run(`drop table ${keptRecords(entry)}`);
}
