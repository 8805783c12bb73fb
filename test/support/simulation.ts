import { gzipSync } from 'node:zlib';
import { FullDiskError, type ServiceResponse } from 'aws-local-kit';
import { archiveLine } from '../../lambda/archive/archive';
import { scriptedFaults } from '../../local/faults';
import { type Action, envelopeKey, keyOf, numbersOf, type Scenario } from './actions';
import { buckets, type Cloud, createCloud, type Handlers, outsider } from './cloud';
import { backfillFromArchive } from './commands';
import { forget } from './forget';
import { functionsOf, statementsOf, type Weakening } from './functions';
import type { Outcome } from './invocation';
import { keeping, longRetentionHours } from './pipeline';
import { Recovery } from './recovery';
import { SimulatedDisk } from './simulated-disk';
import type { Template } from './template';
import { accountProblems } from './verify/accounts';
import { ExportReader } from './verify/exports';
import type { Gap } from './verify/gaps';
import { lineOf, type StreamRecord, type Truth, type Uploaded } from './world';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Shortest retention of a stream, which the scenarios have. */
const shortestRetentionMs = 24 * hourMs;
/** Visibility timeout of the deployed queues: six times the function's timeout. */
const visibilitySeconds = 3600;
/** The delay between a record's arrival and its object from Firehose. */
const bufferMinutes = 5;
/** The most records that Kinesis accepts per call. */
const maxRecords = 500;
const maxShards = 8;

export interface Simulated {
  readonly truth: Truth;
  readonly cloud: Cloud;
  readonly streamName: string;
  /** Problems found before the recovery, and violations of what must hold at any moment. */
  readonly problems: readonly string[];
  /** Gaps that were reported before the backfill closed them. */
  readonly gaps: readonly Gap[];
  /** How many faults have happened. */
  injected(): number;
  dispose(): Promise<void>;
}

/** Plays a scenario, then lets the pipeline recover. The caller disposes the cloud. */
export async function simulate(template: Template, scenario: Scenario, weakening: Weakening = {}): Promise<Simulated> {
  const simulation = await Simulation.start(template, scenario, weakening);
  try {
    for (const [index, action] of scenario.actions.entries())
      await simulation.act(action, scenario.turns?.[index], scenario.disk?.[index]);
    await simulation.recover();
    return simulation;
  } catch (error) {
    await simulation.dispose();
    throw error;
  }
}

export class Simulation implements Simulated {
  readonly truth = {
    stream: [] as StreamRecord[],
    uploads: [] as Uploaded[],
    current: new Map<string, Uploaded>(),
    archived: [] as string[],
    raising: [] as string[],
    forgotten: new Set<string>(),
  };
  readonly problems: string[] = [];
  readonly gaps: Gap[] = [];
  private readonly reader: ExportReader;
  private lastDelivery: readonly number[] = [0];
  private stopped = false;
  private archivedRecords = 0;
  private backfilling: Promise<unknown> | undefined;
  private forgetting: Promise<Outcome> | undefined;

  private constructor(
    readonly template: Template,
    readonly retentionHours: number,
    readonly weakening: Weakening,
    readonly cloud: Cloud,
    /** True if streaming ingestion skips records. */
    readonly skips: boolean,
    readonly injected: () => number,
    private readonly disk: SimulatedDisk | undefined,
  ) {
    this.reader = new ExportReader(cloud, template.pipeline);
  }

  static async start(template: Template, scenario: Scenario, weakening: Weakening): Promise<Simulation> {
    const { streamName } = template;
    const retentionHours = scenario.retentionHours ?? longRetentionHours;
    const pipeline = keeping(template.pipeline, retentionHours);
    const { source: script, counted, injected } = countedFaults(scriptedFaults(scenario.faults));
    const invoked = new Map<string, number>();
    const skews = new Map<string, number>();
    const slowDowns = [...(scenario.slowDowns ?? [])];
    let handlers: Handlers = {};
    let simulation: Simulation | undefined;
    const cloud = await createCloud({
      startMs: template.startMs + hourMs,
      streamName,
      shards: 2,
      retentionHours,
      archivePrefix: `archive/${pipeline.name}/`,
      databaseFile: template.databaseFile,
      handlers: () => handlers,
      faults: {
        ...script,
        statement: (name) => script.statement(name) ?? simulation?.disk?.statement(),
        delivery(point) {
          const delivery = script.delivery(point);
          if (point === 'notification') simulation!.lastDelivery = delivery ?? [0];
          return delivery;
        },
      },
      killNext(name) {
        if (simulation?.stopped) {
          skews.clear();
          return undefined;
        }
        const nth = invoked.get(name) ?? 0;
        invoked.set(name, nth + 1);
        skews.set(name, counted(scenario.clocks?.[name]?.[nth]) ?? 0);
        return counted(scenario.kills[name]?.[nth]);
      },
    });
    const disk = scenario.disk && new SimulatedDisk(cloud.dataDir);
    handlers = functionsOf(cloud, pipeline, weakening, {
      skewMs: (name) => skews.get(name) ?? 0,
      around: async (operation, _, run) => {
        const isSlow = operation.startsWith('s3:') && !simulation?.stopped && counted(slowDowns.shift());
        return isSlow ? slowDown : run();
      },
    });
    simulation = new Simulation(
      { ...template, pipeline },
      retentionHours,
      weakening,
      cloud,
      scenario.faults.scans?.some((fault) => fault !== undefined) ?? false,
      () => injected() + (disk?.refused ?? 0),
      disk,
    );
    simulation.truth.raising.push(...(scenario.faults.raising ?? []));
    await simulation.wire();
    return simulation;
  }

  private async wire(): Promise<void> {
    const { s3, sqs, onQueue, onStatements } = this.cloud;
    const { pipeline } = this.template;
    const settings = {
      visibilitySeconds,
      retentionSeconds: 14 * 86_400,
      delaySeconds: 0,
      waitSeconds: 0,
      maximumBytes: 2 ** 18,
    };
    const letters = sqs.port.open('letters', settings);
    const queue = sqs.port.open('queue', { ...settings, redrive: { queueArn: letters.arn, maxReceiveCount: 5 } });
    const backlog = sqs.port.open('backlog', queue.settings);
    const notification = { events: ['s3:ObjectCreated:*'], queueArn: queue.arn, suffix: '' };
    const notifications = ['in/', 'once/', 'envelopes/'].map((prefix) => ({ ...notification, id: prefix, prefix }));
    await s3.port.setNotifications(s3.port.bucket(buckets.history), notifications, true);
    onQueue(queue.arn, 'load', 10);
    onQueue(backlog.arn, 'load', 10);
    for (const name of ['refresh', 'export'] as const) onStatements(statementsOf(pipeline, name), name);
  }

  get streamName(): string {
    return this.template.streamName;
  }

  /** @param room bytes that the disk has room for. @default - there is enough */
  async act(action: Action, turns: number | undefined, room?: number): Promise<void> {
    this.disk?.leave(room);
    try {
      await this.perform(action);
    } catch (error) {
      // The outside world sees that its call was refused, so nothing of it may be there.
      if (!(error instanceof FullDiskError) || !this.disk) throw error;
    }
    if (turns === undefined) await this.cloud.settle();
    else for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    await this.reader.look(this.problems);
  }

  private async perform(action: Action): Promise<void> {
    const { cloud, truth } = this;
    switch (action.do) {
      case 'put':
        return this.put(numbersOf(action.events));
      case 'upload':
        return this.upload(keyOf(action.key), linesOf(keyOf(action.key), action.events), action.poison);
      case 'uploads':
        for (let n = 0; n < action.objects; n++) {
          const key = `in/many ${action.key + n}.gz`;
          await this.upload(key, linesOf(key, action.events));
        }
        return;
      case 'envelope':
        return this.envelope(envelopeKey(action.key), action.records);
      case 'again':
      case 'copy': {
        const present = truth.current.get(keyOf(action.key));
        const to = action.do === 'again' ? action.key : action.to;
        if (present) await this.upload(keyOf(to), present.lines, present.poison);
        return;
      }
      case 'delete':
        await cloud.s3.port.delete(outsider, buckets.history, keyOf(action.key));
        truth.current.delete(keyOf(action.key));
        return;
      case 'tick':
        return this.tick('refresh');
      case 'reconcile':
      case 'export':
        return this.tick(action.do);
      case 'backfill':
        return this.backfill();
      case 'forget':
        truth.forgotten.add(`e${action.event}`);
        this.forget(false);
        return;
      case 'archive twice':
        return this.archiveTwice();
      case 'pass':
        return this.pass(action.minutes * minuteMs);
      case 'split':
      case 'merge':
        return this.reshard(action.do);
      case 'pause':
        return cloud.faults.pause();
      case 'resume':
        return cloud.faults.resume();
      default:
        throw new Error(`there is no action ${JSON.stringify(action)}`);
    }
  }

  private put(numbers: readonly number[]): void {
    const { kinesis, clock } = this.cloud;
    for (let at = 0; at < numbers.length; at += maxRecords) {
      const sent = numbers.slice(at, at + maxRecords).map((number, index) => {
        const nth = this.truth.stream.length + index;
        return { line: lineOf(number, `record ${nth}`), partitionKey: `${nth}` };
      });
      const Records = sent.map(({ line, partitionKey }) => ({
        Data: Buffer.from(line).toString('base64'),
        PartitionKey: partitionKey,
      }));
      const answer = kinesis.operations.PutRecords({ StreamName: this.template.streamName, Records }, outsider) as {
        Records: { ShardId: string; SequenceNumber: string; ErrorCode?: string }[];
      };
      for (const [index, { ShardId: shardId, SequenceNumber: sequenceNumber, ErrorCode }] of answer.Records.entries())
        if (ErrorCode === undefined)
          this.truth.stream.push({ ...sent[index]!, shardId, sequenceNumber, arrivedAt: clock.now() });
    }
  }

  private async upload(
    key: string,
    lines: readonly string[],
    poison = false,
    records?: readonly StreamRecord[],
  ): Promise<void> {
    const text = lines.map((line) => `${line}\n`).join('');
    const body = poison ? Buffer.from(`not gzip: ${text}`) : gzipSync(text);
    const { etag } = await this.cloud.s3.port.put(outsider, buckets.history, key, body);
    const notified = this.lastDelivery.length > 0;
    const uploaded = { key, etag: etag.replaceAll('"', ''), lines, records, poison, notified };
    this.truth.uploads.push(uploaded);
    this.truth.current.set(key, uploaded);
  }

  private async envelope(key: string, { from, count }: { from: number; count: number }): Promise<void> {
    const { stream } = this.truth;
    const first = stream.length === 0 ? 0 : from % stream.length;
    const records = stream.slice(first, first + count);
    const lines = records.map(({ line, ...place }) =>
      archiveLine({
        recordId: '',
        subsequenceNumber: 0,
        data: Buffer.from(line).toString('base64'),
        ...place,
      }).trimEnd(),
    );
    if (records.length > 0) await this.upload(key, lines, false, records);
  }

  /** Fires a function's schedule. */
  async tick(functionName: 'refresh' | 'reconcile' | 'export'): Promise<void> {
    const { cloud } = this;
    if (functionName === 'reconcile' && this.weakening.noReconcile) return;
    const scheduledTime = new Date(Math.floor(cloud.clock.now() / minuteMs) * minuteMs).toISOString();
    await cloud.faults.deliver('tick')(() => cloud.invokeAsync(functionName, { kind: 'start', scheduledTime }));
  }

  /** Starts a backfill unless one is running. */
  backfill(): void {
    this.backfilling ??= backfillFromArchive(this.cloud, this.template.pipeline).finally(() => {
      this.backfilling = undefined;
    });
  }

  /** Starts the command that forgets, unless it is running. */
  private forget(allIsLoaded: boolean): void {
    const { cloud, template, truth } = this;
    this.forgetting ??= forget(cloud, template.pipeline, truth.forgotten, allIsLoaded).finally(() => {
      this.forgetting = undefined;
    });
  }

  /** Forgets what is asked for and not forgotten yet. */
  async forgetAll(): Promise<void> {
    while (this.forgetting) await this.pass(minuteMs);
    if (this.truth.forgotten.size === 0) return;
    this.forget(true);
    const ended = this.forgetting!;
    while (this.forgetting) await this.pass(minuteMs);
    const { error } = await ended;
    if (error) this.problems.push(`the subjects were not forgotten: ${error.errorMessage}`);
  }

  get isBackfilling(): boolean {
    return this.backfilling !== undefined;
  }

  private async archiveTwice(): Promise<void> {
    const { s3 } = this.cloud;
    const last = (await s3.port.list(outsider, buckets.archive, 'archive/')).at(-1);
    if (!last) return;
    const body = await s3.port.get(outsider, buckets.archive, last.key);
    await s3.port.put(outsider, buckets.archive, last.key.replace(/(-again)?\.gz$/, '-again.gz'), body);
  }

  /** Moves the clock. Firehose writes the records that have arrived once its buffer time is over. */
  async pass(ms: number): Promise<void> {
    const { cloud, truth } = this;
    const bufferMs = bufferMinutes * minuteMs;
    if (ms < bufferMs || this.archivedRecords === truth.stream.length) return cloud.pass(ms);
    await cloud.pass(bufferMs);
    // Nothing is promised for records that find no room for as long as the stream keeps them.
    if (ms >= shortestRetentionMs) this.disk?.leave(undefined);
    // A delivery that finds no room is repeated by the next flush.
    if (!this.disk?.isFull) this.archivedRecords = truth.stream.length;
    await cloud.flushArchive();
    await cloud.pass(ms - bufferMs);
  }

  /** Splits the first open shard, or merges the first two. */
  private reshard(how: 'split' | 'merge'): void {
    const stream = this.cloud.kinesis.port.stream(this.template.streamName);
    const open = [...stream.openShards].sort((a, b) => (a.description.startHash < b.description.startHash ? -1 : 1));
    const [first, second] = open;
    if (how === 'merge' && second) stream.merge(first!.id, second.id);
    if (how === 'split' && open.length < maxShards) {
      const { startHash, endHash } = first!.description;
      const middle = (BigInt(`0x${startHash}`) + BigInt(`0x${endHash}`)) / 2n + 1n;
      stream.split(first!.id, middle.toString(16).padStart(32, '0'));
    }
  }

  /** Ends all faults. Late deliveries arrive, and the schedules run until no work is left. */
  async recover(): Promise<void> {
    const { cloud, truth } = this;
    this.problems.push(...(await accountProblems(cloud, this.template.pipeline.name)));
    this.disk?.leave(undefined);
    cloud.faults.stop();
    cloud.faults.resume();
    this.stopped = true;
    const recovery = new Recovery(this);
    await recovery.run();
    await this.reader.look(this.problems);
    await recovery.sweepExports();
    for (const { key } of await cloud.s3.port.list(outsider, buckets.archive, 'archive/')) truth.archived.push(key);
  }

  async dispose(): Promise<void> {
    this.disk?.dispose();
    await this.cloud.dispose();
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const slowDown: ServiceResponse = {
  status: 503,
  headers: { 'content-type': 'application/xml' },
  body: '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
};

/** Counts the faults that a source gives. */
function countedFaults(source: ReturnType<typeof scriptedFaults>) {
  let injected = 0;
  const counted = <T>(fault: T): T => {
    if (fault !== undefined) injected += 1;
    return fault;
  };
  return {
    counted,
    injected: () => injected,
    source: {
      ...source,
      delivery: (point) => counted(source.delivery(point)),
      statement: (name) => counted(source.statement(name)),
      call: (operation) => counted(source.call(operation)),
      scan: () => counted(source.scan?.()),
    } satisfies typeof source,
  };
}

const linesOf = (key: string, events: Parameters<typeof numbersOf>[0]) =>
  numbersOf(events).map((number, index) => lineOf(number, `${key} ${index + 1}`));
