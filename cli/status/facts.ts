import { parseScheduleExpression } from 'aws-local-kit/schedule-expression';
import type { Environment } from '../../environments/environment';
import type { PauseState } from '../../lambda/shared/pause';
import { functionMetrics } from '../../lib/monitoring/alarms';
import type { Pipeline } from '../../pipelines/definition';
import { exportPlan } from '../../sql/exports/plan';
import { completeUntil } from '../../sql/names';
import type { Alarm, Counts, PipelineFlow, Snapshot } from '../../ui/api';
import { warehouseTime } from '../commands/context';
import { functionMetric } from '../page/function-metric';
import { firstRow, type MetricQuery, type PagePorts } from '../page/ports';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Everything that `millrace status` shows. Times are ISO 8601. */
export interface Status {
  readonly environment: string;
  readonly at: string;
  readonly healthy: boolean;
  /** Why the environment is not healthy. */
  readonly reasons: readonly string[];
  /** What could not be read, and why. */
  readonly unknown: readonly string[];
  /** @default - not paused */
  readonly paused: Paused | null;
  readonly counts: Counts;
  readonly pipelines: readonly PipelineStatus[];
  readonly alarms: readonly Alarm[];
  readonly next: readonly NextRun[];
  readonly cost: CostSoFar | null;
}

export interface Paused {
  readonly phase: 'pausing' | 'paused';
  /** Undefined for the daily schedule of a cluster. */
  readonly by?: PauseState['by'];
  readonly until?: string;
}

export interface PipelineStatus {
  readonly name: string;
  readonly counts: Counts;
  /** Events that arrived before it are in the views. */
  readonly freshUntil: string | null;
  readonly freshMinutes: number | null;
  /** Null if the records are not counted, as while the warehouse is paused. */
  readonly pending: number | null;
  /** Failures that the functions reported in the last 24 hours, by metric. */
  readonly failures: Readonly<Record<string, number>>;
}

/** A run of a schedule. Only the interval of a rate is known, so its time is that of the last run and one interval. */
export interface NextRun {
  readonly what: string;
  /** @default - it has not run yet */
  readonly at?: string;
}

export interface CostSoFar {
  /** Since the first of the month (UTC), at list prices, without traffic. */
  readonly dollars: number;
  readonly monthDollars: number;
  readonly region: string;
}

type Asked = Pick<PagePorts, 'query' | 'metrics' | 'now' | 'lastWritten' | 'environment'>;

/** Reads what the page's snapshot lacks, and judges. A part that cannot be read becomes a line of `unknown`. */
export async function readStatus(
  ports: Asked,
  snapshot: Snapshot,
  deployed: readonly Pipeline[],
  around: { readonly pause: PauseState | undefined; readonly cost: CostSoFar | undefined },
): Promise<Status> {
  const { cost } = around;
  const pause = around.pause?.phase === 'resumed' ? undefined : around.pause;
  const isPaused = snapshot.warehouse === 'paused';
  const unknown = (snapshot.problems ?? [])
    .filter(({ part }) => !(isPaused && part === 'warehouse'))
    .map(({ part, problem }) => `${part}: ${problem}`);
  const pipelines: PipelineStatus[] = [];
  for (const pipeline of deployed)
    try {
      pipelines.push(await ofPipeline(ports, snapshot, pipeline, isPaused));
    } catch (error) {
      unknown.push(`${pipeline.name}: ${(error as Error).message}`);
    }
  const reasons = reasonsOf(snapshot, pipelines);
  return {
    environment: snapshot.environment,
    at: iso(ports.now()),
    healthy: reasons.length === 0 && unknown.length === 0,
    reasons,
    unknown,
    paused: pausedOf(isPaused, pause),
    counts: snapshot.counts,
    pipelines,
    alarms: snapshot.alarms,
    next: nextRuns(ports, deployed, pause, isPaused),
    cost: cost ?? null,
  };
}

function pausedOf(isPaused: boolean, pause: PauseState | undefined): Paused | null {
  if (pause !== undefined && pause.phase !== 'resumed')
    return { phase: pause.phase, by: pause.by, until: iso(pause.until) };
  return isPaused ? { phase: 'paused' } : null;
}

async function ofPipeline(
  ports: Asked,
  snapshot: Snapshot,
  pipeline: Pipeline,
  isPaused: boolean,
): Promise<PipelineStatus> {
  const flow = snapshot.pipelines.find(({ name }) => name === pipeline.name);
  const counts = flow?.counts ?? { produced: 0, terms: [], balanced: true };
  const until = isPaused ? undefined : await freshUntil(ports, pipeline);
  return {
    name: pipeline.name,
    counts,
    freshUntil: until === undefined ? null : iso(until),
    freshMinutes: until === undefined ? null : Math.max(0, Math.round((ports.now() - until) / MINUTE_MS)),
    pending: counts.terms.find(({ name }) => name === 'pending')?.records ?? null,
    failures: await failuresOf(ports, pipeline.name),
  };
}

async function freshUntil(ports: Asked, pipeline: Pipeline): Promise<number | undefined> {
  const row = await firstRow(ports, `select ${completeUntil(pipeline)} as complete_until`);
  const until = row['complete_until'];
  return until === null || until === undefined ? undefined : warehouseTime(until);
}

const failing = [functionMetrics.refreshFailed, functionMetrics.loadFailed, functionMetrics.exportFailed] as const;

async function failuresOf({ metrics, now, environment }: Asked, pipeline: string): Promise<Record<string, number>> {
  const queries = failing.map(
    (name): MetricQuery => ({
      ...functionMetric(environment.name, pipeline, name, 'Sum'),
      periodMs: 60 * MINUTE_MS,
      from: now() - DAY_MS,
      to: now() + 1,
    }),
  );
  const found = await metrics(queries);
  const sums = failing.map((name, n) => [name, found[n]!.reduce((sum, { value }) => sum + value, 0)] as const);
  return Object.fromEntries(sums.filter(([, sum]) => sum > 0));
}

/** An alarm, an unbalanced equation, and a part of the flow that is late or has failed. */
function reasonsOf(snapshot: Snapshot, pipelines: readonly PipelineStatus[]): string[] {
  const reasons = snapshot.alarms.map(({ pipeline, heading }) => `${pipeline}: ${heading} (docs/runbook.md)`);
  for (const { name, counts } of pipelines) if (!counts.balanced) reasons.push(`${name}: the records do not add up`);
  for (const flow of snapshot.pipelines) reasons.push(...partsOf(flow));
  return [...new Set(reasons)];
}

function partsOf({ name, nodes, views, exports }: PipelineFlow): string[] {
  const bad = (state: string) => state === 'failed' || state === 'late';
  const parts = [
    ...nodes.map(({ id, state }) => ({ what: id as string, state })),
    ...views.map((view) => ({ what: `view ${view.name}`, state: view.state })),
    ...exports.map((item) => ({ what: `export ${item.name}`, state: item.state })),
  ].filter(({ state }) => bad(state));
  // A late or failed refresh is a fact of all the parts that it feeds.
  const ofRefresh = parts.find(({ what }) => what === 'merge');
  const others = ofRefresh ? parts.filter(({ what }) => what.startsWith('export') || what === 'history') : parts;
  return [
    ...(ofRefresh ? [`${name}: the refresh ${ofRefresh.state === 'late' ? 'is late' : 'has failed'}`] : []),
    ...others.map(({ what, state }) => `${name}: ${what} ${state === 'late' ? 'is late' : 'has failed'}`),
  ];
}

/** While it is paused, the ticks of the schedules do nothing. */
function nextRuns(
  ports: Asked,
  pipelines: readonly Pipeline[],
  pause: PauseState | undefined,
  isPaused: boolean,
): NextRun[] {
  const { environment } = ports;
  if (pause) return [{ what: 'the environment resumes', at: iso(pause.until) }];
  const ofCluster = daily(environment, ports.now());
  if (isPaused) return ofCluster.filter(({ what }) => what === clusterResumes);
  if (!environment.schedulesEnabled) return [{ what: 'all schedules are disabled' }];
  const runs: NextRun[] = [];
  const after = (last: number | undefined, minutes: number) => {
    if (last === undefined) return {};
    const next = last + minutes * MINUTE_MS;
    // A last run that is older says nothing about the phase of the ticks.
    return next < ports.now() ? {} : { at: iso(next) };
  };
  for (const pipeline of pipelines) {
    const { name, refreshEveryMinutes: every } = pipeline;
    runs.push({
      what: `${name}: refresh, every ${every} min`,
      ...after(ports.lastWritten(functionMetrics.refreshCompleted, name), every),
    });
    if (pipeline.exports.length > 0)
      runs.push({
        what: `${name}: exports, every ${exportPlan(pipeline, environment.fullPassHour).everyMinutes} min`,
      });
    if (pipeline.history)
      runs.push({
        what: `${name}: reconcile, every ${environment.reconcileEveryMinutes} min`,
        ...after(ports.lastWritten(functionMetrics.reconcileCompleted, name), environment.reconcileEveryMinutes),
      });
  }
  return [...runs, ...ofCluster];
}

const clusterResumes = 'the cluster resumes';

/** The daily pause and resumption of a cluster. */
function daily({ warehouse }: Environment, now: number): NextRun[] {
  if (warehouse.kind !== 'provisioned' || warehouse.pause === undefined) return [];
  const { pauseAt, resumeAt } = warehouse.pause;
  const at = (expression: string) => {
    const time = parseScheduleExpression(expression, 'UTC', 0)(now);
    return time === undefined ? {} : { at: iso(time) };
  };
  return [
    { what: 'the cluster pauses', ...at(pauseAt) },
    { what: clusterResumes, ...at(resumeAt) },
  ];
}

const iso = (time: number) => new Date(time).toISOString();
