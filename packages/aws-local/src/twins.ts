/** The individual services, for a custom composition. */

export { CloudFormation, type Deployment, openState } from './cloudformation';
export type { Template, TemplateResource } from './cloudformation/assembly';
export {
  type CustomResourceAnswer,
  CustomResourceError,
  type CustomResourceRequest,
} from './cloudformation/custom-resources';
export { createEventBus } from './events';
export { createFirehose, kinesisSource } from './firehose';
export { createIam } from './iam';
export { createKinesis } from './kinesis';
export { createKms } from './kms';
export type { LambdaInvoker, LambdaOptions } from './lambda';
export { createAsyncQueue } from './lambda/async-queue';
export { createEventSourceMappings } from './lambda/event-source-mapping';
export type { Functions, LambdaFunction } from './lambda/functions';
export { createS3 } from './s3';
export { createSecrets } from './secrets';
export { createSqs } from './sqs';
