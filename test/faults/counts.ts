import type { Simulated } from '../support/simulation';

/** What was played, for the table of a long run. */
export interface Counts {
  readonly runs: number;
  /** Records on the stream and lines of objects. */
  readonly records: number;
  /** Faults that happened. A scenario may have more: those whose occasion did not come. */
  readonly faults: number;
}

export const none: Counts = { runs: 0, records: 0, faults: 0 };

export const add = (one: Counts, other: Counts): Counts => ({
  runs: one.runs + other.runs,
  records: one.records + other.records,
  faults: one.faults + other.faults,
});

export const countsOf = ({ truth, injected }: Pick<Simulated, 'truth' | 'injected'>): Counts => ({
  runs: 1,
  records: truth.stream.length + truth.uploads.reduce((sum, { lines }) => sum + lines.length, 0),
  faults: injected(),
});
