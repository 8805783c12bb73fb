import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { ArnPrincipal, type CfnRole, PolicyStatement, Role } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { Partner } from '../../environments/environment';
import { exportPrefix } from '../../lambda/export/contract';
import { explained, grant } from '../shared/grant';
import { keyUse } from '../shared/key-use';

export interface PartnerRoleProps {
  readonly partner: Partner;
  readonly bucket: Bucket;
  readonly key: IKey;
  /** True keeps a generated external id when the stack goes: it is in the partner's configuration. */
  readonly retain: boolean;
}

/** What a partner may write below, without a slash at the end. */
export const partnerPrefix = (partner: string) => `partners/${partner}`;

/** A role for somebody outside: opens only with its external id, and only for what was granted. */
export class PartnerRole extends Construct {
  readonly role: Role;
  /** Holds the external id that Millrace made; the other kinds have none. */
  readonly generatedId?: Secret;

  constructor(scope: Construct, id: string, { partner, bucket, key, retain }: PartnerRoleProps) {
    super(scope, id);
    if (partner.externalId.kind === 'generated') this.generatedId = this.generateId(partner, key, retain);
    const externalId =
      // Not a secret to AWS (the trust policy shows it), so the reference may stand where it is resolved in plain text.
      this.generatedId?.secretValue.unsafeUnwrap() ??
      (partner.externalId.kind === 'given' ? partner.externalId.value : undefined);
    const principal = new ArnPrincipal(partner.principal);
    this.role = new Role(this, 'Role', {
      description: `Partner ${partner.name}: ${partner.access.mode}s below its own prefix`,
      assumedBy: externalId ? principal.withConditions({ StringEquals: { 'sts:ExternalId': externalId } }) : principal,
    });
    if (!externalId) trustNobody(this.role);
    const statements =
      partner.access.mode === 'read'
        ? readStatements(partner.access.exports, bucket)
        : writeStatements(partner.name, bucket);
    grant(this.role, ...statements, keyUse(key, 's3', partner.access.mode));
  }

  private generateId(partner: Partner, key: IKey, retain: boolean): Secret {
    const secret = new Secret(this, 'ExternalId', {
      description: `External id that ${partner.name} has to send`,
      encryptionKey: key,
      generateSecretString: { passwordLength: 40, excludePunctuation: true },
      removalPolicy: retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason: 'An external id is agreed on with the partner: changing it by itself would lock the partner out',
    });
    return secret;
  }
}

/** While the partner's id is awaited the trust denies everybody, instead of standing open behind a placeholder that anyone can guess. */
function trustNobody(role: Role): void {
  (role.node.defaultChild as CfnRole).assumeRolePolicyDocument = {
    Version: '2012-10-17',
    Statement: [{ Sid: 'ExternalIdAwaited', Effect: 'Deny', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
  };
}

function readStatements(exports: readonly string[], bucket: Bucket): PolicyStatement[] {
  const prefixes = exports.map((name) => {
    const [pipeline, item] = name.split('.') as [string, string];
    return exportPrefix(pipeline, item);
  });
  return [
    explained(
      new PolicyStatement({
        actions: ['s3:GetObject'],
        resources: prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
      }),
      'All runs and windows of the exports that were granted, and of no others',
    ),
    listStatement(
      bucket,
      prefixes.map((prefix) => `${prefix}*`),
    ),
  ];
}

/** Materialize, "Amazon S3": what COPY TO needs. */
function writeStatements(partner: string, bucket: Bucket): PolicyStatement[] {
  const below = `${partnerPrefix(partner)}/*`;
  return [
    explained(
      new PolicyStatement({ actions: ['s3:DeleteObject', 's3:PutObject'], resources: [bucket.arnForObjects(below)] }),
      'The partner names its objects itself, below its own prefix',
    ),
    listStatement(bucket, [below]),
  ];
}

function listStatement(bucket: Bucket, prefixes: string[]): PolicyStatement {
  return new PolicyStatement({
    actions: ['s3:ListBucket'],
    resources: [bucket.bucketArn],
    conditions: { StringLike: { 's3:prefix': prefixes } },
  });
}
