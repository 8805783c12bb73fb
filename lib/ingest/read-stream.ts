import type { IKey } from 'aws-cdk-lib/aws-kms';

/** A pipeline's stream as its readers see it, whoever made it. */
export interface ReadStream {
  readonly arn: string;
  /** The customer key that encrypts it. Undefined if there is none, or if the role decrypts. */
  readonly key?: IKey;
  /** ARN of the role in the stream's account that readers assume. Undefined for a stream of this account. */
  readonly roleArn?: string;
}
