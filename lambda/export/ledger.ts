import { asNumber, asText } from '../shared/parse';
import { statementNamePrefix } from '../shared/plan';
import { render } from '../shared/statement';
import { formatTimestamp, parseTimestamp } from '../shared/timestamp';
import { execute, type Row, run, type Warehouse } from '../shared/warehouse';
import type { ExportItem } from './contract';
import { helperName } from './layout';
import { looksOf, overlapMs, stretchesOf, surveySteps, touchedWindows } from './survey';

/** What is known of an export without a look at its data. Times in epoch milliseconds. */
export interface LedgerState {
  /** Of the newest publication that is recorded; 0 before the first. */
  readonly sequence: number;
  /** End of the newest window. */
  readonly lastEnd?: number;
  /** When the first window was published. */
  readonly born?: number;
  /** What arrived before it is in the views. */
  readonly completeUntil?: number;
}

/** A window of the data that is not as it was published, if it ever was. */
export interface Surveyed {
  /** Undefined for rows without a time. */
  readonly start?: number;
  readonly rows: number;
  /** The newest publication; undefined for a window that was never published. */
  readonly published?: { readonly rows: number; readonly revision: number };
}

export interface Recorded {
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

/** The book of publications, and what the data says against it. */
export interface Ledger {
  state(item: ExportItem, tick: number): Promise<LedgerState>;
  /**
   * @param fullPassAt in epoch milliseconds: once everything was surveyed after that, only what may have changed since is. @default - everything is surveyed
   */
  survey(item: ExportItem, tick: number, fullPassAt?: number): Promise<Surveyed[]>;
  /** Revisions of one window, in no order. */
  revisions(item: ExportItem, tick: number, start: number): Promise<number[]>;
  /** `s3://` URLs of all published runs. */
  locations(item: ExportItem, tick: number): Promise<Set<string>>;
  /** Each once, however often it is told. */
  record(item: ExportItem, tick: number, publications: readonly Recorded[]): Promise<void>;
}

export interface LedgerOptions {
  readonly environment: string;
  readonly pipeline: string;
  readonly warehouse: Warehouse;
  readonly remainingMs: () => number;
}

export function warehouseLedger({ environment, pipeline, warehouse, remainingMs }: LedgerOptions): Ledger {
  const name = (item: ExportItem, tick: number, step: string) =>
    helperName(environment, pipeline, item.name, tick, step);
  return {
    async state(item, tick) {
      const [row = {}] = await run(warehouse, name(item, tick, 'state'), item.state, remainingMs);
      const time = (field: string) => parseTimestamp(row[field] ?? null, `${item.name}: ${field}`);
      return {
        sequence: asNumber(row['sequence'] ?? 0, `${item.name}: sequence`),
        lastEnd: time('last_end'),
        born: time('born'),
        completeUntil: time('complete_until'),
      };
    },

    async survey(item, tick, fullPassAt) {
      const { survey, surveyWithin } = item;
      if (survey === undefined) return [];
      const ask = async (step: string, sql: string) =>
        (await run(warehouse, name(item, tick, step), sql, remainingMs)).map((row) => surveyedOf(item, row));
      const prefix = `${statementNamePrefix(environment, pipeline, 'export')}${item.name}:`;
      const looks = fullPassAt === undefined ? undefined : looksOf(await warehouse.list(prefix));
      if (!looks || fullPassAt === undefined || looks.all < fullPassAt || surveyWithin === undefined)
        return ask(surveySteps.all, survey);
      const found: Surveyed[] = [];
      const touched = await touchedWindows(item, tick, looks.any - overlapMs, (sql) =>
        run(warehouse, name(item, tick, surveySteps.touched), sql, remainingMs),
      );
      for (const [index, { start, end }] of stretchesOf(item, touched).entries()) {
        const within = render(surveyWithin, { window_start: formatTimestamp(start), window_end: formatTimestamp(end) });
        found.push(...(await ask(`survey-within-${index + 1}`, within)));
      }
      return found;
    },

    async revisions(item, tick, start) {
      const sql = render(item.revisions, { window_start: formatTimestamp(start) });
      const rows = await run(warehouse, name(item, tick, 'revisions'), sql, remainingMs);
      return rows.map(({ revision }) => asNumber(revision, `${item.name}: revision`));
    },

    async locations(item, tick) {
      const rows = await run(warehouse, name(item, tick, 'locations'), item.locations, remainingMs);
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
      await execute(warehouse, name(item, tick, 'record'), statements, remainingMs);
    },
  };
}

function surveyedOf(item: ExportItem, row: Row): Surveyed {
  const number = (field: string) => asNumber(row[field], `${item.name}: ${field}`);
  return {
    start: parseTimestamp(row['window_start'] ?? null, `${item.name}: window_start`),
    rows: number('row_count'),
    ...(row['revision'] === null
      ? {}
      : { published: { rows: number('published_rows'), revision: number('revision') } }),
  };
}
