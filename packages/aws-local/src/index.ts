/** Runs a synthesized CDK app on this machine. */

export type { DeployedResource, Deployment } from './cloudformation';
export { DeploymentError } from './cloudformation';
export { type Statistic, statisticOf, timeSeries } from './cloudwatch/statistics';
export type { Extend, Extension, ExtensionBase } from './extension';
export {
  type CallFault,
  createFaults,
  type Deliveries,
  type DeliveryPoint,
  type FaultScript,
  type FaultSource,
  type Faults,
  type Kill,
  scriptedFaults,
} from './faults';
export type { AllowedListener } from './iam';
export { type Outside, type Runtime, type RuntimeOptions, startRuntime } from './runtime';
