import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import type { SourceFile } from './copy-sources';
import { WarehouseError } from './errors';

/** A compressed object up to this size is read at once. */
const wholeBytes = 4 * 1024 * 1024;
const maxWholeOutput = 256 * 1024 * 1024;
const atOnce = 4;

/**
 * Checks that each gzip object is complete. DuckDB treats the end of a file as the end of its gzip data, so it would
 * load a part of a truncated object without an error.
 * @throws WarehouseError naming the first object that is incomplete
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
