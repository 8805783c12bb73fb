/** Pipelines to Redshift statements: pure functions, no AWS. */
export { quoteLiteral } from '../lambda/shared/quote';
export { tableShapes } from './columns';
export { environmentObject, type PipelineDeclaration, pipelineDeclaration } from './declarations';
export { hashDefinition, normalizeDefinition } from './definition';
export { exportEveryMinutes, exportPlan, windowOf } from './exports';
export { quoteIdentifier } from './identifier';
export { archiveGlob, archiveSource, loadPlan } from './load';
export {
  bookNames,
  identityVersion,
  landingName,
  ofIdentity,
  ofLanding,
  ownerUser,
  pipelineTables,
  publicTables,
  streamSchema,
  type TableName,
  tableNames,
} from './names';
export { type ObjectResource, resourcesOf, type WarehouseObject } from './object';
export { type ObjectTokens, ownerObject, warehouseObjects } from './objects';
export { type PublicColumn, publicView } from './public-view';
export { reconcilePlan } from './reconcile';
export { refreshPlan } from './refresh';
export { registryObject } from './registry';
export { retryPreview, retryStatements } from './retry';
export { allStatements } from './statements';
export { validatePipelines } from './validate';
export { type CompiledView, compileViews } from './views';
