export interface RetryOptions {
  readonly retryable: (error: unknown) => boolean;
  /** Upper bounds of the pauses between attempts, in milliseconds: one more attempt than pauses. */
  readonly pausesMs: readonly number[];
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 to 1, for the jitter. @default Math.random */
  readonly random?: () => number;
}

/** Repeats a call while its error is of a kind that passes, after a pause of half to all of the bound. */
export async function retry<T>(
  call: () => Promise<T>,
  { retryable, pausesMs, sleep, random = Math.random }: RetryOptions,
): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await call();
    } catch (error) {
      if (!retryable(error)) throw error;
      await sleep(pauseMs * (0.5 + random() / 2));
    }
  }
  return call();
}
