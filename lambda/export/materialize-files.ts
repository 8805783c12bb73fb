import { footerBytes, parquetRows, parquetTailBytes } from '../load/parquet-columns';
import type { ListedObject, ObjectBytes, ObjectListing } from '../shared/objects';
import type { ItemFormat } from './contract';

/** What a COPY left below its prefix. */
export interface Staged {
  /** `complete`: files without the sentinel. Without both, the COPY has not begun, or had no rows. */
  readonly state: 'none' | 'incomplete' | 'complete';
  readonly files: readonly ListedObject[];
}

const sentinel = /^mz-[^/]+-INCOMPLETE$/;
/** Batch and file within it (Materialize, COPY TO). */
const file = /^mz-[^/]+-batch-\d{4,}-\d{4,}\.(?:csv|parquet)$/;

/** @throws Error naming an object that no COPY writes */
export async function stagedFiles(objects: ObjectListing, bucket: string, prefix: string): Promise<Staged> {
  const found: ListedObject[] = [];
  for await (const page of objects.pages(bucket, prefix)) found.push(...page);
  const nameOf = ({ key }: ListedObject) => key.slice(prefix.length);
  const foreign = found.find((object) => !sentinel.test(nameOf(object)) && !file.test(nameOf(object)));
  if (foreign) throw new Error(`${foreign.key} is not of the COPY that writes below ${prefix}`);
  const files = found.filter((object) => file.test(nameOf(object)));
  if (files.length < found.length) return { state: 'incomplete', files };
  return { state: files.length > 0 ? 'complete' : 'none', files };
}

/** Rows that a published file holds, read from the file itself. */
export async function countRows(
  objects: ObjectBytes,
  bucket: string,
  key: string,
  format: ItemFormat,
): Promise<number> {
  const read = async (last?: number) => {
    const bytes = await objects.bytes({ bucket, key }, last);
    if (!bytes) throw new Error(`${key} is not there`);
    return bytes;
  };
  if (format.kind === 'parquet') {
    const tail = await whole(await read(parquetTailBytes));
    return parquetRows(await whole(await read(footerBytes(tail))));
  }
  return csvRecords(await read());
}

async function whole(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

const [quote, newline] = [0x22, 0x0a];

/** Lines that end outside of quotes; the last may lack its end. */
async function csvRecords(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  let records = 0;
  let quoted = false;
  let open = false;
  for await (const part of bytes)
    for (const byte of part) {
      open = true;
      if (byte === quote) quoted = !quoted;
      else if (byte === newline && !quoted) {
        records += 1;
        open = false;
      }
    }
  return open ? records + 1 : records;
}
