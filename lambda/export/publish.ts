import { mapAtMost, parallelObjects } from '../shared/at-most';
import { type ExportItem, type PublishedDetail, publishedEvent, windowEnd } from './contract';
import type { UnloadTarget, Written, WrittenFile } from './engine';
import type { ExportContext } from './host';
import { type Batch, dataPrefix, type ExportWindow, latestKey, runPrefix, sentinelKey, successKey } from './layout';
import type { LedgerEntry, LedgerState } from './ledger';
import { deleteRivals, deleteRun } from './leftovers';
import {
  describeRun,
  type Head,
  type Previous,
  type PublishedFile,
  parseSentinel,
  pointerTo,
  publishedAfter,
  readHead,
  type Success,
} from './publication';

/** Files that are read at the same time for their checksums. */
const parallelReads = 4;
/** Bounds the attempts: of two concurrent functions, one must have won by then. */
const maxCatchUps = 3;

export type Outcome =
  /** The windows are published, by this call or by an earlier one. */
  | { readonly kind: 'published' }
  /** Another run was published first. The files of this one are deleted; no reader saw them. */
  | { readonly kind: 'overtaken' }
  /** The files do not hold the rows of the query. */
  | { readonly kind: 'wrong'; readonly error: Error };

export interface FinishedUnload {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly endedAt: number;
}

export const runsOf = ({ environment, plan }: ExportContext, batch: Batch) =>
  batch.windows.map((window) => ({ window, prefix: runPrefix(environment, plan.pipeline, batch, window) }));

export const targetsOf = (context: ExportContext, item: ExportItem, batch: Batch): UnloadTarget[] =>
  runsOf(context, batch).map(({ window, prefix }) => ({
    window,
    end: windowEnd(item.content.window, window.start),
    prefix: dataPrefix(prefix),
  }));

/**
 * Publishes what a finished unload wrote. It writes the success files and then the pointer `latest.json`: at that moment all windows of the
 * batch are published. Sentinels, event and ledger follow. The pointer is written only over the one that the batch is based on, so one of two
 * concurrent functions wins, and every step can be repeated.
 */
export async function publish(
  context: ExportContext,
  item: ExportItem,
  batch: Batch,
  unload: FinishedUnload,
): Promise<Outcome> {
  const { objects, bucket, plan } = context;
  const firstSentinel = sentinelKey(runsOf(context, batch)[0]!.prefix);
  const text = await objects.get(bucket, firstSentinel);
  if (text === undefined) return { kind: 'published' };
  const { basedOn } = parseSentinel(text, firstSentinel);
  const head = await readHead(context, item);
  if (head.sequence !== basedOn) return completeOrGiveUp(context, item, batch, basedOn, head);

  const written = await context.engineOf(item).results(item, unload.id, targetsOf(context, item, batch));
  const mismatch = written.map((result, i) => mismatchOf(item, batch.windows[i]!, result)).find(Boolean);
  if (mismatch) return { kind: 'wrong', error: new Error(mismatch) };
  const successes = await describeRuns(context, item, batch, unload, written, head);
  await mapAtMost(parallelObjects, successes, (success) =>
    objects.put(bucket, successKey(success.prefix), JSON.stringify(success, null, 2), 'application/json'),
  );

  const last = successes.at(-1)!;
  const pointer = JSON.stringify(pointerTo(last, successKey(last.prefix)), null, 2);
  if (!(await objects.putIf(bucket, latestKey(plan.pipeline, item.name), pointer, head.etag, 'application/json')))
    return completeOrGiveUp(context, item, batch, basedOn, await readHead(context, item));
  await completePublications(context, item, batch.tick, successes);
  return { kind: 'published' };
}

/** For a batch that the pointer has moved past: it is published already, or it never will be. */
async function completeOrGiveUp(
  context: ExportContext,
  item: ExportItem,
  batch: Batch,
  basedOn: number,
  head: Head,
): Promise<Outcome> {
  const prefixes = runsOf(context, batch).map(({ prefix }) => prefix);
  if (head.sequence === basedOn) throw new Error(`${item.name}: the pointer could not be written and has not changed`);
  const ours = (await publishedAfter(context, head, basedOn)).filter(({ prefix }) => prefixes.includes(prefix));
  if (ours.length > 0) {
    await completePublications(context, item, batch.tick, ours);
    return { kind: 'published' };
  }
  for (const prefix of prefixes) await deleteRun(context, item, prefix);
  context.log('another run published first, this one is given up', { export: item.name, batch: batch.windows.length });
  return { kind: 'overtaken' };
}

/**
 * The steps after the pointer. Each can be repeated; a repetition sends the event again. The ledger comes last, so a publication that it has
 * is complete.
 */
async function completePublications(
  context: ExportContext,
  item: ExportItem,
  tick: number,
  successes: readonly Success[],
): Promise<void> {
  const { objects, bucket, engineOf, ledger, bus, log, metrics, environment, plan } = context;
  await mapAtMost(parallelObjects, successes, ({ prefix }) => objects.delete(bucket, sentinelKey(prefix)));
  for (const { prefix } of successes) await engineOf(item).deleteStaged(prefix);
  await mapAtMost(parallelObjects, successes, (success) => deleteRivals(context, item, success));
  const event = publishedEvent(environment, plan.pipeline);
  await bus.send(successes.map((success) => ({ ...event, detail: detailOf(context, item, success) })));
  await ledger.record(
    item,
    tick,
    successes.map((success) => ledgerEntry(bucket, success)),
  );
  for (const { window, rows, kind, revision, unloadedAt, files, prefix } of successes) {
    const facts = { export: item.name, window: window.start };
    const corrected = kind === 'correction' ? { CorrectedWindows: 1 } : {};
    metrics(Date.parse(unloadedAt), { ExportedWindows: 1, ExportedRows: rows, ...corrected }, facts);
    log('published', { ...facts, kind, revision, rows, files: files.length, prefix });
  }
}

/** Completes publications that were interrupted after the pointer was written, until the ledger has all of them. */
export async function catchUpLedger(
  context: ExportContext,
  item: ExportItem,
  tick: number,
): Promise<{ readonly head: Head; readonly state: LedgerState }> {
  for (let attempt = 0; attempt < maxCatchUps; attempt += 1) {
    // The ledger is read first: it follows the pointer, so it can't be ahead of a pointer that is read later.
    const state = await context.ledger.state(item, tick);
    const head = await readHead(context, item);
    if (head.sequence === state.sequence) return { head, state };
    if (head.sequence < state.sequence)
      throw new Error(
        `${item.name}: latest.json is at publication ${head.sequence}, the ledger at ${state.sequence}; restore the newer version of latest.json`,
      );
    const missing = await publishedAfter(context, head, state.sequence);
    context.log('finishing publications that were interrupted', { export: item.name, publications: missing.length });
    await completePublications(context, item, tick, missing);
  }
  throw new Error(`${item.name}: another function publishes at the same time; the next tick goes on`);
}

function mismatchOf(
  item: ExportItem,
  { start }: ExportWindow,
  { rows, unloaded, listed }: Written,
): string | undefined {
  if (rows === unloaded && rows === listed) return undefined;
  return `export ${item.name}, window ${new Date(start).toISOString()}: the query has ${rows} rows, the unload wrote ${unloaded}, its files hold ${listed}`;
}

/** Success files of the batch, each with the one before as its predecessor. */
async function describeRuns(
  context: ExportContext,
  item: ExportItem,
  batch: Batch,
  unload: FinishedUnload,
  written: readonly Written[],
  head: Head,
): Promise<Success[]> {
  const runs = runsOf(context, batch);
  const files = await checksums(
    context,
    runs.map(({ prefix }, i) => ({ prefix, files: written[i]!.files })),
  );
  let previous: Previous | null = head.sequence === 0 ? null : { sequence: head.sequence, success: head.success };
  const successes: Success[] = [];
  for (const [i, { window, prefix }] of runs.entries()) {
    const { rows, fingerprint } = written[i]!;
    const run = {
      window,
      prefix,
      rows,
      fingerprint,
      files: files[i]!,
      statementId: unload.id,
      endedAt: unload.endedAt,
    };
    const success = describeRun(context.plan.pipeline, item, run, previous);
    successes.push(success);
    previous = { sequence: success.sequence, success: successKey(prefix) };
  }
  return successes;
}

interface WrittenRun {
  readonly prefix: string;
  readonly files: readonly WrittenFile[];
}

/** Reads the files of each run. Throws if a file does not have the size that the engine reported. */
async function checksums(
  { objects, bucket }: ExportContext,
  runs: readonly WrittenRun[],
): Promise<readonly (readonly PublishedFile[])[]> {
  const all = runs.flatMap(({ prefix, files }, run) => files.map((file) => ({ ...file, prefix, run })));
  const read = await mapAtMost(parallelReads, all, async ({ key, bytes, rows, prefix, run }) => {
    if (!key.startsWith(dataPrefix(prefix))) throw new Error(`${key} is outside the run ${prefix}`);
    const found = await objects.digest(bucket, key);
    if (found.bytes !== bytes) throw new Error(`${key} must have ${bytes} bytes, got ${found.bytes}`);
    return { run, file: { key, bytes, rows, sha256: found.sha256 } };
  });
  return runs.map((_, index) => read.filter(({ run }) => run === index).map(({ file }) => file));
}

function detailOf({ environment, bucket, plan }: ExportContext, item: ExportItem, success: Success): PublishedDetail {
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

function ledgerEntry(bucket: string, success: Success): LedgerEntry {
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
