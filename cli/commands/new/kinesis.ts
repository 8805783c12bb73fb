import { Readable } from 'node:stream';
import { GapError, memoryState, readStream } from 'kinesis-reader';
import { Failure } from '../../failure';
import { plural } from '../../terminal';
import { openStream, type StreamOptions } from '../streams/open-stream';

/** Records that are read if the command names no number, and the longest time for it. */
const usualRecords = 10_000;
const longestMs = 60_000;
const [NEWLINE, RETURN, SPACE] = [0x0a, 0x0d, 0x20];

/** The records of a stream, one a line. */
export interface StreamLines {
  readonly lines: Readable;
  readonly notes: string[];
}

/** Reads a stream from its oldest record, up to now. What came until the deadline is the sample. */
export async function readKinesis(
  named: string,
  options: StreamOptions & { readonly sample?: number },
  signal: AbortSignal,
): Promise<StreamLines> {
  const opened = await openStream(named, options);
  const deadline = AbortSignal.timeout(longestMs);
  const notes: string[] = [];
  async function* lines() {
    let records = 0;
    try {
      const reading = readStream({
        stream: opened.stream,
        client: opened.client,
        now: opened.now,
        until: 'now',
        maxRecords: options.sample ?? usualRecords,
        decode: 'bytes',
        onGap: 'skip',
        state: memoryState(),
        signal: AbortSignal.any([signal, deadline]),
      });
      for await (const batch of reading.batches()) {
        for (const { value } of batch) yield lineOf(value as Uint8Array);
        records += batch.length;
      }
      signal.throwIfAborted();
      if (reading.outcome() === 'limit')
        notes.push(`the oldest ${plural(records, 'record')} of the stream were read; --sample reads more`);
      if (deadline.aborted) notes.push(`the stream was read for a minute, which gave ${plural(records, 'record')}`);
      if (records === 0) throw new Failure(`the stream ${named} has no records: put some onto it first`);
    } catch (error) {
      if (error instanceof GapError) throw new Failure(error.message, 1, { cause: error });
      throw error;
    } finally {
      opened.close();
    }
  }
  return { lines: Readable.from(lines()), notes };
}

/** The record as one line. Line breaks in JSON are white space, so blanks mean the same. */
function lineOf(value: Uint8Array): Buffer {
  const line = Buffer.alloc(value.length + 1, NEWLINE);
  for (let at = 0; at < value.length; at += 1) {
    const byte = value[at]!;
    line[at] = byte === NEWLINE || byte === RETURN ? SPACE : byte;
  }
  return line;
}
