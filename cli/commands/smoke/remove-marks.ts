import { DeleteObjectCommand, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { quoteLiteral } from '../../../lambda/shared/quote';
import { StatementError, untilPassed, waitFor } from '../../../lambda/shared/warehouse';
import { pipelineTables } from '../../../sql/names';
import { storedName } from '../../../sql/tables/columns';
import type { ExportFunction } from '../../cloud/export-function';
import type { Context } from '../context';
import type { NamedExport } from '../exports/find-export';
import { publishCorrection, secondOf } from '../exports/publish';
import { readPublications } from '../exports/read-publications';
import { type CheckResult, checkResult, pollUntil } from './check-result';
import type { SmokeClients } from './clients';
import { conditions, countMarks, marksIn } from './follow-marks';
import type { Marked } from './marked-events';

const MINUTE_MS = 60_000;
const REMOVALS = 3;

/**
 * Deletes the marked rows from the tables, as their owner, and every version of the object from the history bucket.
 * Views follow with the next refresh. A row in `runs` says what was removed. The records on the stream and in the archive
 * stay until they expire.
 */
export async function removeMarks(
  context: Context,
  marked: Marked,
  { s3 }: Pick<SmokeClients, 's3'>,
): Promise<CheckResult[]> {
  const { pipeline, object, mark, expected } = marked;
  const before = await countMarks(context, marked);
  const terms = ['events', 'duplicates', 'rejects'] as const;
  const hasAll = terms.every((term) => before[term] >= expected[term]);
  // Otherwise a late notification, or the reconcile function, would load it again once the ledger has lost it.
  if (object) await deleteEveryVersion(s3, context.cloud.names.historyBucket, object.key);
  await inTransaction(context, removalStatements(marked));
  const check = `${pipeline.name}: marks removed`;
  const wanted = 'no row, views refreshed';
  if (!hasAll)
    return [checkResult(check, wanted, `not all had arrived: later run millrace smoke --remove ${mark}`, false)];
  let { rows, refreshed } = await afterRefresh(context, marked);
  // A load that had begun may have ended after the removal.
  for (let attempt = 2; rows > 0 && attempt <= REMOVALS; attempt++) {
    await inTransaction(context, removalStatements(marked));
    ({ rows, refreshed } = await afterRefresh(context, marked));
  }
  return [
    checkResult(check, wanted, `${rows} rows, views ${refreshed ? '' : 'not '}refreshed`, rows === 0 && refreshed),
  ];
}

/** Waits for a refresh after the removal. Returns how many marked rows there are then. */
async function afterRefresh(context: Context, marked: Marked): Promise<{ rows: number; refreshed: boolean }> {
  const removedAt = await secondOf(context);
  const { events, duplicates, rejects, isComplete } = await pollUntil(
    context,
    (2 * marked.pipeline.refreshEveryMinutes + 5) * MINUTE_MS,
    () => countMarks(context, marked),
    (counts) => counts.isComplete(removedAt),
  );
  return { rows: events + duplicates + rejects, refreshed: isComplete(removedAt) };
}

/** The bucket is versioned, and a load reads a deleted object from its version. */
async function deleteEveryVersion(s3: S3Client, bucket: string, key: string): Promise<void> {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key }),
  );
  for (const { Key, VersionId } of [...Versions, ...DeleteMarkers])
    if (Key === key) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }));
}

/**
 * One transaction that deletes the marked rows. It begins with the lock of the merge, so that it meets none in a
 * deadlock, and deletes what the last one placed.
 */
export function removalStatements(marked: Marked): string[] {
  const { pipeline, object, column, mark } = marked;
  const tables = pipelineTables(pipeline);
  const where = conditions(marked);
  const marks = where.ofColumn(storedName(column));
  const duplicates = `${where.duplicates} or event_id in (select event_id from ${tables.events} where ${marks})`;
  const removed = (table: string, condition: string) => `(select count(*) from ${table} where ${condition})`;
  return [
    `lock ${tables.checkpoints}`,
    // So that the sum of the runs is what the tables have.
    `insert into ${tables.runs} (run_id, source, rows_read, events, duplicates, rejects, merged_at)
select ${quoteLiteral(`${mark}-removed`)}, 'smoke', 0, -c.events, -c.duplicates, -c.rejects, getdate()
from (select ${removed(tables.events, marks)} as events, ${removed(tables.duplicates, duplicates)} as duplicates, ${removed(tables.rejects, where.rejects)} as rejects) as c
where c.events + c.duplicates + c.rejects > 0`,
    `delete from ${tables.duplicates} where ${duplicates}`,
    `delete from ${tables.events} where ${marks}`,
    `delete from ${tables.rejects} where ${where.rejects}`,
    ...(object ? [`delete from ${tables.ledger} where object_key = ${quoteLiteral(object.key)}`] : []),
  ];
}

/** Runs a transaction that may be repeated. Retries a failure that may pass. */
async function inTransaction({ cloud: { warehouse }, remainingMs }: Context, statements: string[]): Promise<void> {
  const name = 'millrace-cli/smoke-remove';
  const ended = await untilPassed(warehouse, async () => {
    const { id } = await warehouse.submit({ name, mode: 'transaction', statements });
    return waitFor(warehouse, id, remainingMs);
  });
  if (ended.status !== 'FINISHED') throw new StatementError(name, ended);
}

/** Publishes the windows once more, as corrections without the marks. */
export async function correctExport(
  context: Context,
  marked: Marked,
  named: NamedExport,
  windows: readonly number[],
  send: ExportFunction,
): Promise<CheckResult[]> {
  for (const start of windows) await publishCorrection(context, named, start, send);
  const newest = new Map((await readPublications(context, named)).map((success) => [success.window.start, success]));
  let rows = 0;
  for (const success of newest.values())
    if (windows.includes(Date.parse(success.window.start))) rows += await marksIn(context, marked, success);
  return [checkResult(`${named.name}: corrected`, 'no marks', `${rows} in ${windows.length} windows`, rows === 0)];
}
