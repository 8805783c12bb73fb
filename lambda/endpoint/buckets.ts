/** Limits rates: each key may take `rate` a second, and `size` at once after a pause. */
export class Buckets {
  private readonly buckets = new Map<string, { left: number; at: number }>();

  /** @param most keys that are remembered. The one that took nothing for the longest time is forgotten first */
  constructor(
    private readonly now: () => number,
    private readonly most = 10_000,
  ) {}

  /**
   * Takes one. Returns 0, or the seconds after which there is one to take.
   * @param size @default - as many as in a second, at least one
   */
  take(key: string, rate: number, size = Math.max(1, rate)): number {
    const now = this.now();
    const { left, at } = this.buckets.get(key) ?? { left: size, at: now };
    const filled = Math.min(size, left + (Math.max(0, now - at) / 1000) * rate);
    const taken = filled >= 1 ? 1 : 0;
    this.buckets.delete(key);
    this.buckets.set(key, { left: filled - taken, at: now });
    if (this.buckets.size > this.most) this.buckets.delete(this.buckets.keys().next().value!);
    return taken === 1 ? 0 : (1 - filled) / rate;
  }
}
