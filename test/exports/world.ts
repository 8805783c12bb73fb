import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { MaterializeHost } from '../../lambda/export/host';
import { latestKey, sentinelKey } from '../../lambda/export/layout';
import { parseSuccess, type Success } from '../../lambda/export/publication';
import type { Metrics } from '../../lambda/shared/metrics';
import { statementNamePrefix } from '../../lambda/shared/plan';
import { type Postgres, type PostgresTarget, postgres } from '../../lambda/shared/postgres';
import { s3Objects } from '../../lambda/shared/s3';
import { s3Bytes } from '../../lambda/shared/s3-bytes';
import type { FaultSource, Kill } from '../../local/faults';
import type { Materialize } from '../../local/materialize';
import type { ExportDefinition, Pipeline } from '../../pipelines/definition';
import { exportPlan } from '../../sql';
import { buckets, type Cloud, cluster, createCloud, database, environment, outsider, roleOf } from '../support/cloud';
import { type Around, clientsOf, type ExportPorts, exportOver } from '../support/functions';
import type { Calls, Handler } from '../support/invocation';
import { type Template, templateOf } from '../support/template';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export const anExport = (name: string, overrides: Partial<ExportDefinition> = {}): ExportDefinition => ({
  name,
  query: `select event_id, id, amount, at from shop.events`,
  file: `exports/${name}.sql`,
  content: { kind: 'incremental', timeColumn: 'at', window: 'hour', latenessMinutes: 15, corrections: true },
  format: { kind: 'parquet' },
  ...overrides,
});

/** A shop that sells things: events with a number, an amount and a time. */
export const shop = (...exports: ExportDefinition[]): Pipeline => ({
  name: 'shop',
  stream: { capacity: { mode: 'provisioned', shards: 1 }, retentionHours: 24 },
  identity: { by: 'columns', columns: ['id'] },
  columns: [
    { name: 'id', path: ['id'], type: 'varchar', maxBytes: 16, required: true },
    { name: 'amount', path: ['amount'], type: 'decimal', precision: 12, scale: 2 },
    { name: 'at', path: ['at'], type: 'timestamp' },
    { name: 'gift', path: ['gift'], type: 'boolean' },
    { name: 'weight', path: ['weight'], type: 'double' },
  ],
  refreshEveryMinutes: 1,
  views: [],
  exports,
});

export const startMs = Date.parse('2026-11-21T05:00:00Z');
export const openTemplate = (pipeline: Pipeline) => templateOf(pipeline, startMs);

export interface WorldOptions {
  readonly around?: Around;
  /** What happens to the nth invocation of the function, 0 is the first. */
  readonly kill?: (invocation: number) => Kill | undefined;
  readonly faults?: Partial<FaultSource>;
  /** Changes how the function reads and writes objects, to show that the checks notice. @default - nothing */
  readonly weaken?: (objects: ExportPorts['objects']) => ExportPorts['objects'];
}

/** The export function over the twins of one account, the data it exports, and a reader. */
export class World {
  readonly metrics: { readonly at: number; readonly values: Parameters<Metrics>[1] }[] = [];
  readonly events: Record<string, unknown>[] = [];
  readonly reader = outsider;
  /** Calls of each invocation, by number. */
  readonly calls: string[][] = [];
  around: Around | undefined;
  /** Where exports of the engine `materialize` are copied from. */
  materialize: { readonly server: Materialize; target: PostgresTarget } | undefined;
  kill: ((invocation: number) => Kill | undefined) | undefined;
  private invocations = 0;
  private number = 0;
  /** Bytes of a file by its key, so that it is read once. */
  private readonly digests = new Map<string, string>();

  private constructor(
    readonly pipeline: Pipeline,
    readonly cloud: Cloud,
    private readonly weaken: NonNullable<WorldOptions['weaken']>,
  ) {}

  static async open(template: Template, options: WorldOptions = {}): Promise<World> {
    let world: World | undefined;
    const cloud = await createCloud({
      startMs,
      streamName: template.streamName,
      shards: 1,
      retentionHours: template.pipeline.stream.retentionHours,
      databaseFile: template.databaseFile,
      handlers: () => ({ export: world!.handler }),
      faults: {
        delivery: () => undefined,
        statement: () => undefined,
        call: () => undefined,
        ...options.faults,
      },
      killNext: () => {
        const number = world!.invocations;
        world!.invocations += 1;
        return world!.kill?.(number);
      },
    });
    world = new World(template.pipeline, cloud, options.weaken ?? ((objects) => objects));
    world.around = options.around;
    world.kill = options.kill;
    cloud.onStatements(statementNamePrefix(environment, template.pipeline.name, 'export'), 'export');
    return world;
  }

  private handler = this.deployed();

  private deployed(): Handler {
    return { timeoutMs: 15 * minuteMs, start: (calls) => this.start(calls) };
  }

  /** After a change of the pipeline: environments of before are not used again. */
  redeploy(): void {
    this.handler = this.deployed();
  }

  /** What an execution environment keeps between its invocations. */
  private start(calls: Calls): (event: unknown) => Promise<unknown> {
    const { cloud } = this;
    let made: string[] = [];
    const { warehouse, s3, bus } = clientsOf(cloud, 'export', calls, (operation, request, run) => {
      made.push(`${operation} ${request.path}`);
      return this.around ? this.around(operation, request, run) : run();
    });
    const run = exportOver(exportPlan(this.pipeline), calls, {
      // A pause between attempts takes no time: a tick moves the clock to its own time only.
      warehouse: { ...warehouse, pause: async () => {} },
      objects: this.weaken({ ...s3Objects(s3), ...s3Bytes(s3) }),
      materialize: this.materialize && this.materializeHost(calls, (call) => made.push(call)),
      bus: {
        send: async (events) => {
          await bus.send(events);
          this.events.push(...events.map(({ detail }) => detail as Record<string, unknown>));
        },
      },
      log: (message, facts) => void cloud.log.push({ message, ...facts }),
      metrics: (at, values) => void this.metrics.push({ at, values }),
      now: cloud.clock.now,
    });
    return (event) => {
      made = [];
      this.calls.push(made);
      return run(event);
    };
  }

  private materializeHost(calls: Calls, heard: (call: string) => void): MaterializeHost {
    return {
      postgres: this.watchedPostgres(calls, heard),
      connection: 'exports',
      cluster: 'quickstart',
      stagingPrefix: 'partners/materialize/',
    };
  }

  /** The real client, with each of its calls one of the invocation's. */
  private watchedPostgres(calls: Calls, heard: (call: string) => void): Postgres {
    const call = <T>(what: string, run: () => Promise<T>) => {
      heard(what);
      return calls.call(what, false, run);
    };
    const real = postgres(async () => this.materialize!.target);
    return {
      async connect() {
        const session = await call('materialize:connect', () => real.connect());
        return {
          query: (sql, timeoutMs) => call(`materialize:${sql.split(/\s/)[0]}`, () => session.query(sql, timeoutMs)),
          close: () => session.close(),
        };
      },
    };
  }

  /** Adds rows to the events. */
  async sell(at: string, amounts: readonly number[]): Promise<void> {
    const values = amounts.map((amount) => {
      this.number += 1;
      const id = `s${this.number}`;
      return `('${id}', '${id}', ${amount}, '${at}', ${amount % 2 === 0}, ${amount / 4}::double precision, 'stream', 'r', getdate())`;
    });
    await this.sql(
      `insert into shop.events_f790520b (event_id, id, amount, at, gift, weight, source, run_id, merged_at) values ${values.join(', ')}`,
    );
  }

  /** Everything that arrived before that is in the views. */
  async completeUntil(time: string): Promise<void> {
    await this.sql('delete from shop.checkpoints');
    await this.sql(
      `insert into shop.checkpoints (landing, identity_version, merged_at, merged_until, complete_until) values ('l', 'f790520b', getdate(), '${time}', '${time}')`,
    );
  }

  /** A statement as the owner. */
  async sql(text: string): Promise<unknown[][]> {
    const { warehouse } = this.cloud;
    const call = (operation: string, input: object) =>
      // biome-ignore lint/suspicious/noExplicitAny: answers of the API
      warehouse.operations[operation]!(input as never, outsider) as Promise<any>;
    const { Id } = await call('ExecuteStatement', {
      ClusterIdentifier: cluster,
      Database: database,
      SecretArn: 'millrace_owner',
      Sql: text,
      WaitTimeSeconds: 30,
    });
    const { Status, Error: reason, HasResultSet } = await call('DescribeStatement', { Id });
    if (Status !== 'FINISHED') throw new Error(`${Status}: ${reason}: ${text}`);
    if (!HasResultSet) return [];
    const { Records } = await call('GetStatementResult', { Id });
    return Records.map((record: object[]) =>
      record.map((field) => ('isNull' in field ? null : Object.values(field)[0])),
    );
  }

  /** Names of the export function's statements of the last day, the oldest first, with the rows that each gave. */
  async statements(): Promise<{ name: string; rows: number }[]> {
    const { operations } = this.cloud.warehouse;
    const call = (operation: string, input: object) =>
      // biome-ignore lint/suspicious/noExplicitAny: answers of the API
      operations[operation]!(input as never, roleOf('export')) as Promise<any>;
    const found: { name: string; rows: number; at: number }[] = [];
    let NextToken: string | undefined;
    do {
      const page = await call('ListStatements', { MaxResults: 100, Status: 'ALL', NextToken });
      for (const { Id, StatementName } of page.Statements) {
        const { ResultRows, CreatedAt } = await call('DescribeStatement', { Id });
        found.push({ name: StatementName ?? '', rows: ResultRows, at: CreatedAt });
      }
      NextToken = page.NextToken;
    } while (NextToken);
    return found.sort((a, b) => a.at - b.at);
  }

  /** The schedule comes; what follows from it is done when this resolves, as far as it needs no clock. */
  async tick(time: string): Promise<void> {
    await this.cloud.pass(Math.max(0, Date.parse(time) - this.cloud.clock.now()));
    await this.send({ kind: 'start', scheduledTime: time });
  }

  async send(event: unknown): Promise<void> {
    await this.cloud.invokeAsync('export', event);
    await this.cloud.settle();
  }

  /** Runs the core beside whatever else runs, and answers whether it threw. */
  async besides(event: unknown): Promise<boolean> {
    const outcome = await this.cloud.invocations.run('export', this.handler, event);
    return outcome.error === undefined;
  }

  /** Keys of the export bucket. */
  async keys(name: string): Promise<string[]> {
    return (await this.cloud.s3.port.list(outsider, buckets.exports, `exports/shop/${name}/`)).map(({ key }) => key);
  }

  pathOf(key: string): string {
    return this.cloud.s3.port.pathOf(buckets.exports, key);
  }

  /** What a reader that begins at latest.json finds, the oldest first. Throws on anything that is not whole. */
  read(name: string): Success[] {
    const text = this.text(latestKey('shop', name));
    if (text === undefined) return [];
    const found: Success[] = [];
    let at: { sequence: number; success: string } | null = JSON.parse(text);
    while (at !== null) {
      const success = parseSuccess(this.need(at.success), at.success);
      if (success.sequence !== at.sequence) throw new Error(`${at.success} is ${success.sequence}, not ${at.sequence}`);
      for (const file of success.files) this.check(file);
      const rows = success.files.reduce((sum, file) => sum + file.rows, 0);
      if (rows !== success.rows) throw new Error(`${at.success}: files hold ${rows} of ${success.rows} rows`);
      found.unshift(success);
      at = success.previous;
    }
    const ids = found.map(({ window, revision }) => `${window.start} ${revision}`);
    const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
    if (twice.length > 0) throw new Error(`published twice: ${twice.join(', ')}`);
    if (found.some(({ sequence }, i) => sequence !== i + 1)) throw new Error('the chain has gaps');
    return found;
  }

  /** As `start+revision` of each publication. */
  readWindows(name: string): string[] {
    return this.read(name).map(({ window, revision }) => `${window.start.slice(11, 16)}.${revision}`);
  }

  private text(key: string): string | undefined {
    try {
      return readFileSync(this.pathOf(key), 'utf8');
    } catch {
      return undefined;
    }
  }

  private need(key: string): string {
    const text = this.text(key);
    if (text === undefined) throw new Error(`${key} is not there`);
    return text;
  }

  private check({ key, bytes, sha256 }: { key: string; bytes: number; sha256: string }): void {
    const path = this.pathOf(key);
    let digest = this.digests.get(path);
    if (digest === undefined) {
      const content = readFileSync(path);
      digest = `${content.length} ${createHash('sha256').update(content).digest('hex')}`;
      this.digests.set(path, digest);
    }
    if (digest !== `${bytes} ${sha256}`) throw new Error(`${key} is not what its success file says`);
  }

  /** The day of the clock, as in `2026-11-21`. */
  get day(): string {
    return new Date(this.cloud.clock.now()).toISOString().slice(0, 10);
  }

  /** Forgets every publication, and what the Data API knows of: the clock is at five o'clock two days or more later. */
  async forget(name: string): Promise<void> {
    await this.sql(`delete from shop.exports where export = '${name}'`);
    for (const key of await this.keys(name)) await this.cloud.s3.port.delete(outsider, buckets.exports, key);
    const now = this.cloud.clock.now();
    await this.cloud.pass(Math.ceil((now + 42 * hourMs) / (24 * hourMs)) * 24 * hourMs + 5 * hourMs - now);
    this.invocations = 0;
    this.calls.length = 0;
    this.metrics.length = 0;
    this.events.length = 0;
    this.cloud.log.length = 0;
    this.digests.clear();
  }

  async leftovers(name: string): Promise<string[]> {
    const published = this.read(name);
    return (await this.keys(name)).filter(
      (key) =>
        key !== latestKey('shop', name) &&
        !published.some(({ prefix }) => key.startsWith(prefix) && key !== sentinelKey(prefix)),
    );
  }

  dispose(): Promise<void> {
    return this.cloud.dispose();
  }
}
