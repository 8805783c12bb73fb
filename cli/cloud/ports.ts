import type { ForgetKeys } from '../../lambda/shared/forget-keys';
import type { ListedWithClass } from '../../lambda/shared/s3';
import type { MessageCounts } from '../../lambda/shared/sqs';
import type { Warehouse } from '../../lambda/shared/warehouse';
import type { Names } from './names';

/** An object in a listing. Keys are plain, not URL-encoded. */
export type ListedObject = ListedWithClass;

export interface Buckets {
  /** Lists the objects below a prefix in key order, in pages of up to 1,000. */
  pages(bucket: string, prefix: string): AsyncIterable<readonly ListedObject[]>;
  /** Returns the current version, or undefined if the object does not exist. */
  head(bucket: string, key: string): Promise<(ListedObject & { readonly versionId?: string }) | undefined>;
  /** Streams the bytes of the current version. */
  read(bucket: string, key: string): Promise<AsyncIterable<Uint8Array>>;
  /** Writes an object. */
  put(bucket: string, key: string, body: Uint8Array): Promise<ListedObject>;
  /** Writes a JSON text where there is no object. Returns false if there is one. */
  putNew(bucket: string, key: string, text: string): Promise<boolean>;
  readonly versions: ObjectVersions;
}

/** A version of an object. In a bucket without versions each object has one, with the id `null`. */
export interface ObjectVersion extends ListedObject {
  readonly versionId: string;
  readonly isLatest: boolean;
  /** True if it only says that the object was deleted. It has no bytes and no etag. */
  readonly isDeleteMarker: boolean;
}

/** What S3 keeps beside the bytes of an object, so that a rewritten object can keep it too. */
export interface ObjectFacts {
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly contentDisposition?: string;
  readonly contentLanguage?: string;
  readonly cacheControl?: string;
  /** Undefined for the standard class. */
  readonly storageClass?: string;
}

/** The versions of objects: what was overwritten or deleted is still there, in a bucket with versions. */
export interface ObjectVersions {
  /** Lists the versions of the objects below a prefix in key order, the newest first, in pages of up to 1,000. */
  pages(bucket: string, prefix: string): AsyncIterable<readonly ObjectVersion[]>;
  /** Streams the bytes of a version. Undefined if it is gone. */
  read(bucket: string, key: string, versionId: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Returns what is kept beside the bytes of a version. Undefined if it is gone. */
  facts(bucket: string, key: string, versionId: string): Promise<ObjectFacts | undefined>;
  /**
   * Writes the bytes of a file over the object on the condition that its etag is still this one.
   * @returns the new version. Undefined if the object has changed or is gone
   */
  replace(
    bucket: string,
    key: string,
    etag: string,
    file: string,
    facts: ObjectFacts,
  ): Promise<{ readonly etag: string; readonly versionId: string; readonly size: number } | undefined>;
  /** Deletes a version for good. Does nothing if it is gone. */
  delete(bucket: string, key: string, versionId: string): Promise<void>;
}

export interface QueueMessage {
  readonly id: string;
  readonly receipt: string;
  readonly body: string;
  /** Number of deliveries, including this one. */
  readonly deliveries: number;
  /** Epoch milliseconds. */
  readonly sentAt: number;
}

/** A message that was inspected and left in its queue. */
export interface SeenMessage {
  readonly body: string;
  /** Number of deliveries so far. */
  readonly deliveries: number;
  /** Epoch milliseconds. */
  readonly sentAt: number;
  /** Epoch milliseconds until which nobody can receive the message. Undefined: it can be received now. */
  readonly hiddenUntil?: number;
}

export interface QueueLook {
  readonly messages: readonly SeenMessage[];
  /** True if every message of the queue was seen. */
  readonly whole: boolean;
}

export interface Queues {
  /**
   * Sends any number of messages. A message that is refused for good does not stop the others.
   * @throws Error if a message was refused
   */
  send(url: string, bodies: readonly string[]): Promise<void>;
  /** Receives up to ten messages and hides them from other readers for the given time. */
  receive(url: string, hideSeconds: number): Promise<QueueMessage[]>;
  /** Makes a hidden message visible again. */
  release(url: string, receipt: string): Promise<void>;
  delete(url: string, receipt: string): Promise<void>;
  counts(url: string): Promise<MessageCounts>;
  /** Inspects up to `most` messages and leaves them in the queue. */
  look(url: string, most: number): Promise<QueueLook>;
  /**
   * True if an inspection counts as a delivery. In AWS it does: SQS shows a message only by delivering it. After a
   * hundred deliveries a message becomes a dead letter, and in the third one an object may be found at fault.
   */
  readonly lookCounts: boolean;
}

export interface StreamRecord {
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
  readonly data: Uint8Array;
}

export interface Streams {
  /** Returns what tells the stream from every other one, also from a later one of its name. */
  identity(stream: string): Promise<string>;
  /** Returns the ids of all shards that still hold records, open and closed, over all pages. */
  shards(stream: string): Promise<string[]>;
  /**
   * Reads a shard's records in order, one call's worth at a time, from `from` (epoch milliseconds) or the oldest
   * record, up to the newest.
   */
  records(stream: string, shard: string, from: number | undefined): AsyncIterable<readonly StreamRecord[]>;
  /** Returns the record at a position, or undefined if the stream no longer holds it. */
  record(stream: string, shard: string, sequenceNumber: string): Promise<StreamRecord | undefined>;
}

/** A running environment, in AWS or on this machine, as the commands use it. */
export interface Cloud {
  readonly names: Names;
  readonly buckets: Buckets;
  readonly queues: Queues;
  readonly streams: Streams;
  readonly warehouse: Warehouse;
  /** The keys of a pipeline's marks: see lambda/shared/forget-keys.ts. */
  forgetKeys(pipeline: string): Promise<ForgetKeys>;
  close(): void;
}
