import { asNumber, asText } from '../shared/parse';
import type { StatementTemplate } from '../shared/plan';
import { render, renderAll } from '../shared/statement';
import { execute, query } from '../shared/warehouse';
import type { LoadSource } from './contract';
import { objectsJson } from './groups';
import type { LoadHost } from './host';
import type { HistoryObject } from './notification';
import { canonical, payloadOf } from './payload';
import { recordsOf, UnreadableError } from './records';
import { helperName } from './transaction';

/** What is to be found of one run: payloads whose lines are not known, and lines whose bytes are not. */
interface Lost {
  /** By canonical payload. */
  readonly payloads: Map<string, { digest: string; copies: number; places: { url: string; line: number }[] }>;
  /** By object. */
  readonly lines: Map<string, Set<number>>;
  readonly texts: { url: string; line: number; bytes: string }[];
}

/** Of the objects of a run together, compressed: what is read again must cost little beside the load. */
const maxBytes = 64 * 1024 ** 2;
/** Of a record: COPY takes no longer one. */
const maxRecordBytes = 20_000_000;
/** Of a list as a SQL literal: a varchar takes 65,535 bytes. */
const maxLiteralBytes = 45_000;
const reserveMs = 30_000;

/**
 * Finds the line of each reject of the runs that loaded these objects, by reading the objects once more, and keeps the bytes of lines that
 * COPY could not read. Equal payloads had equal fates, so that a line is a reject's if there are as many of one as of the other; where
 * there are more lines than rejects nothing is said. Parquet has no lines. May be repeated: what was found is not looked for again.
 */
export async function findOrigins(
  host: LoadHost,
  source: LoadSource,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<void> {
  if (objects.length === 0 || source.shape.format === 'parquet' || remainingMs() < reserveMs) return;
  const ask = (sql: StatementTemplate, step: string) =>
    query(host.warehouse, helperName(host, objects, step), render(sql, { objects: objectsJson(objects) }), remainingMs);
  const runs = lostOf((await ask(host.plan.origins.missing, 'rejects')).rows);
  if (runs.size === 0) return;
  const { rows } = await ask(host.plan.origins.objects, 'origins');
  for (const [runId, lost] of runs) {
    const candidates = rows.filter(({ run_id }) => run_id === runId).map(objectOf);
    const bytes = candidates.reduce((sum, { size }) => sum + size, 0);
    const facts = { runId, objects: candidates.length, bytes };
    if (bytes > maxBytes) host.log('too much to look for the lines of rejects', facts);
    else if (await search(host, source, candidates, lost, remainingMs))
      await write(host, objects, runId, lost, remainingMs);
    else host.log('no time left to look for the lines of rejects', facts);
  }
}

function lostOf(rows: readonly Readonly<Record<string, unknown>>[]): Map<string, Lost> {
  const runs = new Map<string, Lost>();
  for (const row of rows) {
    const runId = asText(row.run_id, 'run_id');
    const lost = runs.get(runId) ?? { payloads: new Map(), lines: new Map(), texts: [] };
    runs.set(runId, lost);
    if (row.digest === null) {
      const url = asText(row.object_key, 'object_key');
      lost.lines.set(url, (lost.lines.get(url) ?? new Set()).add(asNumber(row.line, 'line')));
      continue;
    }
    const [digest, copies] = [asText(row.digest, 'digest'), asNumber(row.copies, 'copies')];
    const payload = canonical(JSON.parse(asText(row.payload, 'payload')));
    if (payload === undefined) continue;
    const other = lost.payloads.get(payload);
    // Two texts of one value: which line had which spelling is not known.
    if (other) other.copies = Number.NaN;
    else lost.payloads.set(payload, { digest, copies, places: [] });
  }
  return runs;
}

/** An object as the ledger has it. */
export const objectOf = (row: Readonly<Record<string, unknown>>): HistoryObject => ({
  bucket: asText(row.bucket, 'bucket'),
  key: asText(row.object_key, 'object_key'),
  etag: asText(row.etag, 'etag'),
  versionId: typeof row.version_id === 'string' ? row.version_id : '',
  size: asNumber(row.size ?? 0, 'size'),
});

/** False if time ran out. */
async function search(
  host: LoadHost,
  { shape }: LoadSource,
  candidates: readonly HistoryObject[],
  lost: Lost,
  remainingMs: () => number,
): Promise<boolean> {
  for (const { bucket, key, etag, versionId } of candidates) {
    const body = await host.objects.bytes(versionId ? { bucket, key, versionId } : { bucket, key, etag });
    if (!body) continue;
    const url = `s3://${bucket}/${key}`;
    const options = { compression: shape.compression, quoted: shape.format === 'csv', maxBytes: maxRecordBytes };
    let read = 0;
    try {
      for await (const { line, lastLine, bytes } of recordsOf(body, options)) {
        read += 1;
        if (read % 10_000 === 0 && remainingMs() < reserveMs) return false;
        if (shape.format === 'csv' && read === 1) continue;
        // COPY may refuse what JavaScript reads: half a surrogate pair, a byte order mark, more than 1,000 levels.
        const refused = wanted(lost.lines.get(url), line, lastLine);
        if (refused !== undefined) {
          lost.texts.push({ url, line: refused, bytes: bytes.toString('base64') });
          continue;
        }
        const payload = payloadOf(bytes, shape);
        const text = payload === undefined ? undefined : canonical(payload);
        if (text !== undefined) lost.payloads.get(text)?.places.push({ url, line });
      }
    } catch (error) {
      // COPY read it, so it can hardly be so; then its rejects stay without a line.
      if (!(error instanceof UnreadableError)) throw error;
      host.log('an object with rejects cannot be read', { bucket, key, error: error.message });
    }
  }
  return true;
}

/** The line that COPY named of those of a record. */
const wanted = (lines: ReadonlySet<number> | undefined, first: number, last: number): number | undefined =>
  lines &&
  Array.from({ length: Math.min(last - first, 1000) + 1 }, (_, i) => first + i).find((line) => lines.has(line));

async function write(
  host: LoadHost,
  objects: readonly HistoryObject[],
  runId: string,
  { payloads, texts }: Lost,
  remainingMs: () => number,
): Promise<void> {
  const { origins } = host.plan;
  const places = [...payloads.values()]
    .filter((found) => found.places.length > 0 && found.places.length <= found.copies)
    .map(({ digest, places: found }) => found.map((place, index) => ({ digest, copy: index + 1, ...place })));
  const submit = (step: string, sql: readonly StatementTemplate[], values: Record<string, string>) =>
    execute(host.warehouse, helperName(host, objects, step), renderAll(sql, { run_id: runId, ...values }), remainingMs);
  for (const list of literals(places)) await submit('place', origins.place, { places: JSON.stringify(list) });
  for (const list of literals(texts.map((text) => [text])))
    await submit('keep', origins.keep, { texts: JSON.stringify(list) });
}

/** The items in lists that fit a literal, those of one group in one list; a group that fits none is left out. */
function literals<Item>(groups: readonly (readonly Item[])[]): Item[][] {
  const lists: Item[][] = [];
  let room = 0;
  for (const group of groups) {
    const bytes = Buffer.byteLength(JSON.stringify(group));
    if (bytes > maxLiteralBytes) continue;
    if (bytes > room) {
      lists.push([]);
      room = maxLiteralBytes;
    }
    lists.at(-1)!.push(...group);
    room -= bytes;
  }
  return lists;
}
