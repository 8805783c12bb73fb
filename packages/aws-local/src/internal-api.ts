/**
 * Endpoints of a runtime that AWS does not have, for other processes. Each needs the header
 * `Authorization: Bearer <token>` with the token of the data folder.
 */

export { type ClockState, clockPath } from './clock-endpoint';
export { type DeployProgress, type DeployResult, deployPath } from './deploy-endpoint';
export { outsiderPath } from './iam/outsiders';
