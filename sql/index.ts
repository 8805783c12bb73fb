/**
 * Compiles pipelines into Redshift statements. Pure functions, no AWS.
 *
 * Each group imports only from groups listed before it, which `test/architecture/imports.test.ts` checks:
 * - `text/`: reads and writes SQL text; knows no pipeline.
 * - `tables/`: names, columns and versions of a pipeline's tables.
 * - `typing/`: SQL that turns a payload into typed columns, and finds rows whose typing fails.
 *   `views/`: reads and compiles the queries that users write.
 * - `endpoints/`: checks and compiles the queries that outsiders may ask.
 * - `resolve.ts`: computes once per pipeline what statements need. The groups below take its result.
 * - `merge/`: moves arrived rows into events, duplicates and rejects.
 * - `forget/`: erases the rows of subjects, and swaps objects that were rewritten.
 * - `history/`: what the load and reconcile functions run. `exports/`: what the export function runs.
 *   `objects/`: the warehouse objects that a deployment creates.
 * - `refresh/`: what the refresh function runs. `full/`: what exports and imports everything of a pipeline.
 * - `users.ts`: the database users of functions, with the privileges that their statements need.
 * - `api/`: the description of the endpoints for their callers, and a client.
 * - `statements.ts`, `names.ts`, which loads no compiler, and this file.
 */
export { typeScriptClient } from './api/client';
export { type ApiOptions, openApiDocument } from './api/openapi';
export { paramItem } from './endpoints/params';
export { endpointsPlan, sampleStatements } from './endpoints/plan';
export { exportPlan } from './exports/plan';
export { windowOf } from './exports/windows';
export { type Erasure, eraseStatements } from './forget/erase';
export { erasureSource, markStatements, marksQuery, sweptStatements } from './forget/marks';
export { forgottenHoursQuery, forgottenObjectsQuery, forgottenPositionsQuery } from './forget/places';
export { raisedBytesQuery, raisedRejectsQuery } from './forget/raised';
export { claimStatements, claimsQuery, swapStatements, withdrawStatements } from './forget/rewrites';
export { type FullExportTarget, fullExportStatements } from './full/export';
export {
  type FullImport,
  type ImportedBucket,
  importedRun,
  importedTables,
  importTransaction,
  newestPublications,
} from './full/import';
export { type FullTable, type FullTableName, fullTableNames, type SuperForm } from './full/tables';
export { loadPlan } from './history/load';
export { reconcilePlan } from './history/reconcile';
export { aggregateStart } from './merge/forms';
export { outcomeStatements, type RecordBytes } from './merge/outcomes';
export { isRaised } from './merge/raised';
export { decodableCondition, retryable, retryPreview, retryStatements } from './merge/retry';
export { decodes } from './merge/waiting';
export * from './names';
export { type EndpointDeclaration, environmentObject, type PipelineDeclaration } from './objects/declarations';
export { type ObjectResource, resourcesOf, type WarehouseObject } from './objects/object';
export { registryObject } from './objects/registry';
export { ownerObject, warehouseObjects } from './objects/warehouse-objects';
export { refreshPlan } from './refresh/plan';
export { allStatements, type Batch } from './statements';
export { functionUser, purposesOf, type UserPurpose, userObjects, usersGroup } from './users';
export { compileViews } from './views/compiled-views';
