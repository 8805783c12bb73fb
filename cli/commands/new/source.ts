import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import { createGunzip, gunzipSync } from 'node:zlib';
import { Failure } from '../../failure';
import { type Block, blocksOf, type ColumnShape, type Format, type SampleReport, sampled } from '../../profile';
import { readParquet } from './parquet';

/** A sample that can be read several times. Each reading gives the same records. */
export interface Source {
  /** As a person names it. */
  readonly label: string;
  readonly format: Format;
  /** Bytes of the file. Compressed ones count as they are stored. */
  readonly bytes: number;
  /** What the last reading left out. */
  readonly report: SampleReport;
  /** Lines of more than 4 MiB, which no reading gives. */
  readonly longLines: ReadonlySet<number>;
  /** Types that the source declares, by path. */
  readonly declared?: ReadonlyMap<string, ColumnShape>;
  /** Sentences about the source as a whole. */
  readonly notes: readonly string[];
  blocks(): AsyncIterable<Block>;
  /** Deletes temporary files. */
  dispose(): void;
}

const chunkBytes = 1024 * 1024;
const sniffedBytes = 64 * 1024;

const parquetMark = Buffer.from('PAR1');

/** @param most bytes that are read as a whole. Of more, a sample is read. */
export async function openFile(
  path: string,
  most: number,
  signal: AbortSignal,
  label = basename(path),
): Promise<Source> {
  sizeOf(path);
  if (!headOf(path).subarray(0, 4).equals(parquetMark)) return openText(path, most, label);
  const { lines, ...rest } = await readParquet(path, label, most);
  return { ...(await openLines(lines, most, label, signal)), ...rest };
}

/** @param label the name of a file, or another name of the source */
export function openText(path: string, most: number, label = basename(path), dispose = () => {}): Source {
  const bytes = sizeOf(path);
  const head = headOf(path);
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  const text = isGzip ? unzipped(head, path) : head;
  const format = formatOf(text, label);
  const report: SampleReport = { bytes: 0, read: 0 };
  const longLines = new Set<number>();
  return {
    label,
    format,
    bytes,
    report,
    longLines,
    notes: [],
    dispose,
    blocks() {
      Object.assign(report, { bytes: 0, read: 0 });
      const lines = blocksOf(chunksOf(path, isGzip, label), (line) => longLines.add(line));
      return sampled(lines, { most }, report);
    },
  };
}

/** Copies a stream into a temporary file, because a sample is read twice. */
export async function openLines(stream: Readable, most: number, label: string, signal: AbortSignal): Promise<Source> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-new-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'sample');
    await pipe(stream, createWriteStream(path), { signal });
    if (!headOf(path).subarray(0, 4).equals(parquetMark)) return openText(path, most, label, remove);
    const source = await openFile(path, most, signal, label);
    remove();
    return source;
  } catch (error) {
    remove();
    throw error;
  }
}

function sizeOf(path: string): number {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new Failure(`--from ${path} is a folder; name a file in it`, 2);
    return stat.size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Failure(`--from ${path}: there is no such file`, 2);
    throw error;
  }
}

function headOf(path: string): Buffer {
  const head = Buffer.alloc(sniffedBytes);
  const file = openSync(path, 'r');
  try {
    return head.subarray(0, readSync(file, head, 0, head.length, 0));
  } finally {
    closeSync(file);
  }
}

function unzipped(head: Buffer, path: string): Buffer {
  try {
    // The head ends in the middle of the compressed data.
    return gunzipSync(head, { finishFlush: 2 });
  } catch (error) {
    throw new Failure(`--from ${path} begins as gzip and cannot be decompressed: ${(error as Error).message}`);
  }
}

async function* chunksOf(path: string, isGzip: boolean, label: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  if (!isGzip) {
    yield* file;
    return;
  }
  const unzip = createGunzip({ chunkSize: chunkBytes });
  file.on('error', (error) => unzip.destroy(error));
  try {
    yield* file.pipe(unzip);
  } catch (error) {
    throw new Failure(`${label} is cut off or damaged: ${(error as Error).message}`, 1, { cause: error });
  } finally {
    file.destroy();
    unzip.destroy();
  }
}

/** What some formats begin with, and what to do about them. */
const foreign: readonly (readonly [bytes: readonly number[], sentence: string])[] = [
  [[0xff, 0xfe], 'is UTF-16, which no stream record should be; convert it: iconv -f utf-16 -t utf-8'],
  [[0xfe, 0xff], 'is UTF-16, which no stream record should be; convert it: iconv -f utf-16 -t utf-8'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'is compressed with zstd; decompress it first: zstd -d'],
  [[0x50, 0x4b, 0x03, 0x04], 'is a zip archive or a spreadsheet; unpack it, or save it as CSV'],
  [[0x42, 0x5a, 0x68], 'is compressed with bzip2; decompress it first: bunzip2'],
  [[0x4f, 0x62, 0x6a, 0x01], 'is Avro; write it as NDJSON or Parquet'],
];

function formatOf(head: Buffer, label: string): Format {
  for (const [bytes, sentence] of foreign)
    if (bytes.every((byte, index) => head[index] === byte)) throw new Failure(`${label} ${sentence}`);
  const text = head.toString('utf8').replace(/^\ufeff/, '');
  if (text.includes('\0')) throw new Failure(`${label} has zero bytes: it is neither JSON nor CSV`);
  if (text.trim() === '') throw new Failure(`${label} is empty: a sample needs at least one record`);
  const [first] = text.trimStart();
  if (/^\s*\[\s*[{\]]/.test(text))
    throw new Failure(`${label} is a JSON array; write one object a line: jq -c '.[]' ${label} > rows.ndjson`);
  if (/^\s*\{\s*\r?\n/.test(text))
    throw new Failure(`${label} has JSON over several lines; write one object a line: jq -c . ${label} > rows.ndjson`);
  if (first === '{') return 'ndjson';
  if (/\.(ndjson|jsonl|json)(\.gz)?$/i.test(label)) return 'ndjson';
  return 'csv';
}
