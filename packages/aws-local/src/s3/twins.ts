import {
  AwsError,
  booleanOf,
  listOf,
  NotModelledError,
  objectOf,
  oneOf,
  type PolicyDocument,
  type ResourceContext,
  type ResourceState,
  type ResourceTwin,
  requiredText,
  shortened,
  textOf,
} from 'aws-local-kit';
import { parsePolicy } from '../iam/policy';
import { parseNotifications } from './notifications';
import type { BucketSettings, S3 } from './s3';

type Properties = Readonly<Record<string, unknown>>;

/**
 * Twins of AWS::S3::Bucket, AWS::S3::BucketPolicy and Custom::S3BucketNotifications. CDK sets notifications with the
 * last one; CDK's own handler for it is in Python.
 *
 * Lifecycle rules, access logging and the public access block are validated but have no effect: nothing expires here,
 * no access log is written, and only loopback is served.
 */
export function s3Twins(s3: S3): ResourceTwin[] {
  return [
    {
      type: 'AWS::S3::Bucket',
      properties: [
        'AccessControl',
        'BucketEncryption',
        'BucketName',
        'LifecycleConfiguration',
        'LoggingConfiguration',
        'NotificationConfiguration',
        'OwnershipControls',
        'PublicAccessBlockConfiguration',
        'Tags',
        'VersioningConfiguration',
      ],
      attributes: ['Arn', 'DomainName', 'RegionalDomainName'],
      replacedBy: ['BucketName'],
      create: (properties, context) => createBucket(s3, properties, context),
      delete: ({ ref }) => s3.deleteBucket(ref),
    },
    {
      type: 'AWS::S3::BucketPolicy',
      properties: ['Bucket', 'PolicyDocument'],
      attributes: [],
      create(properties: Properties, context) {
        const where = `AWS::S3::BucketPolicy ${context.logicalId}`;
        const name = requiredText(properties['Bucket'], `${where}.Bucket`);
        const policy = properties['PolicyDocument'] as PolicyDocument;
        parsePolicy(policy, 'resource', `${where}.PolicyDocument`);
        s3.bucket(name).policy = policy;
        return { ref: name, attributes: {} };
      },
      replacedBy: ['Bucket'],
      delete({ ref }) {
        if (s3.has(ref)) s3.bucket(ref).policy = undefined;
      },
    },
    {
      type: 'Custom::S3BucketNotifications',
      properties: ['ServiceToken', 'BucketName', 'NotificationConfiguration', 'Managed', 'SkipDestinationValidation'],
      attributes: [],
      async create(properties: Properties, context) {
        const where = `Custom::S3BucketNotifications ${context.logicalId}`;
        if (booleanOf(properties['Managed'], `${where}.Managed`) === false)
          throw new NotModelledError(`${where}.Managed false`);
        const skip = booleanOf(properties['SkipDestinationValidation'], `${where}.SkipDestinationValidation`) ?? false;
        const bucket = s3.bucket(requiredText(properties['BucketName'], `${where}.BucketName`));
        const notifications = parseNotifications(
          properties['NotificationConfiguration'],
          `${where}.NotificationConfiguration`,
        );
        await s3.setNotifications(bucket, notifications.queues, skip || context.previous !== undefined);
        bucket.eventBridge = notifications.eventBridge;
        return { ref: context.generatedName, attributes: {} };
      },
      replacedBy: ['BucketName'],
      delete(_state, _context, { BucketName }) {
        if (s3.has(BucketName)) Object.assign(s3.bucket(BucketName), { notifications: [], eventBridge: false });
      },
    },
  ];
}

async function createBucket(s3: S3, properties: Properties, context: ResourceContext): Promise<ResourceState> {
  const where = `AWS::S3::Bucket ${context.logicalId}`;
  const given = textOf(properties['BucketName'], `${where}.BucketName`);
  const name = given ?? shortened(context.generatedName.toLowerCase(), 63);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name))
    throw new AwsError(
      'InvalidBucketName',
      `${where}.BucketName must be 3 to 63 lower-case letters, digits, dots and hyphens, got ${name}`,
    );
  checkForm(properties, where);
  const versioning = objectOf(properties['VersioningConfiguration'], ['Status'], `${where}.VersioningConfiguration`);
  const settings: BucketSettings = {
    versioned: oneOf(versioning?.['Status'], ['Enabled'], `${where}.VersioningConfiguration.Status`) === 'Enabled',
    encryption: encryptionOf(properties['BucketEncryption'], `${where}.BucketEncryption`),
    tags: listOf(properties['Tags'], `${where}.Tags`) as BucketSettings['tags'],
  };
  const notifications = parseNotifications(
    properties['NotificationConfiguration'],
    `${where}.NotificationConfiguration`,
  );
  const bucket = s3.open(name, settings);
  await s3.setNotifications(bucket, notifications.queues, context.previous !== undefined);
  bucket.eventBridge = notifications.eventBridge;
  return {
    ref: name,
    attributes: {
      Arn: bucket.arn,
      DomainName: `${name}.s3.amazonaws.com`,
      RegionalDomainName: `${name}.s3.${s3.options.region}.amazonaws.com`,
    },
  };
}

function encryptionOf(value: unknown, where: string): BucketSettings['encryption'] {
  const configuration = objectOf(value, ['ServerSideEncryptionConfiguration'], where);
  const [item, ...more] = listOf(
    configuration?.['ServerSideEncryptionConfiguration'],
    `${where}.ServerSideEncryptionConfiguration`,
  );
  if (item === undefined) return undefined;
  if (more.length > 0) throw new NotModelledError(`${where} with several rules`);
  const rule = objectOf(
    item,
    ['BucketKeyEnabled', 'ServerSideEncryptionByDefault'],
    `${where}.ServerSideEncryptionConfiguration[0]`,
  );
  const at = `${where}.ServerSideEncryptionByDefault`;
  const byDefault = objectOf(rule?.['ServerSideEncryptionByDefault'], ['SSEAlgorithm', 'KMSMasterKeyID'], at);
  const algorithm = oneOf(byDefault?.['SSEAlgorithm'], ['AES256', 'aws:kms'] as const, `${at}.SSEAlgorithm`);
  if (algorithm !== 'aws:kms') return undefined;
  return {
    kmsKey: textOf(byDefault?.['KMSMasterKeyID'], `${at}.KMSMasterKeyID`) ?? 'alias/aws/s3',
    bucketKey: booleanOf(rule?.['BucketKeyEnabled'], `${where}.BucketKeyEnabled`) ?? false,
  };
}

function checkForm(properties: Properties, where: string): void {
  oneOf(
    properties['AccessControl'],
    ['Private', 'LogDeliveryWrite', 'BucketOwnerFullControl'],
    `${where}.AccessControl`,
  );
  objectOf(
    properties['PublicAccessBlockConfiguration'],
    ['BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls', 'RestrictPublicBuckets'],
    `${where}.PublicAccessBlockConfiguration`,
  );
  objectOf(
    properties['LoggingConfiguration'],
    ['DestinationBucketName', 'LogFilePrefix', 'TargetObjectKeyFormat'],
    `${where}.LoggingConfiguration`,
  );
  const ownership = objectOf(properties['OwnershipControls'], ['Rules'], `${where}.OwnershipControls`);
  for (const rule of listOf(ownership?.['Rules'], `${where}.OwnershipControls.Rules`))
    objectOf(rule, ['ObjectOwnership'], `${where}.OwnershipControls.Rules`);
  const lifecycle = objectOf(
    properties['LifecycleConfiguration'],
    ['Rules', 'TransitionDefaultMinimumObjectSize'],
    `${where}.LifecycleConfiguration`,
  );
  for (const rule of listOf(lifecycle?.['Rules'], `${where}.LifecycleConfiguration.Rules`))
    objectOf(
      rule,
      [
        'AbortIncompleteMultipartUpload',
        'ExpirationDate',
        'ExpirationInDays',
        'ExpiredObjectDeleteMarker',
        'Id',
        'NoncurrentVersionExpiration',
        'NoncurrentVersionTransitions',
        'ObjectSizeGreaterThan',
        'ObjectSizeLessThan',
        'Prefix',
        'Status',
        'Transitions',
      ],
      `${where}.LifecycleConfiguration.Rules`,
    );
}
