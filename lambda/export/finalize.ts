import { asArray, asJson, asNumber, asRecord, asText, asTime } from '../shared/parse';
import { render } from '../shared/statement';
import { formatTimestamp } from '../shared/timestamp';
import { execute, run as runStatement } from '../shared/warehouse';
import type { ExportItem } from './contract';
import type { ExportHost } from './host';
import { emptyManifest, holds, type Manifest, parseManifest } from './manifest';
import {
  type ExportRun,
  helperName,
  latestKey,
  manifestKey,
  runLabel,
  runPrefix,
  sentinelKey,
  successKey,
} from './run';

/** The pointer `latest.json` of an export: its newest complete window. */
export interface LatestPointer {
  /** Start and end, ISO 8601. */
  readonly window: { readonly start: string; readonly end: string };
  /** Key prefix of the run. */
  readonly prefix: string;
  readonly rows: number;
  /** Keys. */
  readonly files: readonly string[];
  readonly publishedAt: string;
}

/**
 * Checks what UNLOAD wrote and publishes it: success file, ledger, pointer, and last of all the sentinel's removal. Each can be repeated.
 * Returns what is wrong when the files do not hold the window's rows.
 */
export async function finalize(
  host: ExportHost,
  item: ExportItem,
  run: ExportRun,
  unload: { readonly id: string; readonly endedAt: number },
  remainingMs: () => number,
): Promise<string | undefined> {
  const { environment, bucket, plan, warehouse, objects } = host;
  const prefix = runPrefix(plan.pipeline, run);
  const window = { window_start: formatTimestamp(run.windowStart), window_end: formatTimestamp(endOf(item, run)) };
  const text = await objects.get(bucket, manifestKey(prefix));
  const manifest = text === undefined ? emptyManifest : parseManifest(text);
  const [counted] = await runStatement(
    warehouse,
    helperName(environment, plan.pipeline, run, 'count'),
    render(item.count, window),
    remainingMs,
  );
  const rows = asNumber(counted?.rows, `${item.name}: rows`);
  if (!holds(manifest, rows, item.format))
    return `export ${item.name}, window ${window.window_start}: the files hold ${manifest.records} records, the window ${rows} rows`;

  const success = {
    export: item.name,
    window: isoWindow(item, run),
    rows,
    bytes: manifest.bytes,
    files: keysOf(manifest, bucket),
    statementId: unload.id,
    endedAt: new Date(unload.endedAt).toISOString(),
    schema: manifest.schema,
  };
  await objects.put(bucket, successKey(prefix), JSON.stringify(success, null, 2), 'application/json');
  await finish(host, item, run, remainingMs, success);
  return undefined;
}

/**
 * What follows the success file, whose content is read where it is not given: the ledger's row, unless another run of the window has it,
 * the pointer, and the sentinel's removal.
 */
export async function finish(
  host: ExportHost,
  item: ExportItem,
  run: ExportRun,
  remainingMs: () => number,
  given?: Success,
): Promise<void> {
  const { environment, bucket, plan, warehouse, objects, log, metrics } = host;
  const prefix = runPrefix(plan.pipeline, run);
  const { rows, files, endedAt } = given ?? (await readSuccess(host, prefix));
  const window = { window_start: formatTimestamp(run.windowStart), window_end: formatTimestamp(endOf(item, run)) };
  const name = helperName(environment, plan.pipeline, run, 'record');
  const location = `s3://${bucket}/${prefix}`;
  const values = { ...window, run_id: runLabel(run), rows, files: files.length, location };
  await execute(warehouse, name, render(item.record, values), remainingMs);
  await point(host, item, run, { window: isoWindow(item, run), prefix, rows, files, publishedAt: endedAt });
  await objects.delete(bucket, sentinelKey(prefix));
  metrics(
    Date.parse(endedAt),
    { ExportedWindows: 1, ExportedRows: rows },
    { export: item.name, window: window.window_start },
  );
  log('published', { export: item.name, window: window.window_start, rows, files: files.length, prefix });
}

/** Of the success file, what the steps after it need. */
interface Success {
  readonly rows: number;
  /** Keys. */
  readonly files: readonly string[];
  /** The end of the UNLOAD, ISO 8601. */
  readonly endedAt: string;
}

async function readSuccess({ objects, bucket }: ExportHost, prefix: string): Promise<Success> {
  const key = successKey(prefix);
  const fields = asRecord(asJson((await objects.get(bucket, key)) ?? '', key), key);
  return {
    rows: asNumber(fields.rows, `${key}: rows`),
    files: asArray(fields.files, `${key}: files`).map((file) => asText(file, `${key}: files`)),
    endedAt: new Date(asTime(fields.endedAt, `${key}: endedAt`)).toISOString(),
  };
}

/** Never back to an older window: a repeated publication of one must not hide a newer. */
async function point(
  { objects, bucket, plan }: ExportHost,
  item: ExportItem,
  run: ExportRun,
  pointer: LatestPointer,
): Promise<void> {
  const key = latestKey(plan.pipeline, item.name);
  const text = await objects.get(bucket, key);
  if (text !== undefined) {
    const window = asRecord(asRecord(asJson(text, key), key).window, `${key}: window`);
    if (asTime(window.start, `${key}: window.start`) > run.windowStart) return;
  }
  await objects.put(bucket, key, JSON.stringify(pointer, null, 2), 'application/json');
}

const endOf = (item: ExportItem, run: ExportRun) => run.windowStart + item.windowMinutes * 60_000;

const isoWindow = (item: ExportItem, run: ExportRun) => ({
  start: new Date(run.windowStart).toISOString(),
  end: new Date(endOf(item, run)).toISOString(),
});

const keysOf = (manifest: Manifest, bucket: string) => manifest.files.map((url) => url.replace(`s3://${bucket}/`, ''));
