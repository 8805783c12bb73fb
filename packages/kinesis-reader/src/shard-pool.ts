import type { Clock } from './clock';
import type { Fetched } from './kinesis';
import type { ShardSource } from './source';

export interface Chunk extends Fetched {
  readonly shardId: string;
  /**
   * When the records were requested, in epoch milliseconds. The shard has been read up to `askedAt - behindMs`.
   */
  readonly askedAt: number;
}

/** Reads many shards at once and returns their chunks in the order of arrival. It holds one chunk per shard. */
export class ShardPool {
  readonly #sources = new Map<string, ShardSource>();
  readonly #ready: Chunk[] = [];
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #failure: { readonly error: unknown } | undefined;
  #arrived: (() => void) | undefined;

  /** @param parallel the largest number of chunks that are being fetched or wait to be taken */
  constructor(
    private readonly clock: Clock,
    parallel: number,
  ) {
    this.#free = parallel;
  }

  get size(): number {
    return this.#sources.size;
  }

  add(shardId: string, source: ShardSource): void {
    this.#sources.set(shardId, source);
    this.#fetch(shardId, source);
  }

  /** Returns the next chunk. The pool reads the shard's next one meanwhile. @throws the error of a source */
  async take(): Promise<Chunk> {
    for (;;) {
      const chunk = this.#ready.shift();
      if (chunk) {
        this.#release();
        const source = this.#sources.get(chunk.shardId);
        if (source && !chunk.ended) this.#fetch(chunk.shardId, source);
        return chunk;
      }
      if (this.#failure) throw this.#failure.error;
      await new Promise<void>((arrived) => {
        this.#arrived = arrived;
      });
    }
  }

  /** Ends the read of a shard. */
  remove(shardId: string): void {
    this.#sources.get(shardId)?.close();
    this.#sources.delete(shardId);
    const left = this.#ready.findIndex((chunk) => chunk.shardId === shardId);
    if (left < 0) return;
    this.#ready.splice(left, 1);
    this.#release();
  }

  close(): void {
    for (const shardId of [...this.#sources.keys()]) this.remove(shardId);
  }

  async #fetch(shardId: string, source: ShardSource): Promise<void> {
    const current = () => this.#sources.get(shardId) === source;
    try {
      await source.ready();
      await this.#slot();
      if (!current()) return this.#release();
      const askedAt = this.clock.now();
      const fetched = await source.next().catch((error: unknown) => {
        this.#release();
        throw error;
      });
      if (!current()) return this.#release();
      this.#ready.push({ ...fetched, shardId, askedAt });
    } catch (error) {
      if (!current()) return;
      this.#failure ??= { error };
    }
    this.#arrived?.();
  }

  async #slot(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((given) => this.#waiting.push(given));
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}
