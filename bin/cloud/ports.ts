import type { ListedWithClass } from '../../lambda/shared/s3';
import type { MessageCounts } from '../../lambda/shared/sqs';
import type { Warehouse } from '../../lambda/shared/warehouse';
import type { Names } from './names';

/** An object as a listing tells of it. Keys are plain, not URL-encoded. */
export type ListedObject = ListedWithClass;

export interface Buckets {
  /** The objects below a prefix in the order of their keys, a page of up to 1,000 at a time. */
  pages(bucket: string, prefix: string): AsyncIterable<readonly ListedObject[]>;
  /** The current version; undefined when there is no such object. */
  head(bucket: string, key: string): Promise<(ListedObject & { readonly versionId?: string }) | undefined>;
  /** The bytes of the current version, as they come. */
  read(bucket: string, key: string): Promise<AsyncIterable<Uint8Array>>;
}

export interface QueueMessage {
  readonly id: string;
  readonly receipt: string;
  readonly body: string;
}

export interface Queues {
  /** Any number of messages. One that is refused for good holds up none of the others. @throws Error when one was not taken */
  send(url: string, bodies: readonly string[]): Promise<void>;
  /** Up to ten messages, hidden from other readers for so long. */
  receive(url: string, hideSeconds: number): Promise<QueueMessage[]>;
  /** Ends the hiding of a message. */
  release(url: string, receipt: string): Promise<void>;
  delete(url: string, receipt: string): Promise<void>;
  counts(url: string): Promise<MessageCounts>;
}

export interface StreamRecord {
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  /** Epoch milliseconds. */
  readonly arrivedAt: number;
  readonly data: Uint8Array;
}

export interface Streams {
  /** Ids of all shards that still hold records, open and closed, all pages. */
  shards(stream: string): Promise<string[]>;
  /** Records of a shard in order from a moment (epoch milliseconds) or from the oldest one on, until the newest, a call's worth at a time. */
  records(stream: string, shard: string, from: number | undefined): AsyncIterable<readonly StreamRecord[]>;
  /** The record at a position; undefined when the stream holds it no longer. */
  record(stream: string, shard: string, sequenceNumber: string): Promise<StreamRecord | undefined>;
}

/** A running environment, in AWS or on this machine, as the commands see it. */
export interface Cloud {
  readonly names: Names;
  readonly buckets: Buckets;
  readonly queues: Queues;
  readonly streams: Streams;
  readonly warehouse: Warehouse;
  close(): void;
}
