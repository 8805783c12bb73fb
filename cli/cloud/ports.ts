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
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
  /** Epoch milliseconds. */
  readonly sentAt: number;
}

/** A message of a queue that was looked at and left where it is. */
export interface SeenMessage {
  readonly body: string;
  /** How often it was delivered so far. */
  readonly deliveries: number;
  /** Epoch milliseconds. */
  readonly sentAt: number;
  /** Nobody can receive it before that moment, in epoch milliseconds. Undefined: it can be received now. */
  readonly hiddenUntil?: number;
}

export interface QueueLook {
  readonly messages: readonly SeenMessage[];
  /** Every message of the queue was seen. */
  readonly whole: boolean;
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
  /** Up to so many messages, left where they are. */
  look(url: string, most: number): Promise<QueueLook>;
  /**
   * Whether a look counts as a delivery of what it sees, as it does in AWS, which knows no other way to see a message. After a hundred
   * deliveries a message goes to the dead letters, and in the third one an object may be held to be at fault.
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
