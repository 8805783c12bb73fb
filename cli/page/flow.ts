import type { Pipeline } from '../../pipelines/definition';
import type { FlowItem, FlowNode, FlowShard, NodeState, PipelineFlow, Snapshot } from '../../ui/api';
import { bytes } from '../commands/history/cost';
import { isBalanced, type RecordCounts, sumCounts } from '../commands/local/record-counts';
import { grouped, plural } from '../terminal';
import { type FactChanges, FactsReader, type PipelineFacts } from './pipeline-facts';
import type { PagePorts } from './ports';
import { roles } from './watch';

/** The number of intervals after which a refresh is late, as for the alarm `refresh missing`. */
const LATE_INTERVALS = 3;
/** The clock time over which the rate of accepted records is measured. */
const RATE_WINDOW_MS = 60_000;

/** Facts about the environment that change from one moment to the next. */
export interface FlowState extends FactChanges {
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
  private readonly facts: FactsReader;

  constructor(
    private readonly ports: PagePorts,
    private readonly state: FlowState,
    private readonly pipelines: readonly Pipeline[],
  ) {
    this.startedAt = ports.now();
    this.facts = new FactsReader(ports, state);
  }

  version(): string {
    const { ports } = this;
    const deployed = this.deployed();
    return [
      ...deployed.map(({ name }) => this.state.events(name)),
      this.state.clockRate(),
      this.state.paused(),
      this.state.catchingUp(),
      ...deployed.map(({ name }) => ports.acceptedRecords(ports.streamOf(name))),
    ].join();
  }

  async snapshot(): Promise<Snapshot> {
    const { environment } = this.ports;
    const all: { counts: RecordCounts; flow: PipelineFlow }[] = [];
    for (const pipeline of this.deployed()) {
      const facts = await this.facts.of(pipeline);
      const counts = this.countsNow(pipeline, facts);
      all.push({ counts, flow: await this.flow(pipeline, counts, facts) });
    }
    return {
      environment: environment.name,
      now: this.ports.now(),
      clockRate: this.state.clockRate(),
      readOnly: this.ports.readOnly,
      catchingUp: this.state.catchingUp(),
      warehouse: this.state.paused() ? 'paused' : 'available',
      pausedUntil: this.state.paused() ? this.state.pausedUntil() : undefined,
      counts: shown(sumCounts(all.map(({ counts }) => counts))),
      pipelines: all.map(({ flow }) => flow),
      alarms: this.state.catchingUp() ? [] : this.ports.firing(),
    };
  }

  private deployed(): Pipeline[] {
    return this.pipelines.filter(({ name }) => this.ports.isDeployed(name));
  }

  /** What the stream accepted since the facts were read is on the stream: nothing ran that could have read it. */
  private countsNow({ name }: Pipeline, { counts, accepted }: PipelineFacts): RecordCounts {
    const more = this.ports.acceptedRecords(this.ports.streamOf(name)) - accepted;
    return { ...counts, produced: counts.produced + more, pending: counts.pending + more };
  }

  private async flow(pipeline: Pipeline, counts: RecordCounts, facts: PipelineFacts): Promise<PipelineFlow> {
    const { ports } = this;
    const stream = ports.streamOf(pipeline.name);
    const rate = this.rate(pipeline.name, ports.acceptedRecords(stream));
    const shards = await ports.shards(stream, facts.read);
    return {
      name: pipeline.name,
      counts: shown(counts),
      nodes: this.nodes(pipeline, counts, facts, rate),
      views: this.views(pipeline, facts),
      exports: this.exports(pipeline, facts),
      endpoints: facts.endpoints,
      partners: this.partners(pipeline),
      rate,
      shards: shards.map(
        ({ id, accepted, behindSince }): FlowShard => ({
          id,
          rate: this.rate(`${pipeline.name} ${id}`, accepted),
          ...(behindSince === undefined ? {} : { behindSince }),
        }),
      ),
      running: roles
        .filter((role) => ports.functionState(pipeline.name, role).running > 0)
        .map((role) => role.toLowerCase()),
    };
  }

  private nodes(
    pipeline: Pipeline,
    counts: RecordCounts,
    { time, count, archive }: PipelineFacts,
    rate: number,
  ): FlowNode[] {
    const accepted = this.ports.acceptedRecords(this.ports.streamOf(pipeline.name));
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
      node('stream', accepted, 'records', stream, rate > 0 ? 'ok' : 'idle'),
      node('archive', archive.objects, 'objects', bytes(archive.bytes), 'ok'),
      node('landing', count('landed'), 'records', `every ${plural(pipeline.refreshEveryMinutes, 'minute')}`, state),
      node('merge', count('runs'), 'runs', '', state, time('merged_at')),
      node('events', counts.events, 'rows', '', 'ok', time('merged_at')),
      node('duplicates', counts.duplicates, 'records', '', 'ok', time('duplicate_at')),
      node('rejects', counts.rejects, 'records', plural(count('reasons'), 'reason'), 'ok', time('rejected_at')),
    ];
    if (pipeline.history === undefined) return nodes;
    const parked = count('parked') > 0 ? `${grouped(count('parked'))} failed` : 'loaded';
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

  private views(pipeline: Pipeline, { views }: PipelineFacts): FlowItem[] {
    const state = this.refreshState(pipeline);
    return pipeline.views.map(({ name }) => ({ name, count: views.get(name) ?? 0, detail: 'rows', state }));
  }

  private exports(pipeline: Pipeline, { exports }: PipelineFacts): FlowItem[] {
    const exporting = this.ports.functionState(pipeline.name, 'Exports');
    const state: NodeState = exporting.running > 0 ? 'running' : exporting.error === undefined ? 'ok' : 'failed';
    return pipeline.exports.map(({ name }) => {
      const { windows = 0, until } = exports.get(name) ?? {};
      return { name, count: windows, detail: until === undefined ? 'none yet' : `until ${until.slice(5, 16)}`, state };
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

  /** Returns the records per second over the last minute of clock time. @param of what they are counted of */
  private rate(of: string, records: number): number {
    const now = this.ports.now();
    const seen = this.accepted.get(of) ?? [];
    // The clock may be stopped, so there is only one entry per moment.
    if (seen.at(-1)?.at === now) seen.pop();
    seen.push({ at: now, records });
    while (seen.length > 2 && seen[1]!.at <= now - RATE_WINDOW_MS) seen.shift();
    this.accepted.set(of, seen);
    const [first, last] = [seen[0]!, seen.at(-1)!];
    return last.at > first.at ? ((last.records - first.records) * 1000) / (last.at - first.at) : 0;
  }
}

function shown(counts: RecordCounts): PipelineFlow['counts'] {
  const { produced, parts: _, ...terms } = counts;
  return {
    produced,
    // Most environments have none.
    terms: Object.entries(terms)
      .filter(([name, records]) => name !== 'forgotten' || records > 0)
      .map(([name, records]) => ({ name, records })),
    balanced: isBalanced(counts),
  };
}

const perSecond = (rate: number) => (rate < 10 ? rate.toFixed(1) : grouped(Math.round(rate)));
