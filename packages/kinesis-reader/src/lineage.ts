import type { ShardDescription } from './kinesis';

/** Decides which shards may be read: a child only after each parent that is still listed was read to its end. */
export class Lineage {
  readonly #shards = new Map<string, ShardDescription>();
  readonly #ended = new Set<string>();
  readonly #begun = new Set<string>();

  constructor(ended: Iterable<string>) {
    for (const id of ended) this.#ended.add(id);
  }

  add(shards: Iterable<ShardDescription>): void {
    for (const shard of shards) if (!this.#shards.get(shard.id)?.closed) this.#shards.set(shard.id, shard);
  }

  get(id: string): ShardDescription | undefined {
    return this.#shards.get(id);
  }

  has(id: string): boolean {
    return this.#shards.has(id);
  }

  end(id: string): void {
    this.#ended.add(id);
  }

  /** True if a child of the shard is known. */
  hasChildren(id: string): boolean {
    for (const { parents } of this.#shards.values()) if (parents.includes(id)) return true;
    return false;
  }

  /** Yields the shards that may be read now, each once. */
  *begin(): Generator<ShardDescription> {
    for (const shard of this.#shards.values()) {
      if (this.#begun.has(shard.id) || this.#ended.has(shard.id)) continue;
      if (!shard.parents.every((id) => this.#ended.has(id) || !this.#shards.has(id))) continue;
      this.#begun.add(shard.id);
      yield shard;
    }
  }
}
