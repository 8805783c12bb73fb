import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import type { SourceFile } from './copy-sources';
import { WarehouseError } from './errors';

/** What is small enough is read at once. */
const wholeBytes = 4 * 1024 * 1024;
const maxWholeOutput = 256 * 1024 * 1024;
const atOnce = 4;

/**
 * DuckDB takes the end of a file for the end of its gzip data, so of an object that was cut off it would load a part and say nothing.
 * @throws WarehouseError naming the first object that is not whole
 */
export async function assertWholeGzip(files: readonly SourceFile[]): Promise<void> {
  const waiting = files.filter(({ compression }) => compression === 'gzip').values();
  const worker = async () => {
    for (const file of waiting) await assertWhole(file);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function assertWhole({ path, url, info }: SourceFile): Promise<void> {
  try {
    if (info.size <= wholeBytes) await promisify(gunzip)(await readFile(path), { maxOutputLength: maxWholeOutput });
    else await throughput(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return throughput(path);
    throw new WarehouseError(`${url} cannot be read: gzip: ${(error as Error).message}`);
  }
}

const throughput = (path: string) =>
  pipeline(createReadStream(path), createGunzip(), new Writable({ write: (_chunk, _encoding, done) => done() }));
