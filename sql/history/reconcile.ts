import { maxQueued, type ReconcilePlan } from '../../lambda/reconcile/contract';
import { defaultFullPassHour } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import type { Pipeline } from '../../pipelines/definition';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import { archiveSource } from './load';

/** What the reconcile function carries. Throws for a pipeline without history. */
export function reconcilePlan(definition: Pipeline, fullPassHour = defaultFullPassHour): ReconcilePlan {
  const { history, name } = definition;
  if (!history) throw new Error(`pipelines.${name}.history is not declared, so there is nothing to reconcile`);
  const pipeline = resolvePipeline(definition);
  const { listing } = pipeline.tables;
  const copy = `copy ${listing} from {{manifest}} iam_role {{load_role}} manifest
format json 'auto' gzip compupdate off statupdate off`;
  return {
    pipeline: name,
    globs: history.flatMap(({ globs }) => globs),
    fullPassHour,
    list: [`lock ${listing}`, `delete from ${listing}`, copy],
    append: [copy],
    missing: missingQuery(pipeline),
  };
}

/**
 * Objects that are not in the ledger. Overwritten keys are included where the source alarms on them: the load
 * function parks them and raises the alarm that was lost with the notification. Without a limit, the answer of a new
 * pipeline could be larger than the Data API's 500 MB.
 */
function missingQuery(pipeline: ResolvedPipeline): string {
  const { listing, ledger, parked } = pipeline.tables;
  return `select distinct i.object_key, i.etag, i.size, i.last_modified
from ${listing} i
left join ${ledger} l on l.object_key = i.object_key and l.source <> ${quoteLiteral(archiveSource)} and l.etag = i.etag
left join ${parked} p on p.object_key = i.object_key and p.etag = i.etag
where i.last_modified < {{before}}::timestamp and i.last_modified >= {{since}}::timestamp and l.etag is null and p.etag is null
order by i.last_modified, i.object_key
limit ${maxQueued}`;
}
