import { deaggregate, type Part } from './aggregation';
import { ReadError, reason, UndecodableError } from './errors';
import type { RawRecord } from './get-records';
import type { ReadOptions } from './options';
import { decoder, messageId, type StreamRecord, withEnvelope } from './record';

/** A record on its way to the caller. */
export interface Item<Value> {
  readonly record: StreamRecord<Value>;
  readonly raw: RawRecord;
  /** Index of the part, if later parts of the same Kinesis record follow. */
  readonly sub: number | undefined;
}

/** Undefined if the payload is skipped. */
export type MaybeItem<Value> = Item<Value> | undefined;

/**
 * Makes the function that turns a Kinesis record into the caller's records: it splits aggregates, decodes and wraps.
 * It skips the parts up to `afterPart`. It yields promises only if the decoder returns promises. Every record of a
 * stream passes through it, so a plain record makes neither closures nor a generator.
 */
export function payloads<Value>(streamName: string, options: ReadOptions<Value>) {
  const decode = decoder<Value>(options.decode ?? 'json', options.gzip ?? false);
  const { undecodable = 'yield', aggregated = true, envelope } = options;

  const undecoded = (from: Wrapped, error: unknown): MaybeItem<Value> => {
    const { _kinesis } = from;
    if (undecodable === 'throw') throw new UndecodableError(_kinesis.shard_id, _kinesis.seq_no, error);
    if (undecodable === 'skip') return undefined;
    return decoded(from, undefined as Value, { reason: reason(error), bytes: from.data });
  };
  const decoded = (
    { _kinesis, _kinesis_msg_id, raw, sub }: Wrapped,
    value: Value,
    failure?: StreamRecord['undecodable'],
  ): Item<Value> => {
    const record = failure
      ? { value, _kinesis, _kinesis_msg_id, undecodable: failure }
      : { value, _kinesis, _kinesis_msg_id };
    return { record: envelope === 'dlt' ? dltRecord(record) : record, raw, sub };
  };
  const itemOf = (wrapped: Wrapped): MaybeItem<Value> | Promise<MaybeItem<Value>> => {
    let value: Value | Promise<Value>;
    try {
      value = decode(wrapped.data);
    } catch (error) {
      return undecoded(wrapped, error);
    }
    return isPromise(value)
      ? value.then(
          (done) => decoded(wrapped, done),
          (error: unknown) => undecoded(wrapped, error),
        )
      : decoded(wrapped, value);
  };
  function* itemsOfParts(shardId: string, raw: RawRecord, parts: readonly Part[], afterPart = -1) {
    const last = parts.length - 1;
    for (let part = afterPart + 1; part <= last; part++)
      yield itemOf(wrap(streamName, shardId, raw, parts[part]!, part, part === last ? undefined : part));
  }

  return (
    shardId: string,
    raw: RawRecord,
    afterPart: number | undefined,
  ): Iterable<MaybeItem<Value> | Promise<MaybeItem<Value>>> => {
    const parts = aggregated ? deaggregate(raw.data) : undefined;
    return parts
      ? itemsOfParts(shardId, raw, parts, afterPart)
      : [itemOf(wrap(streamName, shardId, raw, raw, undefined, undefined))];
  };
}

/** A payload with its envelope, before it is decoded. */
interface Wrapped extends Pick<StreamRecord, '_kinesis' | '_kinesis_msg_id'> {
  readonly data: Uint8Array;
  readonly raw: RawRecord;
  readonly sub: number | undefined;
}

const wrap = (
  streamName: string,
  shardId: string,
  raw: RawRecord,
  { partitionKey, data }: Part,
  part: number | undefined,
  sub: number | undefined,
): Wrapped => ({
  _kinesis: {
    shard_id: shardId,
    seq_no: raw.sequenceNumber,
    ts: raw.arrivedAt,
    partition: partitionKey,
    stream_name: streamName,
  },
  _kinesis_msg_id: messageId(shardId, raw.sequenceNumber, part),
  data,
  raw,
  sub,
});

/** True for a promise of any realm or library. */
export const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

function dltRecord<Value>(record: StreamRecord<Value>): StreamRecord<Value> {
  try {
    return withEnvelope(record) as StreamRecord<Value>;
  } catch (error) {
    throw new ReadError(reason(error), { cause: error });
  }
}
