import type { RemainingMs } from '../shared/deadline';
import { asNumber, asText } from '../shared/parse';
import { statementNamePrefix } from '../shared/plan';
import { render } from '../shared/statement';
import { parseStatementName } from '../shared/statement-name';
import { formatTimestamp, parseTimestamp } from '../shared/timestamp';
import { execute, type Row, run, type StatementSummary, type Warehouse } from '../shared/warehouse';
import { type ExportItem, windowEnd, windowStart } from './contract';
import { ledgerIdPrefix, ledgerStatementName } from './layout';

/** The table of publications in the warehouse, and surveys that compare the data with it. */
export interface Ledger {
  state(item: ExportItem, tick: number): Promise<LedgerState>;
  /**
   * Finds windows that changed since they were published, or never were.
   * @param fullPassAt epoch milliseconds: if everything was surveyed after this time, only windows that may have changed since are.
   * @default - everything is surveyed
   */
  survey(item: ExportItem, tick: number, fullPassAt?: number): Promise<ChangedWindow[]>;
  /** The newest publication of each window, by its start. Only for an export with this query. */
  published(item: ExportItem, tick: number): Promise<ReadonlyMap<number, PublishedWindow>>;
  /** Published revisions of one window, in no order. */
  revisions(item: ExportItem, tick: number, start: number): Promise<number[]>;
  /** `s3://` URLs of all published runs. */
  locations(item: ExportItem, tick: number): Promise<Set<string>>;
  /** Adds publications. Those that it has already are skipped. */
  record(item: ExportItem, tick: number, publications: readonly LedgerEntry[]): Promise<void>;
}

/** What is known of an export without reading its data. Times are epoch milliseconds. */
export interface LedgerState {
  /** Number of the newest recorded publication. 0 before the first. */
  readonly sequence: number;
  /** End of the newest window. */
  readonly lastEnd?: number;
  readonly firstPublishedAt?: number;
  /** The views have all events that arrived before this time. */
  readonly completeUntil?: number;
  /** A view that the export reads but the last run could not refresh, with the message. The export waits for it. */
  readonly failure?: string;
}

/** A window whose rows differ from its newest publication, or that was never published. */
export interface ChangedWindow {
  /** Epoch milliseconds. Undefined for rows without a time. */
  readonly start?: number;
  readonly rows: number;
  /** The newest publication, if there is one. */
  readonly published?: { readonly rows: number; readonly revision: number };
}

export interface PublishedWindow {
  readonly rows: number;
  readonly fingerprint: string;
  readonly revision: number;
}

/** One row of the ledger. */
export interface LedgerEntry {
  readonly sequence: number;
  readonly revision: number;
  /** Epoch milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly rows: number;
  readonly bytes: number;
  readonly files: number;
  readonly fingerprint: string;
  readonly runId: string;
  /** `s3://` URL of the run. */
  readonly location: string;
  readonly statementId: string;
}

export interface LedgerOptions {
  readonly environment: string;
  readonly pipeline: string;
  readonly warehouse: Warehouse;
  readonly remainingMs: RemainingMs;
}

export function warehouseLedger(options: LedgerOptions): Ledger {
  const { environment, pipeline, warehouse, remainingMs } = options;
  const nameOf = (item: ExportItem, tick: number, step: string) =>
    ledgerStatementName(environment, pipeline, item.name, tick, step);
  const read = (item: ExportItem, tick: number, step: string, sql: string) =>
    run(warehouse, nameOf(item, tick, step), sql, remainingMs);
  return {
    async state(item, tick) {
      const [row = {}] = await read(item, tick, 'state', item.state);
      const time = (field: string) => parseTimestamp(row[field] ?? null, `${item.name}: ${field}`);
      return {
        sequence: asNumber(row['sequence'] ?? 0, `${item.name}: sequence`),
        lastEnd: time('last_end'),
        firstPublishedAt: time('born'),
        completeUntil: time('complete_until'),
        ...(typeof row['failure'] === 'string' ? { failure: row['failure'] } : {}),
      };
    },

    async survey(item, tick, fullPassAt) {
      if (item.survey === undefined) return [];
      const ask = (step: string, sql: string) => read(item, tick, step, sql);
      const last = fullPassAt === undefined ? undefined : await lastSurveys(options, item);
      if (!last || fullPassAt === undefined || last.full < fullPassAt || item.surveyWithin === undefined)
        return surveyEverything(item, item.survey, ask);
      return surveyChanges(item, tick, last.any - overlapMs, ask);
    },

    async published(item, tick) {
      const rows = await read(item, tick, 'published', item.published ?? '');
      return new Map(
        rows.map((row) => [
          parseTimestamp(row['window_start'] ?? null, `${item.name}: window_start`)!,
          {
            rows: asNumber(row['row_count'], `${item.name}: row_count`),
            fingerprint: String(row['fingerprint'] ?? ''),
            revision: asNumber(row['revision'], `${item.name}: revision`),
          },
        ]),
      );
    },

    async revisions(item, tick, start) {
      const sql = render(item.revisions, { window_start: formatTimestamp(start) });
      const rows = await read(item, tick, 'revisions', sql);
      return rows.map(({ revision }) => asNumber(revision, `${item.name}: revision`));
    },

    async locations(item, tick) {
      const rows = await read(item, tick, 'locations', item.locations);
      return new Set(rows.map(({ location }) => asText(location, `${item.name}: location`)));
    },

    async record(item, tick, publications) {
      const rows = publications.map((publication) => ({
        ...publication,
        start: formatTimestamp(publication.start),
        end: formatTimestamp(publication.end),
      }));
      const [lock, insert] = item.record as [string, string];
      const statements = [lock, render(insert, { publications: JSON.stringify(rows) })];
      await execute(warehouse, nameOf(item, tick, 'record'), statements, remainingMs);
    },
  };
}

/** The times of the last surveys are read from the names of their statements. */
const surveySteps = { everything: 'survey', changes: 'touched' } as const;

const hourMs = 3_600_000;
/**
 * A survey of changes goes back this long before the last survey. That one's function may have been killed before it published, the views may
 * not have had an event yet, and a tick publishes a limited number of windows.
 */
const overlapMs = 6 * hourMs;
/** Windows of this time are surveyed every hour if the query does not say which events a row depends on. */
const recentMs = 48 * hourMs;
/** Statements of one survey. */
const maxStretches = 12;

type Ask = (step: string, sql: string) => Promise<readonly Row[]>;

/**
 * When the last finished surveys began, in epoch milliseconds: the last of everything, and the last of either kind. 0 if there was none in the
 * last 24 hours, which is as long as the Data API lists statements.
 */
async function lastSurveys(
  { environment, pipeline, warehouse }: LedgerOptions,
  item: ExportItem,
): Promise<{ readonly full: number; readonly any: number }> {
  const prefix = statementNamePrefix(environment, pipeline, 'export') + ledgerIdPrefix(item.name);
  const finished = (await warehouse.list(prefix)).filter(({ status }) => status === 'FINISHED');
  const lastOf = (step: string) =>
    finished
      .filter(({ name }) => parseStatementName(name)?.step === step)
      .reduce((last, { createdAt }: StatementSummary) => Math.max(last, createdAt), 0);
  const full = lastOf(surveySteps.everything);
  return { full, any: Math.max(full, lastOf(surveySteps.changes)) };
}

async function surveyEverything(item: ExportItem, survey: string, ask: Ask): Promise<ChangedWindow[]> {
  return (await ask(surveySteps.everything, survey)).map((row) => changedWindow(item, row));
}

/** Surveys only the windows that may have changed since a time. */
async function surveyChanges(item: ExportItem, tick: number, since: number, ask: Ask): Promise<ChangedWindow[]> {
  const found: ChangedWindow[] = [];
  const starts = await windowsThatMayHaveChanged(item, tick, since, ask);
  for (const [index, { start, end }] of stretchesOf(item, starts).entries()) {
    const times = { window_start: formatTimestamp(start), window_end: formatTimestamp(end) };
    const rows = await ask(`survey-within-${index + 1}`, render(item.surveyWithin ?? '', times));
    found.push(...rows.map((row) => changedWindow(item, row)));
  }
  return found;
}

/** Starts of the windows into which events were merged since a time, in order. */
async function windowsThatMayHaveChanged(item: ExportItem, tick: number, since: number, ask: Ask): Promise<number[]> {
  if (item.touched === undefined) {
    const starts: number[] = [];
    const { window } = item.content;
    for (let at = windowStart(window, tick - recentMs); at <= tick; at = windowEnd(window, at)) starts.push(at);
    return starts;
  }
  const rows = await ask(surveySteps.changes, render(item.touched, { since: formatTimestamp(since) }));
  return rows.flatMap((row) => parseTimestamp(row['window_start'] ?? null, `${item.name}: window_start`) ?? []);
}

/** Joins adjoining windows, and then those with the smallest gaps between them until there are at most `maxStretches`. */
export function stretchesOf(
  { content }: ExportItem,
  starts: readonly number[],
): readonly { readonly start: number; readonly end: number }[] {
  const stretches: { start: number; end: number }[] = [];
  for (const start of starts) {
    const last = stretches.at(-1);
    const end = windowEnd(content.window, start);
    if (last && start <= last.end) last.end = end;
    else stretches.push({ start, end });
  }
  while (stretches.length > maxStretches) {
    const gap = (index: number) => stretches[index]!.start - stretches[index - 1]!.end;
    let narrowest = 1;
    for (let index = 2; index < stretches.length; index += 1) if (gap(index) < gap(narrowest)) narrowest = index;
    stretches[narrowest - 1]!.end = stretches[narrowest]!.end;
    stretches.splice(narrowest, 1);
  }
  return stretches;
}

function changedWindow(item: ExportItem, row: Row): ChangedWindow {
  const number = (field: string) => asNumber(row[field], `${item.name}: ${field}`);
  return {
    start: parseTimestamp(row['window_start'] ?? null, `${item.name}: window_start`),
    rows: number('row_count'),
    ...(row['revision'] === null
      ? {}
      : { published: { rows: number('published_rows'), revision: number('revision') } }),
  };
}
