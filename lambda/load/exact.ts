import { setTimeout } from 'node:timers/promises';
import zlib from 'node:zlib';
import { maxCopyBytes } from '../shared/objects';
import { asNumber, asText } from '../shared/parse';
import { render, renderAll } from '../shared/statement';
import { execute, query } from '../shared/warehouse';
import { type LoadSource, versionPrefix } from './contract';
import { idOf } from './groups';
import type { LoadHost } from './host';
import type { HistoryObject } from './notification';
import { judge } from './shape';
import type { Named, Sifted } from './sift';
import { type File, helperName, runIdOf, writeManifest } from './transaction';

const copiedAtOnce = 10;

/** Copies the very versions of objects to where nobody changes them, and says of which that cannot be done, and why. */
export async function copyVersions<Item extends HistoryObject>(
  host: LoadHost,
  source: LoadSource,
  objects: readonly Item[],
): Promise<{ copied: [Item, File][]; refused: [Item, string][] }> {
  const copied: [Item, File][] = [];
  const refused: [Item, string][] = [];
  for (let first = 0; first < objects.length; first += copiedAtOnce) {
    const some = objects.slice(first, first + copiedAtOnce);
    const files = await Promise.all(some.map((object) => copyVersion(host, source, object)));
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
  { objects, workBucket, keyArn, plan }: LoadHost,
  source: LoadSource,
  object: HistoryObject,
): Promise<File | string> {
  const { bucket, key, etag, size } = object;
  if (size > maxCopyBytes) return 'larger than 5 GB, so its version was not copied to be tried alone';
  const versionId = object.versionId || (await objects.find(bucket, key, etag));
  const copy = `${versionPrefix}${plan.pipeline}/${runIdOf([object])}`;
  const to = { bucket: workBucket, key: copy, kmsKeyArn: keyArn };
  if (!versionId || !(await objects.copy({ bucket, key, versionId }, to)))
    return `the version with etag ${etag} is there no more, or must not be read`;
  const verdict = await judge(objects, source.shape, { bucket: workBucket, key: copy });
  if (verdict === 'gone') throw new Error(`the copy s3://${workBucket}/${copy} cannot be read`);
  return verdict === 'fits' ? { url: `s3://${workBucket}/${copy}`, size } : verdict.reason;
}

/** What copies of whole objects are loaded with: nobody counted their records, and no line is left out. */
export async function exactCopies(
  host: LoadHost,
  objects: readonly HistoryObject[],
): Promise<Pick<Sifted, 'records' | 'refused'>> {
  const key = `${versionPrefix}${host.plan.pipeline}/none-refused.gz`;
  const body = zlib.gzipSync('{"object_key":null}\n');
  await host.objects.put(host.workBucket, key, body);
  const file = { url: `s3://${host.workBucket}/${key}`, size: body.length };
  return { records: -1, refused: await writeManifest(host, `${runIdOf(objects)}-none-refused`, [file]) };
}

/** Errors of a COPY are looked for so often, so long after each other: nobody says how soon its views show them. */
const looks = 7;
const lookEveryMs = 5000;
const reserveMs = 60_000;

/**
 * The lines of objects that COPY cannot read though they look like records: copies are read by a COPY that passes over such lines, and its errors are
 * asked for once it has ended. Undefined where it names none: what is not named is not left out.
 */
export async function nameLines(
  host: LoadHost,
  source: LoadSource,
  objects: readonly HistoryObject[],
  remainingMs: () => number,
): Promise<Named | undefined> {
  const { copied, refused } = await copyVersions(host, source, objects);
  if (refused.length > 0 || remainingMs() < reserveMs) return undefined;
  const { statements, answer, lines } = source.scan;
  const files = copied.map(([, file]) => file);
  const manifest = await writeManifest(host, `${runIdOf(objects)}-scan`, files);
  const sql = renderAll(statements, { manifest, load_role: host.loadRoleArn });
  const ended = await execute(host.warehouse, helperName(host, objects, 'scan'), sql, remainingMs);
  const [row = {}] = await host.warehouse.rows(ended.parts[answer]!.id);
  const copiedRows = asNumber(row['copied'], 'copied');
  const question = render(lines, { query_id: asNumber(row['query_id'], 'query_id') });
  const idByUrl = new Map(copied.map(([object, { url }]) => [url, idOf(object)]));
  for (let look = 1; ; look += 1) {
    const { rows } = await query(host.warehouse, helperName(host, objects, 'errors'), question, remainingMs);
    const last = look === looks || remainingMs() < reserveMs;
    if (rows.length > 0 && (last || asNumber(rows[0]!['scanned'] ?? 0, 'scanned') <= copiedRows + rows.length))
      return namedOf(rows, idByUrl);
    if (last) return undefined;
    await (host.sleep ?? setTimeout)(lookEveryMs);
  }
}

function namedOf(
  rows: readonly Readonly<Record<string, unknown>>[],
  idByUrl: ReadonlyMap<string, string>,
): Named | undefined {
  const named = new Map<string, Map<number, string>>();
  for (const row of rows) {
    const id = idByUrl.get(asText(row['url'], 'url'));
    if (id === undefined) return undefined;
    const lines = named.get(id) ?? new Map<number, string>();
    named.set(id, lines.set(asNumber(row['line'], 'line'), asText(row['message'], 'message')));
  }
  return named;
}
