import { reloadMessage, reloadRunId, replacedRun } from '../../../lambda/load/reload';
import type { Pipeline } from '../../../pipelines/definition';
import { identityVersion, publicTables } from '../../../sql/names';
import type { Stage } from '../../progress';
import { grouped } from '../../terminal';
import { assertTimeLeft, type Context, queryRows, warehouseText, warehouseTime } from '../context';
import { deadLetters } from '../history/dead-letters';
import { COMMIT_DELAY_MS, pollUntilSettled } from '../history/poll';
import { warehouseNow } from '../history/wait-for-loads';

/** A run that loaded objects before the identity changed, and has duplicates. */
export interface ReloadCandidate {
  readonly runId: string;
  readonly objects: number;
  readonly bytes: number;
  readonly duplicates: number;
  /** Number of events that the run has now. */
  readonly events: number;
  /** Reason why the run cannot be reloaded. */
  readonly problem?: string;
}

export interface NotReloadable {
  /** Number of duplicates from before the change that belong to no run of objects. */
  readonly elsewhere: number;
}

/** Result of a reload. */
export interface ReloadResult {
  readonly outcome: 'loaded' | 'refused' | 'waiting';
  readonly events: number;
  readonly reason?: string;
}

interface Entry {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
}

/**
 * Finds the old duplicates. Rows that a rebuild copied have merge times up to the end of its last batch. A reloaded run
 * has a later one.
 */
const leftQuery = (pipeline: Pipeline) => {
  const { duplicates, events, ledger, fills } = publicTables(pipeline);
  return `with left_over as (
  select run_id, count(*) as duplicates
  from ${duplicates}
  where merged_at <= (select max(filled_until) from ${fills} where definition = {{identity}})
  group by run_id
),
stored as (
  select e.run_id, count(*) as events
  from ${events} e
  inner join left_over d on d.run_id = e.run_id
  group by e.run_id
)
select d.run_id, d.duplicates, coalesce(s.events, 0) as events, l.bucket, l.object_key, l.etag, l.size
from left_over d
left join stored s on s.run_id = d.run_id
left join ${ledger} l on l.run_id = d.run_id
order by d.run_id, l.object_key`;
};

/** Finds the runs that have old duplicates, and checks the objects of each. */
export async function findCandidates(
  context: Context,
  pipeline: Pipeline,
  stage: Stage,
): Promise<NotReloadable & { readonly runs: ReloadCandidate[] }> {
  const found = new Map<string, ReloadCandidate & { readonly entries: Entry[] }>();
  let elsewhere = 0;
  for (const row of await queryRows(context, 'duplicates', leftQuery(pipeline), {
    identity: identityVersion(pipeline),
  })) {
    const [runId, duplicates] = [String(row['run_id']), Number(row['duplicates'])];
    if (row['bucket'] === null) {
      elsewhere += duplicates;
      continue;
    }
    const before = found.get(runId) ?? { runId, objects: 0, bytes: 0, duplicates, events: 0, entries: [] };
    before.entries.push({
      bucket: String(row['bucket']),
      key: String(row['object_key']),
      etag: String(row['etag']),
    });
    found.set(runId, {
      ...before,
      objects: before.objects + 1,
      bytes: before.bytes + Number(row['size'] ?? 0),
      events: Number(row['events']),
    });
  }
  const runs: ReloadCandidate[] = [];
  for (const { entries, ...run } of found.values()) {
    assertTimeLeft(context, 'checking the objects');
    const problem = await problemOf(context, entries);
    runs.push(problem === undefined ? run : { ...run, problem });
    stage.update(`${grouped(runs.length)} of ${grouped(found.size)} runs checked`);
  }
  return { runs, elsewhere };
}

const HEADS_AT_ONCE = 10;

async function problemOf({ cloud }: Context, entries: readonly Entry[]): Promise<string | undefined> {
  for (let at = 0; at < entries.length; at += HEADS_AT_ONCE) {
    const some = entries.slice(at, at + HEADS_AT_ONCE);
    const heads = await Promise.all(some.map(({ bucket, key }) => cloud.buckets.head(bucket, key)));
    const bad = some.findIndex(({ etag }, n) => heads[n]?.etag !== etag);
    if (bad >= 0) return `${some[bad]!.key} ${heads[bad] === undefined ? 'is gone' : 'was overwritten'}`;
  }
  return undefined;
}

const MOST_LETTERS = 10_000;

/** Queues the runs and waits until each is loaded or given up, or the time is up. The result is by run. */
export async function reloadAll(
  context: Context,
  pipeline: Pipeline,
  runs: readonly ReloadCandidate[],
  stage: Stage,
): Promise<Map<string, ReloadResult>> {
  const ended = new Map<string, ReloadResult>();
  if (runs.length === 0) return ended;
  const { names, queues } = context.cloud;
  const before = await readReasons(context, pipeline);
  const since = warehouseText(warehouseTime(await warehouseNow(context)) - COMMIT_DELAY_MS);
  context.progress.ifInterrupted('Queued runs are loaded again without this command. Run it again to see the result.');
  await queues.send(
    names.queues(pipeline.name).backlog,
    runs.map(({ runId }) => reloadMessage(runId)),
  );
  await pollUntilSettled(context, async () => {
    // Read the letters first. A run that is loaded after this read has no letter.
    const after = await readReasons(context, pipeline);
    const loaded = new Map(
      (
        await queryRows(
          context,
          'progress',
          `select run_id, events from ${publicTables(pipeline).runs} where merged_at >= {{since}}::timestamp`,
          { since },
        )
      ).map((row) => [String(row['run_id']), Number(row['events'])]),
    );
    for (const { runId, events } of runs) {
      const now = loaded.get(reloadRunId(runId));
      const reasons = after.get(runId) ?? [];
      if (now !== undefined) ended.set(runId, { outcome: 'loaded', events: now - events });
      else if (reasons.length > (before.get(runId)?.length ?? 0))
        ended.set(runId, { outcome: 'refused', events: 0, reason: reasons.at(-1)! });
    }
    stage.count(ended.size, 'runs', runs.length);
    return ended.size === runs.length;
  });
  await deleteReportedLetters(
    context,
    pipeline,
    runs.filter(({ runId }) => ended.get(runId)?.outcome === 'refused'),
  );
  for (const { runId } of runs) if (!ended.has(runId)) ended.set(runId, { outcome: 'waiting', events: 0 });
  return ended;
}

/** Deletes the dead letters of runs whose reasons are reported. Nothing is missing, so nobody else needs them. */
async function deleteReportedLetters(
  { cloud }: Context,
  pipeline: Pipeline,
  reported: readonly ReloadCandidate[],
): Promise<void> {
  if (reported.length === 0) return;
  const url = cloud.names.queues(pipeline.name).deadLetters;
  for await (const { message } of deadLetters(cloud, url)) {
    const runId = replacedRun(message.body);
    if (reported.some((run) => run.runId === runId)) await cloud.queues.delete(url, message.receipt);
    else await cloud.queues.release(url, message.receipt);
  }
}

/** Reads from the dead letters why runs were given up. The letters stay in the queue. */
async function readReasons({ cloud }: Context, pipeline: Pipeline): Promise<Map<string, string[]>> {
  const reasons = new Map<string, string[]>();
  for (const { body } of (await cloud.queues.look(cloud.names.queues(pipeline.name).deadLetters, MOST_LETTERS))
    .messages) {
    const runId = replacedRun(body);
    if (runId === undefined) continue;
    const { reason } = JSON.parse(body) as { reason?: string };
    reasons.set(runId, [...(reasons.get(runId) ?? []), reason ?? 'delivered too often without a result']);
  }
  return reasons;
}
