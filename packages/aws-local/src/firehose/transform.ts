import { randomUUID } from 'node:crypto';
import type { Principal } from 'aws-local-kit';
import { deaggregate } from 'kinesis-reader/aggregation';
import type { LambdaInvoker } from '../lambda';

/** A source record on its way to the bucket. */
export interface SourceRecord {
  readonly shardId: string;
  readonly sequenceNumber: string;
  /** Index within an aggregated record. @default 0 */
  readonly subsequenceNumber?: number;
  readonly partitionKey: string;
  readonly arrivalMs: number;
  /** Base64. */
  readonly data: string;
}

export interface TransformerOptions {
  readonly lambda: LambdaInvoker;
  readonly principal: Principal;
  readonly functionArn: string;
  readonly deliveryStreamArn: string;
  readonly sourceArn: string;
  readonly region: string;
  /** Number of retries after the first attempt. */
  readonly retries: number;
  /** Upper bound for the records of one invocation, in bytes before base64. */
  readonly bufferBytes: number;
}

export interface Transformed {
  /** Bytes to deliver, in source order. */
  readonly delivered: { readonly record: SourceRecord; readonly bytes: Buffer }[];
  /** Lines for `processing-failed/` objects. */
  readonly failed: {
    readonly record: SourceRecord;
    readonly code: string;
    readonly message: string;
    readonly attempts: number;
  }[];
}

/** Lambda's limit for a synchronous request or response, in bytes. */
const payloadLimitBytes = 6 * 1024 * 1024;
/** Most bytes that the JSON around a record's base64 takes: ids, keys of 256 characters, metadata. */
const recordOverheadBytes = 1024;

type Answer = { readonly recordId?: string; readonly result?: string; readonly data?: string };

/** Splits records aggregated by the Kinesis Producer Library, as Firehose does before it transforms and delivers. */
export const userRecords = (records: readonly SourceRecord[]): SourceRecord[] =>
  records.flatMap((record) => {
    const parts = deaggregate(Buffer.from(record.data, 'base64'));
    if (parts === undefined) return record;
    return parts.map(({ partitionKey, data }, subsequenceNumber) => ({
      ...record,
      partitionKey,
      subsequenceNumber,
      data: Buffer.from(data).toString('base64'),
    }));
  });

/** Sends records through the transformation function, batch by batch. */
export async function transform(records: readonly SourceRecord[], options: TransformerOptions): Promise<Transformed> {
  const transformed: Transformed = { delivered: [], failed: [] };
  for (const batch of batches(records, options.bufferBytes)) await transformBatch(batch, options, transformed);
  return transformed;
}

async function transformBatch(
  batch: readonly SourceRecord[],
  options: TransformerOptions,
  into: Transformed,
): Promise<void> {
  const event = {
    invocationId: randomUUID(),
    sourceKinesisStreamArn: options.sourceArn,
    deliveryStreamArn: options.deliveryStreamArn,
    region: options.region,
    records: batch.map((record, index) => inputRecord(record, index)),
  };
  let problem = '';
  let attempts = 0;
  while (attempts <= options.retries) {
    attempts += 1;
    const { payload, error } = await invoke(options, event);
    const answers = error ? undefined : answersById(payload);
    if (answers) {
      sort(batch, answers, attempts, into);
      return;
    }
    problem = error ? `${error.errorType}: ${error.errorMessage}` : 'the answer has no list of records';
  }
  for (const record of batch) into.failed.push({ record, code: 'Lambda.FunctionError', message: problem, attempts });
}

/** An error of the invocation itself, for example a missing permission, counts as a failure of the function. */
async function invoke(options: TransformerOptions, event: unknown) {
  try {
    return await options.lambda.invoke(options.principal, options.functionArn, event);
  } catch (error) {
    return { payload: null, error: { errorType: (error as Error).name, errorMessage: (error as Error).message } };
  }
}

function sort(
  batch: readonly SourceRecord[],
  answers: ReadonlyMap<string, Answer>,
  attempts: number,
  into: Transformed,
): void {
  for (const [index, record] of batch.entries()) {
    const answer = answers.get(recordId(record, index));
    if (answer?.result === 'Dropped') continue;
    if (answer?.result === 'Ok') into.delivered.push({ record, bytes: Buffer.from(answer.data ?? '', 'base64') });
    else if (answer?.result === 'ProcessingFailed')
      into.failed.push({
        record,
        code: 'Lambda.ProcessingFailedStatus',
        message: 'the function answered ProcessingFailed',
        attempts,
      });
    else
      into.failed.push({
        record,
        code: 'Lambda.MissingRecordId',
        message: 'the function did not answer this record',
        attempts,
      });
  }
}

function answersById(payload: unknown): ReadonlyMap<string, Answer> | undefined {
  const records = (payload as { records?: unknown } | null)?.records;
  if (!Array.isArray(records)) return undefined;
  return new Map((records as Answer[]).map((answer) => [String(answer.recordId), answer]));
}

function inputRecord(record: SourceRecord, index: number) {
  return {
    recordId: recordId(record, index),
    approximateArrivalTimestamp: record.arrivalMs,
    data: record.data,
    kinesisRecordMetadata: {
      sequenceNumber: record.sequenceNumber,
      subsequenceNumber: record.subsequenceNumber ?? 0,
      partitionKey: record.partitionKey,
      shardId: record.shardId,
      approximateArrivalTimestamp: record.arrivalMs,
    },
  };
}

const recordId = (record: SourceRecord, index: number) => `${record.shardId}.${record.sequenceNumber}.${index}`;

export function* batches(records: readonly SourceRecord[], bufferBytes: number): Generator<SourceRecord[]> {
  let batch: SourceRecord[] = [];
  let bytes = 0;
  let payloadBytes = 0;
  for (const record of records) {
    const size = Math.ceil((record.data.length * 3) / 4);
    const payloadSize = record.data.length + recordOverheadBytes;
    if (batch.length > 0 && (bytes + size > bufferBytes || payloadBytes + payloadSize > payloadLimitBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
      payloadBytes = 0;
    }
    batch.push(record);
    bytes += size;
    payloadBytes += payloadSize;
  }
  if (batch.length > 0) yield batch;
}
