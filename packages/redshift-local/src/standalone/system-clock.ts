import type { Clock } from 'aws-local-kit';

/** setTimeout overflows above this. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The clock of the machine, read anew each time: it stays right over a laptop's sleep. */
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
