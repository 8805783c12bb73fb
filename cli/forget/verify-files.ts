import { createWriteStream, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as connected } from 'node:stream/promises';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { exportPrefix } from '../../lambda/export/contract';
import { dataPrefix, runOfKey } from '../../lambda/export/layout';
import type { Pipeline } from '../../pipelines/definition';
import { quoteIdentifier } from '../../sql/names';
import type { ObjectVersion } from '../cloud/ports';
import { allExports, type NamedExport } from '../commands/exports/find-export';
import { readerSql } from '../commands/exports/verify-publication';
import { assertTime, type Work } from './statements';
import type { Marked } from './subject-finder';
import { showsSubject } from './sweep-exports';

/** An object that still has records of marked subjects, or that could not be read. */
export interface ObjectFound {
  readonly url: string;
  /** Records, or values in files of exports. 0 if the object could not be read. */
  readonly records: number;
  /** True for a version that is not the newest one. */
  readonly isOld: boolean;
  /** True for a version that the load function gave up on. */
  readonly isParked?: boolean;
  readonly problem?: string;
}

export interface FilesRead {
  objects: number;
  readonly finds: ObjectFound[];
  readonly unsearched: string[];
}

/** Reads all versions of the files of exports that show a subject under its own name. */
export async function verifyExports(
  work: Work,
  pipeline: Pipeline,
  marked: Marked,
  count: (objects: number) => void,
): Promise<FilesRead> {
  const read: FilesRead = { objects: 0, finds: [], unsearched: [] };
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    for (const named of allExports([pipeline])) {
      if (!showsSubject(named)) {
        read.unsearched.push(`${named.name}: no column has the subject's name`);
        continue;
      }
      for await (const version of filesOf(work, named)) {
        assertTime(work, 'reading files of exports');
        const found = await verifyFile(work, connection, named, marked, version);
        read.objects += 1;
        if (found !== undefined) read.finds.push(found);
        count(read.objects);
      }
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return read;
}

async function* filesOf({ cloud }: Work, { pipeline, item }: NamedExport): AsyncGenerator<ObjectVersion> {
  const prefix = exportPrefix(pipeline.name, item.name);
  for await (const page of cloud.buckets.versions.pages(cloud.names.exportsBucket, prefix))
    for (const version of page) {
      const run = runOfKey(pipeline.name, item.name, version.key);
      // UNLOAD writes a manifest beside its files.
      const isFile = run !== undefined && version.key.startsWith(dataPrefix(run)) && !version.key.endsWith('manifest');
      if (isFile && !version.isDeleteMarker) yield version;
    }
}

async function verifyFile(
  { cloud }: Work,
  connection: DuckDBConnection,
  { item, pipeline }: NamedExport,
  marked: Marked,
  { key, versionId, isLatest }: ObjectVersion,
): Promise<ObjectFound | undefined> {
  const bucket = cloud.names.exportsBucket;
  const body = await cloud.buckets.versions.read(bucket, key, versionId);
  if (body === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-verify-'));
  const place = { url: `s3://${bucket}/${key}`, isOld: !isLatest };
  try {
    const file = join(folder, 'file');
    await connected(Readable.from(body), createWriteStream(file, { mode: 0o600 }));
    const stored = item.columns.filter(({ name }) => !item.format.partitionBy.includes(name));
    const described = await connection.runAndReadAll(`describe select * from ${readerSql(item.format, file)}`);
    const names = described.getRows().map(([name]) => String(name));
    let records = 0;
    for (const subject of pipeline.subject ?? []) {
      // A CSV without a header has no names.
      const at = names.includes(subject) ? subject : names[stored.findIndex(({ name }) => name === subject)];
      if (at === undefined || (item.format.kind === 'json' && at !== subject)) continue;
      const rows = await connection.runAndReadAll(
        `select distinct ${quoteIdentifier(at)}::varchar from ${readerSql(item.format, file)} where ${quoteIdentifier(at)} is not null`,
      );
      records += rows.getRows().filter(([value]) => marked.has(subject, String(value))).length;
    }
    return records > 0 ? { ...place, records } : undefined;
  } catch (error) {
    return { ...place, records: 0, problem: (error as Error).message.split('\n')[0]! };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
