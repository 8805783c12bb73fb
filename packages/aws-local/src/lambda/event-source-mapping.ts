import { createHash } from 'node:crypto';
import { NotModelledError, type Principal, type ResourceTwin, type Timer } from 'aws-local-kit';
import type { Functions, LambdaFunction } from './functions';
import type { LambdaOptions } from './options';

export interface EventSourceMappings {
  readonly resources: readonly ResourceTwin[];
  start(): void;
  dispose(): void;
}

interface MappingProperties {
  readonly BatchSize?: number | string;
  readonly Enabled?: boolean | string;
  readonly EventSourceArn: string;
  readonly FunctionName: string;
  readonly FunctionResponseTypes?: readonly string[];
  readonly MaximumBatchingWindowInSeconds?: number | string;
  readonly ScalingConfig?: { readonly MaximumConcurrency?: number | string };
}

type Message = Awaited<ReturnType<LambdaOptions['sqs']['receive']>>[number];

/** Most messages that one ReceiveMessage call of SQS returns. */
const receiveLimit = 10;
/** Pause after a poll that failed. */
const pollAgainMs = 60_000;

export function createEventSourceMappings(options: LambdaOptions, functions: Functions): EventSourceMappings {
  const mappings = new Map<string, Mapping>();
  let started = false;
  const stop = (id: string) => {
    mappings.get(id)?.stop();
    mappings.delete(id);
  };
  return {
    start() {
      started = true;
      for (const mapping of mappings.values()) mapping.start();
    },
    dispose() {
      for (const mapping of mappings.values()) mapping.stop();
    },
    resources: [
      {
        type: 'AWS::Lambda::EventSourceMapping',
        properties: [
          'BatchSize',
          'Enabled',
          'EventSourceArn',
          'FunctionName',
          'FunctionResponseTypes',
          'MaximumBatchingWindowInSeconds',
          'ScalingConfig',
          'Tags',
        ],
        attributes: ['Id', 'EventSourceMappingArn'],
        create(properties: MappingProperties, context) {
          if (!properties.EventSourceArn.startsWith('arn:aws:sqs:'))
            throw new NotModelledError(`event source ${properties.EventSourceArn}`);
          const unknown = (properties.FunctionResponseTypes ?? []).filter((type) => type !== 'ReportBatchItemFailures');
          if (unknown.length > 0) throw new NotModelledError(`FunctionResponseTypes ${unknown.join(', ')}`);
          const id = context.generatedName;
          const mapping =
            String(properties.Enabled ?? true) === 'true' ? new Mapping(options, functions, properties) : undefined;
          stop(id);
          if (mapping) mappings.set(id, mapping);
          if (started) mapping?.start();
          return {
            ref: id,
            attributes: {
              Id: id,
              EventSourceMappingArn: `arn:aws:lambda:${options.region}:${options.account}:event-source-mapping:${id}`,
            },
          };
        },
        replacedBy: ['EventSourceArn'],
        delete: ({ ref }) => stop(ref),
      },
    ],
  };
}

/** Reads one queue as the function's role and passes batches to the function. */
class Mapping {
  private readonly batchSize: number;
  private readonly windowMs: number;
  private readonly partialFailures: boolean;
  private readonly maximumConcurrency: number;
  private gathered: Message[] = [];
  private window: Timer | undefined;
  private running = 0;
  private polling = false;
  private pollAgain = false;
  private stopped = false;
  private again: Timer | undefined;
  private unsubscribe: (() => void) | undefined;
  /** The last reported problem, so that each poll does not report the same missing permission again. */
  private told = '';

  constructor(
    private readonly options: LambdaOptions,
    private readonly functions: Functions,
    private readonly properties: MappingProperties,
  ) {
    this.batchSize = Number(properties.BatchSize ?? 10);
    this.windowMs = Number(properties.MaximumBatchingWindowInSeconds ?? 0) * 1000;
    this.partialFailures = (properties.FunctionResponseTypes ?? []).length > 0;
    this.maximumConcurrency = Math.min(
      Number(properties.ScalingConfig?.MaximumConcurrency ?? 5),
      this.target.concurrency,
    );
    this.authorizeSource();
  }

  /** The function as it is now: its code and role may have changed. */
  private get target(): LambdaFunction {
    return this.functions.get(this.properties.FunctionName);
  }

  private get principal(): Principal {
    return this.target.principal;
  }

  private readonly report = (error: Error) => {
    if (error.message === this.told) return;
    this.told = error.message;
    this.options.onRun({
      kind: 'trouble',
      at: this.options.clock.now(),
      name: this.properties.FunctionName,
      message: error.message,
    });
  };

  start(): void {
    this.unsubscribe = this.options.sqs.onAvailable(this.properties.EventSourceArn, () => this.poll());
    this.poll();
  }

  stop(): void {
    this.stopped = true;
    this.unsubscribe?.();
    this.window?.cancel();
    this.again?.cancel();
  }

  /** Receives the available messages. A message that arrives during the poll causes another one. */
  private poll(): void {
    this.pollAgain = true;
    if (this.polling) return;
    this.polling = true;
    const look = async () => {
      try {
        while (this.pollAgain) {
          this.pollAgain = false;
          await this.gather();
        }
      } finally {
        // The flag is reset in the same turn as the loop ends, so that a message that arrives later starts a new poll.
        this.polling = false;
      }
    };
    this.options.activity.track(look()).catch((error: Error) => {
      this.report(error);
      this.pollLater();
    });
  }

  /** Lambda polls for ever. A queue that cannot be read now, for example since its disk is full, can be later. */
  private pollLater(): void {
    const { clock } = this.options;
    this.again?.cancel();
    if (!this.stopped) this.again = clock.at(clock.now() + pollAgainMs, () => this.poll());
  }

  /** Lambda refuses to create a mapping whose role cannot read the queue. */
  private authorizeSource(): void {
    for (const action of ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes']) {
      this.options.authorizer.authorize({
        principal: this.principal,
        action,
        resource: this.properties.EventSourceArn,
      });
    }
  }

  private async gather(): Promise<void> {
    const { sqs, clock } = this.options;
    const queue = this.properties.EventSourceArn;
    while (!this.stopped && this.running < this.maximumConcurrency && sqs.depth(queue) > 0) {
      const messages = await sqs.receive(
        this.principal,
        queue,
        Math.min(receiveLimit, this.batchSize - this.gathered.length),
      );
      if (messages.length === 0) break;
      this.gathered.push(...messages);
      if (this.gathered.length >= this.batchSize) this.dispatch();
      else if (this.windowMs > 0) this.window ??= clock.at(clock.now() + this.windowMs, () => this.dispatch());
    }
    if (this.windowMs === 0) this.dispatch();
  }

  private dispatch(): void {
    this.window?.cancel();
    this.window = undefined;
    const batch = this.gathered;
    if (batch.length === 0 || this.stopped) return;
    this.gathered = [];
    this.running += 1;
    this.options.activity
      .track(this.carry(() => this.deliver(batch)))
      .catch(this.report)
      .finally(() => {
        this.running -= 1;
      })
      .then(() => this.poll());
  }

  private carry(send: () => Promise<void>): Promise<void> {
    return this.options.deliver ? this.options.deliver(send) : send();
  }

  private async deliver(batch: readonly Message[]): Promise<void> {
    const event = { Records: batch.map((message) => this.record(message)) };
    const result = await this.functions.run(this.target.arn, event, {});
    if (result.error) return;
    const failed = this.partialFailures ? failedItems(result.payload, batch) : new Set<string>();
    for (const message of batch) {
      if (!failed.has(message.messageId))
        await this.options.sqs.delete(this.principal, this.properties.EventSourceArn, message.receiptHandle);
    }
  }

  private record(message: Message): unknown {
    return {
      messageId: message.messageId,
      receiptHandle: message.receiptHandle,
      body: message.body,
      attributes: message.attributes,
      messageAttributes: {},
      md5OfBody: createHash('md5').update(message.body).digest('hex'),
      eventSource: 'aws:sqs',
      eventSourceARN: this.properties.EventSourceArn,
      awsRegion: this.options.region,
    };
  }
}

/**
 * Messages of a batch that stay in the queue. An answer that Lambda cannot read counts as a failure of the whole batch:
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function failedItems(answer: unknown, batch: readonly { readonly messageId: string }[]): ReadonlySet<string> {
  const known = new Set(batch.map(({ messageId }) => messageId));
  if (answer === null || answer === undefined) return new Set();
  const failures = (answer as { batchItemFailures?: unknown }).batchItemFailures;
  if (failures === undefined || failures === null) return new Set();
  if (!Array.isArray(failures)) return known;
  const ids = failures.map((failure: { itemIdentifier?: unknown } | null) => failure?.itemIdentifier);
  return ids.every((id): id is string => typeof id === 'string' && known.has(id)) ? new Set(ids) : known;
}
