export { type Assembly, loadAssembly, type Stack } from './assembly';
export { answerPath, type CustomResources, createCustomResources } from './custom-resources';
export { type DeployedResource, type Deployment, type DeployOptions, deploy } from './deploy';
export { openState, type StateFile } from './state';
export { validateAssembly } from './validate';
