import { mapAtMost, parallelObjects } from '../shared/at-most';
import { asArray, asJson, asNumber, asRecord, asText } from '../shared/parse';
import { statementNamePrefix } from '../shared/plan';
import { asked, clientToken, render } from '../shared/statement';
import { formatTimestamp } from '../shared/timestamp';
import { isPassing, isTerminal, type StatementStatus } from '../shared/warehouse';
import type { ExportItem } from './contract';
import type { UnloadEngine, UnloadState, UnloadTarget, Written, WrittenFile } from './engine';
import type { ExportHost } from './host';
import { maxBatchWindows, unloadIdPrefix } from './layout';

/** For each window: its count, its UNLOAD, and the session's count of unloaded rows. */
const statementsPerWindow = 3;
/** PG_LAST_UNLOAD_COUNT: rows of the session's last UNLOAD (Redshift developer guide). */
const unloadCount = 'select pg_last_unload_count() as unloaded';

/** Redshift's UNLOAD through the Data API. A batch is one transaction, so counts and files come from the same state of the data. */
export function redshiftEngine(host: ExportHost): UnloadEngine {
  const { environment, plan, warehouse, objects, bucket } = host;
  return {
    maxWindows: maxBatchWindows,
    hasTime: () => true,
    deleteStaged: async () => undefined,

    async submit(item, { name, targets }) {
      const { id } = await warehouse.submit({
        name,
        mode: 'transaction',
        statements: targets.flatMap((target) => statementsFor(host, item, target)),
        withEvent: true,
        token: clientToken(name),
      });
      return { id };
    },

    async describe(id) {
      const state = await warehouse.describe(id);
      const { status, error, updatedAt } = state;
      return { status: unloadStatus(status), error, mayPass: isPassing(state), updatedAt };
    },

    async recent(item) {
      const prefix = statementNamePrefix(environment, plan.pipeline, 'export') + unloadIdPrefix(item.name);
      const known = await warehouse.list(prefix);
      return known.map(({ id, name, status, createdAt }) => ({ id, name, status: unloadStatus(status), createdAt }));
    },

    async results(item, id, targets) {
      const { parts } = await warehouse.describe(id);
      const expected = targets.length * statementsPerWindow;
      if (parts.length !== expected)
        throw new Error(`unload ${id} must have ${expected} statements, got ${parts.length}`);
      const manifests = await mapAtMost(parallelObjects, targets, ({ prefix }) =>
        objects.get(bucket, `${prefix}manifest`),
      );
      const results: Written[] = [];
      // One at a time: the Data API allows 20 reads of results per second and account.
      for (const [i, target] of targets.entries()) {
        const ids = parts.slice(i * statementsPerWindow, (i + 1) * statementsPerWindow).map((part) => part.id);
        results.push(await readResult(host, item, { ids, target, manifest: manifests[i] }));
      }
      return results;
    },
  };
}

function statementsFor(host: ExportHost, item: ExportItem, { window, end, prefix }: UnloadTarget): string[] {
  const times = { window_start: formatTimestamp(window.start), window_end: formatTimestamp(end) };
  const unload = { ...times, target: `s3://${host.bucket}/${prefix}`, unload_role: host.unloadRoleArn };
  return [
    render(item.count, asked([item.count], times)),
    render(item.unload, asked([item.unload], unload)),
    unloadCount,
  ];
}

interface UnloadedWindow {
  /** Ids of the window's statements. */
  readonly ids: readonly string[];
  readonly target: UnloadTarget;
  /** The manifest's text; missing if the unload wrote no file. */
  readonly manifest: string | undefined;
}

async function readResult(
  { warehouse, bucket }: ExportHost,
  item: ExportItem,
  { ids, target: { prefix }, manifest }: UnloadedWindow,
): Promise<Written> {
  const firstRow = async (id: string) => (await warehouse.rows(id))[0] ?? {};
  const counted = await firstRow(ids[0]!);
  const { unloaded } = await firstRow(ids[2]!);
  const rows = asNumber(counted['row_count'], `${item.name}: row_count`);
  const listed = manifest === undefined ? [] : parseManifest(manifest, bucket, prefix);
  const files = item.format.header ? withoutHeaders(listed, rows) : listed;
  return {
    rows,
    unloaded: asNumber(unloaded, `${item.name}: pg_last_unload_count`),
    listed: files.reduce((total, file) => total + file.rows, 0),
    fingerprint: asText(counted['fingerprint'], `${item.name}: fingerprint`),
    files,
  };
}

const unloadStatus = (status: StatementStatus): UnloadState['status'] =>
  !isTerminal(status) ? 'running' : status === 'FINISHED' ? 'finished' : 'failed';

/** The files that UNLOAD wrote, by its manifest with the option VERBOSE. Throws if one is outside the prefix. */
export function parseManifest(text: string, bucket: string, prefix: string): WrittenFile[] {
  const manifest = asRecord(asJson(text, 'manifest'), 'manifest');
  const below = `s3://${bucket}/${prefix}`;
  return asArray(manifest.entries, 'manifest.entries').map((value, i) => {
    const at = `manifest.entries[${i}]`;
    const entry = asRecord(value, at);
    const meta = asRecord(entry.meta, `${at}.meta`);
    const url = asText(entry.url, `${at}.url`);
    if (!url.startsWith(below)) throw new Error(`${at}.url must be below ${below}, got ${url}`);
    return {
      key: url.slice(`s3://${bucket}/`.length),
      bytes: asNumber(meta.content_length, `${at}.meta.content_length`),
      rows: asNumber(meta.record_count, `${at}.meta.record_count`),
    };
  });
}

/**
 * Subtracts the header lines of CSV files from their counts, if the counts include them. Observed with UNLOAD's option HEADER, but not
 * documented by AWS; so a line is subtracted only if the sum is too high by one line for each file.
 */
export function withoutHeaders(files: readonly WrittenFile[], rows: number): readonly WrittenFile[] {
  const sum = files.reduce((total, file) => total + file.rows, 0);
  return sum === rows + files.length ? files.map((file) => ({ ...file, rows: file.rows - 1 })) : files;
}
