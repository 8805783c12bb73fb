/** The page of an environment in AWS. */
export { type Policy, pagePolicy } from './policy';
export { awsSource, type Pace } from './source';
