import type { GeneratorOptions } from '../../../pipelines/generator/generator';

/** A batch that a person requested, besides the few events that a live run sends. */
export interface BatchRequest {
  readonly events: number;
  readonly shape: Pick<GeneratorOptions, 'malformed' | 'duplicates' | 'overlap'>;
}

interface Waiting extends BatchRequest {
  readonly sent: (records: number) => void;
  readonly failed: (error: Error) => void;
}

/** Batches that wait for the live run. It sends one at a time, because it knows what was generated before. */
export class BatchRequests {
  private readonly waiting: Waiting[] = [];
  private open = false;

  /** True once the live run accepts requests. */
  get accepted(): boolean {
    return this.open;
  }

  /** Starts to accept requests. */
  accept(): void {
    this.open = true;
  }

  /** @returns the number of records and rows that were sent */
  push(request: BatchRequest): Promise<number> {
    return new Promise((sent, failed) => this.waiting.push({ ...request, sent, failed }));
  }

  /** Sends the waiting batches. */
  async serve(send: (request: BatchRequest) => Promise<number>): Promise<void> {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift())
      await send(next).then(next.sent, next.failed);
  }
}
