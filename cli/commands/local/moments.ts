import { HOUR_MS } from '../../../pipelines/generator/generator';

const MINUTE_MS = 60_000;
/**
 * A pipeline that merges every 5 minutes merges a first run's records at minute 55, before the hour ends. A quarter of an hour after the end the
 * last window, an hourly snapshot, is published. Started later, a first run would have to wait for the snapshot of the next hour.
 */
const FIRST_MINUTE = 54;
const FIRST_RUN_MINUTES = 25;

/** The latest moment that is 6 minutes before a full hour and leaves a first run its time before `now`. */
export function firstMoment(now: number): number {
  return momentBeforeHour(now - FIRST_RUN_MINUTES * MINUTE_MS);
}

/**
 * Start of the clock of a later run: 6 minutes before a full hour, so that the run waits only minutes for the hour's snapshot.
 * @param clock epoch milliseconds at which the last run ended
 */
export function nextMoment(now: number, clock: number): number {
  const next = momentBeforeHour(clock + HOUR_MS - 1);
  return Math.max(firstMoment(now), next);
}

const momentBeforeHour = (latest: number): number =>
  Math.floor((latest - FIRST_MINUTE * MINUTE_MS) / HOUR_MS) * HOUR_MS + FIRST_MINUTE * MINUTE_MS;
