const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** When the last full pass was due, in epoch milliseconds: the latest time of that hour (UTC) that is not after the tick. */
export const latestFullPass = (tick: number, hour: number) =>
  Math.floor((tick - hour * hourMs) / dayMs) * dayMs + hour * hourMs;
