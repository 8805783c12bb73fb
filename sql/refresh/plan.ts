import type { RefreshPlan, RefreshStep } from '../../lambda/refresh/contract';
import type { Pipeline } from '../../pipelines/definition';
import { completeUntil } from '../exports/complete-until';
import { gapsQuery } from '../merge/gaps';
import { mergeStatements } from '../merge/merge';
import { type ResolvedPipeline, resolvePipeline } from '../resolve';
import type { CompiledView } from '../views/compiled-views';
import { completeStatements } from './complete';
import { expireSteps } from './expire';
import { idlePlan } from './idle';
import { mergeRaising } from './raising-records';
import { skippedQuery, skipStatements } from './skips';
import { totalsQuery } from './totals';
import { trimStatements } from './trim';
import { undecodedSteps } from './undecoded';

const completeStep = 'complete';

/** Most statements that the Data API takes in one batch. */
const maxBatchStatements = 40;

/**
 * What the refresh function carries: refresh the landing view, merge, and refresh the views, each after the views it
 * reads.
 */
export function refreshPlan(definition: Pipeline): RefreshPlan {
  const pipeline = resolvePipeline(definition);
  const hasEndpoints = (definition.endpoints ?? []).length > 0;
  const freshness = hasEndpoints ? freshnessQueries(pipeline) : [];
  const idle = idlePlan(pipeline);
  const steps: RefreshStep[] = [
    { name: 'refresh-landing', mode: 'single', statements: [`refresh materialized view ${pipeline.landing.name}`] },
    { name: 'merge', mode: 'transaction', statements: mergeStatements(pipeline) },
    ...undecodedSteps(pipeline),
    { name: 'skipped', mode: 'transaction', statements: skipStatements(pipeline), mayFail: true },
    ...expireSteps(pipeline),
    ...refreshSteps(pipeline.views),
    { name: completeStep, mode: 'transaction', statements: [...completeStatements(pipeline), ...freshness] },
    { name: 'trim', mode: 'transaction', statements: trimStatements(pipeline), mayFail: true },
  ];
  return {
    pipeline: pipeline.name,
    steps,
    idle: { ...idle, step: { ...idle.step, statements: [...idle.step.statements, ...freshness] } },
    gaps: gapsQuery(pipeline),
    skipped: skippedQuery(pipeline),
    totals: totalsQuery(pipeline),
    raising: mergeRaising(pipeline),
    ...(hasEndpoints ? { freshness: { step: completeStep } } : {}),
  };
}

/** What the freshness document says about the views: see `FreshnessPlan`. */
const freshnessQueries = ({ tables: { checkpoints, view_failures: failures } }: ResolvedPipeline) => [
  `select (
    ${completeUntil(checkpoints)}
  ) as complete_until`,
  `select view_name from ${failures}`,
];

/**
 * Makes the refresh steps. Each refresh has its own transaction: it must see what earlier ones committed, and a failure
 * must not undo the others. A view whose only source is another view may share a batch with that view: if that view was
 * not refreshed, its own refresh has nothing to do. A view with further sources goes into a later step, because it must
 * first be known whether the view that it reads was refreshed.
 */
function refreshSteps(views: readonly CompiledView[]): RefreshStep[] {
  const levels: CompiledView[][] = [];
  const levelOf = new Map<string, number>();
  for (const view of views) {
    const below = Math.max(0, ...view.reads.map((read) => levelOf.get(read)! + (view.sources > 1 ? 1 : 0)));
    levelOf.set(view.name, below);
    levels[below] = [...(levels[below] ?? []), view];
  }
  const batches = levels.flatMap((level) => inBatches(level));
  return batches.map((batch, index) => ({
    name: index === 0 ? 'refresh-views' : `refresh-views-${index + 1}`,
    mode: 'auto-commit',
    statements: batch.map(({ physicalName }) => `refresh materialized view ${physicalName}`),
    views: batch.map(({ name, reads }) => ({ name, reads })),
  }));
}

function inBatches<T>(all: readonly T[]): T[][] {
  const batches: T[][] = [];
  for (let at = 0; at < all.length; at += maxBatchStatements) batches.push(all.slice(at, at + maxBatchStatements));
  return batches;
}
