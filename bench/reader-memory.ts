/**
 * Measures what a long copy of a stream takes in memory: the largest resident set of this process after a tenth, a
 * half and all of the records, to JSON lines, with a state that is saved as often as `millrace read` saves it. The stream is served by a
 * process of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KinesisClient } from '@aws-sdk/client-kinesis';
import { fileState, readStream } from 'kinesis-reader';
import { copyDecoders } from '../cli/commands/streams/payload-text';
import { openSink } from '../cli/commands/streams/sinks';
import { grouped } from '../cli/terminal';
import { clientSettings } from '../lambda/shared/client-settings';
import { line, secondsSince } from './environment';
import { streamName, withServedStream } from './served-stream';

const commitRecords = 20_000;
const shares = [0.1, 0.5];
const mebibyte = 2 ** 20;

export const readerMemory = (events: number) =>
  withServedStream(events, async ({ client: settings, records }) => {
    const client = new KinesisClient({ ...clientSettings(), ...settings });
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
    try {
      const reading = readStream({
        stream: streamName,
        until: 'now',
        client,
        decode: copyDecoders.json,
        state: fileState(join(folder, 'state')),
      });
      const sink = await openSink({
        out: join(folder, 'copy.ndjson'),
        stdout: process.stdout,
        revision: 0,
        decode: 'json',
      });
      const began = performance.now();
      let [count, committed, most, revision] = [0, 0, 0, 0];
      const points = [...shares];
      const commit = async () => {
        await sink.flush(++revision);
        await reading.commit();
        committed = count;
      };
      for await (const batch of reading.batches()) {
        await sink.write(batch);
        count += batch.length;
        if (count - committed < commitRecords) continue;
        await commit();
        most = Math.max(most, process.memoryUsage.rss());
        if (points.length === 0 || count < points[0]! * records) continue;
        points.shift();
        console.log(`${grouped(count)} records: at most ${Math.round(most / mebibyte)} MiB resident`);
      }
      await commit();
      await sink.close(true);
      if (count !== records) throw new Error(`the reader read ${count} records, ${records} expected`);
      most = Math.max(most, process.memoryUsage.rss());
      console.log(`${grouped(count)} records: at most ${Math.round(most / mebibyte)} MiB resident; wanted: flat`);
      line('kinesis-reader, to JSON lines', secondsSince(began), records);
    } finally {
      client.destroy();
      rmSync(folder, { recursive: true, force: true });
    }
  });
