import { WarehouseAsleepError } from '../../../lambda/shared/warehouse';
import type { Pipeline } from '../../../pipelines/definition';
import type { Activity, Snapshot } from '../../../ui/api';
import { type Calls, Refusal, type Source } from '../../../ui/server';
import { defaultRegion, pricesOf } from '../../cost/prices';
import type { AwsPorts } from '../aws-ports';
import { sqlConsole } from '../console';
import { FlowReader } from '../flow';
import { readCalls } from '../read-calls';
import { explainer } from './explain';
import type { Look, PartProblem } from './look';
import { costText, METRICS_MS, WAREHOUSE_MS } from './pace';
import { awsSeriesCalls } from './series';

export interface Pace {
  readonly metricsMs: number;
  readonly warehouseMs: number;
  /** Milliseconds since some moment. */
  readonly elapsed: () => number;
}

const usualPace: Pace = { metricsMs: METRICS_MS, warehouseMs: WAREHOUSE_MS, elapsed: () => performance.now() };

/** "Look now" asks at most so often. */
const LOOK_AGAIN_MS = 10_000;
const HOUR_MS = 3_600_000;
const HELD_BACK = 'is refused: the page of an environment in AWS only reads';

type Happened = Omit<Activity, 'id'>;

/**
 * An environment in AWS as the page shows it. While a browser follows it, it asks CloudWatch every minute, and the
 * warehouse when a function has written something since the last time, every five minutes at most.
 */
export function awsSource(
  ports: AwsPorts,
  pipelines: readonly Pipeline[],
  pace: Pace = usualPace,
): Source & { dispose(): void } {
  const state = new AwsState(ports, pipelines, pace);
  const ended = new AbortController();
  const { calls, download } = readCalls(ports, pipelines, ended.signal);
  const sql = sqlConsole(ports);
  const kept = keptCalls(pace, () => state.reads);
  const readings = { ...calls, ...sql.calls, ...awsSeriesCalls(ports, pipelines) };
  const explain = explainer(ports);
  const asRefusal: AsRefusal = (error) => {
    throw error instanceof Refusal ? error : new Refusal(explain(error), { cause: error });
  };
  const refused = (what: string) => async (): Promise<never> => {
    throw new Refusal(`${what} ${HELD_BACK}`);
  };
  return {
    version: () => state.version(),
    snapshot: () => state.snapshot(),
    onActivity: (listener) => state.onActivity(listener),
    calls: {
      ...explained(
        {
          ...readings,
          ...kept(readings, ofWarehouse, pace.warehouseMs),
          ...kept(readings, ofMetrics, pace.metricsMs),
        },
        asRefusal,
      ),
      '/api/look': async () => ({ done: state.lookNow() }),
      '/api/rejects/retry': refused('merging again'),
      '/api/endpoints/try': refused('asking an endpoint'),
      '/api/try': refused('this'),
    },
    download: (key) => download(key).catch(asRefusal),
    dispose() {
      ended.abort();
      sql.dispose();
      ports.dispose();
    },
  };
}

type AsRefusal = (error: unknown) => never;

function explained<Some extends Partial<Calls>>(calls: Some, asRefusal: AsRefusal): Some {
  const wrapped = Object.entries(calls).map(([path, call]) => [
    path,
    (input: unknown) => (call as (given: unknown) => Promise<unknown>)(input).catch(asRefusal),
  ]);
  return Object.fromEntries(wrapped) as Some;
}

/** Calls whose answers come from the warehouse, and those whose answers come from CloudWatch. */
const ofWarehouse = ['/api/rejects', '/api/history', '/api/views', '/api/plan', '/api/exports'] as const;
const ofMetrics = ['/api/endpoints', '/api/series'] as const;

/**
 * Keeps answers, so that a view that asks again costs nothing until there can be something new.
 * @param reads how often the warehouse was read: an answer is of no use after the next time
 */
const keptCalls =
  ({ elapsed }: Pace, reads: () => number) =>
  <Path extends keyof Calls>(
    calls: Pick<Calls, Path>,
    paths: readonly Path[],
    longestMs: number,
  ): Pick<Calls, Path> => {
    const keeping = (path: Path) => {
      const call = calls[path] as (input: unknown) => Promise<unknown>;
      const kept = new Map<
        string,
        { readonly at: number; readonly reads: number; readonly answer: Promise<unknown> }
      >();
      return (input: unknown) => {
        const key = JSON.stringify(input);
        const known = kept.get(key);
        const now = elapsed();
        if (known !== undefined && now - known.at < longestMs && known.reads === reads()) return known.answer;
        const answer = call(input);
        kept.set(key, { at: now, reads: reads(), answer });
        answer.catch(() => kept.delete(key));
        return answer;
      };
    };
    return Object.fromEntries(paths.map((path) => [path, keeping(path)])) as unknown as Pick<Calls, Path>;
  };

class AwsState {
  /** How often the warehouse was read. */
  reads = 0;
  private readonly flow: FlowReader;
  private readonly listeners = new Set<(happened: Happened) => void>();
  private readonly cost: (metrics: number) => string;
  /** How often a read of the warehouse began. */
  private started = 0;
  private requests = 0;
  private wanted = true;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private readAt = Number.NEGATIVE_INFINITY;
  private readOf = '';
  private read: Snapshot | undefined;
  private warehouse: { readonly problem: string; readonly paused: boolean } | undefined;
  private shown: Snapshot | undefined;

  constructor(
    private readonly ports: AwsPorts,
    pipelines: readonly Pipeline[],
    private readonly pace: Pace,
  ) {
    const state = {
      // The facts are read when a read is due, and kept until then.
      events: () => this.started,
      // The archive is listed once an hour: a listing of many objects takes long.
      deliveries: () => Math.floor(ports.now() / HOUR_MS),
      catchingUp: () => false,
      clockRate: () => 1,
      paused: () => this.warehouse?.paused === true,
      pausedUntil: () => undefined,
    };
    this.flow = new FlowReader(ports, state, pipelines);
    const { environment } = ports;
    this.cost = (metrics) => {
      try {
        return costText(environment, metrics, pricesOf(environment.region ?? defaultRegion));
      } catch {
        return costText(environment, metrics, pricesOf(defaultRegion));
      }
    };
  }

  version(): string {
    return String(this.requests);
  }

  onActivity(listener: (happened: Happened) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  lookNow(): string {
    if (this.pace.elapsed() - this.lookedAt < LOOK_AGAIN_MS) return 'the last look was a moment ago';
    this.wanted = true;
    this.requests++;
    return 'looking';
  }

  async snapshot(): Promise<Snapshot> {
    const due = this.pace.elapsed() - this.lookedAt >= this.pace.metricsMs;
    if (this.shown !== undefined && !due && !this.wanted) return this.shown;
    const before = this.ports.cloudWatch.asked;
    const last = this.ports.lastLook();
    const look = await this.ports.look();
    this.report(last, look);
    const written = [...look.written].join();
    const mayRead = this.pace.elapsed() - this.readAt >= this.pace.warehouseMs;
    if (this.wanted || (mayRead && (this.warehouse !== undefined || written !== this.readOf))) {
      this.readOf = written;
      await this.readWarehouse();
    }
    this.wanted = false;
    this.lookedAt = this.pace.elapsed();
    this.shown = this.merged(look, this.ports.cloudWatch.asked - before);
    return this.shown;
  }

  private async readWarehouse(): Promise<void> {
    this.readAt = this.pace.elapsed();
    this.started++;
    try {
      this.read = await this.flow.snapshot();
      this.warehouse = undefined;
      this.reads++;
    } catch (error) {
      this.warehouse = { problem: explainer(this.ports)(error), paused: isAsleep(error) };
    }
  }

  private merged(look: Look, metrics: number): Snapshot {
    const { environment } = this.ports;
    const nothing = { counts: { produced: 0, terms: [], balanced: true }, pipelines: [] };
    const { warehouse } = this;
    const problems = warehouse === undefined ? [] : [{ part: 'warehouse', problem: warehouse.problem }];
    return {
      environment: environment.name,
      clockRate: 1,
      readOnly: true,
      catchingUp: false,
      ...(this.read ?? nothing),
      now: this.ports.now(),
      warehouse: warehouse?.paused ? 'paused' : 'available',
      alarms: look.alarms,
      problems: grouped([...problems, ...look.problems, ...[...this.ports.cut].map(cutListing)]),
      pace: {
        metricsSeconds: this.pace.metricsMs / 1000,
        warehouseSeconds: this.pace.warehouseMs / 1000,
        lookedAt: look.at,
        cost: this.cost(metrics),
      },
    };
  }

  /** Reports what the functions have written since the look before. */
  private report(before: Look | undefined, { written }: Look): void {
    if (before === undefined) return;
    for (const [key, at] of written) {
      if (at <= (before.written.get(key) ?? 0)) continue;
      const [pipeline = '', metric = ''] = key.split(' ');
      const failed = metric.endsWith('Failed');
      const what = `${pipeline}: ${metric.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()}`;
      for (const listener of this.listeners) listener({ at, kind: 'function', what, failed });
    }
  }
}

const isAsleep = (error: unknown): boolean =>
  error instanceof WarehouseAsleepError ||
  (error instanceof Error && error.cause !== undefined && isAsleep(error.cause));

const cutListing = (place: string): PartProblem => ({
  part: place,
  problem: 'it has more objects than one listing reads, so only the first 200,000 are counted',
});

/** The same problem of several parts is one. */
function grouped(problems: readonly PartProblem[]): PartProblem[] {
  const parts = new Map<string, string[]>();
  for (const { part, problem } of problems) parts.set(problem, [...(parts.get(problem) ?? []), part]);
  return [...parts].map(([problem, names]) => ({ part: names.join(', '), problem }));
}
