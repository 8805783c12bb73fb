import { asArray, asJson, asNumber, asRecord, asText } from '../shared/parse';

/** One version of an object of the history or the archive bucket. */
export interface HistoryObject {
  readonly bucket: string;
  /** Plain, not URL-encoded. */
  readonly key: string;
  /** Without quotes. Identifies the bytes. */
  readonly etag: string;
  /** '' where it is unknown or the bucket has no versions. */
  readonly versionId: string;
  /** Bytes. */
  readonly size: number;
}

/** An object that a message names. */
export interface NotifiedObject extends HistoryObject {
  /** Epoch milliseconds; 0 where the message does not say. */
  readonly writtenAt: number;
  /** The message is a dead letter that SQS moved back. */
  readonly parked?: boolean;
}

export interface Message {
  readonly messageId: string;
  readonly body: string;
  /** Deliveries, this one included. */
  readonly attempts: number;
  /** Epoch milliseconds. */
  readonly sentAt: number;
}

/** The messages of an SQS batch. Their bodies are parsed one by one, so that a bad one does not fail the others. */
export function parseBatch(event: unknown): Message[] {
  return asArray(asRecord(event, 'event').Records, 'event.Records').map((value, i) => {
    const at = `event.Records[${i}]`;
    const record = asRecord(value, at);
    const attributes = asRecord(record.attributes ?? {}, `${at}.attributes`);
    return {
      messageId: asText(record.messageId, `${at}.messageId`),
      body: asText(record.body, `${at}.body`),
      attempts: asNumber(attributes.ApproximateReceiveCount ?? 1, `${at}.attributes.ApproximateReceiveCount`),
      sentAt: asNumber(attributes.SentTimestamp ?? 0, `${at}.attributes.SentTimestamp`),
    };
  });
}

/**
 * The objects that an S3 notification names. None for S3's test event and for deletions.
 * Keys arrive URL-encoded with `+` for a space (Amazon S3 user guide, event message structure). A parked message is read as its original, so that
 * SQS's own redrive of a dead-letter queue works.
 */
export function parseNotification(body: string): NotifiedObject[] {
  const notification = asRecord(asJson(body, 'body'), 'body');
  if (typeof notification.original === 'string' && typeof notification.reason === 'string')
    return parseNotification(notification.original).map((object) => ({ ...object, parked: true }));
  if (notification.Event === 's3:TestEvent') return [];
  if (notification.source === 'aws.s3') return bridged(notification);
  return asArray(notification.Records, 'body.Records').flatMap((value, i) => {
    const at = `body.Records[${i}]`;
    const record = asRecord(value, at);
    if (!/^(s3:)?ObjectCreated:/.test(asText(record.eventName, `${at}.eventName`))) return [];
    const s3 = asRecord(record.s3, `${at}.s3`);
    const object = asRecord(s3.object, `${at}.s3.object`);
    const etag = asText(object.eTag, `${at}.s3.object.eTag`).replaceAll('"', '');
    if (etag === '') throw new Error(`${at}.s3.object.eTag must identify the bytes, got an empty text`);
    return [
      {
        bucket: asText(asRecord(s3.bucket, `${at}.s3.bucket`).name, `${at}.s3.bucket.name`),
        key: decodeURIComponent(asText(object.key, `${at}.s3.object.key`).replaceAll('+', ' ')),
        etag,
        versionId: asText(object.versionId ?? '', `${at}.s3.object.versionId`),
        size: asNumber(object.size ?? 0, `${at}.s3.object.size`),
        writtenAt: Date.parse(asText(record.eventTime ?? '', `${at}.eventTime`)) || 0,
      },
    ];
  });
}

/**
 * The object of an event that S3 sent through EventBridge. None for other events than "Object Created". The key is plain here (Amazon S3 user guide,
 * "EventBridge event message structure").
 */
function bridged(event: Readonly<Record<string, unknown>>): NotifiedObject[] {
  if (event['detail-type'] !== 'Object Created') return [];
  const detail = asRecord(event.detail, 'body.detail');
  const object = asRecord(detail.object, 'body.detail.object');
  const etag = asText(object.etag, 'body.detail.object.etag').replaceAll('"', '');
  if (etag === '') throw new Error('body.detail.object.etag must identify the bytes, got an empty text');
  return [
    {
      bucket: asText(asRecord(detail.bucket, 'body.detail.bucket').name, 'body.detail.bucket.name'),
      key: asText(object.key, 'body.detail.object.key'),
      etag,
      versionId: asText(object['version-id'] ?? '', 'body.detail.object.version-id'),
      size: asNumber(object.size ?? 0, 'body.detail.object.size'),
      writtenAt: Date.parse(asText(event.time ?? '', 'body.time')) || 0,
    },
  ];
}

/** A body like that of S3's own notifications. For objects whose notification was lost, and for retries. */
export function notificationOf({ bucket, key, etag, versionId, size }: HistoryObject, writtenAt?: number): string {
  const object = {
    key: encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/'),
    size,
    eTag: etag,
    ...(versionId === '' ? {} : { versionId }),
  };
  const eventTime = writtenAt === undefined ? {} : { eventTime: new Date(writtenAt).toISOString() };
  return JSON.stringify({
    Records: [
      { eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', ...eventTime, s3: { bucket: { name: bucket }, object } },
    ],
  });
}
