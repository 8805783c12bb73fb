import { Stack } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Environment } from '../../environments/environment';
import { prefixesOf } from './prefixes';
import { preset } from './presets';
import { partnerRoleArn } from './role-arn';

export interface GuardedResources {
  readonly exports: Bucket;
  /** Buckets that no partner may reach. */
  readonly closed: readonly Bucket[];
  readonly key: Key;
}

/**
 * Adds denies to the policies of the buckets and of the key. They hold even if a policy with more permissions is attached to a partner's role. Denied are
 * objects outside the role's prefixes and their names, actions that its preset does not have, all other buckets, and the key except through S3.
 */
export function guardAgainstPartners(
  { exports, closed, key }: GuardedResources,
  { name, partners }: Environment,
): void {
  if (partners.length === 0) return;
  const arnOf = (partner: string) => partnerRoleArn(key, name, partner);
  for (const partner of partners) {
    const { objects, bucket } = preset(partner);
    const below = prefixesOf(partner).map((prefix) => `${prefix}*`);
    const isPartner = { ArnEquals: { 'aws:PrincipalArn': arnOf(partner.name) } };
    exports.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:*'],
        notResources: [exports.bucketArn, ...below.map((prefix) => exports.arnForObjects(prefix))],
        conditions: isPartner,
      }),
    );
    exports.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:ListBucket'],
        resources: [exports.bucketArn],
        // A negated operator also holds when the key is missing, so a listing without a prefix is denied too.
        conditions: below.length > 0 ? { ...isPartner, StringNotLike: { 's3:prefix': below } } : isPartner,
      }),
    );
    exports.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        notActions: ['s3:ListBucket', ...objects, ...bucket],
        resources: [exports.bucketArn, exports.arnForObjects('*')],
        conditions: isPartner,
      }),
    );
  }
  exports.node.addValidation({
    validate: () => {
      const bytes = JSON.stringify(rendered(Stack.of(exports).resolve(exports.policy!.document))).length;
      return bytes <= policyBytes
        ? []
        : [
            `environments.${name}.partners must leave the policy of the exports bucket below ${policyBytes} bytes, got ${partners.length} partners and about ${bytes} bytes`,
          ];
    },
  });
  const areAll = { ArnEquals: { 'aws:PrincipalArn': partners.map((partner) => arnOf(partner.name)) } };
  for (const bucket of closed)
    bucket.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:*'],
        resources: [bucket.bucketArn, bucket.arnForObjects('*')],
        conditions: areAll,
      }),
    );
  key.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['kms:*'],
      resources: ['*'],
      conditions: { ...areAll, StringNotEquals: { 'kms:ViaService': `s3.${Stack.of(key).region}.amazonaws.com` } },
    }),
  );
}

/** Largest bucket policy (Amazon S3, "Bucket policies for Amazon S3"). */
const policyBytes = 20_480;
/** Typical length of the ARN of a bucket or a function. */
const someArn = 'a'.repeat(80);

/** Estimates the document as deployed. */
function rendered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rendered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [name, content] = entries[0] ?? ['', undefined];
  if (name === 'Fn::Join') return (content[1] as unknown[]).map(rendered).join(content[0]);
  if (name === 'Ref') return String(content).startsWith('AWS::') ? 'a'.repeat(12) : someArn;
  if (name.startsWith('Fn::')) return someArn;
  return Object.fromEntries(entries.map(([key, member]) => [key, rendered(member)]));
}
