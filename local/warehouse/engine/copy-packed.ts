import { closeSync, createReadStream, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { pipeline } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGunzip, gunzipSync } from 'node:zlib';
import type { RelationEntry } from './catalog';
import type { Reading } from './copy-fields';
import { type LineError, maxLineBytes, repair, requireReadable } from './copy-lines';
import { badRecords, type Copy, type Loaded } from './copy-records';
import type { SourceFile, Sources } from './copy-sources';
import { errorText, WarehouseError } from './errors';
import type { Session } from './session';

/** What of the objects is put into one plain file before it is loaded: while one is made the one before is loaded, so a few small ones keep both busy. */
const packBytes = 48 * 2 ** 20;
/** A compressed object up to this size is inflated at once. */
const wholeBytes = 2 ** 20;
const maxWholeOutput = 64 * 2 ** 20;

/** A plain file of records of several objects, in their order. */
interface Pack {
  readonly path: string;
  /** Records of each object in it. */
  readonly spans: { readonly source: SourceFile; records: number }[];
}

/**
 * Loads gzip objects of lines. DuckDB takes the end of a file for the end of its gzip data and looks at no checksum, so of an object that was cut off it
 * would load a part and say nothing: here each object is inflated, and checked, once, and many go into one plain file that DuckDB reads
 * once. Good records are inserted as they are read; a COPY with too many bad ones fails, which undoes its transaction.
 * @throws WarehouseError naming the first object that is not whole, or has a line that is too long
 */
export async function loadPacked(
  session: Session,
  statement: Copy,
  reading: Reading,
  into: string,
  table: RelationEntry,
  sources: Sources,
): Promise<Loaded> {
  const lines = new Map<string, number>();
  const suspects = new Set<SourceFile>();
  let rows = 0;
  let loading: Promise<void> = Promise.resolve();
  try {
    for await (const pack of packs(sources)) {
      for (const { source, records } of pack.spans) lines.set(source.path, (lines.get(source.path) ?? 0) + records);
      await loading;
      // While one pack is loaded the next one is made.
      loading = insert(session, reading, into, pack).then((loaded) => {
        rows += loaded.rows;
        for (const source of loaded.suspects) suspects.add(source);
      });
      loading.catch(ignore);
    }
    await loading;
  } finally {
    // The connection is free when this function ends, however it does.
    await loading.catch(ignore);
  }
  const errors: LineError[] = [];
  for (const source of suspects) {
    const file = await repair(source, sources.fresh(), reading.rules);
    const found = [...file.errors, ...(await badRecords(session, reading, file, table))];
    errors.push(...found.sort((one, other) => one.line - other.line));
  }
  const failed = errors.length > 0 && errors.length >= Math.max(1, statement.maxErrors);
  return { rows: failed ? 0 : rows, lines, errors, failed };
}

/** An error of a pack is met when the next one is made, or after the last. */
const ignore = () => undefined;

/** Inserts the good records of a pack. `suspects` are the objects that have others. */
async function insert(
  session: Session,
  { reader, names, values, bad, rules }: Reading,
  into: string,
  { path, spans }: Pack,
): Promise<{ rows: number; suspects: SourceFile[] }> {
  const relation = reader([path], 'none', true);
  try {
    const rows = await session.connection.run(
      `insert into ${into} (${names.join(', ')}) select ${values.join(', ')} from ${relation} where (${bad}) is null`,
    );
    const suspects = rows === total(spans) ? [] : await suspectsOf(session, relation, bad, spans);
    return { rows, suspects };
  } catch (error) {
    if (/interrupt/i.test(errorText(error))) throw error;
    // DuckDB does not say which object stopped it.
    for (const { source } of spans) await requireReadable(source, rules);
    throw error;
  } finally {
    rmSync(path, { force: true });
  }
}

const total = (spans: Pack['spans']) => spans.reduce((sum, { records }) => sum + records, 0);

async function suspectsOf(
  session: Session,
  relation: string,
  bad: string,
  spans: Pack['spans'],
): Promise<SourceFile[]> {
  const found = await session.connection.rows<{ number: bigint }>(
    `select number from (select row_number() over () as number, (${bad}) is not null as bad from ${relation}) where bad order by number`,
  );
  const suspects = new Set<SourceFile>();
  let span = 0;
  let end = spans[0]?.records ?? 0;
  for (const { number } of found) {
    while (Number(number) > end && span < spans.length - 1) {
      span += 1;
      end += spans[span]!.records;
    }
    suspects.add(spans[span]!.source);
  }
  return [...suspects];
}

async function* packs(sources: Sources): AsyncGenerator<Pack> {
  let writer = new PackWriter(sources.fresh());
  try {
    for (const source of sources.files) {
      for await (const block of blocks(source)) {
        writer.add(source, block);
        if (writer.bytes < packBytes) continue;
        yield writer.close();
        writer = new PackWriter(sources.fresh());
      }
      if (!writer.knows(source)) writer.add(source, Buffer.alloc(0));
      // Others of this process have their turn between two objects.
      await setImmediate();
    }
    yield writer.close();
  } finally {
    writer.close();
  }
}

class PackWriter {
  bytes = 0;
  private readonly spans: Pack['spans'] = [];
  private file: number | undefined;

  constructor(private readonly path: string) {
    this.file = openSync(path, 'w');
  }

  knows(source: SourceFile): boolean {
    return this.spans.at(-1)?.source === source;
  }

  /** @param block whole lines */
  add(source: SourceFile, block: Buffer): void {
    if (!this.knows(source)) this.spans.push({ source, records: 0 });
    this.spans.at(-1)!.records += countRecords(block);
    this.bytes += block.length;
    for (let at = 0; at < block.length; ) at += writeSync(this.file!, block, at);
  }

  close(): Pack {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
    return { path: this.path, spans: this.spans };
  }
}

const newline = 10;
const newlines = Buffer.from('\n');

/** The bytes of an object in blocks of whole lines. */
async function* blocks(source: SourceFile): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const bytes of inflated(source)) {
    const end = bytes.lastIndexOf(newline) + 1;
    if (end > 0) {
      yield Buffer.concat([...rest, bytes.subarray(0, end)]);
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

/** Undefined for what is too large for that. */
function inflatedAtOnce(path: string): Buffer | undefined {
  try {
    return gunzipSync(readFileSync(path), { chunkSize: 2 ** 17, maxOutputLength: maxWholeOutput });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}

/** Lines that hold something. */
function countRecords(block: Buffer): number {
  let count = 0;
  let start = 0;
  for (let end = block.indexOf(newline); end >= 0; end = block.indexOf(newline, start)) {
    if (!isBlank(block, start, end)) count += 1;
    start = end + 1;
  }
  return count;
}

function isBlank(block: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = block[at]!;
    if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  }
  return true;
}
