import type { Names } from '../cloud/names';
import { Failure } from '../failure';
import type { S3Place } from './place';

/** Says what has to be added so that the warehouse may write to a bucket that is not the environment's. */
export function refusedBucket(names: Names, { bucket, prefix }: S3Place, error: string): Failure {
  const role = names.fullExportRoleArn.slice(names.fullExportRoleArn.lastIndexOf('/') + 1);
  const policy = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: ['s3:GetBucketLocation'], Resource: `arn:aws:s3:::${bucket}` },
      {
        Effect: 'Allow',
        Action: ['s3:ListBucket'],
        Resource: `arn:aws:s3:::${bucket}`,
        Condition: { StringLike: { 's3:prefix': [`${prefix}*`] } },
      },
      {
        Effect: 'Allow',
        Action: ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
        Resource: `arn:aws:s3:::${bucket}/${prefix}*`,
      },
    ],
  };
  return new Failure(
    `the warehouse of ${names.environment} may not write to s3://${bucket}/${prefix}: ${error}\n` +
      `Leave --to out to write to the bucket of the environment, or give its role this policy, and name the role in the bucket's policy if the bucket is another account's:\n` +
      `  aws iam put-role-policy --role-name ${role} --policy-name full-export --policy-document '${JSON.stringify(policy)}'\n` +
      `A bucket with a key of its own also needs kms:GenerateDataKey and kms:Decrypt on that key.`,
  );
}
