/**
 * Measures how fast kinesis-reader copies a stream into a file of JSON lines, into DuckDB and into Parquet, beside a
 * bare loop over the SDK that reads the same shards side by side, parses each record, and writes a line with its value
 * and position, and beside dlt, which reads a part of the stream into DuckDB. dlt needs Python and a registry. All read 10,000 records a call over HTTP from the local Kinesis, which runs in a process of its own. They take turns.
 * Putting the records onto the stream is not timed.
 */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { readStream } from 'kinesis-reader';
import { copyDecoders } from '../cli/commands/streams/payload-text';
import { openSink } from '../cli/commands/streams/sinks';
import { clientSettings } from '../lambda/shared/client-settings';
import { dltToDuckdb } from './dlt';
import { leastOf, line, ratio, secondsSince } from './environment';
import { print } from './print';
import { streamName, withServedStream } from './served-stream';

/** Records that dlt reads. */
const DLT_RECORDS = 50_000;

export const reader = (events: number, repeats: number) =>
  withServedStream(events, async (stream) => {
    const { client: settings, records } = stream;
    const client = new KinesisClient({ ...clientSettings(), ...settings });
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
    try {
      const to = (name: string) => join(folder, name);
      const { bare, lines, rows, columns } = await leastOf(repeats, {
        bare: (turn) => timed(() => bareLoop(client, to(`bare-${turn}.ndjson`), records)),
        lines: (turn) => timed(() => copy(client, to(`reader-${turn}.ndjson`), records)),
        rows: (turn) => timed(() => copy(client, to(`reader-${turn}.duckdb`), records)),
        columns: (turn) => timed(() => copy(client, to(`reader-${turn}.parquet`), records)),
      });
      line('a bare loop over the SDK, to JSON lines', bare.seconds, records);
      line('kinesis-reader, to JSON lines', lines.seconds, records);
      ratio(lines, bare, 'at least 0.9 of the bare loop');
      line('kinesis-reader, to DuckDB', rows.seconds, records);
      line('kinesis-reader, to Parquet', columns.seconds, records);
      const dlt = await dltToDuckdb(folder, stream, DLT_RECORDS);
      if (typeof dlt === 'string') return print(`left out: dlt: ${dlt}`);
      line('dlt, to DuckDB', dlt.seconds, dlt.records);
      const share = records / dlt.records;
      const whole = { seconds: dlt.seconds * share, processorSeconds: dlt.processorSeconds * share };
      ratio(rows, whole, 'at least 20 times dlt');
    } finally {
      client.destroy();
      rmSync(folder, { recursive: true, force: true });
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

async function copy(client: KinesisClient, file: string, expected: number): Promise<void> {
  const sink = await openSink({ out: file, stdout: process.stdout, revision: 0, decode: 'json' });
  const reading = readStream({ stream: streamName, until: 'now', client, decode: copyDecoders.json, chunk: 10_000 });
  let count = 0;
  for await (const batch of reading.batches()) {
    await sink.write(batch);
    count += batch.length;
  }
  await sink.flush(1);
  await sink.close(true);
  if (count !== expected) throw new Error(`the reader read ${count} records, ${expected} expected`);
}
