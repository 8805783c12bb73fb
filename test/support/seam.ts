import { literalPrefixes } from '../../lambda/load/contract';
import { scriptedFaults } from '../../local/faults';
import type { Pipeline } from '../../pipelines/definition';
import { buckets, type Cloud, createCloud, type Handlers, outsider } from './cloud';
import { functionsOf, statementsOf } from './functions';
import { type Template, templateOf } from './template';

const minuteMs = 60_000;
const queueSettings = {
  visibilitySeconds: 3600,
  retentionSeconds: 14 * 86_400,
  delaySeconds: 0,
  waitSeconds: 0,
  maximumBytes: 2 ** 18,
};

/** A pipeline's functions over the twins of one account, for tests that say themselves what happens and when. */
export class SeamWorld {
  private constructor(
    readonly cloud: Cloud,
    private readonly template: Template,
  ) {}

  static async open(pipeline: Pipeline, startMs = Date.parse('2026-11-21T00:00:00Z')): Promise<SeamWorld> {
    const template = await templateOf(pipeline, startMs);
    let handlers: Handlers = {};
    const cloud = await createCloud({
      startMs: startMs + 60 * minuteMs,
      streamName: template.streamName,
      shards: 2,
      retentionHours: pipeline.stream.retentionHours,
      databaseFile: template.databaseFile,
      handlers: () => handlers,
      faults: scriptedFaults({}),
      killNext: () => undefined,
    });
    handlers = functionsOf(cloud, pipeline);
    const world = new SeamWorld(cloud, template);
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
    onQueue(queue.arn, 'load', 100);
    onQueue(backlog.arn, 'load', 100);
    onStatements(statementsOf(pipeline, 'refresh'), 'refresh');
  }

  /** Puts texts as they are, anything else as JSON, onto the stream. */
  send(...records: readonly unknown[]): void {
    const Records = records.map((record, index) => ({
      Data: Buffer.from(typeof record === 'string' ? record : JSON.stringify(record)).toString('base64'),
      PartitionKey: String(index),
    }));
    this.cloud.kinesis.operations.PutRecords({ StreamName: this.template.streamName, Records }, outsider);
  }

  /** Writes an object and returns its etag. */
  async put(key: string, body: Buffer | string, bucket: keyof typeof buckets = 'history'): Promise<string> {
    const { etag } = await this.cloud.s3.port.put(outsider, buckets[bucket], key, Buffer.from(body));
    return etag.replaceAll('"', '');
  }

  /** Sends notifications of objects that are there, as a backfill does. */
  queue(...bodies: readonly string[]): void {
    for (const body of bodies) this.cloud.sqs.port.queueAt('backlog').send(body, outsider.arn);
  }

  /** What the schedule of a function does, and all that follows from it. */
  async tick(functionName: 'refresh' | 'reconcile'): Promise<void> {
    const { clock, invokeAsync } = this.cloud;
    const scheduledTime = new Date(Math.floor(clock.now() / minuteMs) * minuteMs).toISOString();
    await invokeAsync(functionName, { kind: 'start', scheduledTime });
    await this.pass(1);
  }

  /** Lets time go by. */
  async pass(minutes: number): Promise<void> {
    await this.cloud.pass(minutes * minuteMs);
  }

  async query(sql: string): Promise<unknown[][]> {
    return (await this.cloud.warehouse.port.query(sql)).rows as unknown[][];
  }

  /** Bodies of the dead letters. */
  deadLetters(): Record<string, unknown>[] {
    const found = this.cloud.sqs.port.queueAt('letters').receive(1000, 0, () => undefined);
    return found.map(({ body }) => JSON.parse(body));
  }

  /** Messages that the functions logged. */
  logged(message: string): readonly Record<string, unknown>[] {
    return this.cloud.log.filter((entry) => entry['message'] === message);
  }

  get streamName(): string {
    return this.template.streamName;
  }

  async dispose(): Promise<void> {
    await this.cloud.dispose();
    this.template.remove();
  }
}
