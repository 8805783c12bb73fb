import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { freshnessKey } from '../../lambda/shared/freshness';

/** Access to the documents that say which run the views of these pipelines come from. */
export function freshnessStatements(
  work: Bucket,
  pipelines: readonly { readonly name: string }[],
  use: 'read' | 'write',
): PolicyStatement[] {
  const keys = pipelines.map(({ name }) => freshnessKey(name));
  return [
    new PolicyStatement({
      actions: ['s3:GetObject', ...(use === 'write' ? ['s3:PutObject'] : [])],
      resources: keys.map((each) => work.arnForObjects(each)),
    }),
    // S3 answers a GET of a missing object with 403. The list shows that it is missing.
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [work.bucketArn],
      conditions: { StringEquals: { 's3:prefix': keys } },
    }),
  ];
}
