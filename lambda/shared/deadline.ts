/** The time that a call of a function has left, in milliseconds. */
export type RemainingMs = () => number;

/** The same deadline, but no later than `limitMs` from now. */
export function atMost(limitMs: number, remainingMs: RemainingMs): RemainingMs {
  const keptMs = Math.max(0, remainingMs() - limitMs);
  return () => remainingMs() - keptMs;
}
