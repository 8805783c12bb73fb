import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';

export type KeyUser = 's3' | 'kinesis' | 'secretsmanager' | 'sqs' | 'sns';

/**
 * Allows use of the customer key only for calls that come from the named service (kms:ViaService). So the key can't decrypt data from elsewhere.
 * @param use `read` decrypts; `write` also makes data keys, which S3 needs for PutObject and, with Decrypt, for multipart uploads
 */
export function keyUse(key: IKey, service: KeyUser, use: 'read' | 'write'): PolicyStatement {
  return new PolicyStatement({
    actions: use === 'read' ? ['kms:Decrypt'] : ['kms:Decrypt', 'kms:GenerateDataKey'],
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `${service}.${Stack.of(key).region}.amazonaws.com` } },
  });
}
