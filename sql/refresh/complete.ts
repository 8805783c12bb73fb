import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { registryTable } from '../../lambda/warehouse-object/contract';
import type { Pipeline } from '../../pipelines/definition';
import { typingVersion } from '../objects/fills';
import { publicViewObjects } from '../objects/warehouse-objects';
import { ofLanding, pipelineTables } from '../tables/names';

/** A deployment that filled columns has its functions after so long, or was rolled back. */
const changeoverHours = 1;

/**
 * After the views were refreshed: what is merged is complete, and exports may close their windows by it. Unless a deployment is on its way:
 * readers have another version of a view than these functions refresh, or columns that these functions do not fill. Then the functions
 * of the new version say it.
 */
export function completeStatement(pipeline: Pipeline): StatementTemplate {
  const { checkpoints, fills, runs } = pipelineTables(pipeline);
  const others = publicViewObjects(pipeline).map(
    ({ properties: { name, version } }) => `name = ${quoteLiteral(name)} and version <> ${quoteLiteral(version)}`,
  );
  return `update ${checkpoints}
set complete_until = merged_until
where ${ofLanding(pipeline)} and merged_until is not null
  and (
    select count(*)
    from ${registryTable}
    where kind = 'public-view' and (${others.join(' or ')})
  ) = 0
  and (
    select count(*)
    from ${fills} f
    left join ${runs} r on r.definition = f.typing and r.merged_at >= f.filled_at
    where f.typing <> ${quoteLiteral(typingVersion(pipeline))} and f.filled_at > dateadd(hour, -${changeoverHours}, getdate()) and r.run_id is null
  ) = 0`;
}

/** Books that merge no more are told by the others' merges, in hours. */
const idleHours = 24;

/**
 * Until when everything that arrived is in what readers have. While a deployment changes the identity, readers may have one version of the books or
 * the other: then it is what both say.
 */
export const completeUntil = (checkpoints: string) => `select min(complete_until)
    from (
      select identity_version, max(complete_until) as complete_until
      from ${checkpoints}
      where merged_at >= (select dateadd(hour, -${idleHours}, max(merged_at)) from ${checkpoints})
      group by identity_version
    ) as books`;
