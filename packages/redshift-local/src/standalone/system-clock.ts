import type { Clock } from 'aws-local-kit';

/** Longest delay that setTimeout supports. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The machine's clock. Each call reads it again, so it stays right after a laptop's sleep. */
export const systemClock: Clock = {
  now: () => Date.now(),
  at(epochMs, callback) {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const left = epochMs - Date.now();
      timer = setTimeout(left > longestTimeoutMs ? arm : callback, Math.max(0, Math.min(left, longestTimeoutMs)));
      timer.unref();
    };
    arm();
    return { cancel: () => clearTimeout(timer) };
  },
};
