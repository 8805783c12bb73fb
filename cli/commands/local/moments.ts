import { HOUR_MS } from '../../../pipelines/generator/generator';

const MINUTE_MS = 60_000;
/**
 * The minute at which a first run starts. A pipeline that merges every 5 minutes then merges at minutes 50 and 55, before
 * the hour ends: the windows of its history are complete after its second merge, so that the exports at the hour's end
 * publish them. A quarter of an hour after the hour's end the last window, an hourly snapshot, is published. A run that
 * starts later would have to wait for the exports of a later quarter, or for the snapshot of the next hour.
 */
const FIRST_MINUTE = 49;
const FIRST_RUN_MINUTES = 30;

/** Returns the latest moment 11 minutes before a full hour that leaves a first run enough time until `now`. */
export function firstMoment(now: number): number {
  return momentBeforeHour(now - FIRST_RUN_MINUTES * MINUTE_MS);
}

/**
 * Returns the start of a later run's clock: 11 minutes before a full hour, so that the run waits only minutes for the
 * hour's snapshot.
 * @param clock epoch milliseconds at which the last run ended
 */
export function nextMoment(now: number, clock: number): number {
  const next = momentBeforeHour(clock + HOUR_MS - 1);
  return Math.max(firstMoment(now), next);
}

const momentBeforeHour = (latest: number): number =>
  Math.floor((latest - FIRST_MINUTE * MINUTE_MS) / HOUR_MS) * HOUR_MS + FIRST_MINUTE * MINUTE_MS;
