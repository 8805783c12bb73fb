import { Readable } from 'node:stream';
import {
  GetRecordsCommand,
  type GetRecordsCommandInput,
  type KinesisClient,
  type _Record as SdkRecord,
} from '@aws-sdk/client-kinesis';

/** A Kinesis record whose payload is not split, decompressed or decoded yet. */
export interface RawRecord {
  readonly sequenceNumber: string;
  readonly arrivedAt: Date;
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

/** A response of GetRecords in the service's JSON. */
interface Response {
  readonly Records?: readonly WireRecord[];
  readonly NextShardIterator?: string | null;
  readonly MillisBehindLatest?: number;
  readonly ChildShards?: readonly { readonly ShardId?: string; readonly ParentShards?: readonly string[] }[];
}

interface WireRecord {
  readonly SequenceNumber: string;
  /** Epoch seconds, with milliseconds as a fraction. */
  readonly ApproximateArrivalTimestamp: number;
  readonly PartitionKey: string;
  readonly Data: string;
}

export interface RecordsPage extends Omit<Response, 'Records'> {
  readonly records: readonly RawRecord[];
}

/**
 * Sends GetRecords and reads the response itself. The SDK's own deserialization walks the schema for every field of
 * every record, which takes longer than all other work of a reader. Signing, retries and errors stay the SDK's.
 */
export async function getRecords(
  client: KinesisClient,
  input: GetRecordsCommandInput,
  abortSignal: AbortSignal,
): Promise<RecordsPage> {
  const command = new GetRecordsCommand(input);
  let page: RecordsPage | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as HttpResponse;
      if (response.statusCode === 200 && response.body instanceof Readable) {
        const body = await collect(response.body);
        page = pageOf(body);
        // The SDK still deserializes the response: an empty one.
        response.body = Readable.from([page ? empty : body]);
      }
      return result;
    },
    // Low: between the SDK's deserialization and the connection.
    { step: 'deserialize', priority: 'low', name: 'millraceRecords' },
  );
  const { Records = [], ...rest } = await client.send(command, { abortSignal });
  return page ?? { ...rest, records: Records.map(deserialized) };
}

/** A record that the SDK deserialized. */
export const deserialized = (record: SdkRecord): RawRecord => ({
  sequenceNumber: record.SequenceNumber!,
  arrivedAt: record.ApproximateArrivalTimestamp!,
  partitionKey: record.PartitionKey!,
  data: record.Data!,
});

interface HttpResponse {
  readonly statusCode: number;
  body?: unknown;
}

const empty = Buffer.from('{"Records":[]}');

async function collect(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** Undefined if the body is not the service's JSON. The SDK then says what is wrong with it. */
function pageOf(body: Buffer): RecordsPage | undefined {
  try {
    const { Records = [], ...rest } = JSON.parse(body.toString()) as Response;
    return { ...rest, records: Records.map(rawRecord) };
  } catch {
    return undefined;
  }
}

function rawRecord({ SequenceNumber, ApproximateArrivalTimestamp, PartitionKey, Data }: WireRecord): RawRecord {
  return {
    sequenceNumber: SequenceNumber,
    arrivedAt: new Date(Math.round(ApproximateArrivalTimestamp * 1_000)),
    partitionKey: PartitionKey,
    data: Buffer.from(Data, 'base64'),
  };
}
