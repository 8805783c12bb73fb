import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { exportsReportKey, pauseKey } from '../../lambda/shared/pause';
import type { Warehouse } from '../warehouse/warehouse';

/**
 * Lets a function rest while the environment is paused. Nothing for a cluster, which refuses statements itself; a workgroup would start for each
 * statement, so its functions read whether the environment is paused.
 */
export const restsWhenPaused = (work: Bucket, { kind }: Pick<Warehouse, 'kind'>): PolicyStatement[] =>
  kind === 'serverless' ? readsPause(work) : [];

/** Lets the export function of a pipeline read whether the environment is being paused, and report whether an export is in progress. */
export const reportsExports = (work: Bucket, pipeline: string): PolicyStatement[] => [
  ...readsPause(work),
  new PolicyStatement({ actions: ['s3:PutObject'], resources: [work.arnForObjects(exportsReportKey(pipeline))] }),
];

const readsPause = (work: Bucket): PolicyStatement[] => [
  new PolicyStatement({ actions: ['s3:GetObject'], resources: [work.arnForObjects(pauseKey)] }),
  // S3 answers a GET of a missing object with 403. The list shows that it is missing.
  new PolicyStatement({
    actions: ['s3:ListBucket'],
    resources: [work.bucketArn],
    conditions: { StringEquals: { 's3:prefix': pauseKey } },
  }),
];
