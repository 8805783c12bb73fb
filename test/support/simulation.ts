import { gzipSync } from 'node:zlib';
import { type FaultScript, scriptedFaults } from '../../local/faults';
import { buckets, type Cloud, createCloud, type Handlers, outsider, type Template } from './cloud';
import { functionsOf, refreshStatements, type Weakening } from './functions';
import type { Kill } from './invocation';

/** Something that the world, or an operator, does. Events are numbers: see `lineOf`. */
export type Action =
  | { readonly do: 'put'; readonly events: readonly number[] }
  /** To a key of its own or one that was there: a new version, perhaps of the same bytes. */
  | { readonly do: 'upload'; readonly key: number; readonly events: readonly number[]; readonly poison?: boolean }
  /** The bytes of the current version once more. */
  | { readonly do: 'again'; readonly key: number }
  | { readonly do: 'delete'; readonly key: number }
  | { readonly do: 'tick' }
  | { readonly do: 'reconcile' }
  | { readonly do: 'pass'; readonly minutes: number }
  | { readonly do: 'split' }
  | { readonly do: 'merge' }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' };

export interface Scenario {
  readonly actions: readonly Action[];
  /** By action: the next one follows after so many turns of the event loop. @default - when all that it caused is done, as far as it needs no clock */
  readonly turns?: readonly (number | undefined)[];
  readonly faults: FaultScript;
  /** By function: what happens to its nth invocation. */
  readonly kills: Readonly<Record<string, readonly (Kill | undefined)[]>>;
}

/** One version of an object that was uploaded. */
export interface Uploaded {
  readonly key: string;
  readonly etag: string;
  readonly lines: readonly string[];
  readonly poison: boolean;
  /** At least one notification reached, or will reach, the queue. */
  readonly notified: boolean;
}

/** What the world did, for comparison. */
export interface Truth {
  readonly stream: readonly string[];
  readonly uploads: readonly Uploaded[];
  /** The versions that are there at the end, by key. */
  readonly current: ReadonlyMap<string, Uploaded>;
}

/** An event, but for every tenth number a text that is not JSON, and for the one before a value that does not fit its column. */
export function lineOf(event: number): string {
  if (event % 10 === 9) return `{"id":"e${event}", oops`;
  return JSON.stringify({ id: `e${event}`, amount: event % 10 === 8 ? 'many' : event });
}

/** With characters that events of S3 encode. From `firstOnceKey` on they are of the source that must not be overwritten. */
const keyOf = (key: number) => (key < firstOnceKey ? `in/a+b ${key}.gz` : `once/é/${key}.gz`);
export const firstOnceKey = 3;
export const mustNotBeOverwritten = (key: string) => key.startsWith('once/');

const hourMs = 3_600_000;
/** As the deployed queues have it: six times the function's timeout. */
const visibilitySeconds = 3600;
const longestDelayMs = 6 * 24 * hourMs;
const maxRounds = 12;

export interface Simulated {
  readonly truth: Truth;
  readonly cloud: Cloud;
  dispose(): Promise<void>;
}

/** Plays a scenario, then lets the pipeline recover. The caller disposes of the cloud. */
export async function simulate(template: Template, scenario: Scenario, weakening: Weakening = {}): Promise<Simulated> {
  const simulation = await Simulation.start(template, scenario, weakening);
  try {
    for (const [index, action] of scenario.actions.entries()) await simulation.act(action, scenario.turns?.[index]);
    await simulation.recover();
    return simulation;
  } catch (error) {
    await simulation.dispose();
    throw error;
  }
}

class Simulation implements Simulated {
  readonly truth = { stream: [] as string[], uploads: [] as Uploaded[], current: new Map<string, Uploaded>() };
  private lastDelivery: readonly number[] = [0];
  private stopped = false;

  private constructor(
    private readonly template: Template,
    private readonly weakening: Weakening,
    readonly cloud: Cloud,
  ) {}

  static async start(template: Template, scenario: Scenario, weakening: Weakening): Promise<Simulation> {
    const { pipeline, streamName } = template;
    const script = scriptedFaults(scenario.faults);
    const invoked = new Map<string, number>();
    let handlers: Handlers = {};
    let simulation: Simulation | undefined;
    const cloud = await createCloud({
      startMs: template.startMs + hourMs,
      streamName,
      shards: 2,
      databaseFile: template.databaseFile,
      handlers: () => handlers,
      faults: {
        ...script,
        delivery(point) {
          const delivery = script.delivery(point);
          if (point === 'notification') simulation!.lastDelivery = delivery ?? [0];
          return delivery;
        },
      },
      killNext(name) {
        if (simulation?.stopped) return undefined;
        const nth = invoked.get(name) ?? 0;
        invoked.set(name, nth + 1);
        return scenario.kills[name]?.[nth];
      },
    });
    handlers = functionsOf(cloud, pipeline, weakening);
    simulation = new Simulation(template, weakening, cloud);
    await simulation.wire();
    return simulation;
  }

  private async wire(): Promise<void> {
    const { s3, sqs, onQueue, onStatements } = this.cloud;
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
    const notifications = ['in/', 'once/'].map((prefix) => ({ ...notification, id: prefix, prefix }));
    await s3.port.setNotifications(s3.port.bucket(buckets.history), notifications, true);
    onQueue(queue.arn, 'load', 10);
    onQueue(backlog.arn, 'load', 10);
    onStatements(refreshStatements(this.template.pipeline), 'refresh');
  }

  async act(action: Action, turns: number | undefined): Promise<void> {
    const { cloud } = this;
    switch (action.do) {
      case 'put':
        this.put(action.events.map(lineOf));
        break;
      case 'upload':
        await this.upload(keyOf(action.key), action.events.map(lineOf), action.poison ?? false);
        break;
      case 'again': {
        const present = this.truth.current.get(keyOf(action.key));
        if (present) await this.upload(present.key, present.lines, present.poison);
        break;
      }
      case 'delete':
        await cloud.s3.port.delete(outsider, buckets.history, keyOf(action.key));
        this.truth.current.delete(keyOf(action.key));
        break;
      case 'tick':
        await this.tick('refresh');
        break;
      case 'reconcile':
        await this.tick('reconcile');
        break;
      case 'pass':
        await cloud.pass(action.minutes * 60_000);
        break;
      case 'split':
      case 'merge':
        this.reshard(action.do);
        break;
      case 'pause':
        cloud.faults.pause();
        break;
      case 'resume':
        cloud.faults.resume();
        break;
    }
    if (turns === undefined) await cloud.settle();
    else for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  private put(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const { kinesis } = this.cloud;
    const Records = lines.map((line, index) => ({
      Data: Buffer.from(line).toString('base64'),
      PartitionKey: `${this.truth.stream.length + index}`,
    }));
    kinesis.operations.PutRecords({ StreamName: this.template.streamName, Records }, outsider);
    this.truth.stream.push(...lines);
  }

  private async upload(key: string, lines: readonly string[], poison: boolean): Promise<void> {
    const text = lines.map((line) => `${line}\n`).join('');
    const body = poison ? Buffer.from(`not gzip: ${text}`) : gzipSync(text);
    const { etag } = await this.cloud.s3.port.put(outsider, buckets.history, key, body);
    const uploaded = { key, etag: etag.replaceAll('"', ''), lines, poison, notified: this.lastDelivery.length > 0 };
    this.truth.uploads.push(uploaded);
    this.truth.current.set(key, uploaded);
  }

  /** What a schedule does. */
  private async tick(functionName: 'refresh' | 'reconcile'): Promise<void> {
    const { cloud } = this;
    if (functionName === 'reconcile' && this.weakening.noReconcile) return;
    const scheduledTime = new Date(Math.floor(cloud.clock.now() / 60_000) * 60_000).toISOString();
    await cloud.faults.deliver('tick')(() => cloud.invokeAsync(functionName, { kind: 'start', scheduledTime }));
  }

  /** The first open shard is split, or the first two are merged. */
  private reshard(how: 'split' | 'merge'): void {
    const stream = this.cloud.kinesis.port.stream(this.template.streamName);
    const open = [...stream.openShards].sort((a, b) => (a.description.startHash < b.description.startHash ? -1 : 1));
    const [first, second] = open;
    if (how === 'merge' && second) stream.merge(first!.id, second.id);
    if (how === 'split' && open.length < 8) {
      const { startHash, endHash } = first!.description;
      const middle = (BigInt(`0x${startHash}`) + BigInt(`0x${endHash}`)) / 2n + 1n;
      stream.split(first!.id, middle.toString(16).padStart(32, '0'));
    }
  }

  /** Nothing goes wrong any more: what is late arrives, and the schedules run until nothing is left to do. */
  async recover(): Promise<void> {
    const { cloud } = this;
    cloud.faults.stop();
    cloud.faults.resume();
    this.stopped = true;
    await cloud.pass(longestDelayMs);
    await this.runSchedules();
    if (this.redrive() > 0) await this.runSchedules();
  }

  private async runSchedules(): Promise<void> {
    for (let round = 1; round <= maxRounds; round++) {
      await this.tick('refresh');
      await this.tick('reconcile');
      await this.cloud.pass(2 * hourMs);
      if (round >= 2 && this.waiting() === 0) return;
    }
  }

  /** What an operator does with messages that SQS itself gave up: those of objects that cannot be loaded say so, and stay. */
  private redrive(): number {
    const { port } = this.cloud.sqs;
    const letters = port.queueAt('letters');
    let count = 0;
    for (const { body, receipt } of letters.receive(1000, 0, () => undefined)) {
      if ('reason' in JSON.parse(body)) continue;
      port.queueAt('queue').send(body, outsider.arn);
      letters.delete(receipt!);
      count += 1;
    }
    return count;
  }

  /** Messages that are still to be worked on. */
  private waiting(): number {
    return this.cloud.sqs.port.depth('queue') + this.cloud.sqs.port.depth('backlog');
  }

  async dispose(): Promise<void> {
    await this.cloud.dispose();
  }
}
