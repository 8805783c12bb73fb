import type { Clock, Timer } from './ports';

export interface ClockOptions {
  /** Epoch milliseconds at which the clock starts. */
  readonly start: number;
  /**
   * Clock milliseconds per real millisecond: 1 is real time, 60 is one minute per second. At 0 only `advanceTo` and
   * `leapTo` move the clock.
   */
  readonly rate: number;
  /** Receives the error of a callback that threw or rejected. @default - writes to stderr */
  readonly onError?: (error: unknown) => void;
}

/** The clock of one runtime. */
export interface RuntimeClock extends Clock {
  /** Returns when the nearest timer is due, in epoch milliseconds. */
  nextTimerAt(): number | undefined;
  /** Moves the clock to `epochMs` and runs the timers due by then, in order. A past moment runs only overdue timers. */
  advanceTo(epochMs: number): void;
  /** Clock milliseconds per real millisecond. */
  rate(): number;
  /**
   * Sets the clock to `epochMs` and then runs each overdue timer once, as after a machine's sleep. A moment that has
   * passed has no effect.
   */
  leapTo(epochMs: number): void;
  setRate(rate: number): void;
  /** Cancels all timers and stops the clock. */
  dispose(): void;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void | Promise<void>;
}

/** The longest delay that setTimeout takes without overflow. */
const longestRealTimeoutMs = 2 ** 31 - 1;

export function createClock({ start, rate, onError = (error) => console.error(error) }: ClockOptions): RuntimeClock {
  let base = start;
  let realBase = performance.now();
  let currentRate = checkedRate(rate);
  let reached = start;
  let order = 0;
  let timers: Entry[] = [];
  let realTimer: NodeJS.Timeout | undefined;
  let disposed = false;
  let firing = false;

  const now = (): number => {
    reached = Math.max(reached, Math.floor(base + (performance.now() - realBase) * currentRate));
    return reached;
  };
  const rebase = () => {
    base = now();
    realBase = performance.now();
  };
  const arm = () => {
    clearTimeout(realTimer);
    const next = timers[0];
    if (!next || currentRate === 0 || disposed || firing) return;
    const delay = Math.min(Math.max(0, Math.ceil((next.at - now()) / currentRate)), longestRealTimeoutMs);
    realTimer = setTimeout(() => fireUntil(now()), delay);
  };
  const fireUntil = (limit: number) => {
    if (firing) return;
    firing = true;
    try {
      for (let next = timers[0]; next && next.at <= limit && !disposed; next = timers[0]) {
        timers.shift();
        if (next.at > now()) {
          reached = next.at;
          base = next.at;
          realBase = performance.now();
        }
        run(next.callback);
      }
    } finally {
      firing = false;
      arm();
    }
  };
  const run = (callback: Entry['callback']) => {
    try {
      Promise.resolve(callback()).catch(onError);
    } catch (error) {
      onError(error);
    }
  };

  return {
    now,
    at(epochMs, callback): Timer {
      if (Number.isNaN(epochMs)) throw new Error('a timer needs a moment in epoch milliseconds, got NaN');
      const entry: Entry = { at: epochMs, order: order++, callback };
      if (!disposed) {
        timers.splice(positionOf(timers, entry), 0, entry);
        if (timers[0] === entry) arm();
      }
      return {
        cancel() {
          const wasNext = timers[0] === entry;
          timers = timers.filter((other) => other !== entry);
          if (wasNext) arm();
        },
      };
    },
    nextTimerAt: () => timers[0]?.at,
    advanceTo(epochMs) {
      fireUntil(Math.max(epochMs, now()));
      if (epochMs > now() && !disposed) {
        reached = epochMs;
        base = epochMs;
        realBase = performance.now();
        arm();
      }
    },
    rate: () => currentRate,
    leapTo(epochMs) {
      if (epochMs <= now() || disposed) return;
      reached = epochMs;
      base = epochMs;
      realBase = performance.now();
      fireUntil(epochMs);
    },
    setRate(newRate) {
      rebase();
      currentRate = checkedRate(newRate);
      arm();
    },
    dispose() {
      rebase();
      disposed = true;
      currentRate = 0;
      timers = [];
      clearTimeout(realTimer);
    },
  };
}

function positionOf(timers: readonly Entry[], entry: Entry): number {
  let low = 0;
  let high = timers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = timers[middle]!;
    if (other.at < entry.at || (other.at === entry.at && other.order < entry.order)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function checkedRate(rate: number): number {
  if (!(rate >= 0 && Number.isFinite(rate))) throw new Error(`the rate of the clock must be 0 or more, got ${rate}`);
  return rate;
}
