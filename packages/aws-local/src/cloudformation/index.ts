export { type Assembly, loadAssembly, type Stack } from './assembly';
export { type Assets, openAssets } from './assets';
export { answerPath, type CustomResources, createCustomResources } from './custom-resources';
export {
  CloudFormation,
  type CloudFormationOptions,
  type DeployedResource,
  type Deployment,
  DeploymentError,
} from './deploy';
export { cloudFormationService } from './service';
export { openState, type StackStatus, type StateFile } from './state';
export { validateAssembly } from './validate';
