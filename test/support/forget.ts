import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { forgetKeys, keyId, markOf, withForgetKeys } from '../../lambda/shared/forget-keys';
import { renderAll } from '../../lambda/shared/statement';
import { rewriteMetadata, tombstone } from '../../lambda/shared/tombstone';
import { execute, query } from '../../lambda/shared/warehouse';
import type { Pipeline } from '../../pipelines/definition';
import {
  claimStatements,
  eraseStatements,
  markStatements,
  publicTables,
  raisedBytesQuery,
  raisedRejectsQuery,
  swapStatements,
  withdrawStatements,
} from '../../sql';
import { buckets, type Cloud, forgetSecret } from './cloud';
import { clientsOf } from './functions';
import type { Calls, Outcome } from './invocation';

const timeoutMs = 3_600_000;
const run = 'forget';

/** The id of the event in a line of history or of the archive. Undefined if the line has none that can be read. */
export function subjectOf(line: string): string | undefined {
  try {
    const value = JSON.parse(line) as { id?: unknown; payload?: { id?: unknown } | null; unparsed?: unknown };
    const id = value.id ?? value.payload?.id;
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

/** The line with a tombstone in place of the record. */
function emptied(line: string): string {
  const value = JSON.parse(line) as object;
  if (!('sequence_number' in value)) return tombstone;
  return JSON.stringify({ ...value, partition_key: '', payload: JSON.parse(tombstone), unparsed: null });
}

/** The lines of a version. Undefined if it cannot be read. */
export function linesOf({ port }: Cloud['s3'], bucket: string, key: string, versionId: string): string[] | undefined {
  const { store } = port.bucket(bucket);
  try {
    return gunzipSync(readFileSync(store.pathOf(store.version(key, versionId)!)))
      .toString()
      .trimEnd()
      .split('\n');
  } catch {
    return undefined;
  }
}

/**
 * Erases the subjects, as `npx millrace forget --apply` does, in steps that each may be repeated: marks, rows, objects of
 * history, objects of the archive. The call may be killed, and the next one continues.
 * @param allIsLoaded true if no function will load an object version that the ledger lacks
 */
export function forget(
  cloud: Cloud,
  pipeline: Pipeline,
  forgotten: ReadonlySet<string>,
  allIsLoaded: boolean,
): Promise<Outcome> {
  const start = (calls: Calls) => () => new Forgetting(cloud, pipeline, forgotten, allIsLoaded, calls).run();
  return cloud.invocations.run('forget', { timeoutMs, start }, undefined);
}

class Forgetting {
  private readonly clients: ReturnType<typeof clientsOf>;

  constructor(
    private readonly cloud: Cloud,
    private readonly pipeline: Pipeline,
    private readonly forgotten: ReadonlySet<string>,
    private readonly allIsLoaded: boolean,
    private readonly calls: Calls,
  ) {
    this.clients = clientsOf(cloud, 'operator', calls);
  }

  private get keys() {
    return forgetKeys(forgetSecret, this.pipeline.name);
  }

  async run(): Promise<void> {
    const marks = JSON.stringify([...this.forgotten].map((id) => markOf(this.keys, 'id', id)));
    await this.execute('mark', markStatements(this.pipeline), { marks, key_id: keyId(this.keys), run_id: run });
    await this.execute('erase', eraseStatements(this.pipeline).statements, {
      run_id: run,
      raised: JSON.stringify(await this.raised()),
    });
    for (const bucket of [buckets.history, buckets.archive])
      for (const key of this.cloud.s3.port.bucket(bucket).store.keys()) await this.sweep(bucket, key);
  }

  private execute(step: string, statements: readonly string[], values: Record<string, string>) {
    const warehouse = withForgetKeys(this.clients.warehouse, async () => this.keys);
    return execute(warehouse, `forget-${step}`, renderAll(statements, values), this.calls.remainingMs);
  }

  /** The keys of rejects that no statement looks into. */
  private async raised(): Promise<unknown[]> {
    const [rejects, pieces] = [
      await this.rows(raisedRejectsQuery(this.pipeline)),
      await this.rows(raisedBytesQuery(this.pipeline, 1)),
    ];
    const texts = [
      ...rejects.map(({ row_key, payload }) => [row_key, payload]),
      ...pieces.map(({ row_key, piece }) => [row_key, Buffer.from(String(piece), 'hex').toString()]),
    ];
    return texts.flatMap(([key, text]) => (this.forgotten.has(subjectOf(String(text)) ?? '') ? [key] : []));
  }

  private hasForgotten(lines: readonly string[] | undefined): lines is readonly string[] {
    return lines?.some((line) => this.forgotten.has(subjectOf(line) ?? '')) ?? false;
  }

  /** Rewrites the current version of a key, and deletes the others, as far as they hold lines of the forgotten. */
  private async sweep(bucket: string, key: string): Promise<void> {
    const { store } = this.cloud.s3.port.bucket(bucket);
    const found = store
      .versionsOf(key)
      .filter(
        ({ versionId, deleteMarker }) =>
          !deleteMarker && this.hasForgotten(linesOf(this.cloud.s3, bucket, key, versionId)),
      );
    if (found.length === 0) return;
    await this.finishClaim(bucket, key);
    const loaded = bucket === buckets.history ? await this.ledger(key) : undefined;
    const current = store.current(key)?.versionId;
    for (const { versionId, etag } of found) {
      const bare = etag.replaceAll('"', '');
      // What is not loaded yet is left to a later call, and what is set aside to its owner.
      if (loaded && !loaded.has(bare) && (versionId === current || !this.allIsLoaded)) continue;
      if (versionId === current && !(await this.rewrite(bucket, key, versionId, bare))) continue;
      await this.clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
    }
  }

  /** False if another user was faster. */
  private async rewrite(bucket: string, key: string, versionId: string, etag: string): Promise<boolean> {
    const lines = linesOf(this.cloud.s3, bucket, key, versionId)!;
    const text = lines.map((line) => (this.forgotten.has(subjectOf(line) ?? '') ? emptied(line) : line));
    const Body = gzipSync(text.map((line) => `${line}\n`).join(''));
    const rewriteId = randomUUID();
    const object = { bucket, key, etag };
    if (bucket === buckets.history) {
      const claim = { objects: JSON.stringify([{ ...object, rewriteId }]) };
      await this.execute('claim', claimStatements(this.pipeline), claim);
    }
    const put = new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body,
      IfMatch: `"${etag}"`,
      Metadata: { [rewriteMetadata]: rewriteId },
    });
    try {
      const { ETag, VersionId } = await this.clients.s3.send(put);
      await this.swap(object, { newEtag: ETag!.replaceAll('"', ''), newVersionId: VersionId!, newSize: Body.length });
      return true;
    } catch (error) {
      if ((error as Error).name !== 'PreconditionFailed') throw error;
      const claim = { objects: JSON.stringify([{ ...object, rewriteId }]) };
      await this.execute('withdraw', withdrawStatements(this.pipeline), claim);
      return false;
    }
  }

  private swap(object: object, made: object) {
    return this.execute('swap', swapStatements(this.pipeline), { objects: JSON.stringify([{ ...object, ...made }]) });
  }

  /** Swaps an object that an earlier call wrote and did not swap. */
  private async finishClaim(bucket: string, key: string): Promise<void> {
    const { rewrites } = publicTables(this.pipeline);
    const claims = await this.rows(`select etag, rewrite_id from ${rewrites} where object_key = '${key}'`);
    const current = this.cloud.s3.port.bucket(bucket).store.current(key);
    if (claims.length === 0 || !current || current.deleteMarker) return;
    const {
      Metadata = {},
      ETag,
      VersionId,
      ContentLength,
    } = await this.clients.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    const claim = claims.find(({ rewrite_id }) => rewrite_id === Metadata[rewriteMetadata]);
    if (!claim) return;
    const made = { newEtag: ETag!.replaceAll('"', ''), newVersionId: VersionId ?? '', newSize: ContentLength ?? 0 };
    await this.swap({ bucket, key, etag: String(claim['etag']) }, made);
  }

  private async ledger(key: string): Promise<ReadonlySet<string>> {
    const { ledger } = publicTables(this.pipeline);
    const rows = await this.rows(`select etag from ${ledger} where object_key = '${key}'`);
    return new Set(rows.map(({ etag }) => String(etag)));
  }

  private async rows(sql: string) {
    return (await query(this.clients.warehouse, 'forget-query', sql, this.calls.remainingMs)).rows;
  }
}
