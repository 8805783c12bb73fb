import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { registryTable } from '../../lambda/warehouse-object/contract';
import { publicViewObjects } from '../objects/warehouse-objects';
import type { ResolvedPipeline } from '../resolve';

/** After this many hours a deployment that filled columns has its new functions, or was rolled back. */
const changeoverHours = 1;

/**
 * Marks merged records as complete once the views are refreshed, so that exports may close their windows. Does
 * nothing during a deployment, when readers have another version of a view than these functions refresh, or columns
 * that these functions do not fill. Then the new functions mark them.
 */
export function completeStatement(pipeline: ResolvedPipeline): StatementTemplate {
  const { checkpoints, fills, runs } = pipeline.tables;
  const others = publicViewObjects(pipeline).map(
    ({ properties: { name, version } }) => `name = ${quoteLiteral(name)} and version <> ${quoteLiteral(version)}`,
  );
  return `update ${checkpoints}
set complete_until = merged_until
where ${pipeline.ofLanding} and merged_until is not null
  and (
    select count(*)
    from ${registryTable}
    where kind = 'public-view' and (${others.join(' or ')})
  ) = 0
  and (
    select count(*)
    from ${fills} f
    left join ${runs} r on r.definition = f.typing and r.merged_at >= f.filled_at
    where f.typing <> ${quoteLiteral(pipeline.typingVersion)} and f.filled_at > dateadd(hour, -${changeoverHours}, getdate()) and r.run_id is null
  ) = 0`;
}
