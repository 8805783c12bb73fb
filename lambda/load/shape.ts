import type { ObjectBytes } from '../shared/objects';
import type { FileShape } from './contract';
import { footerBytes, parquetColumns, parquetTailBytes } from './parquet-columns';
import { csvFields, recordsOf, UnreadableError } from './records';

/** An object as it is to be read. */
export interface Readable {
  readonly bucket: string;
  readonly key: string;
  /** Undefined for a copy that nobody changes. */
  readonly etag?: string;
}

/** `fits`; `gone` where those bytes are not to be had; else why the object must not be loaded. */
export type Verdict = 'fits' | 'gone' | { readonly reason: string };

/** A header, or a schema, that is longer is none. */
const maxHeaderBytes = 1024 ** 2;
const maxFooterBytes = 64 * 1024 ** 2;
/** Holds the footer of most files. */
const firstTailBytes = 64 * 1024;

/**
 * Compares the columns that an object has with those that its source declares. Redshift takes columns by their place, so that an object with
 * others would be loaded shifted. Objects of the other formats have none.
 */
export async function judge(objects: ObjectBytes, shape: FileShape, object: Readable): Promise<Verdict> {
  const { columns, format } = shape;
  if (!columns) return 'fits';
  try {
    const found = await (format === 'csv' ? headerOf(objects, shape, object) : schemaOf(objects, object));
    if (found === undefined) return 'gone';
    const declared = columns.map(({ name }) => name);
    // A file without a byte has no records that could be shifted.
    return found === 'empty' ? 'fits' : compare(found, declared, format === 'csv' ? 'header' : 'schema');
  } catch (error) {
    if (error instanceof UnreadableError) return { reason: error.message };
    throw error;
  }
}

/** Some at a time: the answer is a request away, and its time is S3's. */
export async function judgeAll<Item extends Readable>(
  objects: ObjectBytes,
  shape: FileShape,
  items: readonly Item[],
): Promise<[Item, Verdict][]> {
  const found: [Item, Verdict][] = [];
  for (let first = 0; first < items.length; first += judgedAtOnce) {
    const some = items.slice(first, first + judgedAtOnce);
    found.push(
      ...(await Promise.all(
        some.map(async (item): Promise<[Item, Verdict]> => [item, await judge(objects, shape, item)]),
      )),
    );
  }
  return found;
}

const judgedAtOnce = 10;

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
