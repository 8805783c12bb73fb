import { type ExportItem, type PublishedDetail, publishedEvent, windowEnd } from './contract';
import type { UnloadTarget, Written } from './engine';
import type { ExportHost } from './host';
import { type Batch, dataPrefix, type ExportWindow, latestKey, runPrefix, sentinelKey, successKey } from './layout';
import type { Recorded } from './ledger';
import { deleteRivals, deleteRun } from './leftovers';
import {
  type Head,
  type Previous,
  type PublishedFile,
  pointerTo,
  publishedAfter,
  readHead,
  type Success,
} from './publication';
import { parseSentinel } from './sentinel';

/** Files that are read at the same time for their checksums. */
const readers = 4;

export type Outcome =
  /** The windows are published, by this call or by another one before. */
  | { readonly kind: 'published' }
  /** Somebody else published before: these files are gone, and nobody saw them. */
  | { readonly kind: 'overtaken' }
  /** The files are not what they should be. */
  | { readonly kind: 'wrong'; readonly error: Error };

export const runsOf = ({ environment, plan }: ExportHost, batch: Batch) =>
  batch.windows.map((window) => ({ window, prefix: runPrefix(environment, plan.pipeline, batch, window) }));

export const targetsOf = (host: ExportHost, item: ExportItem, batch: Batch): UnloadTarget[] =>
  runsOf(host, batch).map(({ window, prefix }) => ({
    window,
    end: windowEnd(item.content.window, window.start),
    prefix: dataPrefix(prefix),
  }));

/**
 * Publishes what a finished unload wrote: success files, then the pointer, which is the moment at which all windows of the batch are
 * published at once, then sentinels, the event and the ledger. The pointer is written only over the one that the batch was begun on; so
 * of two that run at the same time one wins, and everything can be repeated.
 */
export async function publish(
  host: ExportHost,
  item: ExportItem,
  batch: Batch,
  unload: { readonly id: string; readonly endedAt: number },
): Promise<Outcome> {
  const { objects, bucket, engine } = host;
  const runs = runsOf(host, batch);
  const first = sentinelKey(runs[0]!.prefix);
  const text = await objects.get(bucket, first);
  if (text === undefined) return { kind: 'published' };
  const { basedOn } = parseSentinel(text, first);
  const head = await readHead(host, item);
  if (head.sequence !== basedOn) return settle(host, item, batch, basedOn, head);

  const written = await engine.results(item, unload.id, targetsOf(host, item, batch));
  const mismatch = written.map((result, i) => mismatchOf(item, batch.windows[i]!, result)).find(Boolean);
  if (mismatch) return { kind: 'wrong', error: new Error(mismatch) };
  const successes = await describeRuns(host, item, batch, unload, written, head);
  for (const success of successes)
    await objects.put(bucket, successKey(success.prefix), JSON.stringify(success, null, 2), 'application/json');

  const last = successes.at(-1)!;
  const pointer = JSON.stringify(pointerTo(last, successKey(last.prefix)), null, 2);
  const key = latestKey(host.plan.pipeline, item.name);
  if (!(await objects.putIf(bucket, key, pointer, head.etag, 'application/json')))
    return settle(host, item, batch, basedOn, await readHead(host, item));
  await complete(host, item, batch.tick, successes);
  return { kind: 'published' };
}

/** The pointer has moved since the batch was begun: it is published already, or can never be. */
async function settle(host: ExportHost, item: ExportItem, batch: Batch, basedOn: number, head: Head): Promise<Outcome> {
  const prefixes = runsOf(host, batch).map(({ prefix }) => prefix);
  if (head.sequence === basedOn) throw new Error(`${item.name}: the pointer could not be written and has not changed`);
  const ours = (await publishedAfter(host, head, basedOn)).filter(({ prefix }) => prefixes.includes(prefix));
  if (ours.length > 0) {
    await complete(host, item, batch.tick, ours);
    return { kind: 'published' };
  }
  for (const prefix of prefixes) await deleteRun(host, prefix);
  host.log('another run published first, this one is given up', { export: item.name, batch: batch.windows.length });
  return { kind: 'overtaken' };
}

/**
 * What follows the pointer. Each step can be repeated, and the ledger is last: a publication that it has needs nothing more. A repetition
 * repeats the event.
 */
export async function complete(
  host: ExportHost,
  item: ExportItem,
  tick: number,
  successes: readonly Success[],
): Promise<void> {
  const { objects, bucket, engine, ledger, bus, log, metrics } = host;
  for (const { prefix } of successes) await objects.delete(bucket, sentinelKey(prefix));
  for (const { prefix } of successes) await engine.forget(prefix);
  for (const success of successes) await deleteRivals(host, item, success);
  await bus.send(successes.map((success) => ({ ...publishedEvent, detail: detailOf(host, item, success) })));
  await ledger.record(
    item,
    tick,
    successes.map((success) => recordOf(bucket, success)),
  );
  for (const { window, rows, kind, revision, unloadedAt, files, prefix } of successes) {
    const facts = { export: item.name, window: window.start };
    const corrected = kind === 'correction' ? { CorrectedWindows: 1 } : {};
    metrics(Date.parse(unloadedAt), { ExportedWindows: 1, ExportedRows: rows, ...corrected }, facts);
    log('published', { ...facts, kind, revision, rows, files: files.length, prefix });
  }
}

function mismatchOf(
  item: ExportItem,
  { start }: ExportWindow,
  { rows, unloaded, listed }: Written,
): string | undefined {
  if (rows === unloaded && rows === listed) return undefined;
  return `export ${item.name}, window ${new Date(start).toISOString()}: the query has ${rows} rows, the unload wrote ${unloaded}, its files hold ${listed}`;
}

async function describeRuns(
  host: ExportHost,
  item: ExportItem,
  batch: Batch,
  unload: { readonly id: string; readonly endedAt: number },
  written: readonly Written[],
  head: Head,
): Promise<Success[]> {
  const { pipeline } = host.plan;
  let previous: Previous | null = head.sequence === 0 ? null : { sequence: head.sequence, success: head.success };
  const successes: Success[] = [];
  for (const [i, { window, prefix }] of runsOf(host, batch).entries()) {
    const { rows, fingerprint } = written[i]!;
    const files = await digests(host, prefix, written[i]!);
    const success: Success = {
      export: `${pipeline}.${item.name}`,
      sequence: head.sequence + 1 + i,
      kind: item.content.kind === 'snapshot' ? 'snapshot' : window.revision > 0 ? 'correction' : 'window',
      revision: window.revision,
      window: {
        start: new Date(window.start).toISOString(),
        end: new Date(windowEnd(item.content.window, window.start)).toISOString(),
      },
      prefix,
      rows,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      format: item.format,
      columns: item.columns,
      files,
      fingerprint,
      statementId: unload.id,
      unloadedAt: new Date(unload.endedAt).toISOString(),
      previous,
    };
    successes.push(success);
    previous = { sequence: success.sequence, success: successKey(prefix) };
  }
  return successes;
}

/** Reads the files as a reader would. Throws when one is not what the engine said that it wrote. */
async function digests({ objects, bucket }: ExportHost, prefix: string, { files }: Written): Promise<PublishedFile[]> {
  const results: PublishedFile[] = [];
  for (let at = 0; at < files.length; at += readers) {
    const some = files.slice(at, at + readers).map(async ({ key, bytes, rows }) => {
      if (!key.startsWith(dataPrefix(prefix))) throw new Error(`${key} is outside the run ${prefix}`);
      const found = await objects.digest(bucket, key);
      if (found.bytes !== bytes) throw new Error(`${key} must have ${bytes} bytes, got ${found.bytes}`);
      return { key, bytes, rows, sha256: found.sha256 };
    });
    results.push(...(await Promise.all(some)));
  }
  return results;
}

function detailOf({ environment, bucket, plan }: ExportHost, item: ExportItem, success: Success): PublishedDetail {
  const { sequence, kind, revision, window, prefix, rows, bytes, files } = success;
  return {
    environment,
    pipeline: plan.pipeline,
    export: item.name,
    sequence,
    kind,
    revision,
    window,
    bucket,
    prefix,
    success: successKey(prefix),
    rows,
    bytes,
    files: files.length,
  };
}

function recordOf(bucket: string, success: Success): Recorded {
  const { sequence, revision, window, rows, bytes, files, fingerprint, prefix, statementId } = success;
  return {
    sequence,
    revision,
    start: Date.parse(window.start),
    end: Date.parse(window.end),
    rows,
    bytes,
    files: files.length,
    fingerprint,
    runId: prefix.split('/').at(-2)!.slice('run='.length),
    location: `s3://${bucket}/${prefix}`,
    statementId,
  };
}
