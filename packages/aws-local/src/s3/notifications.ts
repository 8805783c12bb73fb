import { randomBytes } from 'node:crypto';
import { type BusEvent, booleanOf, listOf, NotModelledError, objectOf, requiredText } from 'aws-local-kit';
import type { ObjectVersion } from './bucket';

/** One destination for a bucket's events. */
export interface QueueNotification {
  readonly id: string;
  /** Event types as configured, for example `s3:ObjectCreated:*`. */
  readonly events: readonly string[];
  readonly queueArn: string;
  readonly prefix: string;
  readonly suffix: string;
}

/** All destinations of a bucket's events. */
export interface Notifications {
  readonly queues: readonly QueueNotification[];
  /** Whether all events also go to EventBridge. */
  readonly eventBridge: boolean;
}

export type ObjectEvent =
  | 'ObjectCreated:Put'
  | 'ObjectCreated:Copy'
  | 'ObjectCreated:CompleteMultipartUpload'
  | 'ObjectRemoved:Delete'
  | 'ObjectRemoved:DeleteMarkerCreated';

const configurableEvents = [
  's3:ObjectCreated:*',
  's3:ObjectCreated:Put',
  's3:ObjectCreated:Copy',
  's3:ObjectCreated:Post',
  's3:ObjectCreated:CompleteMultipartUpload',
  's3:ObjectRemoved:*',
  's3:ObjectRemoved:Delete',
  's3:ObjectRemoved:DeleteMarkerCreated',
];

/**
 * Parses a NotificationConfiguration. It accepts the form of CloudFormation's AWS::S3::Bucket (`Event`, `Queue`,
 * `S3Key.Rules`), and the form of the API and CDK's Custom::S3BucketNotifications (`Events`, `QueueArn`,
 * `Key.FilterRules`).
 * @throws NotModelledError for destinations other than queues and EventBridge
 */
export function parseNotifications(value: unknown, where: string): Notifications {
  const configuration = objectOf(value, ['EventBridgeConfiguration', 'QueueConfigurations'], where);
  const bridge = objectOf(
    configuration?.['EventBridgeConfiguration'],
    ['EventBridgeEnabled'],
    `${where}.EventBridgeConfiguration`,
  );
  const eventBridge =
    bridge !== undefined && booleanOf(bridge['EventBridgeEnabled'], `${where}.EventBridgeEnabled`) !== false;
  const queues = listOf(configuration?.['QueueConfigurations'], `${where}.QueueConfigurations`).map((item, i) => {
    const at = `${where}.QueueConfigurations[${i}]`;
    const raw = objectOf(item, ['Id', 'Event', 'Events', 'Queue', 'QueueArn', 'Filter'], at) ?? {};
    const events = raw['Event'] === undefined ? listOf(raw['Events'], `${at}.Events`) : [raw['Event']];
    for (const event of events)
      if (!configurableEvents.includes(String(event))) throw new NotModelledError(`${at}: event ${event}`);
    return {
      id: typeof raw['Id'] === 'string' ? raw['Id'] : `${i}`,
      events: events as string[],
      queueArn: requiredText(raw['Queue'] ?? raw['QueueArn'], `${at}.Queue`),
      ...filterOf(raw['Filter'], `${at}.Filter`),
    };
  });
  return { queues, eventBridge };
}

function filterOf(value: unknown, where: string): { prefix: string; suffix: string } {
  const filter = objectOf(value, ['S3Key', 'Key'], where);
  const key = objectOf(filter?.['S3Key'] ?? filter?.['Key'], ['Rules', 'FilterRules'], `${where}.S3Key`);
  const found = { prefix: '', suffix: '' };
  for (const item of listOf(key?.['Rules'] ?? key?.['FilterRules'], `${where}.S3Key.Rules`)) {
    const rule = objectOf(item, ['Name', 'Value'], `${where}.S3Key.Rules`);
    const name = String(rule?.['Name']).toLowerCase();
    if (name !== 'prefix' && name !== 'suffix')
      throw new NotModelledError(`${where}.S3Key.Rules: Name ${rule?.['Name']}`);
    found[name] = String(rule?.['Value']);
  }
  return found;
}

export function wants(notification: QueueNotification, event: ObjectEvent, key: string): boolean {
  const named = notification.events.some((pattern) => {
    const name = pattern.slice('s3:'.length);
    return name.endsWith('*') ? event.startsWith(name.slice(0, -1)) : event === name;
  });
  return named && key.startsWith(notification.prefix) && key.endsWith(notification.suffix);
}

/** Encodes a key as S3 does in events: percent-encoded, with slashes kept and blanks as `+`. */
export function encodeEventKey(key: string): string {
  return encodeURIComponent(key)
    .replace(/%20/g, '+')
    .replace(/%2F/g, '/')
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * A message body of structure 2.1:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function eventBody(
  event: ObjectEvent,
  version: ObjectVersion,
  source: {
    readonly bucket: string;
    readonly region: string;
    readonly principal: string;
    readonly configurationId: string;
    readonly now: number;
  },
): string {
  const removed = event.startsWith('ObjectRemoved');
  return JSON.stringify({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: source.region,
        eventTime: new Date(source.now).toISOString(),
        eventName: event,
        userIdentity: { principalId: `AWS:${source.principal}` },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: {
          'x-amz-request-id': randomBytes(8).toString('hex').toUpperCase(),
          'x-amz-id-2': randomBytes(32).toString('base64'),
        },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: source.configurationId,
          bucket: {
            name: source.bucket,
            ownerIdentity: { principalId: 'local' },
            arn: `arn:aws:s3:::${source.bucket}`,
          },
          object: {
            key: encodeEventKey(version.key),
            ...(removed ? {} : { size: version.size, eTag: version.etag.replaceAll('"', '') }),
            ...(version.versionId === 'null' ? {} : { versionId: version.versionId }),
            sequencer: source.now.toString(16).toUpperCase().padStart(16, '0'),
          },
        },
      },
    ],
  });
}

const reasons: Readonly<Record<ObjectEvent, string>> = {
  'ObjectCreated:Put': 'PutObject',
  'ObjectCreated:Copy': 'CopyObject',
  'ObjectCreated:CompleteMultipartUpload': 'CompleteMultipartUpload',
  'ObjectRemoved:Delete': 'DeleteObject',
  'ObjectRemoved:DeleteMarkerCreated': 'DeleteObject',
};

/** An event for EventBridge: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html. The key is plain. */
export function busEvent(
  event: ObjectEvent,
  version: ObjectVersion,
  source: { readonly bucket: string; readonly account: string; readonly now: number },
): BusEvent {
  const removed = event.startsWith('ObjectRemoved');
  return {
    source: 'aws.s3',
    'detail-type': removed ? 'Object Deleted' : 'Object Created',
    resources: [`arn:aws:s3:::${source.bucket}`],
    detail: {
      version: '0',
      bucket: { name: source.bucket },
      object: {
        key: version.key,
        ...(removed ? {} : { size: version.size, etag: version.etag.replaceAll('"', '') }),
        ...(version.versionId === 'null' ? {} : { 'version-id': version.versionId }),
        sequencer: source.now.toString(16).toUpperCase().padStart(16, '0'),
      },
      'request-id': randomBytes(8).toString('hex').toUpperCase(),
      requester: source.account,
      'source-ip-address': '127.0.0.1',
      reason: reasons[event],
      ...(removed
        ? { 'deletion-type': event === 'ObjectRemoved:Delete' ? 'Permanently Deleted' : 'Delete Marker Created' }
        : {}),
    },
  };
}

export function testEventBody(bucket: string, now: number): string {
  return JSON.stringify({
    Service: 'Amazon S3',
    Event: 's3:TestEvent',
    Time: new Date(now).toISOString(),
    Bucket: bucket,
    RequestId: randomBytes(8).toString('hex').toUpperCase(),
    HostId: randomBytes(32).toString('base64'),
  });
}
