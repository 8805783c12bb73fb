import type { Partner, PartnerIdentity } from '../../environments/environment';

/** What the partner's system documents about the role that it assumes. */
export interface Preset {
  /** ARN that assumes the role. Undefined while it is unknown. */
  readonly principal: string | undefined;
  /** Actions on the partner's own objects. */
  readonly objects: readonly string[];
  /** Actions on the bucket that cannot be limited to a prefix. */
  readonly bucket: readonly string[];
  /** True for a role that must be able to assume itself. */
  readonly assumesItself: boolean;
}

/** Materialize, "AWS connections": the role with which the hosted service assumes its customers' roles. */
const materializePrincipal = 'arn:aws:iam::664411391173:role/MaterializeConnection';
/** Databricks, "Create a storage credential for connecting to AWS S3": Unity Catalog outside GovCloud. */
const databricksPrincipal = 'arn:aws:iam::414351767826:role/unity-catalog-prod-UCMasterRole-14S5ZJVKOTYTL';

const principalOf = (who: PartnerIdentity): string | undefined => {
  switch (who.kind) {
    case 'aws':
      return who.principal;
    case 'snowflake':
      return who.userArn;
    case 'databricks':
      return databricksPrincipal;
    case 'materialize':
      return materializePrincipal;
  }
};

/**
 * Objects and bucket, read and write, by system. Sources: Snowflake, "Configuring a Snowflake storage integration to access Amazon S3";
 * Databricks, "Create a storage credential for connecting to AWS S3"; Materialize, "Amazon S3" (COPY TO and COPY FROM).
 */
const actions: Record<PartnerIdentity['kind'], Record<Partner['access']['mode'], readonly [string[], string[]]>> = {
  aws: { read: [['s3:GetObject'], []], write: [['s3:DeleteObject', 's3:PutObject'], []] },
  materialize: { read: [['s3:GetObject'], []], write: [['s3:DeleteObject', 's3:PutObject'], []] },
  snowflake: {
    read: [['s3:GetObject', 's3:GetObjectVersion'], ['s3:GetBucketLocation']],
    write: [
      ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
      ['s3:GetBucketLocation'],
    ],
  },
  databricks: {
    read: [['s3:GetObject'], ['s3:GetBucketLocation']],
    write: [
      ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:GetObject', 's3:ListMultipartUploadParts', 's3:PutObject'],
      ['s3:GetBucketLocation'],
    ],
  },
};

export function preset({ who, access }: Partner): Preset {
  const [objects, bucket] = actions[who.kind][access.mode];
  return { principal: principalOf(who), objects, bucket, assumesItself: who.kind === 'databricks' };
}

/** A fixed name, because partners configure it: it stays the same when the role is replaced. */
export const partnerRoleName = (environment: string, partner: string) => `millrace-${environment}-${partner}`;
