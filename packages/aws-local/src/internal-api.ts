/** Endpoints of a runtime that AWS does not have, for other processes. */

export { type ClockState, clockPath } from './clock-endpoint';
export { type DeployProgress, type DeployResult, deployPath, deploySecretHeader } from './deploy-endpoint';
export { outsiderPath } from './iam/outsiders';
