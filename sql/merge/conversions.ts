import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { ResolvedPipeline } from '../resolve';
import { howName, isLenient } from '../typing/column';

/**
 * Counts the values that column options produced in the run, so that no conversion is silent. It counts in records that
 * became events or duplicates.
 */
export function conversionsStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const columns = pipeline.columns.filter(isLenient);
  if (columns.length === 0) return [];
  const made = columns.map(
    (column) => `select ${quoteLiteral(column.name)}::varchar(64) as column_name, ${howName(column)} as how
  from ${pipeline.temporary.incoming}
  where reason is null and ${howName(column)} is not null`,
  );
  return [
    `insert into ${pipeline.tables.conversions} (run_id, column_name, how, records, merged_at)
with made as (
  ${made.join('\n  union all\n  ')}
)
select {{run_id}}, column_name, how, count(*), getdate()
from made
group by column_name, how`,
  ];
}
