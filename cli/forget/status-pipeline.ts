import type { Environment } from '../../environments/environment';
import type { Pipeline } from '../../pipelines/definition';
import { warehouseText } from '../commands/context';
import { snapshotDays } from '../commands/forget/places';
import { landedMs } from '../commands/forget/rows';
import { arrivals, lastErasure, type MarkRun, markRuns } from './marks';
import type { Work } from './statements';

/** How far the erasing of a pipeline is. Times are epoch milliseconds. */
export interface ForgetStatus {
  readonly pipeline: string;
  readonly runs: readonly MarkRun[];
  /** Records of the forgotten that were merged since everything was swept. */
  readonly cameSince: number;
  /** Records that made a statement fail since then. Nothing is known about their subjects. */
  readonly raisedSince: number;
  /** The copies that no command deletes, with the time by which they are gone. Null: that is not known. */
  readonly byItself: readonly { readonly place: string; readonly until: number | null }[];
  /** True if the command has nothing left to do. */
  readonly isFinished: boolean;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Redshift keeps texts of statements for a week. Those of the report have the values. */
const textDays = 7;

export async function statusOf(
  work: Work,
  pipeline: Pipeline,
  environment: Environment | undefined,
): Promise<ForgetStatus> {
  const runs = await markRuns(work, pipeline);
  if (runs.length === 0)
    return { pipeline: pipeline.name, runs, cameSince: 0, raisedSince: 0, byItself: [], isFinished: true };
  const sweptAt = Math.max(0, ...runs.map((run) => run.sweptAt ?? 0));
  const isSwept = runs.every((run) => run.sweptAt !== undefined);
  const { amount, raised, newest, now } = await arrivals(work, pipeline, warehouseText(sweptAt));
  const erasedAt = (await lastErasure(work, pipeline)) ?? runs.at(-1)!.markedAt;
  const days = snapshotDays(environment);
  const byItself = [
    { place: 'stream', until: newest === undefined ? 0 : newest + pipeline.stream.retentionHours * hourMs },
    { place: 'landing', until: newest === undefined ? 0 : newest + landedMs(pipeline) },
    { place: 'texts of statements', until: runs.at(-1)!.markedAt + textDays * dayMs },
    { place: 'snapshots', until: days === undefined ? null : erasedAt + days * dayMs },
  ].filter(({ until }) => until === null || until > now);
  const [cameSince, raisedSince] = isSwept ? [amount, raised] : [0, 0];
  const isFinished = isSwept && cameSince + raisedSince === 0;
  return { pipeline: pipeline.name, runs, cameSince, raisedSince, byItself, isFinished };
}
