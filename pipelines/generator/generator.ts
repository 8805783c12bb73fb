/**
 * Sample data whose result is known. A pipeline's folder holds a `generator.ts` that exports `generator:
 * PipelineGenerator`. The command line, the benchmark and the tests use every pipeline through it.
 */

export interface GeneratorOptions {
  /** Equal seed, start, batch and settings give equal bytes. */
  readonly seed: string;
  /**
   * Epoch milliseconds. The stream's events happen in the two hours before it, the history's in the days before
   * those.
   */
  readonly start: number;
  /**
   * Distinct valid events, including those of the history. Duplicates, malformed and oversized records are added to
   * them.
   */
  readonly events: number;
  /** How many batches were generated before for the same warehouse. Batches share no identities. @default 0 */
  readonly batch?: number;
  /**
   * Epoch milliseconds: no event of the stream is earlier. For a batch after the first: `until` of the previous one.
   * @default - two hours before `start`
   */
  readonly notBefore?: number;
  /** Share of the events whose record is sent a second time, unchanged. @default 0.02 */
  readonly duplicates?: number;
  /** Share of the stream's events that happened two to six hours before their neighbours. @default 0.01 */
  readonly late?: number;
  /** Malformed records per event: not JSON, truncated, not an object, wrong types, missing fields. @default 0.005 */
  readonly malformed?: number;
  /** Records per event with a field far longer than its column. @default 0.0005 */
  readonly oversized?: number;
  /** Records per event that belong to another pipeline, if the generator makes such. @default 0.25 */
  readonly others?: number;
  /** Records of the stream over 1 MiB, which the stream refuses. @default 0 */
  readonly refused?: number;
  /** Share of the events that are in history files only. @default 0.2; 0 for a batch after the first */
  readonly historyShare?: number;
  /** Number of days that the history covers. @default 2 */
  readonly historyDays?: number;
  /** Share of the events that are both on the stream and in a history file. @default 0.01 */
  readonly overlap?: number;
}

/** One record for the stream. */
export interface GeneratedRecord {
  /** One line of text: no line breaks, JSON unless malformed. */
  readonly data: string;
  readonly partitionKey: string;
  /** True if the stream must refuse the record. Such a record is not counted. */
  readonly refused?: true;
}

/** One history object: newline-delimited, compressed with gzip. */
export interface HistoryObject {
  /** Key below the history bucket. */
  readonly key: string;
  readonly body: Buffer;
  readonly rows: number;
}

/**
 * Expected content of the warehouse after everything was merged. All figures are whole numbers and add up over
 * batches: money is in cents, groups are keyed by text.
 */
export interface Oracle {
  /** Records accepted by the stream and rows of history objects. */
  produced: number;
  events: number;
  duplicates: number;
  rejects: number;
  /** Records that belong to another pipeline. */
  skipped: number;
  /** Pipeline-specific: `groups.revenueByHour['2026-11-21 09:00:00'] = 12999`. */
  readonly groups: Record<string, Record<string, number>>;
}

/** A query to the warehouse whose answer is known. */
export interface Check {
  readonly name: string;
  readonly query: string;
  /** The rows, each value as text. */
  readonly expected: readonly (readonly string[])[];
}

/** Expected content of an export's windows. */
export interface ExportTruth {
  /** A decimal column of the export whose sum is known, in cents. */
  readonly moneyColumn?: string;
  /** By the start of the window, `2026-11-21 09:00:00`. */
  readonly windows: Readonly<Record<string, { readonly rows: number; readonly cents?: number }>>;
  /** Expected content of a snapshot, in place of windows, after everything was merged. */
  readonly snapshot?: { readonly rows: number; readonly cents?: number };
}

/** One batch of data. Reading an iterable to its end adds its records to `oracle`. Each can be read once. */
export interface Generation {
  readonly oracle: Oracle;
  /** Epoch milliseconds: every event of the stream is earlier. */
  readonly until: number;
  stream(): Iterable<GeneratedRecord>;
  history(): Iterable<HistoryObject>;
}

export interface PipelineGenerator {
  /** The pipeline's name. */
  readonly pipeline: string;
  /** Share of a demo's events that this pipeline gets, relative to the other pipelines. */
  readonly weight: number;
  generate(options: GeneratorOptions): Generation;
  /** Rows per view, by the view's name. */
  viewRows(oracle: Oracle): Record<string, number>;
  checks(oracle: Oracle): Check[];
  /** By the export's name. */
  exportTruths(oracle: Oracle): Record<string, ExportTruth>;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const STREAM_SPAN_MS = 2 * HOUR_MS;
/** The oldest late event is this much older than `start`. The history ends before it. */
export const LATE_SPAN_MS = 9 * HOUR_MS;

export type CompleteOptions = Required<GeneratorOptions>;

/** Fills in defaults. Throws on options out of range, naming all problems at once. */
export function completeOptions(options: GeneratorOptions): CompleteOptions {
  const batch = options.batch ?? 0;
  const earliest = options.start - STREAM_SPAN_MS;
  const complete: CompleteOptions = {
    seed: options.seed,
    start: options.start,
    events: options.events,
    batch,
    notBefore: Math.max(options.notBefore ?? earliest, earliest),
    duplicates: options.duplicates ?? 0.02,
    late: options.late ?? 0.01,
    malformed: options.malformed ?? 0.005,
    oversized: options.oversized ?? 0.0005,
    others: options.others ?? 0.25,
    refused: options.refused ?? 0,
    historyShare: options.historyShare ?? (batch === 0 ? 0.2 : 0),
    historyDays: options.historyDays ?? 2,
    overlap: options.overlap ?? 0.01,
  };
  const problems: string[] = [];
  const whole = (
    name: 'start' | 'events' | 'batch' | 'refused' | 'historyDays',
    least: number,
    most = Number.MAX_SAFE_INTEGER,
  ) => {
    const value = complete[name];
    if (!Number.isSafeInteger(value) || value < least || value > most)
      problems.push(
        `${name} must be a whole number from ${least}${most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`}, got ${value}`,
      );
  };
  const share = (name: 'duplicates' | 'late' | 'malformed' | 'oversized' | 'others' | 'historyShare' | 'overlap') => {
    const value = complete[name];
    if (!(value >= 0 && value <= 1)) problems.push(`${name} must be between 0 and 1, got ${value}`);
  };
  whole('start', 0);
  whole('events', 0);
  whole('batch', 0);
  whole('refused', 0, 1000);
  whole('historyDays', 1, 366);
  for (const name of ['duplicates', 'late', 'malformed', 'oversized', 'others', 'historyShare', 'overlap'] as const)
    share(name);
  if (batch > 0 && complete.historyShare > 0)
    problems.push(`historyShare must be 0 for a batch after the first, got ${complete.historyShare}`);
  if (problems.length > 0) throw new Error(problems.join('; '));
  return complete;
}

const MINUTE_MS = 60_000;

/** The whole minutes of the stream, from one minute to two hours. */
export function streamSpan(options: CompleteOptions): { from: number; to: number } {
  const from = Math.ceil(options.notBefore / MINUTE_MS) * MINUTE_MS;
  return { from, to: Math.max(from + MINUTE_MS, Math.floor(options.start / MINUTE_MS) * MINUTE_MS) };
}

export function emptyOracle(): Oracle {
  return { produced: 0, events: 0, duplicates: 0, rejects: 0, skipped: 0, groups: {} };
}

/** Adds `amount` to one key of a group. */
export function count(oracle: Oracle, group: string, key: string, amount = 1): void {
  oracle.groups[group] ??= {};
  const keys = oracle.groups[group];
  keys[key] = (keys[key] ?? 0) + amount;
}

/** The expected content after both batches. */
export function addOracles(one: Oracle, other: Oracle): Oracle {
  const sum: Oracle = {
    produced: one.produced + other.produced,
    events: one.events + other.events,
    duplicates: one.duplicates + other.duplicates,
    rejects: one.rejects + other.rejects,
    skipped: one.skipped + other.skipped,
    groups: {},
  };
  for (const { groups } of [one, other])
    for (const [group, keys] of Object.entries(groups))
      for (const [key, amount] of Object.entries(keys)) count(sum, group, key, amount);
  return sum;
}

/** Whole cents as a decimal text: 12999 gives `129.99`. */
export function formatCents(cents: number): string {
  const digits = String(Math.abs(cents)).padStart(3, '0');
  return `${cents < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
