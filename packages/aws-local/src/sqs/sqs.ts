import fs from 'node:fs';
import path from 'node:path';
import { type Authorizer, AwsError, type Clock, type Disposable, type Principal, type SqsPort } from 'aws-local-kit';
import type { Kms } from '../kms';
import { type Message, md5, Queue, type QueueSettings } from './queue';

export interface SqsOptions {
  /** The runtime's data folder. Queues are stored below `sqs/`. */
  readonly dataDir: string;
  readonly account: string;
  readonly region: string;
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly kms: Kms;
  /** URL of the gateway, which queue URLs start with. */
  readonly endpoint: string;
}

/** Condition keys that describe the source of a service's message. */
export type SendContext = Readonly<Record<string, string>>;

/** The queues of the account. All are standard queues, so their order is best effort, as on SQS. */
export class Sqs implements SqsPort, Disposable {
  readonly #queues = new Map<string, Queue>();

  constructor(readonly options: SqsOptions) {}

  /** Creates the queue, or opens it with its stored messages. A queue that is already open takes the new settings. */
  open(name: string, settings: QueueSettings): Queue {
    const { account, region, clock, dataDir } = this.options;
    const known = this.#queues.get(name);
    if (known) {
      known.settings = settings;
      return known;
    }
    const arn = `arn:aws:sqs:${region}:${account}:${name}`;
    const queue = new Queue(name, arn, settings, clock, path.join(dataDir, 'sqs', `${name}.jsonl`));
    this.#queues.set(name, queue);
    return queue;
  }

  /** Deletes the queue with its messages. */
  remove(name: string): void {
    this.#queues.get(name)?.close();
    this.#queues.delete(name);
    fs.rmSync(path.join(this.options.dataDir, 'sqs', `${name}.jsonl`), { force: true });
  }

  /**
   * Removes the policies of queues.
   * @param urls queues that may no longer exist
   */
  forgetPolicy(urls: readonly unknown[]): void {
    for (const url of urls) {
      const queue = this.#queues.get(String(url).slice(String(url).lastIndexOf('/') + 1));
      if (queue) queue.policy = undefined;
    }
  }

  urlOf(queue: Queue): string {
    return `${this.options.endpoint}/${this.options.account}/${queue.name}`;
  }

  list(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  /** The queue with this URL. The host is ignored. */
  queueAt(url: string): Queue {
    return this.#named(url.slice(url.lastIndexOf('/') + 1), url);
  }

  queueOf(arn: string): Queue {
    return this.#named(arn.slice(arn.lastIndexOf(':') + 1), arn);
  }

  authorize(principal: Principal, action: string, queue: Queue, context?: SendContext): void {
    this.options.authorizer.authorize({
      principal,
      action,
      resource: queue.arn,
      resourcePolicy: queue.policy,
      context,
    });
  }

  /** Implements `send` of the port. A service adds `aws:SourceArn` and `aws:SourceAccount` for the queue's policy. */
  async send(principal: Principal, queueArn: string, body: string, context?: SendContext): Promise<void> {
    this.sendTo(this.queueOf(queueArn), principal, body, undefined, context);
  }

  sendTo(queue: Queue, principal: Principal, body: string, delaySeconds?: number, context?: SendContext): Message {
    this.authorize(principal, 'sqs:SendMessage', queue, context);
    this.#useKey(principal, queue, ['GenerateDataKey', 'Decrypt'], context);
    const bytes = Buffer.byteLength(body);
    if (bytes === 0) throw new AwsError('MissingParameter', 'MessageBody must not be empty');
    if (bytes > queue.settings.maximumBytes)
      throw new AwsError(
        'InvalidParameterValue',
        `MessageBody must be at most ${queue.settings.maximumBytes} bytes, got ${bytes}`,
      );
    return queue.send(body, principal.arn, delaySeconds);
  }

  async receive(principal: Principal, queueArn: string, max: number) {
    const queue = this.queueOf(queueArn);
    return this.receiveFrom(queue, principal, max).map((message) => ({
      messageId: message.id,
      receiptHandle: message.receipt!,
      body: message.body,
      attributes: systemAttributes(message),
    }));
  }

  receiveFrom(
    queue: Queue,
    principal: Principal,
    max: number,
    visibilitySeconds = queue.settings.visibilitySeconds,
  ): Message[] {
    this.authorize(principal, 'sqs:ReceiveMessage', queue);
    this.#useKey(principal, queue, ['Decrypt']);
    return queue.receive(max, visibilitySeconds, (message) => {
      this.queueOf(queue.settings.redrive!.queueArn).accept(message);
    });
  }

  async delete(principal: Principal, queueArn: string, receiptHandle: string): Promise<void> {
    const queue = this.queueOf(queueArn);
    this.authorize(principal, 'sqs:DeleteMessage', queue);
    queue.delete(receiptHandle);
  }

  depth(queueArn: string): number {
    return this.queueOf(queueArn).depth();
  }

  /**
   * Calls back whenever a message of the queue becomes visible.
   * @returns a function that ends the callbacks
   */
  onAvailable(queueArn: string, callback: () => void): () => void {
    return this.queueOf(queueArn).onAvailable(callback);
  }

  async dispose(): Promise<void> {
    for (const queue of this.#queues.values()) queue.close();
  }

  #named(name: string, asked: string): Queue {
    const queue = this.#queues.get(name);
    if (!queue) throw new AwsError('QueueDoesNotExist', `the queue ${asked} does not exist`);
    return queue;
  }

  #useKey(
    principal: Principal,
    queue: Queue,
    uses: readonly ('GenerateDataKey' | 'Decrypt')[],
    context: SendContext = {},
  ): void {
    const { kms, region } = this.options;
    if (!queue.settings.kmsKey) return;
    const via: SendContext = principal.kind === 'service' ? {} : { 'kms:ViaService': `sqs.${region}.amazonaws.com` };
    for (const use of uses)
      kms.authorizeUse(principal, queue.settings.kmsKey, use, {
        ...context,
        ...via,
        'kms:EncryptionContext:aws:sqs:arn': queue.arn,
      });
  }
}

/** `ApproximateReceiveCount`, `SentTimestamp` and other system attributes as text. */
export function systemAttributes(message: Message): Record<string, string> {
  return {
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt ?? 0),
    SenderId: message.senderId,
    SentTimestamp: String(message.sentAt),
  };
}

export { md5 };
