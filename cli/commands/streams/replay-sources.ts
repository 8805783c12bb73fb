import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { PassThrough, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Cloud } from '../../cloud/ports';
import { Failure } from '../../failure';
import { archiveHour } from '../backfill';

/** A record that goes onto a stream. */
export interface Outgoing {
  readonly data: Uint8Array;
  readonly partitionKey: string;
}

/** Records in an order that is the same at every reading, so that a count of them is a position. */
export type ReplaySource = AsyncIterable<Outgoing>;

/**
 * The lines of a file: what `millrace read` wrote, archive lines, or any JSON.
 * @param key where any other JSON has its partition key
 */
export function fileSource(file: string, key: readonly string[] | undefined): ReplaySource {
  if (!existsSync(file)) throw new Failure(`${file}: there is no such file`, 2);
  const stream = createReadStream(file);
  return outgoing(lines(file.endsWith('.gz') ? stream.pipe(createGunzip()) : stream), file, key);
}

const HOUR_MS = 3_600_000;

/** What Firehose wrote for a pipeline, for records that arrived in a span of time. */
export async function* archiveSource(
  cloud: Cloud,
  pipeline: string,
  span: { readonly from?: number; readonly to?: number },
): ReplaySource {
  const bucket = cloud.names.archiveBucket;
  for await (const page of cloud.buckets.pages(bucket, `archive/${pipeline}/`))
    for (const { key } of page) {
      const hour = archiveHour(key);
      // The key has the hour of the oldest record; an object spans a quarter of an hour at most.
      if (hour === undefined || hour + 2 * HOUR_MS < (span.from ?? 0) || hour > (span.to ?? Number.POSITIVE_INFINITY))
        continue;
      const bytes = Readable.from(await cloud.buckets.read(bucket, key));
      const within = (line: Record<string, unknown>) => {
        const arrived = Date.parse(`${line['approximate_arrival_timestamp']}Z`);
        return arrived >= (span.from ?? 0) && arrived < (span.to ?? Number.POSITIVE_INFINITY);
      };
      yield* outgoing(lines(key.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes), key, undefined, within);
    }
}

async function* lines(stream: Readable): AsyncGenerator<string> {
  const through = new PassThrough();
  stream.on('error', (error) => through.destroy(error));
  stream.pipe(through);
  for await (const line of createInterface({ input: through, crlfDelay: Number.POSITIVE_INFINITY }))
    if (line.trim() !== '') yield line;
}

async function* outgoing(
  texts: AsyncIterable<string>,
  where: string,
  key: readonly string[] | undefined,
  within: (line: Record<string, unknown>) => boolean = () => true,
): ReplaySource {
  let number = 0;
  for await (const text of texts) {
    number += 1;
    const at = `${where}, line ${number}`;
    const line = parse(text, at);
    if (within(line)) yield outgoingOf(line, text, at, key);
  }
}

function parse(text: string, at: string): Record<string, unknown> {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (cause) {
    throw new Failure(`${at} is not JSON: ${(cause as Error).message}`, 1, { cause });
  }
  if (typeof line !== 'object' || line === null || Array.isArray(line)) throw new Failure(`${at} is not a JSON object`);
  return line as Record<string, unknown>;
}

function outgoingOf(
  line: Record<string, unknown>,
  text: string,
  at: string,
  key: readonly string[] | undefined,
): Outgoing {
  const envelope = line['_kinesis'] as { partition?: unknown } | undefined;
  if (typeof envelope?.partition === 'string') return { data: payloadOf(line, text), partitionKey: envelope.partition };
  const { partition_key, unparsed } = line;
  if (typeof partition_key === 'string' && 'payload' in line)
    return {
      data:
        typeof unparsed === 'string'
          ? Buffer.from(unparsed, 'base64')
          : Buffer.from(fieldText(text, ',"payload":', ',"unparsed":', line['payload'])),
      partitionKey: partition_key,
    };
  if (!key) throw new Failure(`${at} has no partition key: name the field that holds it with --key`, 2);
  let found: unknown = line;
  for (const name of key) found = (found as Record<string, unknown> | null | undefined)?.[name];
  if (typeof found !== 'string' && typeof found !== 'number')
    throw new Failure(`${at} has no text or number at ${key.join('.')}, which --key names`);
  return { data: Buffer.from(text), partitionKey: String(found).slice(0, 256) };
}

/** Returns the payload in a line that `millrace read` wrote. */
function payloadOf({ value, text, base64 }: Record<string, unknown>, line: string): Uint8Array {
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
  return Buffer.from(typeof text === 'string' ? text : fieldText(line, '{"value":', ',"_kinesis":{', value));
}

/** A field as its line has it: its numbers may have more digits than a JavaScript number. */
function fieldText(line: string, before: string, behind: string, value: unknown): string {
  const start = line.indexOf(before);
  const own = start < 0 ? '' : line.slice(start + before.length, line.lastIndexOf(behind));
  try {
    if (JSON.stringify(JSON.parse(own)) === JSON.stringify(value)) return own;
  } catch {
    // The fields are in another order.
  }
  return JSON.stringify(value);
}
