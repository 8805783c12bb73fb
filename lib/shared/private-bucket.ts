import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, type LifecycleRule, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

export interface PrivateBucketProps {
  /** @default - encrypted with keys of S3 */
  readonly key?: IKey;
  /** Where requests to this bucket are logged; the log bucket itself has none. */
  readonly accessLogs?: { readonly bucket: Bucket; readonly prefix: string };
  readonly versioned: boolean;
  /** True keeps the bucket when its stack is deleted, false empties and deletes it. */
  readonly retain: boolean;
  readonly lifecycle?: readonly LifecycleRule[];
}

/** Parts of unfinished multipart uploads are invisible and cost money. */
const abandonedUploads: LifecycleRule = {
  id: 'abandoned-uploads',
  abortIncompleteMultipartUploadAfter: Duration.days(7),
};
const oldVersions: LifecycleRule = { id: 'old-versions', noncurrentVersionExpiration: Duration.days(30) };

/** A bucket that is encrypted, closed to the public and accepts TLS only. */
export class PrivateBucket extends Bucket {
  constructor(scope: Construct, id: string, props: PrivateBucketProps) {
    super(scope, id, {
      ...(props.key
        ? { encryption: BucketEncryption.KMS, encryptionKey: props.key, bucketKeyEnabled: true }
        : { encryption: BucketEncryption.S3_MANAGED }),
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: props.versioned,
      ...(props.accessLogs
        ? { serverAccessLogsBucket: props.accessLogs.bucket, serverAccessLogsPrefix: props.accessLogs.prefix }
        : {}),
      removalPolicy: props.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      autoDeleteObjects: !props.retain,
      lifecycleRules: [abandonedUploads, ...(props.versioned ? [oldVersions] : []), ...(props.lifecycle ?? [])],
    });
    if (!props.accessLogs) {
      Validations.of(this).acknowledge({
        id: 'AwsSolutions-S1',
        reason: 'This bucket receives the access logs; logging its own requests to itself would never end',
      });
    }
  }
}
