import { windowEnd, windowStart } from '../../../lambda/export/contract';
import type { Pipeline } from '../../../pipelines/definition';
import {
  type ExportTruth,
  formatCents,
  type Oracle,
  type PipelineGenerator,
} from '../../../pipelines/generator/generator';
import { windowOf } from '../../../sql';
import type { DemoRuntime } from './demo-runtime';
import type { RecordCounts } from './record-counts';
import { isoText, type PublishedExport, type Summary } from './summary';

/** Compares a pipeline with what its generator knows. Returns one line per difference. */
export async function differences(
  runtime: DemoRuntime,
  generator: PipelineGenerator,
  oracle: Oracle,
  summary: Summary,
  due: readonly DueWindow[],
): Promise<string[]> {
  const name = generator.pipeline;
  const ours = summary.exports.filter((item) => item.name.startsWith(`${name}.`));
  return [
    ...countDifferences(name, summary.pipelines[name]!, oracle),
    ...viewDifferences(name, summary, generator.viewRows(oracle)),
    ...(await checkDifferences(runtime, generator, oracle)),
    ...(await exportDifferences(generator, oracle, ours, due)),
  ];
}

function countDifferences(name: string, account: RecordCounts, oracle: Oracle): string[] {
  return (['produced', 'events', 'duplicates', 'rejects', 'skipped'] as const)
    .filter((term) => account[term] !== oracle[term])
    .map((term) => `${name}: ${account[term]} ${term}, the generator knows ${oracle[term]}`);
}

function viewDifferences(name: string, summary: Summary, expected: Record<string, number>): string[] {
  return Object.entries(expected).flatMap(([view, rows]) => {
    const found = summary.views[`${name}.${view}`];
    if (found === undefined) return [`${name}.${view}: there is no such view, the generator expects ${rows} rows`];
    return found.rows === rows ? [] : [`${name}.${view}: ${found.rows} rows, the generator knows ${rows}`];
  });
}

async function checkDifferences(runtime: DemoRuntime, generator: PipelineGenerator, oracle: Oracle): Promise<string[]> {
  const found: string[] = [];
  for (const check of generator.checks(oracle)) {
    const { rows } = await runtime.query(check.query);
    const text = rows.map((row) => row.map((value) => (value === null ? '' : String(value))));
    const at = check.expected.findIndex((row, index) => JSON.stringify(row) !== JSON.stringify(text[index]));
    if (at >= 0)
      found.push(
        `${generator.pipeline}: ${check.name}: (${(text[at] ?? ['no row']).join(', ')}), the generator knows (${check.expected[at]!.join(', ')})`,
      );
    else if (text.length !== check.expected.length)
      found.push(
        `${generator.pipeline}: ${check.name}: ${text.length} rows, the generator knows ${check.expected.length}`,
      );
  }
  return found;
}

/** A window that must be published once the clock has passed `dueAt`. */
export interface DueWindow {
  /** `<pipeline>.<export>`. */
  readonly export: string;
  /** `2026-11-21T09:00:00Z`. */
  readonly start: string;
  /** Epoch milliseconds. */
  readonly dueAt: number;
}

/**
 * Returns the windows that must be published once the clock is past their `dueAt`: windows with rows that end by
 * `until`, and of a snapshot the interval of `now`. A snapshot taken then has everything that was merged by now.
 */
export function dueWindows(
  pipeline: Pipeline,
  generator: PipelineGenerator,
  oracle: Oracle,
  until: number,
  now: number,
): DueWindow[] {
  return Object.entries(generator.exportTruths(oracle)).flatMap(([name, truth]) => {
    const content = pipeline.exports.find((item) => item.name === name)?.content;
    if (content === undefined) return [];
    const window = windowOf(content);
    const isSnapshot = content.kind === 'snapshot';
    const starts = isSnapshot
      ? [windowStart(window, now)]
      : Object.keys(truth.windows).map((start) => Date.parse(isoText(start)));
    return starts
      .map((start) => ({ start, end: windowEnd(window, start) }))
      .filter(({ end }) => isSnapshot || end <= until)
      .map(({ start, end }) => ({
        export: `${pipeline.name}.${name}`,
        start: isoText(new Date(start).toISOString()),
        dueAt: end + (isSnapshot ? 0 : (content.latenessMinutes ?? 0)) * 60_000,
      }));
  });
}

/** Reads the published files with a separate engine, independent of the warehouse and the ledger. */
async function exportDifferences(
  generator: PipelineGenerator,
  oracle: Oracle,
  published: readonly PublishedExport[],
  due: readonly DueWindow[],
): Promise<string[]> {
  const found: string[] = [];
  for (const { export: name, start } of due)
    if (!published.some((item) => item.name === name && startOf(item) === start))
      found.push(`${name}: the window of ${start} is not published`);
  for (const [name, truth] of Object.entries(generator.exportTruths(oracle))) {
    const full = `${generator.pipeline}.${name}`;
    const windows = published.filter((item) => item.name === full);
    if (windows.length === 0) continue;
    // A live run does not wait for the next snapshot, and the newest one is older than what the run has sent.
    if (truth.snapshot && !due.some((window) => window.export === full)) continue;
    found.push(
      ...(truth.snapshot
        ? await snapshotDifferences(full, truth, truth.snapshot, windows.at(-1)!)
        : await windowDifferences(full, truth, windows)),
    );
  }
  return found;
}

async function snapshotDifferences(
  full: string,
  { moneyColumn }: ExportTruth,
  known: NonNullable<ExportTruth['snapshot']>,
  newest: PublishedExport,
): Promise<string[]> {
  const { rows, total } = await sumOf([newest], moneyColumn);
  const wanted = formatCents(known.cents ?? 0);
  return [
    ...(rows === known.rows && newest.rows === known.rows
      ? []
      : [`${full}: the newest snapshot holds ${rows} rows, the generator knows ${known.rows}`]),
    ...(moneyColumn === undefined || total === wanted
      ? []
      : [`${full}: the newest snapshot holds ${total} of ${moneyColumn}, the generator knows ${wanted}`]),
  ];
}

async function windowDifferences(
  full: string,
  truth: ExportTruth,
  windows: readonly PublishedExport[],
): Promise<string[]> {
  const known = new Map(Object.entries(truth.windows).map(([start, window]) => [isoText(start), window]));
  const found: string[] = [];
  if (new Set(windows.map(startOf)).size !== windows.length) found.push(`${full}: a window was published twice`);
  for (const item of windows) {
    const rows = known.get(startOf(item))?.rows ?? 0;
    if (item.rows !== rows)
      found.push(`${full}, window ${item.window}: ${item.rows} rows, the generator knows ${rows}`);
  }
  const sum = (term: 'rows' | 'cents') =>
    windows.reduce((total, item) => total + (known.get(startOf(item))?.[term] ?? 0), 0);
  const inFiles = await sumOf(windows, truth.moneyColumn);
  if (inFiles.rows !== sum('rows'))
    found.push(`${full}: the files hold ${inFiles.rows} rows, the generator knows ${sum('rows')}`);
  if (truth.moneyColumn !== undefined && inFiles.total !== formatCents(sum('cents')))
    found.push(
      `${full}: the files hold ${inFiles.total} of ${truth.moneyColumn}, the generator knows ${formatCents(sum('cents'))}`,
    );
  return found;
}

const startOf = (item: PublishedExport) => item.window.split('/')[0]!;

const readers: Readonly<Record<string, string>> = { parquet: 'read_parquet', csv: 'read_csv', json: 'read_json' };

async function sumOf(
  windows: readonly PublishedExport[],
  column: string | undefined,
): Promise<{ rows: number; total: string }> {
  const files = windows.flatMap((item) => item.files);
  // A window without rows may have no file.
  if (files.length === 0) return { rows: 0, total: formatCents(0) };
  const reader = readers[windows[0]!.format] ?? 'read_csv';
  const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ');
  const money = column === undefined ? '0' : `"${column.replaceAll('"', '""')}"`;
  // DuckDB is loaded late, so that the first stage of a run does not wait for it.
  const { DuckDBInstance } = require('@duckdb/node-api') as typeof import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const result = await connection.runAndReadAll(
      `select count(*)::varchar, coalesce(sum(cast(${money} as decimal(30, 2))), 0)::decimal(38, 2)::varchar from ${reader}([${list}])`,
    );
    const [rows, total] = result.getRows()[0] as [string, string];
    return { rows: Number(rows), total };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
