import { createReadStream, readFileSync } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip, gunzipSync } from 'node:zlib';
import { maxLineBytes } from './copy-lines';
import type { SourceFile } from './copy-sources';
import { WarehouseError } from './errors';

/** A compressed object up to this size is inflated at once. */
const wholeBytes = 2 ** 20;
const maxWholeOutput = 64 * 2 ** 20;
const leastChunk = 2 ** 16;
/** Most bytes that one byte of a gzip object can expand to. */
const mostInflation = 1032;

/** Ignores the error, because the last stream of the pipeline throws it too. */
const ignore = () => undefined;

const newline = 10;
const newlines = Buffer.from('\n');

/**
 * Yields the bytes of a gzip object in blocks of whole lines, with their line ends.
 * @throws WarehouseError naming an object that is incomplete, or has a line that is too long
 */
export async function* blocks(source: SourceFile): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const bytes of inflated(source)) {
    const end = bytes.lastIndexOf(newline) + 1;
    if (end > 0) {
      const lines = bytes.subarray(0, end);
      yield rest.length > 0 ? Buffer.concat([...rest, lines]) : lines;
      rest = [];
      restBytes = 0;
    }
    if (end < bytes.length) rest.push(bytes.subarray(end));
    restBytes += bytes.length - end;
    if (restBytes > 2 * maxLineBytes && bytes.length < restBytes)
      throw new WarehouseError(`a line of ${source.url} is longer than ${maxLineBytes} bytes`);
  }
  if (rest.length > 0) yield Buffer.concat([...rest, newlines]);
}

async function* inflated({ path, url, info }: SourceFile): AsyncGenerator<Buffer> {
  try {
    const whole = info.size > wholeBytes ? undefined : inflatedAtOnce(path);
    if (whole) yield whole;
    else yield* pipeline(createReadStream(path), createGunzip({ chunkSize: 2 ** 20 }), ignore);
  } catch (error) {
    throw new WarehouseError(`${url} cannot be read: gzip: ${(error as Error).message}`);
  }
}

/** Returns undefined if the result is too large for this. */
function inflatedAtOnce(path: string): Buffer | undefined {
  try {
    const packed = readFileSync(path);
    return gunzipSync(packed, { chunkSize: chunkFor(packed), maxOutputLength: maxWholeOutput });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}

/**
 * Returns a chunk size: the inflated size in the object's last four bytes, if that is plausible. A result in one chunk
 * is not copied again.
 */
function chunkFor(packed: Buffer): number {
  const told = packed.length < 4 ? 0 : packed.readUInt32LE(packed.length - 4);
  return Math.max(leastChunk, Math.min(told + 1, mostInflation * packed.length, maxWholeOutput));
}
