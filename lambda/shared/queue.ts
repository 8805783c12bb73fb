/** Queues as the functions need them. */
export interface Queues {
  /** Any number of messages. Resolves when the queue has taken every one; a repeated call may double some. */
  send(url: string, bodies: readonly string[]): Promise<void>;
  /** About how many messages the queue holds: waiting, delayed or with a reader. */
  depth(url: string): Promise<number>;
}
