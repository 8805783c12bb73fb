import { deaggregate } from './aggregation';
import { ReadError, reason, UndecodableError } from './errors';
import type { RawRecord } from './kinesis';
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

interface Payload {
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

/**
 * Makes the function that turns a Kinesis record into the caller's records: it splits aggregates, decodes and wraps.
 * It skips the parts up to `afterPart`. It yields promises only if the decoder returns promises.
 */
export function payloads<Value>(streamName: string, options: ReadOptions<Value>) {
  const decode = decoder<Value>(options.decode ?? 'json', options.gzip ?? false);
  const { undecodable = 'yield', aggregated = true, envelope } = options;

  const wrap = (shardId: string, raw: RawRecord, payload: Payload, part: number | undefined, sub?: number) => {
    const id = {
      _kinesis: {
        shard_id: shardId,
        seq_no: raw.sequenceNumber,
        ts: raw.arrivedAt,
        partition: payload.partitionKey,
        stream_name: streamName,
      },
      _kinesis_msg_id: messageId(shardId, raw.sequenceNumber, part),
    };
    const done = (record: StreamRecord<Value>): Item<Value> => ({ record: enveloped(record, envelope), raw, sub });
    const failed = (error: unknown): MaybeItem<Value> => {
      if (undecodable === 'throw') throw new UndecodableError(shardId, raw.sequenceNumber, error);
      if (undecodable === 'skip') return undefined;
      return done({ value: undefined as Value, ...id, undecodable: { reason: reason(error), bytes: payload.data } });
    };
    let value: Value | Promise<Value>;
    try {
      value = decode(payload.data);
    } catch (error) {
      return failed(error);
    }
    if (isPromise(value)) return value.then((decoded) => done({ value: decoded, ...id }), failed);
    return done({ value, ...id });
  };

  return function* itemsOf(
    shardId: string,
    raw: RawRecord,
    afterPart: number | undefined,
  ): Generator<MaybeItem<Value> | Promise<MaybeItem<Value>>> {
    const parts = aggregated ? deaggregate(raw.data) : undefined;
    if (!parts) {
      yield wrap(shardId, raw, raw, undefined);
      return;
    }
    const last = parts.length - 1;
    for (let index = (afterPart ?? -1) + 1; index <= last; index++)
      yield wrap(shardId, raw, parts[index]!, index, index === last ? undefined : index);
  };
}

/** True for a promise of any realm or library. */
export const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

function enveloped<Value>(record: StreamRecord<Value>, envelope: ReadOptions['envelope']): StreamRecord<Value> {
  if (envelope !== 'dlt') return record;
  try {
    return withEnvelope(record) as StreamRecord<Value>;
  } catch (error) {
    throw new ReadError(reason(error), { cause: error });
  }
}
