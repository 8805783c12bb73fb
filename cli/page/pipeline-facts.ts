import type { Pipeline } from '../../pipelines/definition';
import { isLoadedHistory, landingName, publicTables, quoteLiteral } from '../../sql/names';
import type { FlowItem } from '../../ui/api';
import { warehouseTime } from '../commands/context';
import { Sources } from '../commands/history/sources';
import { isBalanced, type RecordCounts } from '../commands/local/record-counts';
import { endpointItems } from './endpoints';
import { firstRow, numberOf, type PagePorts } from './ports';
import { roles } from './watch';

/** The number of counts in a row: between two reads, records may move. */
const LOOKS = 3;
/** A function changes things at every statement. They are read when it has ended, or after so long. */
const RUNNING_MS = 2_000;
/** What others change, such as a client of the warehouse or a person who puts an object, is seen after so long. */
const REREAD_MS = 60_000;

/** What the warehouse and the buckets have of a pipeline. Reading it takes several queries. */
export interface PipelineFacts {
  readonly counts: RecordCounts;
  /** Records that the stream had accepted when they were counted. */
  readonly accepted: number;
  /** Epoch milliseconds of a column of times. */
  time(name: string): number | undefined;
  count(name: string): number;
  /** Rows by view. */
  readonly views: ReadonlyMap<string, number>;
  /** Windows, and the end of the newest, by export. */
  readonly exports: ReadonlyMap<string, { readonly windows: number; readonly until?: string }>;
  readonly endpoints: readonly FlowItem[];
  readonly archive: { readonly objects: number; readonly bytes: number };
  /** The last sequence number that the landing view has read, by shard. */
  readonly read: ReadonlyMap<string, string>;
}

/** Tells when facts may have changed. */
export interface FactChanges {
  /** The number of things that happened and can have changed what the pipeline has. */
  events(pipeline: string): number;
  /** The number of objects that were delivered to the archive. */
  deliveries(): number;
}

interface Known {
  readonly events: number;
  /** When they were read, of a monotonic clock. */
  readonly at: number;
  readonly facts: PipelineFacts;
  /** When something was first noticed that happened after that. */
  noticedAt?: number;
}

/** Reads the facts of pipelines again only if something happened. */
export class FactsReader {
  private readonly known = new Map<string, Known>();
  private readonly archives = new Map<string, { deliveries: number; objects: number; bytes: number }>();

  constructor(
    private readonly ports: PagePorts,
    private readonly changes: FactChanges,
  ) {}

  async of(pipeline: Pipeline): Promise<PipelineFacts> {
    const known = this.known.get(pipeline.name);
    const events = this.changes.events(pipeline.name);
    const at = performance.now();
    if (known !== undefined) {
      if (known.events === events && at - known.at < REREAD_MS && isBalanced(known.facts.counts)) return known.facts;
      known.noticedAt ??= at;
      const isRunning = roles.some((role) => this.ports.functionState(pipeline.name, role).running > 0);
      if (isRunning && at - known.noticedAt < RUNNING_MS) return known.facts;
    }
    const facts = await this.read(pipeline);
    this.known.set(pipeline.name, { events, at, facts });
    return facts;
  }

  private async read(pipeline: Pipeline): Promise<PipelineFacts> {
    const { ports } = this;
    const counted = await this.counts(pipeline);
    const { runs, ledger, parked, staged, rejects, duplicates, exports } = publicTables(pipeline);
    const ofViews = pipeline.views.map(({ name }, n) => `(select count(*) from ${pipeline.name}.${name}) as v${n}`);
    const ofExports = pipeline.exports.flatMap(({ name }, n) => {
      const those = `from ${exports} where "export" = ${quoteLiteral(name)}`;
      return [
        `(select count(distinct window_start) ${those}) as windows${n}`,
        `(select max(window_end) ${those}) as until${n}`,
      ];
    });
    // One query: each has a cost of its own.
    const row = await firstRow(
      ports,
      `select
  (select count(*) from ${landingName(pipeline)}) as landed,
  (select count(*) from ${staged}) as staged,
  (select count(*) from ${ledger} where ${isLoadedHistory}) as loaded,
  (select count(*) from ${parked}) as parked,
  (select max(loaded_at) from ${ledger}) as loaded_at,
  (select count(*) from ${runs} where rows_read > 0) as runs,
  (select max(merged_at) from ${runs} where rows_read > 0) as merged_at,
  (select max(merged_at) from ${rejects}) as rejected_at,
  (select max(merged_at) from ${duplicates}) as duplicate_at,
  (select count(distinct reason) from ${rejects}) as reasons${[...ofViews, ...ofExports].map((column) => `,\n  ${column}`).join('')}`,
    );
    return {
      ...counted,
      time: (name) => (row[name] === null ? undefined : warehouseTime(row[name])),
      count: (name) => numberOf(row[name]),
      views: new Map(pipeline.views.map(({ name }, n) => [name, numberOf(row[`v${n}`])])),
      exports: new Map(
        pipeline.exports.map(({ name }, n) => {
          const until = row[`until${n}`];
          return [name, { windows: numberOf(row[`windows${n}`]), ...(until === null ? {} : { until: String(until) }) }];
        }),
      ),
      endpoints: await endpointItems(ports, pipeline),
      archive: await this.archive(pipeline),
      read: await this.positions(pipeline),
    };
  }

  /** Counts the records. It takes several queries, which can disagree for a moment while records move. */
  private async counts(pipeline: Pipeline): Promise<Pick<PipelineFacts, 'counts' | 'accepted'>> {
    const { ports } = this;
    const acceptedNow = () => ports.acceptedRecords(ports.streamOf(pipeline.name));
    for (let look = 1; ; look++) {
      const before = acceptedNow();
      const counts = await ports.counts(pipeline);
      const accepted = acceptedNow();
      if (look === LOOKS || (isBalanced(counts) && before === accepted)) return { counts, accepted };
    }
  }

  /** Lists the archive, but only after a new delivery. */
  private async archive(pipeline: Pipeline) {
    const known = this.archives.get(pipeline.name);
    const deliveries = this.changes.deliveries();
    if (known?.deliveries === deliveries) return known;
    const { ports } = this;
    const lists = new Sources(pipeline).prefixes('archive').map((prefix) => ports.objects(ports.archiveBucket, prefix));
    const objects = (await Promise.all(lists)).flat();
    const found = { deliveries, objects: objects.length, bytes: objects.reduce((sum, { size }) => sum + size, 0) };
    this.archives.set(pipeline.name, found);
    return found;
  }

  /** System views are read apart from tables. Sequence numbers of a stream have the same length, so they compare as text. */
  private async positions(pipeline: Pipeline): Promise<PipelineFacts['read']> {
    const [, view] = landingName(pipeline).split('.');
    const { rows } = await this.ports.query(
      `select trim(partition_id), max(trim(latest_position)) from sys_stream_scan_states
where trim(external_schema_name) = '${pipeline.name}_stream' and trim(mv_name) = '${view}' group by 1`,
    );
    return new Map(rows.map(([shard, position]) => [String(shard), String(position)]));
  }
}
