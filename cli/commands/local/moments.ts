import { HOUR_MS } from '../../../pipelines/generator/generator';

const MINUTE_MS = 60_000;
/**
 * The minute at which a first run starts. A pipeline that merges every 5 minutes then merges its records at minute 55,
 * before the hour ends. A quarter of an hour after the hour's end the last window, an hourly snapshot, is published. A
 * run that starts later would have to wait for the snapshot of the next hour.
 */
const FIRST_MINUTE = 54;
const FIRST_RUN_MINUTES = 25;

/** Returns the latest moment 6 minutes before a full hour that leaves a first run enough time until `now`. */
export function firstMoment(now: number): number {
  return momentBeforeHour(now - FIRST_RUN_MINUTES * MINUTE_MS);
}

/**
 * Returns the start of a later run's clock: 6 minutes before a full hour, so that the run waits only minutes for the
 * hour's snapshot.
 * @param clock epoch milliseconds at which the last run ended
 */
export function nextMoment(now: number, clock: number): number {
  const next = momentBeforeHour(clock + HOUR_MS - 1);
  return Math.max(firstMoment(now), next);
}

const momentBeforeHour = (latest: number): number =>
  Math.floor((latest - FIRST_MINUTE * MINUTE_MS) / HOUR_MS) * HOUR_MS + FIRST_MINUTE * MINUTE_MS;
