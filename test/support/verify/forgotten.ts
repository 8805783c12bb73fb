import type { Pipeline } from '../../../pipelines/definition';
import { tableNamesOf } from '../../../sql/tables/names';
import { buckets, type Cloud } from '../cloud';
import { linesOf, subjectOf } from '../forget';
import type { Truth } from '../world';
import { rows, type Value } from './query';

/**
 * Finds what is left of forgotten subjects: in every table and view, and in every version of the objects of history and
 * archive, and of files of exports. Objects that are set aside are named by their dead letter, and left to their owner.
 */
export async function verifyForgotten(cloud: Cloud, pipeline: Pipeline, { forgotten }: Truth): Promise<string[]> {
  if (forgotten.size === 0) return [];
  const problems: string[] = [];
  const { name } = pipeline;
  for (const table of [...tableNamesOf(pipeline), ...pipeline.views.map((view) => view.name)])
    for (const row of await rows<Value[]>(cloud, `select * from ${name}.${table}`))
      for (const id of idsIn(row)) if (forgotten.has(id)) problems.push(`${id} is still in ${table}: ${row.join(' ')}`);
  const known = new Set(
    (await rows<string[]>(cloud, `select object_key, etag from ${name}.ledger`)).map(([key, etag]) => `${key} ${etag}`),
  );
  for (const bucket of [buckets.history, buckets.archive]) {
    const { store } = cloud.s3.port.bucket(bucket);
    for (const key of store.keys())
      for (const { versionId, etag, deleteMarker } of store.versionsOf(key)) {
        const isCurrent = store.current(key)?.versionId === versionId;
        const isSetAside = isCurrent && bucket === buckets.history && !known.has(`${key} ${etag.replaceAll('"', '')}`);
        if (deleteMarker || isSetAside) continue;
        for (const line of linesOf(cloud.s3, bucket, key, versionId) ?? [])
          if (forgotten.has(subjectOf(line) ?? '')) problems.push(`${line} is still in ${bucket}/${key}`);
      }
  }
  return [...problems, ...filesWith(cloud, forgotten)];
}

/** Finds lines of forgotten subjects in all versions of the files of exports. */
function filesWith({ s3 }: Cloud, forgotten: ReadonlySet<string>): string[] {
  const { store } = s3.port.bucket(buckets.exports);
  return [...store.keys()].flatMap((key) =>
    store
      .versionsOf(key)
      .filter(({ deleteMarker }) => !deleteMarker)
      .flatMap(({ versionId }) => linesOf(s3, buckets.exports, key, versionId) ?? [])
      .filter((line) => line.split(',').some((cell) => forgotten.has(cell)))
      .map((line) => `${line} is still in ${buckets.exports}/${key}`),
  );
}

/** Ids of events in the cells of a row: as a value, in JSON, or in bytes. */
function* idsIn(row: readonly Value[]): Generator<string> {
  for (const cell of row) {
    if (typeof cell !== 'string') continue;
    for (const text of [cell, Buffer.from(cell, 'base64').toString('latin1')]) {
      if (/^e\d+$/.test(text)) yield text;
      for (const [, id] of text.matchAll(/"(e\d+)"/g)) yield id!;
    }
  }
}
