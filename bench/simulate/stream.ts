import { Agenda } from './events';
import type { Values } from './inputs';

/** A stream whose newest merged record is a while old. */
export interface StreamBehind {
  readonly eventsPerSecond: number;
  readonly behindSeconds: number;
  readonly shards: number;
  /** Seconds after which a refresh ends though records are left. @default - a refresh reads to the tip */
  readonly refreshSeconds?: number;
}

export interface StreamResult {
  /** Seconds until the newest merged record is at most two minutes old. */
  readonly freshAfter: number;
  /** Seconds until the first of the late records can be queried. */
  readonly firstRows: number;
  readonly runs: number;
  /** Ticks that found a run under way. */
  readonly skippedTicks: number;
  readonly longestRun: number;
  /** Age of the newest merged record, in seconds, by time. */
  readonly age: readonly (readonly [number, number])[];
}

const freshSeconds = 120;
const tickSeconds = 60;
/** After these days the simulation gives up. */
const mostSeconds = 30 * 86_400;

/** Records that Redshift can read in a second. Firehose reads each record too, and all readers share the shards. */
export const readRate = ({ eventsPerSecond, shards }: StreamBehind, values: Values): number =>
  Math.min(values.refreshedRecords, (shards * values.shardReadBytes) / values.eventBytes - eventsPerSecond);

/** Refreshes and merges a stream, minute by minute, until it is fresh. */
export function catchUpStream(stream: StreamBehind, values: Values): StreamResult {
  const { eventsPerSecond: rate, behindSeconds, refreshSeconds = Number.POSITIVE_INFINITY } = stream;
  const agenda = new Agenda();
  const reading = readRate(stream, values);
  const age: [number, number][] = [[0, behindSeconds]];
  const done = {
    freshAfter: Number.POSITIVE_INFINITY,
    firstRows: Number.POSITIVE_INFINITY,
    runs: 0,
    skippedTicks: 0,
    longestRun: 0,
  };
  /** The number of the newest merged record. At time t, `(t + behind) × rate` have arrived since the last merge. */
  let merged = 0;
  let busy = false;
  const arrived = () => (agenda.now + behindSeconds) * rate;
  const end = (began: number, read: number) => {
    busy = false;
    // It grew until now.
    age.push([agenda.now, agenda.now + behindSeconds - merged / rate]);
    merged = read;
    done.runs += 1;
    done.firstRows = Math.min(done.firstRows, agenda.now);
    done.longestRun = Math.max(done.longestRun, agenda.now - began);
    const newest = agenda.now + behindSeconds - merged / rate;
    age.push([agenda.now, newest]);
    if (newest <= freshSeconds) done.freshAfter = Math.min(done.freshAfter, agenda.now);
  };
  const tick = () => {
    if (done.freshAfter < Number.POSITIVE_INFINITY) return;
    agenda.after(tickSeconds, tick);
    if (busy) {
      done.skippedTicks += 1;
      return;
    }
    busy = true;
    const began = agenda.now;
    const left = arrived() - merged;
    // While the refresh reads, more arrives. It never reaches the tip if that comes faster than it reads.
    const toTip = reading > rate ? left / (reading - rate) : Number.POSITIVE_INFINITY;
    const seconds = Math.min(toTip, refreshSeconds);
    if (seconds === Number.POSITIVE_INFINITY) return;
    const read = merged + seconds * reading;
    agenda.after(seconds + values.stepSeconds, () =>
      agenda.after((read - merged) / values.mergedRecords + values.stepSeconds, () => end(began, read)),
    );
  };
  tick();
  agenda.run(mostSeconds);
  return { ...done, age };
}
