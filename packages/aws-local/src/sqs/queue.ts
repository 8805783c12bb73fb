import { createHash, randomUUID } from 'node:crypto';
import { AwsError, type Clock, Journal, type PolicyDocument, type Timer } from 'aws-local-kit';

export interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  readonly senderId: string;
  receiveCount: number;
  firstReceivedAt?: number;
  /** The message cannot be received before this moment. */
  visibleAt: number;
  /** Handle of the last receive. Older handles no longer delete the message. */
  receipt?: string;
}

export interface QueueSettings {
  readonly visibilitySeconds: number;
  readonly retentionSeconds: number;
  readonly delaySeconds: number;
  readonly waitSeconds: number;
  readonly maximumBytes: number;
  readonly kmsKey?: string;
  readonly redrive?: { readonly queueArn: string; readonly maxReceiveCount: number };
}

export type Entry = { readonly put: Message } | { readonly gone: string } | { readonly purged: true };

/** One standard queue. Messages are kept in memory, and every change is written to a journal. */
export class Queue {
  readonly #messages = new Map<string, Message>();
  readonly #journal: Journal<Entry>;
  readonly #listeners = new Set<() => void>();
  #wake: { readonly at: number; readonly timer: Timer } | undefined;
  policy: PolicyDocument | undefined;

  constructor(
    readonly name: string,
    readonly arn: string,
    public settings: QueueSettings,
    private readonly clock: Clock,
    file: string,
  ) {
    this.#journal = new Journal(file, `the queue ${name}`);
    for (const entry of this.#journal.read()) this.#replay(entry);
    this.#schedule();
  }

  send(body: string, senderId: string, delaySeconds = this.settings.delaySeconds): Message {
    const now = this.clock.now();
    const visibleAt = now + delaySeconds * 1000;
    return this.accept({ id: randomUUID(), body, sentAt: now, senderId, receiveCount: 0, visibleAt });
  }

  /** Accepts a message unchanged, as a dead-letter queue does: it keeps its age. */
  accept(message: Message): Message {
    this.#journal.append({ put: message });
    this.#messages.set(message.id, message);
    this.#announce();
    return message;
  }

  /**
   * Receives visible messages and hides them for the visibility timeout. A message that was received too often goes to
   * `deadLetter` instead, and leaves this queue only afterwards.
   */
  receive(max: number, visibilitySeconds: number, deadLetter: (message: Message) => void): Message[] {
    this.#expire();
    const now = this.clock.now();
    const received: Message[] = [];
    for (const message of [...this.#messages.values()]) {
      if (received.length === max) break;
      if (message.visibleAt > now) continue;
      const limit = this.settings.redrive?.maxReceiveCount;
      if (limit !== undefined && message.receiveCount >= limit) {
        deadLetter({ ...message, receiveCount: 0, firstReceivedAt: undefined, receipt: undefined, visibleAt: now });
        this.#remove(message.id);
        continue;
      }
      const receiveCount = message.receiveCount + 1;
      received.push({
        ...message,
        receiveCount,
        firstReceivedAt: message.firstReceivedAt ?? now,
        visibleAt: now + visibilitySeconds * 1000,
        receipt: Buffer.from(`${message.id}:${receiveCount}`).toString('base64url'),
      });
    }
    // Nothing is hidden before the journal says so: the caller gets all of these messages or none.
    this.#journal.append(...received.map((put) => ({ put })));
    for (const message of received) Object.assign(this.#messages.get(message.id)!, message);
    this.#compact();
    this.#schedule();
    return received;
  }

  /** Deletes the message if the handle is from its last receive. An older handle has no effect, as SQS documents. */
  delete(receiptHandle: string): void {
    const message = this.#messages.get(messageIdOf(receiptHandle));
    if (message?.receipt === receiptHandle) this.#remove(message.id);
    this.#compact();
  }

  changeVisibility(receiptHandle: string, seconds: number): void {
    const message = this.#messages.get(messageIdOf(receiptHandle));
    if (message?.receipt !== receiptHandle || message.visibleAt <= this.clock.now())
      throw new AwsError('MessageNotInflight', `the message of receipt handle ${receiptHandle} is not in flight`);
    const visibleAt = this.clock.now() + seconds * 1000;
    this.#journal.append({ put: { ...message, visibleAt } });
    message.visibleAt = visibleAt;
    this.#announce();
  }

  purge(): void {
    this.#journal.append({ purged: true });
    this.#messages.clear();
  }

  counts(): { visible: number; inFlight: number; delayed: number } {
    this.#expire();
    const now = this.clock.now();
    const counts = { visible: 0, inFlight: 0, delayed: 0 };
    for (const message of this.#messages.values()) {
      if (message.visibleAt <= now) counts.visible++;
      else if (message.receiveCount > 0) counts.inFlight++;
      else counts.delayed++;
    }
    return counts;
  }

  depth(): number {
    this.#expire();
    return this.#messages.size;
  }

  /**
   * Calls back whenever a message becomes visible.
   * @returns a function that ends the callbacks
   */
  onAvailable(callback: () => void): () => void {
    this.#listeners.add(callback);
    this.#schedule();
    return () => void this.#listeners.delete(callback);
  }

  close(): void {
    this.#wake?.timer.cancel();
    this.#listeners.clear();
    this.#journal.close();
  }

  #replay(entry: Entry): void {
    if ('put' in entry) this.#messages.set(entry.put.id, entry.put);
    else if ('gone' in entry) this.#messages.delete(entry.gone);
    else this.#messages.clear();
  }

  #remove(id: string): void {
    this.#journal.append({ gone: id });
    this.#messages.delete(id);
  }

  /** Forgets messages that are too old. The journal keeps them until it is compacted: after a restart they expire again. */
  #expire(): void {
    const oldest = this.clock.now() - this.settings.retentionSeconds * 1000;
    for (const { id, sentAt } of [...this.#messages.values()]) if (sentAt <= oldest) this.#messages.delete(id);
  }

  #compact(): void {
    this.#journal.compact(() => [...this.#messages.values()].map((put) => ({ put })), this.#messages.size);
  }

  #announce(): void {
    const now = this.clock.now();
    if ([...this.#messages.values()].some((message) => message.visibleAt <= now))
      for (const listener of [...this.#listeners]) listener();
    this.#schedule();
  }

  /** Sets a timer for the next moment at which a hidden message becomes visible, if there is a listener. */
  #schedule(): void {
    this.#wake?.timer.cancel();
    this.#wake = undefined;
    if (this.#listeners.size === 0) return;
    const now = this.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const message of this.#messages.values())
      if (message.visibleAt > now) next = Math.min(next, message.visibleAt);
    if (next !== Number.POSITIVE_INFINITY)
      this.#wake = { at: next, timer: this.clock.at(next, () => this.#announce()) };
  }
}

export function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

function messageIdOf(receiptHandle: string): string {
  const [id, count] = Buffer.from(receiptHandle, 'base64url').toString().split(':');
  if (!id || !count) throw new AwsError('ReceiptHandleIsInvalid', `the receipt handle ${receiptHandle} is not valid`);
  return id;
}
