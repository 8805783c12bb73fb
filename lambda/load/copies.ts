import zlib from 'node:zlib';
import { maxCopyBytes } from '../shared/objects';
import { asNumber, asText } from '../shared/parse';
import { render, renderAll } from '../shared/statement';
import { execute, query, type Row } from '../shared/warehouse';
import { judge } from './columns';
import { type LoadSource, versionPrefix } from './contract';
import { goneReason } from './failure';
import { idOf } from './groups';
import type { LoadCall } from './host';
import type { HistoryObject } from './notification';
import type { ReportedLines, Sifted } from './sift';
import { type File, nameOf, runIdOf, writeManifest } from './transaction';

const copiesAtOnce = 10;

/** Copies the exact versions of objects to the work bucket, where nobody changes them. `refused` has the reason why an object has no copy. */
export async function copyVersions<Item extends HistoryObject>(
  call: LoadCall,
  source: LoadSource,
  objects: readonly Item[],
): Promise<{ copied: [Item, File][]; refused: [Item, string][] }> {
  const copied: [Item, File][] = [];
  const refused: [Item, string][] = [];
  for (let first = 0; first < objects.length; first += copiesAtOnce) {
    const some = objects.slice(first, first + copiesAtOnce);
    const files = await Promise.all(some.map((object) => copyVersion(call, source, object)));
    for (const [index, object] of some.entries()) {
      const file = files[index]!;
      if (typeof file === 'string') refused.push([object, file]);
      else copied.push([object, file]);
    }
  }
  return { copied, refused };
}

/** The copy, or why there is none. */
async function copyVersion(
  { objects, workBucket, keyArn, plan }: LoadCall,
  source: LoadSource,
  object: HistoryObject,
): Promise<File | string> {
  const { bucket, key, etag, size } = object;
  if (size > maxCopyBytes) return 'larger than 5 GB, so S3 cannot copy its version in one call';
  const versionId = object.versionId || (await objects.find(bucket, key, etag));
  const copy = `${versionPrefix}${plan.pipeline}/${runIdOf([object])}`;
  const to = { bucket: workBucket, key: copy, kmsKeyArn: keyArn };
  if (!versionId || !(await objects.copy({ bucket, key, versionId }, to))) return goneReason(etag);
  const verdict = await judge(objects, source.shape, { bucket: workBucket, key: copy });
  if (verdict === 'gone') throw new Error(`the copy s3://${workBucket}/${copy} cannot be read`);
  return verdict === 'fits' ? { url: `s3://${workBucket}/${copy}`, size } : verdict.reason;
}

/** Describes copies of whole objects: their records are not counted, and no line is left out. */
export async function filesOfCopies(
  call: LoadCall,
  copied: readonly (readonly [HistoryObject, File])[],
): Promise<Pick<Sifted, 'files' | 'records' | 'refused'>> {
  const key = `${versionPrefix}${call.plan.pipeline}/none-refused.gz`;
  const body = zlib.gzipSync('{"object_key":null}\n');
  await call.objects.put(call.workBucket, key, body);
  const noLines = { url: `s3://${call.workBucket}/${key}`, size: body.length };
  const runId = runIdOf(copied.map(([object]) => object));
  const refused = await writeManifest(call, `${runId}-none-refused`, [noLines]);
  return { files: copied.map(([, file]) => file), records: -1, refused };
}

/** How often, and how long after each other, the errors of a COPY are queried: no page of AWS says how soon the views show them. */
const maxQueries = 7;
const queryEveryMs = 5000;
const reserveMs = 60_000;

/**
 * Lines that COPY cannot read although they look like records. A COPY that skips such lines reads copies of the objects; after its end, the system
 * views are queried for its errors. Undefined where they show none: a line that COPY does not report is not left out.
 */
export async function reportedLines(
  call: LoadCall,
  source: LoadSource,
  objects: readonly HistoryObject[],
): Promise<ReportedLines | undefined> {
  const { copied, refused } = await copyVersions(call, source, objects);
  if (refused.length > 0 || call.remainingMs() < reserveMs) return undefined;
  const runId = runIdOf(objects);
  const { statements, answer, lines } = source.scan;
  const files = copied.map(([, file]) => file);
  const manifest = await writeManifest(call, `${runId}-scan`, files);
  const sql = renderAll(statements, { manifest, load_role: call.loadRoleArn });
  const { id } = await execute(call.warehouse, nameOf(call, runId, 'scan'), sql, call.remainingMs);
  const { parts } = await call.warehouse.describe(id);
  const [row = {}] = await call.warehouse.rows(parts[answer]!.id);
  const copiedRows = asNumber(row['copied'], 'copied');
  const errors = render(lines, { query_id: asNumber(row['query_id'], 'query_id') });
  const idByUrl = new Map(copied.map(([object, { url }]) => [url, idOf(object)]));
  for (let count = 1; ; count += 1) {
    const { rows } = await query(call.warehouse, nameOf(call, runId, 'errors'), errors, call.remainingMs);
    const isLast = count === maxQueries || call.remainingMs() < reserveMs;
    const isComplete = rows.length > 0 && asNumber(rows[0]!['scanned'] ?? 0, 'scanned') <= copiedRows + rows.length;
    if (isComplete || (isLast && rows.length > 0)) return linesByObject(rows, idByUrl);
    if (isLast) return undefined;
    await call.sleep(queryEveryMs);
  }
}

function linesByObject(rows: readonly Row[], idByUrl: ReadonlyMap<string, string>): ReportedLines | undefined {
  const reported = new Map<string, Map<number, string>>();
  for (const row of rows) {
    const id = idByUrl.get(asText(row['url'], 'url'));
    if (id === undefined) return undefined;
    const lines = reported.get(id) ?? new Map<number, string>();
    reported.set(id, lines.set(asNumber(row['line'], 'line'), asText(row['message'], 'message')));
  }
  return reported;
}
