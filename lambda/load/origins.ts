import { asNumber, asText } from '../shared/parse';
import { renderAll } from '../shared/statement';
import { execute, type Row } from '../shared/warehouse';
import type { LoadSource } from './contract';
import type { LoadCall } from './host';
import type { HistoryObject } from './notification';
import { canonical, payloadOf, recordsOfShape } from './payload';
import { eventsOf } from './record-shape';
import { UnreadableError } from './records';
import { nameOf, queryObjects, runIdOf } from './transaction';

/** The rejects of one run whose origin is incomplete, and what the search has found of it. */
interface Rejects {
  /** Rejects without a line, by canonical payload; `places` are the lines that hold it. */
  readonly payloads: Map<string, { digest: string; copies: number; places: { url: string; line: number }[] }>;
}

/** Largest compressed size of a run's objects: reading them again must cost little compared with the load. */
const maxBytes = 64 * 1024 ** 2;
/** Longest record that COPY takes. */
const maxRecordBytes = 20_000_000;
/** Longest list that fits a SQL literal (a varchar has at most 65,535 bytes). */
const maxLiteralBytes = 45_000;
const reserveMs = 30_000;

/**
 * Reads the objects again and finds the line of each reject of the runs that loaded them.
 * Equal payloads have equal outcomes. So a payload's lines are its rejects if there are no more lines than rejects;
 * otherwise no line is recorded. Parquet has no lines. A repeated call does not search again for recorded lines.
 */
export async function findOrigins(
  call: LoadCall,
  source: LoadSource,
  objects: readonly HistoryObject[],
): Promise<void> {
  if (objects.length === 0 || source.shape.format === 'parquet' || call.remainingMs() < reserveMs) return;
  const { missing, objects: objectsOfRuns } = call.plan.origins;
  const runs = rejectsByRun((await queryObjects(call, 'rejects', missing, objects)).rows);
  if (runs.size === 0) return;
  const { rows } = await queryObjects(call, 'origins', objectsOfRuns, objects);
  for (const [runId, rejects] of runs) {
    const candidates = rows.filter(({ run_id }) => run_id === runId).map(objectOf);
    const bytes = candidates.reduce((sum, { size }) => sum + size, 0);
    const facts = { runId, objects: candidates.length, bytes };
    if (bytes > maxBytes) call.log('too much to look for the lines of rejects', facts);
    else if (await search(call, source, candidates, rejects)) await write(call, objects, runId, rejects);
    else call.log('no time left to look for the lines of rejects', facts);
  }
}

function rejectsByRun(rows: readonly Row[]): Map<string, Rejects> {
  const runs = new Map<string, Rejects>();
  for (const row of rows) {
    const runId = asText(row.run_id, 'run_id');
    const rejects = runs.get(runId) ?? { payloads: new Map() };
    runs.set(runId, rejects);
    const [digest, copies] = [asText(row.digest, 'digest'), asNumber(row.copies, 'copies')];
    const payload = canonical(JSON.parse(asText(row.payload, 'payload')));
    if (payload === undefined) continue;
    const other = rejects.payloads.get(payload);
    // Two digests of one canonical payload: it is unknown which line has which, and NaN matches no number of lines.
    if (other) other.copies = Number.NaN;
    else rejects.payloads.set(payload, { digest, copies, places: [] });
  }
  return runs;
}

/** The object of a ledger row. */
export const objectOf = (row: Row): HistoryObject => ({
  bucket: asText(row.bucket, 'bucket'),
  key: asText(row.object_key, 'object_key'),
  etag: asText(row.etag, 'etag'),
  versionId: typeof row.version_id === 'string' ? row.version_id : '',
  size: asNumber(row.size ?? 0, 'size'),
});

/** False when time ran out. */
async function search(
  call: LoadCall,
  { shape }: LoadSource,
  candidates: readonly HistoryObject[],
  rejects: Rejects,
): Promise<boolean> {
  for (const { bucket, key, etag, versionId } of candidates) {
    const body = await call.objects.bytes(versionId ? { bucket, key, versionId } : { bucket, key, etag });
    if (!body) continue;
    const url = `s3://${bucket}/${key}`;
    let read = 0;
    try {
      for await (const { line, bytes } of recordsOfShape(body, shape, maxRecordBytes)) {
        read += 1;
        if (read % 10_000 === 0 && call.remainingMs() < reserveMs) return false;
        if (shape.format === 'csv' && read === 1) continue;
        const payload = payloadOf(bytes, shape);
        for (const event of payload === undefined ? [] : eventsOf(payload, shape.records)) {
          const text = canonical(event);
          if (text !== undefined) rejects.payloads.get(text)?.places.push({ url, line });
        }
      }
    } catch (error) {
      // Unlikely, since COPY read it. Its rejects then stay without a line.
      if (!(error instanceof UnreadableError)) throw error;
      call.log('an object with rejects cannot be read', { bucket, key, error: error.message });
    }
  }
  return true;
}

async function write(
  call: LoadCall,
  objects: readonly HistoryObject[],
  runId: string,
  { payloads }: Rejects,
): Promise<void> {
  const { origins } = call.plan;
  const places = [...payloads.values()]
    .filter((found) => found.places.length > 0 && found.places.length <= found.copies)
    .map(({ digest, places: found }) => found.map((place, index) => ({ digest, copy: index + 1, ...place })));
  for (const list of literals(places)) {
    const values = { run_id: runId, places: JSON.stringify(list) };
    const name = nameOf(call, runIdOf(objects), 'place');
    await execute(call.warehouse, name, renderAll(origins.place, values), call.remainingMs);
  }
}

/** Distributes the groups over lists that each fit a literal. A group stays together; one that is too long is left out. */
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
