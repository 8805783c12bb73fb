import { readFileSync } from 'node:fs';
import { removedKey } from '../../../lambda/export/layout';
import type { Pipeline } from '../../../pipelines/definition';
import { publicTables, quoteIdentifier } from '../../../sql/names';
import type { Cell } from '../../terminal';
import type { DemoRuntime } from './demo-runtime';
import { type FailingView, failingViews } from './failing-views';
import type { HistoryRows } from './history-counts';
import { countRecords, isBalanced, type RecordCounts, sumCounts } from './record-counts';

export interface PublishedExport {
  /** `<pipeline>.<export>`. */
  readonly name: string;
  /** Start and end in ISO 8601, separated by a slash. */
  readonly window: string;
  readonly rows: number;
  /** Paths on disk. */
  readonly files: readonly string[];
  readonly format: string;
}

export interface ViewSummary {
  readonly rows: number;
  readonly columns: readonly string[];
  readonly top: readonly (readonly Cell[])[];
}

export interface Summary {
  readonly total: RecordCounts;
  readonly pipelines: Readonly<Record<string, RecordCounts>>;
  /** True if the counts of every pipeline and the total are balanced. */
  readonly balanced: boolean;
  /** Views by `<pipeline>.<view>`. */
  readonly views: Readonly<Record<string, ViewSummary>>;
  /** Views that could not be refreshed, by `<pipeline>.<view>`. */
  readonly failing: readonly FailingView[];
  readonly exports: readonly PublishedExport[];
  /** Rejects by pipeline and reason, most frequent first. */
  readonly reasons: readonly { readonly pipeline: string; readonly reason: string; readonly records: number }[];
}

const TOP_ROWS = 3;

/** Reads from the runtime what the end of a run shows. */
export async function summarize(
  runtime: DemoRuntime,
  pipelines: readonly Pipeline[],
  historyRows: HistoryRows,
): Promise<Summary> {
  const accounts: Record<string, RecordCounts> = {};
  const views: Record<string, ViewSummary> = {};
  const failing: FailingView[] = [];
  const exports: PublishedExport[] = [];
  const reasons: Summary['reasons'][number][] = [];
  for (const deployed of runtime.deployedPipelines())
    accounts[deployed.name] = await countRecords(runtime, deployed, historyRows);
  for (const pipeline of pipelines) {
    for (const { name } of pipeline.views)
      views[`${pipeline.name}.${name}`] = await viewSummary(runtime, `${pipeline.name}.${name}`);
    for (const failure of await failingViews(runtime, pipeline))
      failing.push({ ...failure, view: `${pipeline.name}.${failure.view}` });
    exports.push(...(await publishedExports(runtime, pipeline)));
    reasons.push(...(await rejectReasons(runtime, pipeline)));
  }
  const total = sumCounts(Object.values(accounts));
  return {
    total,
    pipelines: accounts,
    balanced: [total, ...Object.values(accounts)].every(isBalanced),
    views,
    failing,
    exports,
    reasons,
  };
}

async function viewSummary(runtime: DemoRuntime, view: string): Promise<ViewSummary> {
  const counted = await runtime.query(`select count(*) from ${view}`);
  const { columns } = await runtime.query(`select * from ${view} limit 1`);
  const top = await runtime.query(
    `select * from ${view} order by ${quoteIdentifier(rankingColumn(columns))} desc limit ${TOP_ROWS}`,
  );
  return { rows: Number(counted.rows[0]![0]), columns, top: top.rows as Cell[][] };
}

/** Chooses the column that ranks rows: a time if there is one, else a sum or a count, else the first column. */
function rankingColumn(columns: readonly string[]): string {
  return ['hour', 'day', 'occurred_at', 'revenue'].find((name) => columns.includes(name)) ?? columns[0]!;
}

async function rejectReasons(runtime: DemoRuntime, pipeline: Pipeline): Promise<Summary['reasons'][number][]> {
  const { rows } = await runtime.query(
    `select reason, count(*) as records from ${publicTables(pipeline).rejects} group by reason order by 2 desc, 1 limit 5`,
  );
  return rows.map(([reason, records]) => ({
    pipeline: pipeline.name,
    reason: String(reason),
    records: Number(records),
  }));
}

/** Returns the newest publication of each window. The ledger has only complete ones. */
export async function publishedExports(runtime: DemoRuntime, pipeline: Pipeline): Promise<PublishedExport[]> {
  const { rows } =
    await runtime.query(`select ${quoteIdentifier('export')}, window_start, window_end, row_count, location
from (
  select *, row_number() over (partition by ${quoteIdentifier('export')}, window_start order by coalesce(revision, 0) desc) as newest
  from ${publicTables(pipeline).exports}
) as publications
where newest = 1
order by 1, 2`);
  return rows.map(([name, start, end, count, location]) => ({
    name: `${pipeline.name}.${name}`,
    window: `${isoText(start)}/${isoText(end)}`,
    rows: Number(count),
    files: filesOf(runtime, String(location)),
    format: pipeline.exports.find((definition) => definition.name === name)?.format.kind ?? 'unknown',
  }));
}

/** Returns the files that the run's success file names. None if they were deleted when a subject was forgotten. */
function filesOf(runtime: DemoRuntime, location: string): string[] {
  const [, bucket, prefix] = /^s3:\/\/([^/]+)\/(.*)$/.exec(location)!;
  if (exists(runtime, bucket!, removedKey(prefix!))) return [];
  const success = JSON.parse(readFileSync(runtime.pathOf(bucket!, `${prefix}success.json`), 'utf8')) as {
    files: { key: string }[];
  };
  return success.files.map(({ key }) => runtime.pathOf(bucket!, key));
}

function exists(runtime: DemoRuntime, bucket: string, key: string): boolean {
  try {
    runtime.pathOf(bucket, key);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'NoSuchKey') return false;
    throw error;
  }
}

/** Converts `2026-11-21 09:00:00` to `2026-11-21T09:00:00Z`. */
export function isoText(timestamp: unknown): string {
  return `${String(timestamp).slice(0, 19).replace(' ', 'T')}Z`;
}
