import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as connected } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { UnreadableError } from '../../lambda/load/records';
import { mapAtMost } from '../../lambda/shared/at-most';
import { rewriteMetadata } from '../../lambda/shared/tombstone';
import type { Pipeline } from '../../pipelines/definition';
import { claimStatements, claimsQuery, swapStatements, withdrawStatements } from '../../sql';
import { publicTables, replacedSource } from '../../sql/names';
import type { ObjectFacts, ObjectVersion } from '../cloud/ports';
import { Failure } from '../failure';
import { plural } from '../terminal';
import type { CountingJudge } from './judges';
import { rewritten } from './rewrite-lines';
import { ask, assertTime, transact, type Work } from './statements';

/** Objects that are looked through together. */
export interface Batch {
  readonly bucket: string;
  readonly keys: readonly string[];
  readonly compression: 'gzip' | 'none';
  /** Makes a judge, which counts for one version. */
  readonly judge: () => CountingJudge;
  /** True for history: an object that the ledger does not have is still to be loaded, and stays as it is. */
  readonly onlyLoaded: boolean;
}

/** What became of an object. */
export interface SweptObject {
  readonly key: string;
  /** Records that were replaced in its newest version. */
  readonly replaced: number;
  /** Records of the newest version that are replaced, now or before. Undefined if there is no such version. */
  readonly tombstones?: number;
  /** Etag of the newest version as it is now. */
  readonly etag?: string;
  /** Records of the newest version that were not replaced, because the ledger does not have it. */
  readonly left: number;
  readonly versionsDeleted: number;
  /** Why it could not be looked through. */
  readonly problem?: string;
}

/** Objects that are read, written or deleted at the same time. */
const parallel = 4;
/** Attempts at an object that others write at the same time. */
const maxAttempts = 5;

/** What was written, by key: the records replaced, the etag, and the versions that still hold these records. */
type Replaced = Map<string, { readonly records: number; readonly etag: string; readonly versions: readonly string[] }>;

/** A version that was looked through. */
interface Found {
  readonly version: ObjectVersion;
  readonly hits: number;
  readonly tombstones: number;
}

interface Inspected {
  readonly key: string;
  /** Etag of the newest version if it could not be read. */
  readonly unread?: string;
  readonly newest?: Found;
  readonly facts?: ObjectFacts;
  readonly problem?: string;
}

/**
 * Replaces the records that the judge finds in the newest versions of objects, and deletes older versions that hold such
 * records. A killed call is finished by the next one, or by the load function: see sql/forget/rewrites.ts.
 */
export async function sweepObjects(work: Work, pipeline: Pipeline, batch: Batch): Promise<SweptObject[]> {
  const replaced: Replaced = new Map();
  const newest = new Map<string, Inspected>();
  let open = batch.keys;
  for (let attempt = 1; open.length > 0; attempt += 1) {
    if (attempt > maxAttempts)
      throw new Failure(
        `${batch.bucket}/${open[0]} changed ${maxAttempts} times while it was rewritten; try again later`,
      );
    const inspected = await mapAtMost(parallel, open, (key) => inspect(work, batch, key));
    for (const found of inspected) newest.set(found.key, found);
    const lost = await replaceAll(work, pipeline, batch, inspected, replaced);
    open = lost;
  }
  return mapAtMost(parallel, batch.keys, async (key) => {
    const { newest: found, unread, problem } = newest.get(key)!;
    const written = replaced.get(key);
    const known = written?.versions ?? [];
    const old = problem === undefined ? await deleteOldVersions(work, batch, key, known) : { deleted: 0 };
    const trouble = problem ?? old.problem;
    return {
      key,
      replaced: written?.records ?? 0,
      ...(unread !== undefined && { etag: unread }),
      ...(found && {
        tombstones: found.tombstones + (written === undefined ? 0 : found.hits),
        etag: written?.etag ?? found.version.etag,
      }),
      left: written === undefined ? (found?.hits ?? 0) : 0,
      versionsDeleted: old.deleted,
      ...(trouble !== undefined && { problem: trouble }),
    };
  });
}

async function inspect(work: Work, batch: Batch, key: string): Promise<Inspected> {
  assertTime(work, `reading ${batch.bucket}`);
  const version = (await versionsOf(work, batch.bucket, key)).find(({ isLatest }) => isLatest);
  if (version === undefined || version.isDeleteMarker) return { key };
  if (isFrozen(version)) return { key, problem: `it is in ${version.storageClass}, and has to be restored first` };
  const facts = await work.cloud.buckets.versions.facts(batch.bucket, key, version.versionId);
  try {
    const newest = await look(work, batch, version);
    if (newest !== undefined && newest.hits > 0 && version.size > mostBytes)
      return { key, problem: `it has more than 5 GiB, which S3 does not write at once: ${byHand(newest.hits)}` };
    return { key, ...(newest && { newest }), ...(facts && { facts }) };
  } catch (error) {
    if (error instanceof UnreadableError) return { key, unread: version.etag, problem: error.message };
    throw error;
  }
}

/** Largest object of one PutObject (S3 User Guide, "Uploading objects"). */
const mostBytes = 5 * 1024 ** 3;

const byHand = (records: number) => `replace its ${plural(records, 'record')} of the forgotten yourself, or delete it`;

/** S3 demands a restore before it returns these objects. */
export const isFrozen = ({ storageClass }: ObjectVersion) =>
  storageClass === 'GLACIER' || storageClass === 'DEEP_ARCHIVE';

/** Reads a version to its end. Undefined if it is gone. */
export async function look(
  work: Work,
  batch: Pick<Batch, 'bucket' | 'compression' | 'judge'>,
  version: ObjectVersion,
): Promise<Found | undefined> {
  const body = await work.cloud.buckets.versions.read(batch.bucket, version.key, version.versionId);
  if (body === undefined) return undefined;
  const judge = batch.judge();
  for await (const _ of rewritten(body, batch.compression, judge.judge)) assertTime(work, `reading ${batch.bucket}`);
  return { version, hits: judge.hits, tombstones: judge.tombstones };
}

/** The versions of one key, the newest first. Longer keys that begin with it come after it. */
export async function versionsOf(
  { cloud }: Pick<Work, 'cloud'>,
  bucket: string,
  key: string,
): Promise<ObjectVersion[]> {
  const found: ObjectVersion[] = [];
  for await (const page of cloud.buckets.versions.pages(bucket, key)) {
    found.push(...page.filter((version) => version.key === key));
    if (page.some((version) => version.key !== key)) break;
  }
  return found;
}

/** An object that is about to be written, or was written and not swapped. */
interface Claim {
  readonly key: string;
  readonly etag: string;
  readonly rewriteId: string;
}

interface Written extends Claim {
  readonly newEtag: string;
  readonly newVersionId: string;
  readonly newSize: number;
}

/**
 * Claims, writes and swaps the objects with hits. First it swaps those that an earlier call has written and not swapped.
 * @returns the keys of objects that others changed meanwhile
 */
async function replaceAll(
  work: Work,
  pipeline: Pipeline,
  batch: Batch,
  inspected: readonly Inspected[],
  replaced: Replaced,
): Promise<string[]> {
  await swapWritten(work, pipeline, batch, inspected);
  const affected = inspected.filter(({ newest }) => newest !== undefined && newest.hits > 0);
  if (affected.length === 0) return [];
  const { loaded, replacedBefore } = await ledgerEtags(work, pipeline, batch, affected);
  const isLoaded = ({ key, newest }: Inspected) => loaded.has(`${newest!.version.etag} ${key}`);
  const isBack = ({ key, newest }: Inspected) => replacedBefore.has(`${newest!.version.etag} ${key}`);
  const restored = batch.onlyLoaded
    ? await mapAtMost(parallel, affected.filter(isBack), ({ key, newest }) =>
        restore(work, batch, newest!.version, (etag) => loaded.has(`${etag} ${key}`)),
      )
    : [];
  const back = restored.filter((key) => key !== undefined);
  const mayWrite = (object: Inspected) => isLoaded(object) || (isBack(object) && !back.includes(object.key));
  const wanted = batch.onlyLoaded ? affected.filter(mayWrite) : affected;
  const claims = new Map(
    wanted.map((object) => [
      object.key,
      { key: object.key, etag: object.newest!.version.etag, rewriteId: randomUUID() } satisfies Claim,
    ]),
  );
  const claimed = wanted.filter(isLoaded).map(({ key }) => claims.get(key)!);
  await withObjects(work, pipeline, 'forget-claim', claimStatements(pipeline), batch.bucket, claimed);
  const written = await mapAtMost(parallel, wanted, (object) => replace(work, batch, object, claims.get(object.key)!));
  const done = written.filter((result) => result !== undefined);
  const keys = new Map(done.map((object) => [object.key, object]));
  const isClaimed = ({ key }: Claim) => claimed.some((claim) => claim.key === key);
  await withObjects(work, pipeline, 'forget-swap', swapStatements(pipeline), batch.bucket, done.filter(isClaimed));
  const given = claimed.filter(({ key }) => !keys.has(key));
  await withObjects(work, pipeline, 'forget-withdraw', withdrawStatements(pipeline), batch.bucket, given);
  for (const { key, newest } of wanted) {
    const etag = keys.get(key)?.newEtag;
    if (etag !== undefined) replaced.set(key, { records: newest!.hits, etag, versions: [newest!.version.versionId] });
  }
  return [...back, ...wanted.map(({ key }) => key).filter((key) => !keys.has(key))];
}

/**
 * Deletes a version whose bytes were replaced before and were uploaded again. The ledger has its lines, so the load function
 * does not load them, and the rewritten version before it becomes the newest one again.
 * @returns the key. Undefined if there is no such version
 */
async function restore(
  work: Work,
  { bucket }: Batch,
  { key, versionId }: ObjectVersion,
  isLoaded: (etag: string) => boolean,
): Promise<string | undefined> {
  const before = (await versionsOf(work, bucket, key)).find((version) => version.versionId !== versionId);
  if (before === undefined || before.isDeleteMarker || !isLoaded(before.etag)) return undefined;
  await work.cloud.buckets.versions.delete(bucket, key, versionId);
  return key;
}

/** Swaps what an earlier call has written before it was killed. */
async function swapWritten(work: Work, pipeline: Pipeline, { bucket }: Batch, inspected: readonly Inspected[]) {
  const rewrites = inspected.filter(({ facts }) => facts?.metadata[rewriteMetadata] !== undefined);
  if (rewrites.length === 0) return;
  const claims = await ask(work, pipeline, 'forget-claims', claimsQuery(pipeline));
  const written = rewrites.flatMap(({ key, facts, newest }) => {
    const rewriteId = facts!.metadata[rewriteMetadata]!;
    const claim = claims.find((row) => row['rewrite_id'] === rewriteId && row['object_key'] === key);
    if (claim === undefined || newest === undefined) return [];
    const { etag, versionId, size } = newest.version;
    return [{ key, etag: String(claim['etag']), newEtag: etag, newVersionId: versionId, newSize: size }];
  });
  await withObjects(work, pipeline, 'forget-swap', swapStatements(pipeline), bucket, written);
}

async function withObjects(
  work: Work,
  pipeline: Pipeline,
  what: string,
  statements: readonly string[],
  bucket: string,
  objects: readonly (Pick<Claim, 'key'> & Partial<Written>)[],
): Promise<void> {
  if (objects.length === 0) return;
  const list = objects.map((object) => ({ bucket, ...object }));
  await transact(work, pipeline, what, statements, { objects: JSON.stringify(list) });
}

/** Etags with keys that the ledger has, and those that it has as replaced. */
async function ledgerEtags(work: Work, pipeline: Pipeline, { bucket }: Batch, objects: readonly Inspected[]) {
  const keys = Object.fromEntries(objects.map(({ key }, n) => [`key_${n}`, key]));
  const rows = await ask(
    work,
    pipeline,
    'forget-ledger',
    `select object_key, etag, source
from ${publicTables(pipeline).ledger}
where bucket = {{bucket}} and object_key in (${Object.keys(keys)
      .map((name) => `{{${name}}}`)
      .join(', ')})`,
    { bucket, ...keys },
  );
  const etagsOf = (isReplaced: boolean) =>
    new Set(
      rows
        .filter((row) => (row['source'] === replacedSource) === isReplaced)
        .map((row) => `${row['etag']} ${row['object_key']}`),
    );
  return { loaded: etagsOf(false), replacedBefore: etagsOf(true) };
}

/** Writes an object without its hits. Undefined if it changed since it was read. */
async function replace(work: Work, batch: Batch, object: Inspected, claim: Claim): Promise<Written | undefined> {
  assertTime(work, `writing ${batch.bucket}`);
  const { versions } = work.cloud.buckets;
  const { key, newest, facts } = object;
  const { versionId, etag } = newest!.version;
  const body = await versions.read(batch.bucket, key, versionId);
  if (body === undefined || facts === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-forget-'));
  try {
    const file = join(folder, 'object');
    const chunks = Readable.from(rewritten(body, batch.compression, batch.judge().judge), { objectMode: false });
    if (batch.compression === 'gzip') await connected(chunks, createGzip(), createWriteStream(file, { mode: 0o600 }));
    else await connected(chunks, createWriteStream(file, { mode: 0o600 }));
    const metadata = { ...facts.metadata, [rewriteMetadata]: claim.rewriteId };
    const written = await versions.replace(batch.bucket, key, etag, file, { ...facts, metadata });
    if (written !== undefined)
      return { ...claim, newEtag: written.etag, newVersionId: written.versionId, newSize: written.size };
    return await ifWritten(work, batch.bucket, claim);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A write whose answer was lost is refused when it is repeated: then the newest version is the one that it made. */
async function ifWritten(work: Work, bucket: string, claim: Claim): Promise<Written | undefined> {
  const version = (await versionsOf(work, bucket, claim.key)).find(({ isLatest }) => isLatest);
  if (version === undefined || version.isDeleteMarker) return undefined;
  const facts = await work.cloud.buckets.versions.facts(bucket, claim.key, version.versionId);
  if (facts?.metadata[rewriteMetadata] !== claim.rewriteId) return undefined;
  return { ...claim, newEtag: version.etag, newVersionId: version.versionId, newSize: version.size };
}

/**
 * Deletes the versions before the newest one that hold what the judge finds.
 * @param known ids of versions that do
 */
async function deleteOldVersions(
  work: Work,
  batch: Batch,
  key: string,
  known: readonly string[],
): Promise<{ readonly deleted: number; readonly problem?: string }> {
  let deleted = 0;
  for (const version of await versionsOf(work, batch.bucket, key)) {
    if (version.isLatest || version.isDeleteMarker) continue;
    if (isFrozen(version)) return { deleted, problem: `an old version is in ${version.storageClass}` };
    try {
      if (!known.includes(version.versionId) && !((await look(work, batch, version))?.hits ?? 0)) continue;
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      return { deleted, problem: `an old version cannot be read: ${error.message}` };
    }
    await work.cloud.buckets.versions.delete(batch.bucket, key, version.versionId);
    deleted += 1;
  }
  return { deleted };
}
