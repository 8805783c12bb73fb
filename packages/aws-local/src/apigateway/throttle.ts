/** A token bucket, as API Gateway uses for its rate and burst limits. */
export class Throttle {
  #tokens: number;
  #at: number;

  /**
   * @param rate requests a second
   * @param burst size of the bucket
   * @param now milliseconds of real time
   */
  constructor(
    private readonly rate: number,
    private readonly burst: number,
    private readonly now: () => number,
  ) {
    this.#tokens = burst;
    this.#at = now();
  }

  /** Takes one request. False if the limit is exceeded. */
  take(): boolean {
    const now = this.now();
    this.#tokens = Math.min(this.burst, this.#tokens + ((now - this.#at) * this.rate) / 1000);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
