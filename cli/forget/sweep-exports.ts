import { answersPrefix } from '../../lambda/endpoint/contract';
import { exportPrefix } from '../../lambda/export/contract';
import { dataPrefix, removedKey, runOfKey } from '../../lambda/export/layout';
import { warehouseLedger } from '../../lambda/export/ledger';
import type { Success } from '../../lambda/export/publication';
import { mapAtMost, parallelObjects } from '../../lambda/shared/at-most';
import type { Pipeline } from '../../pipelines/definition';
import { ofLanding, publicTables } from '../../sql/names';
import { warehouseText } from '../commands/context';
import { allExports, type NamedExport } from '../commands/exports/find-export';
import { clockOf } from '../commands/exports/publish';
import { readPublications } from '../commands/exports/read-publications';
import { plural } from '../terminal';
import { ask, assertTime, type Work } from './statements';

/** Asks the export function to publish what is due of an export. */
export type Publish = (pipeline: Pipeline, exportName: string) => Promise<void>;

export interface ExportsSwept {
  /** Publications whose files were deleted. */
  publications: number;
  filesDeleted: number;
  /** Exports whose corrections are not published yet. */
  readonly waiting: string[];
  /** What the command cannot do, one sentence each. */
  readonly byHand: string[];
}

/** Epoch milliseconds. */
export interface Times {
  /** When the subjects were marked. */
  readonly markedAt: number;
  /** When their rows were erased. */
  readonly erasedAt: number;
}

/** True if a refresh that began after the time has ended, so that the views no longer have what was erased before. */
export async function areViewsRefreshed(work: Work, pipeline: Pipeline, since: number): Promise<boolean> {
  const [row] = await ask(
    work,
    pipeline,
    'forget-views',
    `select count(*) as amount
from ${publicTables(pipeline).checkpoints}
where ${ofLanding(pipeline)} and merged_at > {{since}}::timestamp and complete_until >= merged_until`,
    { since: warehouseText(since) },
  );
  return Number(row!['amount']) > 0;
}

/** True if a query result shows whose row it is, under the subject's own name. */
export const showsSubject = ({ item, pipeline }: NamedExport) =>
  item.columns.some(({ name }) => pipeline.subject?.includes(name));

/**
 * Deletes the files of publications that a later one of the same window has replaced since a time; of a snapshot, any later
 * one. The success files stay, so a reader who follows the chain still finds every publication.
 */
export async function sweepExports(
  work: Work,
  pipeline: Pipeline,
  { markedAt, erasedAt }: Times,
  publish: Publish | undefined,
): Promise<ExportsSwept> {
  const swept: ExportsSwept = { publications: 0, filesDeleted: 0, waiting: [], byHand: [] };
  for (const named of allExports([pipeline])) {
    if (named.item.engine !== 'redshift') continue;
    const chain = await readPublications(work, named);
    if (named.item.content.kind === 'snapshot') checkSnapshot(named, chain, erasedAt, swept);
    else await checkCorrections(work, named, publish, swept);
    for (const success of replacedSince(named, chain, markedAt)) {
      const deleted = await removeFiles(work, success);
      swept.filesDeleted += deleted;
      swept.publications += deleted > 0 ? 1 : 0;
    }
    swept.filesDeleted += await removeOldVersions(work, named);
  }
  return swept;
}

async function checkCorrections(
  work: Work,
  named: NamedExport,
  publish: Publish | undefined,
  swept: ExportsSwept,
): Promise<void> {
  const { item, pipeline, name } = named;
  if (item.content.kind === 'snapshot') return;
  const { environment } = work.cloud.names;
  const ledger = warehouseLedger({
    environment,
    pipeline: pipeline.name,
    warehouse: work.cloud.warehouse,
    remainingMs: work.remainingMs,
  });
  const changed = (await ledger.survey(item, await clockOf(work))).filter(({ published }) => published !== undefined);
  const windows = plural(changed.length, 'window');
  if (changed.length > 0 && item.content.corrections) {
    swept.waiting.push(`${name}: corrections of ${windows}`);
    await publish?.(pipeline, item.name);
  } else if (changed.length > 0 && showsSubject(named)) {
    const [first] = changed;
    const start = new Date(first!.start ?? 0).toISOString();
    swept.byHand.push(
      `${name} publishes no corrections, and ${windows} changed: \`npx millrace exports rerun ${name} ${start} --apply\`, for each`,
    );
  }
}

/** The schedule publishes the next snapshot. Until then the last one may show the subject. */
function checkSnapshot(named: NamedExport, chain: readonly Success[], erasedAt: number, swept: ExportsSwept): void {
  const newest = chain.at(-1);
  if (newest !== undefined && showsSubject(named) && Date.parse(newest.unloadedAt) < erasedAt)
    swept.waiting.push(`${named.name}: the next snapshot`);
}

/** The publications that another one has replaced, which was unloaded at or after the time. */
export function replacedSince({ item }: NamedExport, chain: readonly Success[], since: number): Success[] {
  const groups = new Map<string, Success[]>();
  for (const success of chain) {
    const group = item.content.kind === 'snapshot' ? '' : success.window.start;
    groups.set(group, [...(groups.get(group) ?? []), success]);
  }
  return [...groups.values()].flatMap((group) =>
    Date.parse(group.at(-1)!.unloadedAt) >= since ? group.slice(0, -1) : [],
  );
}

/** Deletes all versions of a publication's files. A note beside its success file says so first, for its readers. */
async function removeFiles({ cloud, ...work }: Work, { prefix }: Success): Promise<number> {
  const bucket = cloud.names.exportsBucket;
  let deleted = 0;
  for await (const page of cloud.buckets.versions.pages(bucket, dataPrefix(prefix))) {
    assertTime({ cloud, ...work }, 'deleting files of exports');
    if (page.length === 0) continue;
    const note = { reason: 'a correction replaced these files when a subject was forgotten' };
    await cloud.buckets.putNew(bucket, removedKey(prefix), JSON.stringify(note));
    await mapAtMost(parallelObjects, page, ({ key, versionId }) =>
      cloud.buckets.versions.delete(bucket, key, versionId),
    );
    deleted += page.filter(({ isDeleteMarker }) => !isDeleteMarker).length;
  }
  return deleted;
}

/**
 * Deletes the versions of files that are not the newest. A file is written once, so such a version is of a file that the
 * export function deleted: of a run that was not published.
 */
async function removeOldVersions({ cloud, ...work }: Work, { pipeline, item }: NamedExport): Promise<number> {
  const bucket = cloud.names.exportsBucket;
  let deleted = 0;
  for await (const page of cloud.buckets.versions.pages(bucket, exportPrefix(pipeline.name, item.name))) {
    assertTime({ cloud, ...work }, 'deleting files of exports');
    const old = page.filter(({ key, isLatest, isDeleteMarker }) => {
      const run = runOfKey(pipeline.name, item.name, key);
      return run !== undefined && key.startsWith(dataPrefix(run)) && !isLatest && !isDeleteMarker;
    });
    await mapAtMost(parallelObjects, old, ({ key, versionId }) =>
      cloud.buckets.versions.delete(bucket, key, versionId),
    );
    deleted += old.length;
  }
  return deleted;
}

/** Deletes the answers that the endpoints keep for their instances. They make them again. */
export async function sweepAnswers({ cloud, ...work }: Work, pipeline: Pipeline): Promise<number> {
  const bucket = cloud.names.workBucket;
  let deleted = 0;
  for await (const page of cloud.buckets.versions.pages(bucket, answersPrefix(pipeline.name))) {
    assertTime({ cloud, ...work }, 'deleting answers');
    await mapAtMost(parallelObjects, page, ({ key, versionId }) =>
      cloud.buckets.versions.delete(bucket, key, versionId),
    );
    deleted += page.length;
  }
  return deleted;
}
