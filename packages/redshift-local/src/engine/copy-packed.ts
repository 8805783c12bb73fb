import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { RelationEntry } from './catalog';
import type { Reading } from './copy-fields';
import { blocks } from './copy-inflate';
import { type LineError, repair, requireReadable } from './copy-lines';
import { badRecords, type Copy, type Loaded } from './copy-records';
import { LineSorter, type Lines } from './copy-sort';
import type { SourceFile, Sources } from './copy-sources';
import { errorText } from './errors';
import type { Session } from './session';

/**
 * Size of a pack. While one pack is created, the previous one is loaded, so several small packs keep both steps busy.
 */
const packBytes = 48 * 2 ** 20;
/** Lines of several objects in two plain files: the usual lines, and the others in the objects' order. */
interface Pack {
  readonly usual: LineFile;
  readonly others: LineFile;
  readonly spans: readonly Span[];
}

/** An object's part of a pack: its number of lines, and its records in each file. */
interface Span {
  readonly source: SourceFile;
  lines: number;
  usual: number;
  others: number;
}

/**
 * Loads gzip objects of lines. Each object is inflated and checked once. DuckDB would load a part of a truncated object
 * without an error: it treats the end of a file as the end of its gzip data and checks no checksum. Many objects become
 * two plain files, which DuckDB reads once. One file holds the lines that are known to be good, and they are loaded as
 * they are. The other file holds the rest, which is checked value by value. Good records are inserted as they are read.
 * A COPY with too many bad records fails, which undoes its transaction.
 * @throws WarehouseError naming the first object that is incomplete, or has a line that is too long
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
    for await (const pack of packs(sources, new LineSorter(reading.usual))) {
      for (const span of pack.spans) lines.set(span.source.path, (lines.get(span.source.path) ?? 0) + span.lines);
      await loading;
      // The next pack is created while this one is loaded.
      loading = insert(session, reading, into, pack).then((loaded) => {
        rows += loaded.rows;
        for (const source of loaded.suspects) suspects.add(source);
      });
      loading.catch(ignore);
    }
    await loading;
  } finally {
    // The connection must be idle when this function ends, whether it succeeds or fails.
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

/** Prevents an unhandled rejection. The error is thrown when the load is awaited. */
const ignore = () => undefined;

/** Inserts the good records of a pack. Returns in `suspects` the objects that have bad records. */
async function insert(
  session: Session,
  reading: Reading,
  into: string,
  { usual, others, spans }: Pack,
): Promise<{ rows: number; suspects: readonly SourceFile[] }> {
  const target = `insert into ${into} (${reading.names.join(', ')})`;
  try {
    const rows = usual.records > 0 ? await session.connection.run(`${target} ${reading.usual!.rows(usual.path)}`) : 0;
    if (rows !== usual.records) throw new Error(`${rows} of ${usual.records} usual lines were loaded`);
    if (others.records === 0) return { rows, suspects: [] };
    const more = await insertOthers(session, reading, target, others, spans);
    return { rows: rows + more.rows, suspects: more.suspects };
  } finally {
    usual.remove();
    others.remove();
  }
}

async function insertOthers(
  session: Session,
  { reader, values, bad, rules }: Reading,
  target: string,
  { path, records }: LineFile,
  spans: readonly Span[],
): Promise<{ rows: number; suspects: readonly SourceFile[] }> {
  const relation = reader([path], 'none', true);
  try {
    const rows = await session.connection.run(
      `${target} select ${values.join(', ')} from ${relation} where (${bad}) is null`,
    );
    return { rows, suspects: rows === records ? [] : await suspectsOf(session, relation, bad, spans) };
  } catch (error) {
    if (/interrupt/i.test(errorText(error))) throw error;
    // DuckDB does not report which object caused the error.
    for (const { source } of spans) await requireReadable(source, rules);
    throw error;
  }
}

async function suspectsOf(
  session: Session,
  relation: string,
  bad: string,
  spans: readonly Span[],
): Promise<SourceFile[]> {
  const found = await session.connection.rows<{ number: bigint }>(
    `select number from (select row_number() over () as number, (${bad}) is not null as bad from ${relation}) where bad order by number`,
  );
  const suspects = new Set<SourceFile>();
  let span = 0;
  let end = spans[0]?.others ?? 0;
  for (const { number } of found) {
    while (Number(number) > end && span < spans.length - 1) {
      span += 1;
      end += spans[span]!.others;
    }
    suspects.add(spans[span]!.source);
  }
  return [...suspects];
}

async function* packs(sources: Sources, sorter: LineSorter): AsyncGenerator<Pack> {
  let writer = new PackWriter(sources, sorter);
  try {
    for (const source of sources.files) {
      for await (const block of blocks(source)) {
        writer.add(source, block);
        if (writer.bytes < packBytes) continue;
        yield writer.close();
        writer = new PackWriter(sources, sorter);
      }
      writer.end(source);
      // Other work of this process may run between two objects.
      await setImmediate();
    }
    yield writer.close();
  } finally {
    writer.close();
  }
}

class PackWriter {
  private readonly spans: Span[] = [];
  private readonly usual: LineFile;
  private readonly others: LineFile;

  constructor(
    sources: Sources,
    private readonly sorter: LineSorter,
  ) {
    this.usual = new LineFile(sources.fresh());
    this.others = new LineFile(sources.fresh());
  }

  get bytes(): number {
    return this.usual.bytes + this.others.bytes;
  }

  /** @param block whole lines */
  add(source: SourceFile, block: Buffer): void {
    const span = this.spanOf(source);
    const { usual, others, lines } = this.sorter.sort(block);
    this.usual.add(usual);
    this.others.add(others);
    span.lines += lines;
    span.usual += usual.records;
    span.others += others.records;
  }

  /** Completes an object. */
  end(source: SourceFile): void {
    const span = this.spanOf(source);
    const others = this.sorter.end();
    this.others.add(others);
    span.others += others.records;
  }

  private spanOf(source: SourceFile): Span {
    const last = this.spans.at(-1);
    if (last?.source === source) return last;
    const span: Span = { source, lines: 0, usual: 0, others: 0 };
    this.spans.push(span);
    return span;
  }

  close(): Pack {
    this.usual.close();
    this.others.close();
    return { usual: this.usual, others: this.others, spans: this.spans };
  }
}

/** A plain file that is written and then read. */
class LineFile {
  bytes = 0;
  records = 0;
  private file: number | undefined;

  constructor(readonly path: string) {
    this.file = openSync(path, 'w');
  }

  add({ bytes, records }: Lines): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file!, bytes, at);
    this.bytes += bytes.length;
    this.records += records;
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
