/** SQS, as far as the functions use it. */
export interface Queues {
  /** Sends any number of messages. Resolves when the queue has accepted all. A repeated call may send some twice. */
  send(url: string, bodies: readonly string[]): Promise<void>;
  /** Approximate number of messages in the queue: waiting, delayed or in flight. */
  depth(url: string): Promise<number>;
}
