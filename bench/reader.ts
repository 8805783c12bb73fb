/**
 * Measures how fast kinesis-reader copies a stream into a file of JSON lines and into DuckDB, beside a bare loop over
 * the SDK that reads the same shards side by side, parses each record, and writes the same lines. All read 10,000
 * records a call over HTTP from the local Kinesis, which serves them from this process and so takes part of the
 * processor time of each. Putting the records onto the stream is not timed.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { readStream } from 'kinesis-reader';
import { openSink } from '../cli/commands/streams/sinks';
import { clientSettings } from '../lambda/shared/client-settings';
import { type Environment, line, ratio, secondsSince, streamName, taken, withEnvironment } from './environment';

export const reader = (events: number) =>
  withEnvironment(async (environment) => {
    const records = await environment.feed(events, 'reader');
    const client = new KinesisClient({ ...clientSettings(), ...environment.client });
    try {
      const bare = await taken(() => timed(() => bareLoop(client, join(environment.dataDir, 'bare.ndjson'), records)));
      const lines = await taken(() => timed(() => copy(environment, client, 'reader.ndjson', records)));
      const rows = await taken(() => timed(() => copy(environment, client, 'reader.duckdb', records)));
      line('a bare loop over the SDK, to JSON lines', bare.seconds, records);
      line('kinesis-reader, to JSON lines', lines.seconds, records);
      ratio(lines, bare, 'at least 0.9 of the bare loop');
      line('kinesis-reader, to DuckDB', rows.seconds, records);
      ratio(rows, bare, 'no aim');
    } finally {
      client.destroy();
    }
  });

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return secondsSince(began);
}

async function bareLoop(client: KinesisClient, file: string, expected: number): Promise<void> {
  const out = createWriteStream(file);
  let count = 0;
  const { Shards } = await client.send(new ListShardsCommand({ StreamName: streamName }));
  const readShard = async (ShardId: string) => {
    const start = { StreamName: streamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const;
    let { ShardIterator } = await client.send(new GetShardIteratorCommand(start));
    for (let behind = 1; behind > 0; ) {
      const page = await client.send(new GetRecordsCommand({ ShardIterator, Limit: 10_000 }));
      for (const { Data, SequenceNumber } of page.Records ?? []) {
        out.write(`${JSON.stringify({ value: JSON.parse(textOf(Data!)), shard: ShardId, SequenceNumber })}\n`);
        count += 1;
      }
      behind = page.MillisBehindLatest ?? 0;
      ShardIterator = page.NextShardIterator;
    }
  };
  await Promise.all(Shards!.map(({ ShardId }) => readShard(ShardId!)));
  out.end();
  await finished(out);
  if (count !== expected) throw new Error(`the bare loop read ${count} records, ${expected} expected`);
}

/** Malformed records are copied as text. */
function textOf(data: Uint8Array): string {
  const text = Buffer.from(data).toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

async function copy({ dataDir, runtime }: Environment, client: KinesisClient, file: string, expected: number) {
  const sink = await openSink(join(dataDir, file), process.stdout, 0);
  const reading = readStream({ stream: streamName, until: 'now', client, now: runtime.clock.now, chunk: 10_000 });
  let count = 0;
  for await (const batch of reading.batches()) {
    await sink.write(batch);
    count += batch.length;
  }
  await sink.flush(1);
  await sink.close(true);
  if (count !== expected) throw new Error(`the reader read ${count} records, ${expected} expected`);
}
