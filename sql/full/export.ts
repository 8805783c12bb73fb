import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { isWaiting } from '../merge/waiting';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import { indent } from '../text/indent';
import { csvNull, type FullTable, fullCount, fullTables } from './tables';

const maxFileMb = 256;

export interface FullExportTarget {
  /** `s3://` URL of a table's files. It ends in a slash. */
  readonly urlOf: (table: FullTable) => string;
  readonly roleArn: string;
  /** True encrypts the files with the key of the bucket. */
  readonly encrypted: boolean;
}

/** The statements of one transaction. */
export interface FullExportStatements {
  readonly tables: readonly FullTable[];
  /** The point in time, then for each table its count and its UNLOAD. */
  readonly statements: readonly string[];
}

/**
 * Unloads everything of a pipeline. The first SELECT takes the snapshot of the transaction, and all others see the same:
 * each merge is in all tables or in none. Nothing is locked, so refreshes go on.
 */
export function fullExportStatements(definition: Pipeline, target: FullExportTarget): FullExportStatements {
  const pipeline = resolvePipeline(definition);
  const tables = fullTables(pipeline);
  return {
    tables,
    statements: [
      pointStatement(pipeline),
      ...tables.flatMap((table) => [fullCount(table, `(\n${indent(table.query)}\n)`), unload(table, target)]),
    ],
  };
}

/** One row: what the snapshot vouches for, and the counts that the runs reported of themselves. */
function pointStatement({ publicTables, ofIdentity }: ResolvedPipeline): string {
  const { checkpoints, rejects, runs } = publicTables;
  const last = (column: string) => `(select max(${column}) from ${checkpoints} where ${ofIdentity}) as ${column}`;
  return `select
  getdate() as taken_at, ${['merged_at', 'merged_until', 'complete_until'].map(last).join(', ')},
  (select count(*) from ${rejects} where ${isWaiting()}) as waiting,
  (select max(run_id) from ${runs} where merged_at = (select max(merged_at) from ${runs})) as run_id,
  coalesce(sum(events), 0) as events, coalesce(sum(duplicates), 0) as duplicates, coalesce(sum(rejects), 0) as rejects, coalesce(sum(skipped), 0) as skipped
from ${runs}`;
}

function unload(table: FullTable, { urlOf, roleArn, encrypted }: FullExportTarget): string {
  const format = table.format === 'parquet' ? 'format parquet' : `format csv gzip null as ${quoteLiteral(csvNull)}`;
  return `unload (${quoteLiteral(table.query)})
to ${quoteLiteral(urlOf(table))} iam_role ${quoteLiteral(roleArn)}
${format} manifest verbose${encrypted ? ' encrypted auto' : ''} maxfilesize ${maxFileMb} mb`;
}
