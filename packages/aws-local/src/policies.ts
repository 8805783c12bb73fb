/** IAM's evaluation of policies, without a runtime. */
export { createAuthorizer } from './iam/authorizer';
export { grantedBy } from './iam/evaluate';
export { parsePolicy, type Statement } from './iam/policy';
