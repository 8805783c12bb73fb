/** Pipelines to Redshift statements: pure functions, no AWS. */
export { quoteLiteral } from '../lambda/shared/quote';
export { tableShapes } from './columns';
export { environmentObject, type PipelineDeclaration } from './declarations';
export { normalizeDefinition } from './definition';
export { exportPlan, windowOf } from './exports';
export { quoteIdentifier } from './identifier';
export { loadPlan } from './load';
export {
  identityVersion,
  landingName,
  ofIdentity,
  ofLanding,
  ownerUser,
  pipelineTables,
  publicTables,
} from './names';
export { type ObjectResource, resourcesOf, type WarehouseObject } from './object';
export { ownerObject, warehouseObjects } from './objects';
export { publicView } from './public-view';
export { reconcilePlan } from './reconcile';
export { refreshPlan } from './refresh';
export { registryObject } from './registry';
export { isRaised, retryPreview, retryStatements } from './retry';
export { isSkipReason } from './skip-reason';
export { allStatements, type Batch } from './statements';
export { landedHours } from './trim';
export { validatePipelines } from './validate';
export { compileViews } from './views';
