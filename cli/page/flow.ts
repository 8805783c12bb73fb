import type { Pipeline } from '../../pipelines/definition';
import { landingName, publicTables } from '../../sql';
import type { FlowItem, FlowNode, NodeState, PipelineFlow, Snapshot } from '../../ui/api';
import { warehouseTime } from '../commands/context';
import { bytes } from '../commands/history/cost';
import { Sources } from '../commands/history/sources';
import { isBalanced, type RecordCounts, sumCounts } from '../commands/local/record-counts';
import { grouped, plural } from '../terminal';
import { endpointItems } from './endpoints';
import { firstRow, numberOf, type PagePorts } from './ports';

/** The number of intervals after which a refresh is late, as for the alarm `refresh missing`. */
const LATE_INTERVALS = 3;
/** The clock time over which the rate of accepted records is measured. */
const RATE_WINDOW_MS = 60_000;
/** The number of counts that must be unbalanced in a row: between two reads, records may move. */
const LOOKS = 3;

/** Facts about the environment that change from one moment to the next. */
export interface FlowState {
  /** The number of things that happened. A change means that figures may have changed. */
  events(): number;
  /** The number of objects that were delivered to the archive. A change means that the archive is listed again. */
  deliveries(): number;
  catchingUp(): boolean;
  clockRate(): number;
  paused(): boolean;
  /** When the schedule resumes a paused cluster, in epoch milliseconds. */
  pausedUntil(): number | undefined;
}

/** Reads everything that the flow diagram shows. */
export class FlowReader {
  private readonly startedAt: number;
  private readonly accepted = new Map<string, { at: number; records: number }[]>();
  private readonly archives = new Map<string, { deliveries: number; objects: number; bytes: number }>();

  constructor(
    private readonly ports: PagePorts,
    private readonly state: FlowState,
    private readonly pipelines: readonly Pipeline[],
  ) {
    this.startedAt = ports.now();
  }

  version(): string {
    const { ports } = this;
    const accepted = this.deployed().map(({ name }) => ports.acceptedRecords(ports.streamOf(name)));
    return [
      this.state.events(),
      this.state.clockRate(),
      this.state.paused(),
      this.state.catchingUp(),
      ...accepted,
    ].join();
  }

  async snapshot(): Promise<Snapshot> {
    const { environment } = this.ports;
    const deployed = this.deployed();
    const counts = await this.counts(deployed);
    const flows: PipelineFlow[] = [];
    for (const pipeline of deployed) flows.push(await this.flow(pipeline, counts.get(pipeline.name)!));
    return {
      environment: environment.name,
      now: this.ports.now(),
      clockRate: this.state.clockRate(),
      readOnly: this.ports.readOnly,
      catchingUp: this.state.catchingUp(),
      warehouse: this.state.paused() ? 'paused' : 'available',
      pausedUntil: this.state.paused() ? this.state.pausedUntil() : undefined,
      counts: shown(sumCounts([...counts.values()])),
      pipelines: flows,
      alarms: this.state.catchingUp() ? [] : this.ports.firing(),
    };
  }

  private deployed(): Pipeline[] {
    return this.pipelines.filter(({ name }) => this.ports.isDeployed(name));
  }

  /** Counts the records. It takes several queries, which can disagree for a moment while records move. */
  private async counts(pipelines: readonly Pipeline[]): Promise<Map<string, RecordCounts>> {
    const counts = new Map<string, RecordCounts>();
    for (const pipeline of pipelines)
      for (let look = 1; look <= LOOKS; look++) {
        const found = await this.ports.counts(pipeline);
        counts.set(pipeline.name, found);
        if (isBalanced(found)) break;
      }
    return counts;
  }

  private async flow(pipeline: Pipeline, counts: RecordCounts): Promise<PipelineFlow> {
    const facts = await this.facts(pipeline);
    const rate = this.rate(pipeline);
    const [views, exports] = [await this.views(pipeline), await this.exports(pipeline)];
    return {
      name: pipeline.name,
      counts: shown(counts),
      nodes: await this.nodes(pipeline, counts, facts, rate),
      views,
      exports,
      endpoints: await endpointItems(this.ports, pipeline),
      partners: this.partners(pipeline),
      rate,
      running: (['Refresh', 'Load', 'Exports', 'Reconcile'] as const)
        .filter((role) => this.ports.functionState(pipeline.name, role).running > 0)
        .map((role) => role.toLowerCase()),
    };
  }

  private async facts(pipeline: Pipeline) {
    const { runs, ledger, parked, staged, rejects, duplicates } = publicTables(pipeline);
    const row = await firstRow(
      this.ports,
      `select
  (select count(*) from ${landingName(pipeline)}) as landed,
  (select count(*) from ${staged}) as staged,
  (select count(*) from ${ledger} where source <> 'archive') as loaded,
  (select count(*) from ${parked}) as parked,
  (select max(loaded_at) from ${ledger}) as loaded_at,
  (select count(*) from ${runs} where rows_read > 0) as runs,
  (select max(merged_at) from ${runs} where rows_read > 0) as merged_at,
  (select max(merged_at) from ${rejects}) as rejected_at,
  (select max(merged_at) from ${duplicates}) as duplicate_at,
  (select count(distinct reason) from ${rejects}) as reasons`,
    );
    const time = (name: string) => (row[name] === null ? undefined : warehouseTime(row[name]));
    const count = (name: string) => numberOf(row[name]);
    return { time, count };
  }

  private async nodes(
    pipeline: Pipeline,
    counts: RecordCounts,
    { time, count }: Awaited<ReturnType<FlowReader['facts']>>,
    rate: number,
  ): Promise<FlowNode[]> {
    const accepted = this.ports.acceptedRecords(this.ports.streamOf(pipeline.name));
    const archive = await this.archive(pipeline);
    const load = this.ports.functionState(pipeline.name, 'Load');
    const loading: NodeState =
      load.running > 0 ? 'running' : load.error !== undefined || count('parked') > 0 ? 'failed' : 'ok';
    const node = (
      id: FlowNode['id'],
      records: number,
      unit: string,
      detail: string,
      state: NodeState,
      at?: number,
    ): FlowNode => ({ id, count: records, unit, detail, state, ...(at === undefined ? {} : { at }) });
    const state = this.refreshState(pipeline);
    const stream = rate > 0 ? `${perSecond(rate)} a second` : 'quiet';
    const nodes = [
      node('stream', accepted, 'records', stream, rate > 0 ? 'running' : 'idle'),
      node('archive', archive.objects, 'objects', bytes(archive.bytes), 'ok'),
      node('landing', count('landed'), 'records', `every ${plural(pipeline.refreshEveryMinutes, 'minute')}`, state),
      node('merge', count('runs'), 'runs', '', state, time('merged_at')),
      node('events', counts.events, 'rows', '', 'ok', time('merged_at')),
      node('duplicates', counts.duplicates, 'records', '', 'ok', time('duplicate_at')),
      node('rejects', counts.rejects, 'records', plural(count('reasons'), 'reason'), 'ok', time('rejected_at')),
    ];
    if (pipeline.history === undefined) return nodes;
    const parked = count('parked') > 0 ? `${grouped(count('parked'))} failed` : 'objects loaded';
    return [
      ...nodes,
      node('history', count('loaded'), 'objects', parked, loading, time('loaded_at')),
      node('staged', count('staged'), 'rows', 'to merge', loading, load.endedAt),
    ];
  }

  private refreshState({ name, refreshEveryMinutes }: Pipeline): NodeState {
    const { ports } = this;
    if (this.state.paused()) return 'paused';
    const refresh = this.ports.functionState(name, 'Refresh');
    if (refresh.running > 0) return 'running';
    const completed = ports.lastWritten('RunCompleted', name) ?? this.startedAt;
    if (refresh.error !== undefined || (ports.lastWritten('RunFailed', name) ?? 0) > completed) return 'failed';
    const late = ports.now() - completed > LATE_INTERVALS * refreshEveryMinutes * 60_000;
    return late && !this.state.catchingUp() ? 'late' : 'ok';
  }

  private async views(pipeline: Pipeline): Promise<FlowItem[]> {
    if (pipeline.views.length === 0) return [];
    const counts = pipeline.views.map(({ name }, n) => `(select count(*) from ${pipeline.name}.${name}) as v${n}`);
    const row = await firstRow(this.ports, `select ${counts.join(', ')}`);
    const state = this.refreshState(pipeline);
    return pipeline.views.map(({ name }, n) => ({ name, count: numberOf(row[`v${n}`]), detail: 'rows', state }));
  }

  private async exports(pipeline: Pipeline): Promise<FlowItem[]> {
    const { rows } = await this.ports.query(
      `select "export", count(distinct window_start), max(window_end) from ${publicTables(pipeline).exports} group by 1`,
    );
    const exporting = this.ports.functionState(pipeline.name, 'Exports');
    const state: NodeState = exporting.running > 0 ? 'running' : exporting.error === undefined ? 'ok' : 'failed';
    return pipeline.exports.map(({ name }) => {
      const [, windows, until] = rows.find(([found]) => found === name) ?? [];
      const detail = until === undefined ? 'none yet' : `until ${String(until).slice(5, 16)}`;
      return { name, count: numberOf(windows), detail, state };
    });
  }

  private partners({ name }: Pipeline): FlowItem[] {
    return this.ports.environment.partners.flatMap(({ name: partner, access }) => {
      if (access.mode === 'write') return [];
      const exports = access.exports.filter((readable) => readable.startsWith(`${name}.`));
      return exports.length === 0
        ? []
        : [{ name: partner, count: exports.length, detail: 'exports', state: 'ok' as const }];
    });
  }

  /** Lists the archive, but only after a new delivery. */
  private async archive(pipeline: Pipeline) {
    const known = this.archives.get(pipeline.name);
    const deliveries = this.state.deliveries();
    if (known?.deliveries === deliveries) return known;
    const { ports } = this;
    const lists = new Sources(pipeline).prefixes('archive').map((prefix) => ports.objects(ports.archiveBucket, prefix));
    const objects = (await Promise.all(lists)).flat();
    const found = { deliveries, objects: objects.length, bytes: objects.reduce((sum, { size }) => sum + size, 0) };
    this.archives.set(pipeline.name, found);
    return found;
  }

  /** Returns the records per second over the last minute of clock time. */
  private rate({ name }: Pipeline): number {
    const { ports } = this;
    const now = ports.now();
    const seen = this.accepted.get(name) ?? [];
    // The clock may be stopped, so there is only one entry per moment.
    if (seen.at(-1)?.at === now) seen.pop();
    seen.push({ at: now, records: ports.acceptedRecords(ports.streamOf(name)) });
    while (seen.length > 2 && seen[1]!.at <= now - RATE_WINDOW_MS) seen.shift();
    this.accepted.set(name, seen);
    const [first, last] = [seen[0]!, seen.at(-1)!];
    return last.at > first.at ? ((last.records - first.records) * 1000) / (last.at - first.at) : 0;
  }
}

function shown(counts: RecordCounts): PipelineFlow['counts'] {
  const { produced, parts: _, ...terms } = counts;
  return {
    produced,
    terms: Object.entries(terms).map(([name, records]) => ({ name, records })),
    balanced: isBalanced(counts),
  };
}

const perSecond = (rate: number) => (rate < 10 ? rate.toFixed(1) : grouped(Math.round(rate)));
