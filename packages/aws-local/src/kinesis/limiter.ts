import type { Shard } from './shard';

interface Used {
  second: number;
  calls: number;
  bytes: number;
}

/** Limits what each shard accepts or returns per second of the clock. */
export class Limiter {
  readonly #used = new Map<Shard, Used>();

  /** @param callsPerSecond number of records to put, or of reads */
  constructor(
    private readonly callsPerSecond: number,
    private readonly bytesPerSecond: number,
  ) {}

  /**
   * Counts the call if it is within the limits.
   * @returns false if it exceeds them
   */
  admits(shard: Shard, bytes: number, now: number): boolean {
    const used = this.#of(shard, now);
    if (used.calls + 1 > this.callsPerSecond || used.bytes + bytes > this.bytesPerSecond) return false;
    used.calls++;
    used.bytes += bytes;
    return true;
  }

  /**
   * Counts bytes of a call that was admitted before its size was known. A read may exceed the limit; later reads wait.
   */
  add(shard: Shard, bytes: number, now: number): void {
    const used = this.#of(shard, now);
    used.bytes += bytes;
    // The excess is taken from the following seconds.
    const ahead = Math.floor(Math.max(0, used.bytes - 1) / this.bytesPerSecond);
    if (ahead > 0) used.second += ahead;
  }

  #of(shard: Shard, now: number): Used {
    const second = Math.floor(now / 1000);
    const known = this.#used.get(shard);
    if (known && known.second >= second) return known;
    const used = { second, calls: 0, bytes: 0 };
    this.#used.set(shard, used);
    return used;
  }
}
