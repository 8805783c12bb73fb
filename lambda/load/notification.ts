import { asArray, asJson, asNumber, asRecord, asText } from '../shared/parse';

/** One version of an object of the history bucket. */
export interface HistoryObject {
  readonly bucket: string;
  /** Plain, not URL-encoded. */
  readonly key: string;
  /** The version id, or the ETag where the bucket has no versions. */
  readonly version: string;
  /** Bytes. */
  readonly size: number;
}

export interface Message {
  readonly messageId: string;
  readonly body: string;
}

/** The messages of an SQS batch. The bodies are parsed one by one, so that a bad one does not hold up the others. */
export function parseBatch(event: unknown): Message[] {
  return asArray(asRecord(event, 'event').Records, 'event.Records').map((value, i) => {
    const record = asRecord(value, `event.Records[${i}]`);
    return {
      messageId: asText(record.messageId, `event.Records[${i}].messageId`),
      body: asText(record.body, `event.Records[${i}].body`),
    };
  });
}

/**
 * The objects that an S3 notification tells of. None for S3's test event and for deletions.
 * Keys arrive URL-encoded with `+` for a space (Amazon S3 user guide, event message structure).
 */
export function parseNotification(body: string): HistoryObject[] {
  const notification = asRecord(asJson(body, 'body'), 'body');
  if (notification.Event === 's3:TestEvent') return [];
  return asArray(notification.Records, 'body.Records').flatMap((value, i) => {
    const at = `body.Records[${i}]`;
    const record = asRecord(value, at);
    if (!/^(s3:)?ObjectCreated:/.test(asText(record.eventName, `${at}.eventName`))) return [];
    const s3 = asRecord(record.s3, `${at}.s3`);
    const object = asRecord(s3.object, `${at}.s3.object`);
    return [
      {
        bucket: asText(asRecord(s3.bucket, `${at}.s3.bucket`).name, `${at}.s3.bucket.name`),
        key: decodeURIComponent(asText(object.key, `${at}.s3.object.key`).replaceAll('+', ' ')),
        version: asText(object.versionId ?? object.eTag, `${at}.s3.object.versionId or eTag`),
        size: asNumber(object.size ?? 0, `${at}.s3.object.size`),
      },
    ];
  });
}
