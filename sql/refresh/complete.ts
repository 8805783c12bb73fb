import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { registryTable } from '../../lambda/warehouse-object/contract';
import { lockStatement } from '../merge/merge';
import { publicViewObjects } from '../objects/warehouse-objects';
import type { ResolvedPipeline } from '../resolve';
import { viewFailureStatements } from './view-failures';

/** After this many hours a deployment that filled columns has its new functions, or was rolled back. */
const changeoverHours = 1;

/**
 * The end of a run, in one transaction: records which views it could not refresh, and marks merged records as
 * complete, so that exports may close their windows. Does nothing if another run has merged since, because its merge
 * may vouch for more than the views of this run contain; then the end of the other run counts. Placeholders: those of
 * `viewFailureStatements`.
 */
export function completeStatements(pipeline: ResolvedPipeline): StatementTemplate[] {
  const { checkpoints } = pipeline.tables;
  const ours = `${pipeline.ofLanding} and run_id = {{run_id}}`;
  return [
    lockStatement(pipeline),
    ...viewFailureStatements(pipeline, `exists (select 1 from ${checkpoints} where ${ours})`),
    `update ${checkpoints}
set complete_until = merged_until
where ${ours} and merged_until is not null${noChangeover(pipeline)}`,
  ];
}

/**
 * Marks records as complete that arrived before an idle run began. Placeholder: `started`. It is that time and not
 * `merged_until`, because another run may have merged meanwhile.
 */
export function idleCompleteStatement(pipeline: ResolvedPipeline): StatementTemplate {
  return `update ${pipeline.tables.checkpoints}
set complete_until = {{started}}::timestamp
where ${pipeline.ofLanding} and merged_until >= {{started}}::timestamp and complete_until < {{started}}::timestamp${noChangeover(pipeline)}`;
}

/**
 * SQL condition, with its `and`: no deployment is under way. During a deployment readers may have another version of a
 * view than these functions refresh, or columns that these functions do not fill. The new functions mark records then.
 */
function noChangeover(pipeline: ResolvedPipeline): string {
  const { fills, runs } = pipeline.tables;
  const others = publicViewObjects(pipeline).map(
    ({ properties: { name, version } }) => `name = ${quoteLiteral(name)} and version <> ${quoteLiteral(version)}`,
  );
  return `
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
