/** Pipelines to Redshift statements: pure functions, no AWS. */
export { quoteLiteral } from '../lambda/shared/quote';
export { exportPlan, windowOf } from './exports/exports';
export { loadPlan } from './history/load';
export { reconcilePlan } from './history/reconcile';
export { refreshPlan } from './merge/refresh';
export { isRaised, retryPreview, retryStatements } from './merge/retry';
export { isSkipReason } from './merge/skip-reason';
export { landedHours } from './merge/trim';
export {
  identityVersion,
  landingName,
  ofIdentity,
  ofLanding,
  ownerUser,
  pipelineTables,
  publicTables,
} from './names';
export { tableShapes } from './objects/columns';
export { environmentObject, type PipelineDeclaration } from './objects/declarations';
export { type ObjectResource, resourcesOf, type WarehouseObject } from './objects/object';
export { ownerObject, warehouseObjects } from './objects/objects';
export { registryObject } from './objects/registry';
export { allStatements, type Batch } from './statements';
export { normalizeDefinition } from './text/definition';
export { quoteIdentifier } from './text/identifier';
export { validatePipelines } from './validate';
export { publicView } from './views/public-view';
export { compileViews } from './views/views';
