export interface RetryOptions {
  readonly retryable: (error: unknown) => boolean;
  /** Longest pauses between attempts, in milliseconds. There is one more attempt than pauses. */
  readonly pausesMs: readonly number[];
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/** Retries a call after retryable errors. Each pause is between half and all of its longest time. */
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
