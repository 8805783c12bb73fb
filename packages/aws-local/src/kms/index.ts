export type { KmsOptions, KmsUse } from './kms';
export { createKms, Kms } from './kms';
