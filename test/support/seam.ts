import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { deaggregate } from 'kinesis-reader/aggregation';
import { archiveLine, type FirehoseRecord } from '../../lambda/archive/archive';
import { literalPrefixes, undecodedPrefix } from '../../lambda/load/contract';
import { notificationOf } from '../../lambda/load/notification';
import type { Step } from '../../lambda/shared/plan';
import { type FaultScript, type Kill, scriptedFaults } from '../../local/faults';
import type { Pipeline } from '../../pipelines/definition';
import { isText, warehouseObjects } from '../../sql';
import { buckets, type Cloud, createCloud, database, type Handlers, outsider, owner, roles } from './cloud';
import { functionsOf, statementsOf } from './functions';
import { runStep, type Template, templateOf } from './template';

const minuteMs = 60_000;
const queueSettings = {
  visibilitySeconds: 3600,
  retentionSeconds: 14 * 86_400,
  delaySeconds: 0,
  waitSeconds: 0,
  maximumBytes: 2 ** 18,
};

interface SeamOptions {
  /** The start of the clock. @default 2026-11-21T00:00:00Z */
  readonly startMs?: number;
  readonly faults?: FaultScript;
  /** A warehouse file of the pipeline. @default - the one that `templateOf` makes */
  readonly databaseFile?: string;
}

/** A pipeline's functions over the twins of one account. The test itself decides what happens and when. */
export class SeamWorld {
  /** The kill of a function's next invocation, by function. */
  readonly kills: Record<string, Kill | undefined> = {};
  /** Texts. A record that has one as an attribute makes each statement fail that converts it to column types. */
  raising: readonly string[] = [];

  private handlers: Handlers = {};
  private archived = 0;

  private constructor(
    readonly cloud: Cloud,
    private readonly template: Template,
    private pipeline: Pipeline,
  ) {}

  static async open(
    pipeline: Pipeline,
    { startMs = Date.parse('2026-11-21T00:00:00Z'), faults = {}, databaseFile }: SeamOptions = {},
  ): Promise<SeamWorld> {
    const template = await templateOf(pipeline, startMs);
    let world: SeamWorld | undefined;
    const cloud = await createCloud({
      startMs: startMs + 60 * minuteMs,
      streamName: template.streamName,
      shards: 2,
      retentionHours: pipeline.stream.retentionHours,
      databaseFile: databaseFile ?? template.databaseFile,
      handlers: () => world!.handlers,
      faults: { ...scriptedFaults(faults), raising: () => world?.raising ?? [] },
      killNext(name) {
        const kill = world?.kills[name];
        if (kill) delete world!.kills[name];
        return kill;
      },
    });
    world = new SeamWorld(cloud, template, pipeline);
    world.handlers = functionsOf(cloud, pipeline);
    await world.wire(pipeline);
    return world;
  }

  private async wire(pipeline: Pipeline): Promise<void> {
    const { s3, sqs, onQueue, onStatements } = this.cloud;
    const letters = sqs.port.open('letters', queueSettings);
    const redrive = { queueArn: letters.arn, maxReceiveCount: 5 };
    const queue = sqs.port.open('queue', { ...queueSettings, redrive });
    const backlog = sqs.port.open('backlog', { ...queueSettings, redrive });
    const prefixes = literalPrefixes((pipeline.history ?? []).flatMap(({ globs }) => globs));
    const rules = prefixes.map((prefix) => ({
      id: prefix,
      events: ['s3:ObjectCreated:*'],
      queueArn: queue.arn,
      prefix,
      suffix: '',
    }));
    await s3.port.setNotifications(s3.port.bucket(buckets.history), rules, true);
    const undecoded = { id: 'undecoded', events: ['s3:ObjectCreated:*'], queueArn: queue.arn, suffix: '' };
    const prefix = `${undecodedPrefix}${pipeline.name}/`;
    await s3.port.setNotifications(s3.port.bucket(buckets.work), [{ ...undecoded, prefix }], true);
    onQueue(queue.arn, 'load', 100);
    onQueue(backlog.arn, 'load', 100);
    onStatements(statementsOf(pipeline, 'refresh'), 'refresh');
    onStatements(statementsOf(pipeline, 'export'), 'export');
  }

  /**
   * Deploys a pipeline definition with another landing view. The new view is created; then the old one is merged a last
   * time and dropped.
   */
  async deploy(next: Pipeline): Promise<void> {
    const [before, after] = [this.pipeline, next].map(
      (pipeline) =>
        warehouseObjects(pipeline, { streamName: this.streamName, streamRoleArn: roles.stream, database }).find(
          ({ id }) => id === 'Landing',
        )!.properties,
    );
    for (const step of JSON.parse(after!.create) as Step[]) await runStep(this.cloud.warehouse, step, owner.name);
    this.pipeline = next;
    this.handlers = functionsOf(this.cloud, next);
    for (const step of JSON.parse(before!.delete) as Step[]) await runStep(this.cloud.warehouse, step, owner.name);
  }

  /** Replaces the functions by those of another pipeline definition. */
  takeOver(next: Pipeline): void {
    this.pipeline = next;
    this.handlers = functionsOf(this.cloud, next);
  }

  /** Deletes the stream with its records and creates another one of the same name. */
  recreateStream(): void {
    const { port } = this.cloud.kinesis;
    const { settings } = port.stream(this.streamName);
    port.remove(this.streamName);
    port.open(this.streamName, settings, 2);
  }

  /** Writes the records as an object of the archive, as Firehose does. Its key has the hour of the oldest record. */
  async archive(records: readonly FirehoseRecord[]): Promise<string> {
    const hour = new Date(records[0]!.arrivedAt).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/');
    this.archived += 1;
    const key = `archive/${this.pipeline.name}/${hour}/${this.archived}.gz`;
    await this.put(
      key,
      gzipSync(records.map((record) => archiveLine(record, isText(this.pipeline.stream.records))).join('')),
      'archive',
    );
    return key;
  }

  /** Returns the records of the stream, in Firehose's form. */
  async records(): Promise<FirehoseRecord[]> {
    const { files } = await this.cloud.kinesis.port.readSlice(outsider, this.streamName, {});
    return files
      .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
      .filter((line) => line !== '')
      .flatMap((line, index) => {
        const record = JSON.parse(line) as Record<string, string>;
        const data = Buffer.from(record['data']!, 'base64');
        return (deaggregate(data) ?? [{ data }]).map((part, subsequenceNumber) => ({
          recordId: `${index}.${subsequenceNumber}`,
          data: Buffer.from(part.data).toString('base64'),
          shardId: record['shard_id']!,
          sequenceNumber: record['sequence_number']!,
          subsequenceNumber,
          partitionKey: record['partition_key']!,
          arrivedAt: Number(record['arrival_ms']),
        }));
      });
  }

  /** Puts records onto the stream: strings and bytes as they are, anything else as JSON. */
  send(...records: readonly unknown[]): void {
    const Records = records.map((record, index) => ({
      Data: bytesOf(record).toString('base64'),
      PartitionKey: String(index),
    }));
    this.cloud.kinesis.operations.PutRecords({ StreamName: this.template.streamName, Records }, outsider);
  }

  /** Writes an object and returns its etag. */
  async put(key: string, body: Buffer | string, bucket: keyof typeof buckets = 'history'): Promise<string> {
    const { etag } = await this.cloud.s3.port.put(outsider, buckets[bucket], key, Buffer.from(body));
    return etag.replaceAll('"', '');
  }

  /** Sends notifications of existing objects, as a backfill does. */
  queue(...bodies: readonly string[]): void {
    for (const body of bodies) this.cloud.sqs.port.queueAt('backlog').send(body, outsider.arn);
  }

  /** Sends a notification of an object's current version, as a backfill does. */
  async notify(bucket: keyof typeof buckets, key: string): Promise<void> {
    const { etag, size } = (await this.cloud.s3.port.bucket(buckets[bucket]).store.current(key))!;
    this.queue(notificationOf({ bucket: buckets[bucket], key, etag: etag.replaceAll('"', ''), versionId: '', size }));
  }

  /** Fires a function's schedule and waits for all work that follows from it. */
  async tick(functionName: 'refresh' | 'reconcile' | 'export'): Promise<void> {
    const { clock, invokeAsync } = this.cloud;
    const scheduledTime = new Date(Math.floor(clock.now() / minuteMs) * minuteMs).toISOString();
    await invokeAsync(functionName, { kind: 'start', scheduledTime });
    await this.pass(1);
  }

  /** Moves the clock. */
  async pass(minutes: number): Promise<void> {
    await this.cloud.pass(minutes * minuteMs);
  }

  async query(sql: string): Promise<unknown[][]> {
    return (await this.cloud.warehouse.port.query(sql)).rows as unknown[][];
  }

  /** Returns the bodies of the dead letters. */
  deadLetters(): Record<string, unknown>[] {
    const found = this.cloud.sqs.port.queueAt('letters').receive(1000, 0, () => undefined);
    return found.map(({ body }) => JSON.parse(body));
  }

  /** Returns the log entries of the functions with this message. */
  logged(message: string): readonly Record<string, unknown>[] {
    return this.cloud.log.filter((entry) => entry['message'] === message);
  }

  /** Returns how many queued messages are not done. */
  waiting(): number {
    return this.cloud.sqs.port.depth('queue') + this.cloud.sqs.port.depth('backlog');
  }

  get streamName(): string {
    return this.template.streamName;
  }

  /** @param keep receives the path of the warehouse's closed database before it is removed */
  async dispose(keep?: (databaseFile: string) => void): Promise<void> {
    await this.cloud.dispose(keep);
    this.template.remove();
  }
}

function bytesOf(record: unknown): Buffer {
  if (Buffer.isBuffer(record)) return record;
  return Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
}
