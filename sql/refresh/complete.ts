import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { registryTable } from '../../lambda/warehouse-object/contract';
import { publicViewObjects } from '../objects/warehouse-objects';
import type { ResolvedPipeline } from '../resolve';

/** A deployment that filled columns has its functions after so long, or was rolled back. */
const changeoverHours = 1;

/**
 * After the views were refreshed: what is merged is complete, and exports may close their windows by it. Unless a deployment is on its way:
 * readers have another version of a view than these functions refresh, or columns that these functions do not fill. Then the functions
 * of the new version say it.
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
