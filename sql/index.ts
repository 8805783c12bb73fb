/** Pipelines to Redshift statements: pure functions, no AWS. */
export { quoteLiteral } from '../lambda/shared/quote';
export { exportPlan, windowOf } from './exports/plan';
export { loadPlan } from './history/load';
export { reconcilePlan } from './history/reconcile';
export { isRaised, retryPreview, retryStatements } from './merge/retry';
export { isSkipReason } from './merge/skip-reason';
export { environmentObject, type PipelineDeclaration } from './objects/declarations';
export { type ObjectResource, resourcesOf, type WarehouseObject } from './objects/object';
export { registryObject } from './objects/registry';
export { ownerObject, warehouseObjects } from './objects/warehouse-objects';
export { refreshPlan } from './refresh/plan';
export { landedHours } from './refresh/trim';
export { allStatements, type Batch } from './statements';
export { tableShapes } from './tables/columns';
export {
  identityVersion,
  landingName,
  ofIdentity,
  ofLanding,
  ownerUser,
  pipelineTables,
  publicTables,
} from './tables/names';
export { normalizeDefinition } from './text/definition';
export { quoteIdentifier } from './text/identifier';
export { compileViews } from './views/compiled-views';
export { publicView } from './views/public-view';
