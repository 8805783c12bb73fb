import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { forgottenReason } from '../merge/forgotten';
import type { ResolvedPipeline } from '../resolve';
import { isForgotten } from '../tables/forgotten';
import { erasureSource } from './marks';

/**
 * Positions that another table has and that a merge also wrote to `skipped`. All identities share `skipped`, but each has
 * its own events, duplicates and rejects. So if the functions of a new identity find a forgotten record that only the old
 * tables have, and their deployment is rolled back, the record is in both. A position may have several events if records
 * hold several, so these pipelines have no such statement.
 */
export function twiceStatements(pipeline: ResolvedPipeline, isAllowed: string): StatementTemplate[] {
  if (pipeline.definition.stream.records !== undefined) return [];
  const { events, duplicates, rejects, skipped, runs } = pipeline.tables;
  const twice = twiceTable(pipeline);
  const isOfMerge = `${isForgotten} and name = ${forgottenReason}`;
  const placed = [events, duplicates, rejects].map((table) => `  select shard_id, sequence_number from ${table}`);
  return [
    `create temp table ${twice} as
select distinct s.shard_id, s.sequence_number
from (select shard_id, sequence_number from ${skipped} where ${isOfMerge}) as s
inner join (
${placed.join('\n  union all\n')}
) as p on p.shard_id = s.shard_id and p.sequence_number = s.sequence_number
where ${isAllowed}`,
    `delete from ${skipped}
using ${twice}
where ${twice}.shard_id = ${skipped}.shard_id and ${twice}.sequence_number = ${skipped}.sequence_number and ${isOfMerge}`,
    `insert into ${runs} (run_id, source, rows_read, events, duplicates, rejects, skipped, merged_at)
select {{run_id}} || '-twice', ${quoteLiteral(erasureSource)}, 0, 0, 0, 0, -count(*), getdate()
from ${twice}
having count(*) > 0`,
    `drop table ${twice}`,
  ];
}

const twiceTable = ({ name }: ResolvedPipeline) => `${name}_twice`;
