import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** A record of a stream, as a reader yields it. */
export interface StreamRecord<Value = unknown> {
  /** The decoded payload; undefined if `decode` failed. */
  readonly value: Value;
  readonly _kinesis: Envelope;
  /**
   * Stable id: SHAKE-128 (15 bytes, base64) of shard id and sequence number. Part n of an aggregated record has the
   * suffix `#<n>`.
   */
  readonly _kinesis_msg_id: string;
  /** Why the payload could not be decoded, and its bytes. */
  readonly undecodable?: { readonly reason: string; readonly bytes: Uint8Array };
}

export interface Envelope {
  readonly shard_id: string;
  readonly seq_no: string;
  /** When the record arrived in the stream. The service calls it approximate. */
  readonly ts: Date;
  /** Partition key. */
  readonly partition: string;
  readonly stream_name: string;
}

/** Computes the same id that dlt's Kinesis source gives the record. */
export function messageId(shardId: string, sequenceNumber: string, part?: number): string {
  const id = shake128(shardId + sequenceNumber);
  return part === undefined ? id : `${id}#${part}`;
}

const of15Bytes = { outputEncoding: 'base64', outputLength: 15 } as const;

/**
 * SHAKE-128 in one call, which takes two thirds of the time of a Hash object. Node.js before 24.4 takes no length and
 * gives 16 bytes, of which the first 15 are the same: 20 characters of base64.
 */
const shake128: (text: string) => string = takesLength()
  ? (text) => hash('shake128', text, of15Bytes)
  : (text) => hash('shake128', text, 'base64').slice(0, 20);

function takesLength(): boolean {
  try {
    return hash('shake128', '', of15Bytes).length === 20;
  } catch {
    return false;
  }
}

export type Decode<Value> = 'json' | 'text' | 'bytes' | ((bytes: Uint8Array) => Value | Promise<Value>);

const utf8 = new TextDecoder('utf-8', { fatal: true });
const inflate = promisify(gunzip);
/** Largest payload after decompression: a small record can hold a large one. */
const maxInflatedBytes = 64 * 1024 * 1024;

/** @returns a function that decodes a payload and throws if the payload is invalid */
export function decoder<Value>(decode: Decode<Value>, gzip: boolean): (bytes: Uint8Array) => Value | Promise<Value> {
  const plain = plainDecoder(decode);
  if (!gzip) return plain;
  return (bytes) =>
    bytes[0] === 0x1f && bytes[1] === 0x8b
      ? inflate(bytes, { maxOutputLength: maxInflatedBytes }).then(plain)
      : plain(bytes);
}

function plainDecoder<Value>(decode: Decode<Value>): (bytes: Uint8Array) => Value | Promise<Value> {
  if (typeof decode === 'function') return decode;
  if (decode === 'bytes') return (bytes) => bytes as Value;
  if (decode === 'text') return (bytes) => utf8.decode(bytes) as Value;
  return (bytes) => JSON.parse(utf8.decode(bytes)) as Value;
}

/**
 * Puts the envelope into the value, as dlt does.
 * @throws Error naming a field of the value that the envelope would overwrite
 */
export function withEnvelope(record: StreamRecord): object {
  const { value, _kinesis, _kinesis_msg_id, undecodable } = record;
  const envelope = { _kinesis, _kinesis_msg_id };
  if (undecodable) return { data: undecodable.bytes, ...envelope };
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array)
    return { data: value, ...envelope };
  for (const field of Object.keys(envelope))
    if (Object.hasOwn(value, field))
      throw new Error(`the payload has a field ${field}, which the envelope of dlt uses (record ${_kinesis.seq_no})`);
  return { ...value, ...envelope };
}
