import type { RefreshPlan } from '../../lambda/refresh/contract';
import type { Step } from '../../lambda/shared/plan';
import type { Pipeline } from '../../pipelines/definition';
import { gapsQuery } from '../merge/gaps';
import { mergeStatements } from '../merge/merge';
import { resolvePipeline } from '../resolve';
import { completeStatement } from './complete';
import { idlePlan } from './idle';
import { mergeRaising } from './raising-records';
import { skippedQuery, skipStatements } from './skips';
import { trimStatements } from './trim';

/** Most statements that the Data API takes in one batch. */
const maxBatchStatements = 40;

/**
 * What the refresh function carries: refresh the landing view, merge, and refresh the views, each after the views it
 * reads.
 */
export function refreshPlan(definition: Pipeline): RefreshPlan {
  const pipeline = resolvePipeline(definition);
  const steps: Step[] = [
    { name: 'refresh-landing', mode: 'single', statements: [`refresh materialized view ${pipeline.landing.name}`] },
    { name: 'merge', mode: 'transaction', statements: mergeStatements(pipeline) },
    { name: 'skipped', mode: 'transaction', statements: skipStatements(pipeline), mayFail: true },
  ];
  // Each refresh must see what the one before it committed, so they do not share a transaction.
  const statements = pipeline.views.map(({ physicalName }) => `refresh materialized view ${physicalName}`);
  for (let at = 0; at < statements.length; at += maxBatchStatements) {
    const name = at === 0 ? 'refresh-views' : `refresh-views-${at / maxBatchStatements + 1}`;
    steps.push({ name, mode: 'auto-commit', statements: statements.slice(at, at + maxBatchStatements) });
  }
  steps.push(
    { name: 'complete', mode: 'single', statements: [completeStatement(pipeline)] },
    { name: 'trim', mode: 'transaction', statements: trimStatements(pipeline), mayFail: true },
  );
  return {
    pipeline: pipeline.name,
    steps,
    idle: idlePlan(pipeline),
    gaps: gapsQuery(pipeline),
    skipped: skippedQuery(pipeline),
    raising: mergeRaising(pipeline),
  };
}
