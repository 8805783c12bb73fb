import type { GeneratorOptions } from '../../../pipelines/generator/generator';

/** What a person asked to send beside the trickle of a live run. */
export interface BatchRequest {
  readonly events: number;
  readonly shape: Pick<GeneratorOptions, 'malformed' | 'duplicates' | 'overlap'>;
}

interface Waiting extends BatchRequest {
  readonly sent: (records: number) => void;
  readonly failed: (error: Error) => void;
}

/** Batches that wait for the live run, which sends one after the other: it knows what was generated before. */
export class BatchRequests {
  private readonly waiting: Waiting[] = [];
  private open = false;

  /** True once the live run takes requests. */
  get accepted(): boolean {
    return this.open;
  }

  /** From now on the live run takes requests. */
  accept(): void {
    this.open = true;
  }

  /** @returns the number of records and rows that were sent */
  push(request: BatchRequest): Promise<number> {
    return new Promise((sent, failed) => this.waiting.push({ ...request, sent, failed }));
  }

  /** Sends what waits. */
  async serve(send: (request: BatchRequest) => Promise<number>): Promise<void> {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift())
      await send(next).then(next.sent, next.failed);
  }
}
