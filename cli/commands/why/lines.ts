import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';

export type Compression = 'gzip' | 'zstd' | 'none';

/** An object that cannot be read. */
export class UnreadableError extends Error {}

/**
 * Yields the lines of an object with their numbers, from 1. It never holds the whole object in memory.
 * @throws UnreadableError for zstd if this Node.js has none, and for bytes that do not match the compression
 */
export async function* linesOf(
  bytes: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<{ line: number; text: string }> {
  const source = Readable.from(bytes, { objectMode: false });
  const decoder = decoderOf(compression);
  const plain = decoder === undefined ? source : source.pipe(decoder);
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
    plain.destroy();
  };
  source.on('error', fail);
  plain.on('error', fail);
  const reader = createInterface({ input: plain, crlfDelay: Number.POSITIVE_INFINITY });
  let line = 0;
  try {
    for await (const text of reader) yield { line: ++line, text };
  } catch (error) {
    failure ??= error as Error;
  } finally {
    reader.close();
    plain.destroy();
    source.destroy();
  }
  if (failure !== undefined) throw new UnreadableError(failure.message, { cause: failure });
}

function decoderOf(compression: Compression) {
  if (compression === 'none') return undefined;
  if (compression === 'gzip') return zlib.createGunzip();
  const create = (zlib as { createZstdDecompress?: () => zlib.Gunzip }).createZstdDecompress;
  if (create === undefined) throw new UnreadableError('this Node.js cannot read zstd: 22.15 or later can');
  return create();
}

/** Parses a line; undefined if it is not JSON. */
export function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
