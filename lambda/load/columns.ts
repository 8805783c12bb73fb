import type { ObjectBytes } from '../shared/objects';
import type { FileShape } from './contract';
import { footerBytes, parquetColumns, parquetTailBytes } from './parquet-columns';
import { csvFields, recordsOf, UnreadableError } from './records';

/** An object to read. */
export interface Readable {
  readonly bucket: string;
  readonly key: string;
  /** @default - whatever bytes it has: it is a copy that nobody changes */
  readonly etag?: string;
}

/** `gone`: the bytes no longer exist or may not be read. A reason says why the object must not be loaded. */
export type Verdict = 'fits' | 'gone' | { readonly reason: string };

/** A longer header or footer is an error. */
const maxHeaderBytes = 1024 ** 2;
const maxFooterBytes = 64 * 1024 ** 2;
/** Enough for the footer of most files. */
const firstTailBytes = 64 * 1024;

/**
 * Compares the columns of a CSV or Parquet object with those that its source declares. Redshift assigns columns by position, so an object with other
 * columns would be loaded shifted.
 */
export async function judge(objects: ObjectBytes, shape: FileShape, object: Readable): Promise<Verdict> {
  const { columns, format } = shape;
  if (!columns) return 'fits';
  try {
    const found = await (format === 'csv' ? headerOf(objects, shape, object) : schemaOf(objects, object));
    if (found === undefined) return 'gone';
    const declared = columns.map(({ name }) => name);
    // An empty file has no records to shift.
    return found === 'empty' ? 'fits' : compare(found, declared, format === 'csv' ? 'header' : 'schema');
  } catch (error) {
    if (error instanceof UnreadableError) return { reason: error.message };
    throw error;
  }
}

/** Judges some objects at a time, since each needs a request to S3. */
export async function judgeAll<Item extends Readable>(
  objects: ObjectBytes,
  shape: FileShape,
  items: readonly Item[],
): Promise<[Item, Verdict][]> {
  const found: [Item, Verdict][] = [];
  for (let first = 0; first < items.length; first += judgmentsAtOnce) {
    const some = items.slice(first, first + judgmentsAtOnce);
    found.push(
      ...(await Promise.all(
        some.map(async (item): Promise<[Item, Verdict]> => [item, await judge(objects, shape, item)]),
      )),
    );
  }
  return found;
}

const judgmentsAtOnce = 10;

function compare(found: readonly string[], declared: readonly string[], what: 'header' | 'schema'): Verdict {
  const length = Math.max(found.length, declared.length);
  const first = Array.from({ length }, (_, index) => index).find((index) => found[index] !== declared[index]);
  if (first === undefined) return 'fits';
  const at = (names: readonly string[]) => (first < names.length ? JSON.stringify(names[first]) : 'nothing');
  return {
    reason: `column ${first + 1} is ${at(found)} in the ${what} and ${at(declared)} in the source; ${what}: ${found.join(', ')}; source: ${declared.join(', ')}`,
  };
}

async function headerOf(
  objects: ObjectBytes,
  { compression, delimiter = ',' }: FileShape,
  object: Readable,
): Promise<readonly string[] | 'empty' | undefined> {
  const body = await objects.bytes(object);
  if (!body) return undefined;
  for await (const { bytes } of recordsOf(body, { compression, quoted: true, maxBytes: maxHeaderBytes })) {
    const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
    const fields = csvFields(text, delimiter);
    if (!fields) throw new UnreadableError(`the header is not CSV: ${text.slice(0, 200)}`);
    return fields;
  }
  return 'empty';
}

async function schemaOf(objects: ObjectBytes, object: Readable): Promise<readonly string[] | undefined> {
  let end = await endOf(objects, object, firstTailBytes);
  if (!end) return undefined;
  const wanted = footerBytes(end);
  if (wanted > maxFooterBytes)
    throw new UnreadableError(`not a Parquet file: its footer is longer than ${maxFooterBytes} bytes`);
  if (wanted > end.length) end = await endOf(objects, object, wanted);
  return end && parquetColumns(end.subarray(Math.max(0, end.length - wanted), -parquetTailBytes));
}

async function endOf(objects: ObjectBytes, object: Readable, size: number): Promise<Buffer | undefined> {
  const body = await objects.bytes(object, size);
  if (!body) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
